"""Where products, their stock and their synonyms are kept: in memory and in PostgreSQL alike."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import text
from uuid_utils.compat import uuid7

from crm_chatbot.domain.catalog.product import (
    Product,
    ProductId,
    ProductNotFound,
    Products,
    ProductStatus,
    SkuTaken,
    VariantId,
    VariantNotFound,
)
from crm_chatbot.domain.catalog.searching import CatalogSearch
from crm_chatbot.domain.catalog.stock import (
    MOST_ON_HAND,
    MovementKind,
    NotEnoughStock,
    ReservedExceeds,
    Stock,
    StockRejected,
)
from shared.domain import ChangedMeanwhile
from shared.infrastructure.tenancy import tenant_transaction
from tests.crm_chatbot.builders import LATER, OTHER_TENANT, TENANT, a_tenant
from tests.crm_chatbot.fakes import MemoryCrm
from tests.crm_chatbot.goods import a_full_product, a_product, a_variant, sell
from tests.crm_chatbot.stores import Crm, SqlCrm

CONTRACT_OF = Products, Stock, CatalogSearch


@pytest.fixture
async def shop(crm: Crm) -> Crm:
    for tenant_id in (TENANT, OTHER_TENANT):
        async with crm.open_work(tenant_id) as work:
            await work.tenants.add(a_tenant(tenant_id))
    return crm


async def promise(crm: Crm, variant_id: VariantId, reserved: int) -> None:
    """As if an order had been confirmed."""
    if isinstance(crm, MemoryCrm):
        catalog = crm.stored.catalogs[TENANT]
        product = catalog.product_of(variant_id)
        assert product is not None
        on_hand = product.variant(variant_id).on_hand
        catalog.change(variant_id, on_hand=on_hand, reserved=reserved)
        return
    async with tenant_transaction(crm.sessions, TENANT) as session:
        await session.execute(
            text("UPDATE crm.variants SET reserved = :reserved WHERE id = :id"),
            {"reserved": reserved, "id": variant_id},
        )


async def stored(crm: Crm, product: Product) -> Product:
    async with crm.open_work(TENANT) as work:
        return await work.products.get(product.id)


# -- products


def test_a_full_product_differs_from_a_plain_one_in_every_field() -> None:
    full, plain = vars(a_full_product()), vars(a_product("Teh"))

    assert {name for name, value in full.items() if plain[name] == value} == {
        "tenant_id",
        "created_at",
    }


async def test_a_product_comes_back_as_it_went_in_and_as_it_was_saved(shop: Crm) -> None:
    full, plain = a_full_product(), a_product("Teh")

    async with shop.open_work(TENANT) as work:
        await work.products.add(full, plain)
    assert vars(await stored(shop, full)) == vars(full)
    assert vars(await stored(shop, plain)) == vars(plain)

    async with shop.open_work(TENANT) as work:
        changed = await work.products.get(plain.id)
        changed.describe(
            LATER,
            name="Teh Hijau",
            description="Segar",
            category="Teh",
            image_urls=("https://example.com/teh.jpg",),
        )
        renamed = replace(changed.variants[0], sku="TEH-1", name="100 gr", price=1)
        changed.offer([a_variant("TEH-2"), renamed], LATER)
        changed.become(ProductStatus.ARCHIVED, LATER)
        await work.products.save(changed)

    assert changed.version == 2
    assert vars(await stored(shop, plain)) == vars(changed)


async def test_neither_who_adds_nor_who_saves_a_product_says_how_many_there_are(shop: Crm) -> None:
    product = a_product("Kopi", a_variant("K", on_hand=99, reserved=9))
    async with shop.open_work(TENANT) as work:
        await work.products.add(product)
    variant = (await stored(shop, product)).variants[0]
    assert (variant.on_hand, variant.reserved) == (0, 0)
    async with shop.open_work(TENANT) as work:
        seen = await work.products.get(product.id)
        await work.stock.count(variant.id, 7, reason=None, actor="Ani")

    seen.offer([replace(seen.variants[0], price=1), a_variant("L", name="L", on_hand=3)], LATER)
    async with shop.open_work(TENANT) as work:
        await work.products.save(seen)

    kept = (await stored(shop, product)).variants
    assert [(one.sku, one.price, one.on_hand) for one in kept] == [("K", 1, 7), ("L", 85_000, 0)]


async def test_of_two_who_change_a_product_at_once_the_second_is_told(shop: Crm) -> None:
    async with shop.open_work(TENANT) as work:
        product = await sell(work, a_product())
    first, second = await stored(shop, product), await stored(shop, product)
    first.describe(LATER, name="First")
    second.describe(LATER, name="Second")

    async with shop.open_work(TENANT) as work:
        await work.products.save(first)
    with pytest.raises(ChangedMeanwhile):
        async with shop.open_work(TENANT) as work:
            await work.products.save(second)

    assert (await stored(shop, product)).name == "First"


async def test_a_sku_is_one_variants_in_a_shop_and_free_in_the_next(shop: Crm) -> None:
    async with shop.open_work(TENANT) as work:
        await work.products.add(a_product("Kopi", a_variant("SAME"), a_variant("K")))
        other = a_product("Teh", a_variant("T"))
        await work.products.add(other)

    with pytest.raises(SkuTaken, match="'SAME'"):
        async with shop.open_work(TENANT) as work:
            await work.products.add(a_product("Gula", a_variant("SAME")))
    with pytest.raises(SkuTaken, match="'SAME'"):
        async with shop.open_work(TENANT) as work:
            other.offer([replace(other.variants[0], sku="SAME")], LATER)
            await work.products.save(other)
    async with shop.open_work(OTHER_TENANT) as work:
        await work.products.add(a_product("Kopi", a_variant("SAME"), tenant_id=OTHER_TENANT))


async def test_of_many_who_take_a_sku_at_once_one_gets_it(shop: Crm) -> None:
    async def add() -> bool:
        try:
            async with shop.open_work(TENANT) as work:
                await work.products.add(a_product("Kopi", a_variant("SAME")))
        except SkuTaken:
            return False
        return True

    assert sorted(await asyncio.gather(*(add() for _ in range(5)))) == [False] * 4 + [True]


async def test_products_are_found_by_the_skus_of_their_variants(shop: Crm) -> None:
    kopi, teh = a_product("Kopi", a_variant("A"), a_variant("B")), a_product("Teh", a_variant("C"))
    async with shop.open_work(TENANT) as work:
        await work.products.add(kopi, teh, a_product("Gula", a_variant("D")))

    async with shop.open_work(TENANT) as work:
        found = await work.products.by_skus(["B", "C", "A", "unknown"])
        assert await work.products.by_skus([]) == []

    assert [vars(one) for one in found] == [vars(teh), vars(kopi)]


async def test_products_are_listed_the_newest_first_page_by_page(shop: Crm) -> None:
    every = [a_product(str(n), category="Odd" if n % 2 else None) for n in range(5)]
    every[4].become(ProductStatus.ARCHIVED, LATER)
    async with shop.open_work(TENANT) as work:
        await work.products.add(*every)

    async with shop.open_work(TENANT) as work:
        page = work.products.page
        first = await page(before=None, limit=3)
        rest = await page(before=first[-1].id, limit=3)
        active = await page(before=None, limit=9, status=ProductStatus.ACTIVE)
        odd = await page(before=None, limit=9, category="Odd")
        these = await work.products.these([every[1].id, ProductId(uuid7()), every[3].id])

    assert [one.name for one in (*first, *rest)] == ["4", "3", "2", "1", "0"]
    assert vars(first[0]) == vars(every[4])
    assert [one.name for one in active] == ["3", "2", "1", "0"]
    assert [one.name for one in odd] == ["3", "1"]
    assert {one.id: vars(one) for one in these} == {
        one.id: vars(one) for one in (every[1], every[3])
    }


async def test_categories_are_counted_as_far_as_anything_of_them_is_sold(shop: Crm) -> None:
    gone = a_product("Gone", category="Gula", status=ProductStatus.ARCHIVED)
    async with shop.open_work(TENANT) as work:
        await work.products.add(gone, a_product(category="Teh"), a_product(category="Kopi"))
        await work.products.add(a_product(category="Kopi"), a_product(category=None))

    async with shop.open_work(TENANT) as work:
        assert await work.products.categories() == [("Kopi", 2), ("Teh", 1)]


async def test_a_variant_is_offered_with_its_products_name(shop: Crm) -> None:
    coffees = a_variant("A", name="250 gr"), a_variant("B", is_active=False)
    kopi = a_product("Kopi", *coffees, category="Minuman")
    old = a_product("Teh", a_variant("C"), status=ProductStatus.ARCHIVED)
    async with shop.open_work(TENANT) as work:
        await work.products.add(kopi, old)

    async with shop.open_work(TENANT) as work:
        ids = [one.id for one in (*kopi.variants, *old.variants)]
        offers = await work.products.variants([*ids, VariantId(uuid7())])
        one = await work.products.variant(ids[0])

    by_sku = {offer.variant.sku: offer for offer in offers}
    assert by_sku["A"] == one
    assert (one.product_id, one.variant) == (kopi.id, kopi.variants[0])
    assert (one.title, one.category) == ("Kopi, 250 gr", "Minuman")
    assert {sku: offer.is_for_sale for sku, offer in by_sku.items()} == {
        "A": True,
        "B": False,
        "C": False,
    }
    assert by_sku["C"].title == "Teh"


async def test_another_tenants_goods_are_not_there(shop: Crm) -> None:
    async with shop.open_work(TENANT) as work:
        product = await sell(work, a_product("Kopi", a_variant("K")), stock=3)
        await work.catalog.agree_on([("kopi", "ngopi")])
    variant = product.variants[0].id

    async with shop.open_work(OTHER_TENANT) as work:
        with pytest.raises(ProductNotFound):
            await work.products.get(product.id)
        with pytest.raises(VariantNotFound):
            await work.products.variant(variant)
        with pytest.raises(VariantNotFound):
            await work.stock.count(variant, 1, reason=None, actor="Eve")
        assert await work.products.by_skus(["K"]) == []
        assert await work.products.page(before=None, limit=9) == []
        assert await work.products.categories() == []
        assert await work.stock.ledger(variant, before=None, limit=9) == []
        assert list(await work.catalog.find("kopi", 9)) == []
        assert list(await work.catalog.synonyms()) == []


async def test_what_is_absent_is_not_found(shop: Crm) -> None:
    async with shop.open_work(TENANT) as work:
        with pytest.raises(ProductNotFound):
            await work.products.get(ProductId(uuid7()))
        with pytest.raises(VariantNotFound):
            await work.products.variant(VariantId(uuid7()))


# -- stock


async def test_what_happens_to_stock_is_added_up_and_written_down(shop: Crm) -> None:
    async with shop.open_work(TENANT) as work:
        product = await sell(work, a_product(), stock=10)
        variant = product.variants[0].id

    async with shop.open_work(TENANT) as work:
        adjust = work.stock.adjust
        await adjust(variant, 5, kind=MovementKind.RECEIVED, reason="Supplier", actor="Ani")
        await adjust(variant, -3, kind=MovementKind.LOST, reason=None, actor="Budi")
        await adjust(variant, 1, kind=MovementKind.RETURNED, reason="Refund", actor="Ani")
        last = await work.stock.count(variant, 12, reason="December", actor="Ani")

    async with shop.open_work(TENANT) as work:
        ledger = await work.stock.ledger(variant, before=None, limit=9)
        older = await work.stock.ledger(variant, before=ledger[1].id, limit=2)
    assert [(one.kind, one.on_hand_change, one.reason, one.actor) for one in ledger] == [
        ("counted", -1, "December", "Ani"),
        ("returned", 1, "Refund", "Ani"),
        ("lost", -3, None, "Budi"),
        ("received", 5, "Supplier", "Ani"),
        ("counted", 10, None, "test"),
    ]
    assert ledger[0] == last
    assert older == ledger[2:4]
    assert {(one.reserved_change, one.order_id, one.attempt) for one in ledger} == {(0, None, None)}
    assert (await stored(shop, product)).variants[0].on_hand == 12


async def test_there_are_never_fewer_than_none_nor_than_are_promised(shop: Crm) -> None:
    async with shop.open_work(TENANT) as work:
        product = await sell(work, a_product(), stock=5)
    variant = product.variants[0].id
    await promise(shop, variant, 3)

    for change, refusal in ((-6, NotEnoughStock), (-3, ReservedExceeds)):
        with pytest.raises(refusal):
            async with shop.open_work(TENANT) as work:
                await work.stock.adjust(
                    variant, change, kind=MovementKind.LOST, reason=None, actor="Ani"
                )
    with pytest.raises(ReservedExceeds):
        async with shop.open_work(TENANT) as work:
            await work.stock.count(variant, 2, reason=None, actor="Ani")
    async with shop.open_work(TENANT) as work:
        await work.stock.count(variant, 3, reason=None, actor="Ani")

    kept = (await stored(shop, product)).variants[0]
    assert (kept.on_hand, kept.reserved, kept.available) == (3, 3, 0)


async def test_many_are_counted_at_once_or_none(shop: Crm) -> None:
    async with shop.open_work(TENANT) as work:
        product = await sell(work, a_product("Kopi", *(a_variant() for _ in range(3))), stock=5)
    first, second, third = (one.id for one in product.variants)
    await promise(shop, third, 4)

    with pytest.raises(ReservedExceeds):
        async with shop.open_work(TENANT) as work:
            await work.stock.count_all({third: 1, first: 9, second: 8}, reason=None, actor="Ani")
    async with shop.open_work(TENANT) as work:
        assert len(await work.stock.ledger(first, before=None, limit=9)) == 1
        moved = await work.stock.count_all({second: 8, first: 9}, reason=None, actor="Ani")

    assert [(one.variant_id, one.on_hand_change) for one in moved] == [(first, 4), (second, 3)]
    assert [one.on_hand for one in (await stored(shop, product)).variants] == [9, 8, 5]


@pytest.mark.parametrize(
    ("change", "kind", "place"),
    [
        (1, MovementKind.SOLD, "/kind"),
        (1, MovementKind.COUNTED, "/kind"),
        (0, MovementKind.RECEIVED, "/change"),
        (-1, MovementKind.RECEIVED, "/change"),
        (1, MovementKind.LOST, "/change"),
        (MOST_ON_HAND, MovementKind.RETURNED, "/change"),
        (MOST_ON_HAND + 1, MovementKind.RECEIVED, "/change"),
    ],
)
async def test_what_cannot_have_happened_is_refused(
    shop: Crm, change: int, kind: MovementKind, place: str
) -> None:
    async with shop.open_work(TENANT) as work:
        product = await sell(work, a_product(), stock=5)

    with pytest.raises(StockRejected) as refused:
        async with shop.open_work(TENANT) as work:
            await work.stock.adjust(
                product.variants[0].id, change, kind=kind, reason=None, actor="Ani"
            )

    assert refused.value.pointer == place
    assert (await stored(shop, product)).variants[0].on_hand == 5


async def test_nothing_is_counted_of_what_is_absent(shop: Crm) -> None:
    absent = VariantId(uuid7())

    async with shop.open_work(TENANT) as work:
        with pytest.raises(VariantNotFound):
            await work.stock.count(absent, 1, reason=None, actor="Ani")
        with pytest.raises(VariantNotFound):
            await work.stock.adjust(absent, 1, kind=MovementKind.RECEIVED, reason=None, actor="Ani")


async def test_of_many_who_take_the_last_ones_as_many_succeed_as_there_are(
    postgres: SqlCrm,
) -> None:
    async with postgres.open_work(TENANT) as work:
        await work.tenants.add(a_tenant())
        product = await sell(work, a_product(), stock=10)
    variant = product.variants[0].id

    async def take() -> bool:
        try:
            async with postgres.open_work(TENANT) as work:
                await work.stock.adjust(
                    variant, -1, kind=MovementKind.LOST, reason=None, actor="Ani"
                )
        except NotEnoughStock:
            return False
        return True

    taken = await asyncio.gather(*(take() for _ in range(60)))

    assert taken.count(True) == 10
    async with postgres.open_work(TENANT) as work:
        ledger = await work.stock.ledger(variant, before=None, limit=99)
    assert sum(one.on_hand_change for one in ledger) == 0
    assert (await stored(postgres, product)).variants[0].on_hand == 0
