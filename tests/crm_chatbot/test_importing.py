"""A catalog as a file: what is read, what is refused, and that it comes back as it went out."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from crm_chatbot.application.catalog.csv_file import read, written
from crm_chatbot.application.catalog.import_plan import Plan
from crm_chatbot.application.catalog.importing import ImportService
from crm_chatbot.domain.catalog.imports import (
    MOST_ROWS,
    PATIENCE,
    CatalogImport,
    CsvRejected,
    ImportId,
    ImportNotFound,
    Imports,
    ImportStatus,
    OnError,
    RowMistake,
)
from crm_chatbot.domain.catalog.product import Product, ProductRejected, ProductStatus
from crm_chatbot.domain.tenants.tenant import TenantId, TenantNotFound
from tests.crm_chatbot.builders import LATER, NOON, OTHER_TENANT, TENANT, a_tenant
from tests.crm_chatbot.fakes import MemoryCrm
from tests.crm_chatbot.goods import a_product, a_variant, sell
from tests.crm_chatbot.stores import Crm, SqlCrm

CONTRACT_OF = Imports

FILE = """sku,name,variant,price,stock,category
GAYO-250,Kopi Gayo,250 gr,85000,10,Kopi
GAYO-1KG,Kopi Gayo,1 kg,300000,4,Kopi
TEH,Teh Hijau,,25000,,
"""


@pytest.fixture
async def shop(crm: Crm) -> Crm:
    for tenant_id in (TENANT, OTHER_TENANT):
        async with crm.open_work(tenant_id) as work:
            await work.tenants.add(a_tenant(tenant_id))
    return crm


def importing(crm: Crm) -> ImportService:
    return ImportService(open_work=crm.open_work, now=lambda: NOON, new_id=uuid7)


async def bring(
    crm: Crm, text: str, on_error: OnError = OnError.REFUSE, tenant_id: TenantId = TENANT
) -> CatalogImport:
    return await importing(crm).run(tenant_id, text.encode(), on_error=on_error, actor="Ani")


async def shelf(crm: Crm, tenant_id: TenantId = TENANT) -> list[Product]:
    """The oldest first."""
    async with crm.open_work(tenant_id) as work:
        return (await work.products.page(before=None, limit=100_000))[::-1]


def told(mistakes: Sequence[RowMistake]) -> list[tuple[int, str | None, str]]:
    return [(one.line, one.column, one.code) for one in mistakes]


async def test_rows_become_products_in_variants_with_their_stock(shop: Crm) -> None:
    done = await bring(shop, FILE)

    assert (done.status, done.rows, done.rows_done) == ("done", 3, 3)
    assert (done.created, done.updated, done.unchanged) == (2, 0, 0)
    gayo, teh = await shelf(shop)
    assert (gayo.name, gayo.category, teh.name, teh.category) == (
        *("Kopi Gayo", "Kopi"),
        *("Teh Hijau", None),
    )
    assert [(one.sku, one.name, one.price, one.on_hand) for one in gayo.variants] == [
        ("GAYO-250", "250 gr", 85_000, 10),
        ("GAYO-1KG", "1 kg", 300_000, 4),
    ]
    assert [(one.sku, one.name, one.price, one.on_hand) for one in teh.variants] == [
        ("TEH", "", 25_000, 0)
    ]
    async with shop.open_work(TENANT) as work:
        [line] = await work.stock.ledger(gayo.variants[0].id, before=None, limit=9)
        assert [one.name for one in await work.catalog.find("gayo", 5)] == ["Kopi Gayo"]
    assert (line.kind, line.on_hand_change, line.actor) == ("counted", 10, "Ani")
    assert line.reason == f"import {done.id}"


async def test_the_same_file_again_changes_nothing(shop: Crm) -> None:
    await bring(shop, FILE)
    before = [vars(one) for one in await shelf(shop)]

    done = await bring(shop, FILE)

    assert (done.created, done.updated, done.unchanged) == (0, 0, 2)
    assert [vars(one) for one in await shelf(shop)] == before
    async with shop.open_work(TENANT) as work:
        variant = before[0]["variants"][0].id
        assert len(await work.stock.ledger(variant, before=None, limit=9)) == 1


async def test_what_has_the_sku_is_changed_and_what_no_column_names_stays(shop: Crm) -> None:
    await bring(shop, FILE)

    done = await bring(shop, "SKU;Harga;Stok\nGAYO-1KG;310000;\nTEH;25000;7\n")

    assert (done.created, done.updated, done.unchanged) == (0, 1, 1)
    gayo, teh = await shelf(shop)
    assert (gayo.name, gayo.category, gayo.version) == ("Kopi Gayo", "Kopi", 2)
    assert [(one.price, one.on_hand) for one in gayo.variants] == [(85_000, 10), (310_000, 4)]
    assert [(one.price, one.on_hand) for one in teh.variants] == [(25_000, 7)]


async def test_a_new_variant_joins_the_product_that_its_neighbours_are_of(shop: Crm) -> None:
    await bring(shop, FILE)

    await bring(
        shop, "product,sku,variant,price\nx,GAYO-500,500 gr,160000\nx,GAYO-250,250 gr,85000\n"
    )

    gayo, _ = await shelf(shop)
    assert [one.sku for one in gayo.variants] == ["GAYO-250", "GAYO-1KG", "GAYO-500"]


BAD = """product,sku,name,variant,price,stock,image_urls,status,is_active,allow_free
,OK-1,Kopi,,1000,1,https://example.com/a.jpg,,ya,
,,No sku,,1000,,,,,
,OK-1,Twice,,1000,,,,,
,B-1,Price,,85.000,,,,,
,B-2,Price,,,,,,,
,B-3,Price,,0,,,,,
,B-4,Price,,1000000000001,,,,,
,B-5,Stock,,1000,-1,,,,
,B-6,Stock,,1000,1000000001,,,,
,B-7,Image,,1000,,http://example.com/a.jpg,,,
,B-8,Status,,1000,,,sold,,
,B-9,Active,,1000,,,,perhaps,
,-B10,Sku,,1000,,,,,
,B-11,,,1000,,,,,
,B-12,ev\u202eil,,1000,,,,,
,B-13,Same,M,1000,,,,,
,B-14,Same,m,1000,,,,,
p,B-15,One,,1000,,,,,
p,B-16,Another,L,1000,,,,,
,B-17,Short
,B-18,Long,,1000,,,,,,,too much
,OK-2,Free,,0,,,,,yes
"""

MISTAKES = [
    (3, "sku", "missing"),
    (4, "sku", "duplicate_sku"),
    (5, "price", "not_a_number"),
    (6, "price", "missing"),
    (7, "price", "invalid"),
    (8, "price", "invalid"),
    (9, "stock", "not_a_number"),
    (10, "stock", "out_of_range"),
    (11, "image_urls", "invalid"),
    (12, "status", "unknown_value"),
    (13, "is_active", "unknown_value"),
    (14, "sku", "invalid"),
    (15, "name", "missing"),
    (16, "name", "invalid"),
    (18, "variant", "invalid"),
    (20, "name", "differs"),
    (21, None, "wrong_number_of_cells"),
    (22, None, "wrong_number_of_cells"),
]


async def test_of_a_file_with_bad_rows_nothing_is_applied_and_each_is_named(shop: Crm) -> None:
    done = await bring(shop, BAD)

    assert (done.status, done.rows, done.rows_done) == ("refused", 22, 0)
    assert told(done.mistakes) == MISTAKES
    assert await shelf(shop) == []
    assert await importing(shop).get(TENANT, done.id) == done


async def test_or_all_good_rows_are_applied_where_one_asks_for_that(shop: Crm) -> None:
    done = await bring(shop, BAD, OnError.SKIP)

    assert (done.status, done.rows, done.rows_done, done.created) == ("done", 22, 4, 4)
    assert told(done.mistakes) == MISTAKES
    assert [v.sku for one in await shelf(shop) for v in one.variants] == [
        *("OK-1", "B-13", "B-15", "OK-2")
    ]


async def test_a_sku_stays_with_its_product(shop: Crm) -> None:
    await bring(shop, FILE)

    done = await bring(shop, "product,sku,price\nx,GAYO-250,1\nx,TEH,1\n")

    assert told(done.mistakes) == [(3, "sku", "sku_of_another_product")]


async def test_what_is_promised_is_not_counted_away(postgres: SqlCrm) -> None:
    memory = MemoryCrm(NOON)
    async with memory.open_work(TENANT) as work:
        await work.tenants.add(a_tenant())
        product = await sell(work, a_product("Kopi", a_variant("K")), stock=5)
    variant = product.variants[0].id
    memory.stored.catalogs[TENANT].change(variant, on_hand=5, reserved=3)

    done = await bring(memory, "sku,stock\nK,2\n")

    assert told(done.mistakes) == [(2, "stock", "reserved_exceeds")]


async def test_five_hundred_rows_with_three_bad_ones(shop: Crm) -> None:
    rows = [f"SKU-{n},Produk {n},{1_000 + n},{n}" for n in range(500)]
    for n, bad in ((7, "SKU-7,,1000,1"), (250, "SKU-250,Produk,Rp 5.000,1"), (499, ",X,1,1")):
        rows[n] = bad
    text = "\n".join(("sku,name,price,stock", *rows))

    refused = await bring(shop, text)
    assert (refused.status, await shelf(shop)) == ("refused", [])
    done = await bring(shop, text, OnError.SKIP)

    named = [(9, "name", "missing"), (252, "price", "not_a_number"), (501, "sku", "missing")]
    assert told(refused.mistakes) == told(done.mistakes) == named
    assert (done.created, len(await shelf(shop))) == (497, 497)


@pytest.mark.parametrize("with_stock", [False, True])
async def test_what_is_exported_is_the_same_again_elsewhere_and_here(
    shop: Crm, *, with_stock: bool
) -> None:
    await bring(shop, BAD, OnError.SKIP)
    await bring(shop, FILE)
    async with shop.open_work(TENANT) as work:
        odd = a_product(
            "=cmd|' /C calc'!A0",
            a_variant("ODD+1", name="-1"),
            a_variant("ODD+2", name="'@x", is_active=False),
            description='  "Aneh"; \n=1+1, \'=x\n',
            category="+62",
            image_urls=("https://example.com/a.jpg?x=1,2", "https://example.com/b.jpg"),
            status=ProductStatus.ARCHIVED,
        )
        await sell(work, odd, stock=3)
    exported = await importing(shop).export(TENANT, with_stock=with_stock)
    before = [vars(one) for one in await shelf(shop)]

    here = await bring(shop, exported)
    elsewhere = await bring(shop, exported, tenant_id=OTHER_TENANT)

    assert (here.created, here.updated, here.unchanged) == (0, 0, 7)
    assert [vars(one) for one in await shelf(shop)] == before
    assert (elsewhere.created, elsewhere.mistakes) == (7, ())
    assert await importing(shop).export(OTHER_TENANT, with_stock=with_stock) == exported
    assert [one.name for one in await shelf(shop, OTHER_TENANT)] == [one["name"] for one in before]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "sku must be one of them"),
        (b"\n\n", "sku must be one of them"),
        (b"name,price\nKopi,1\n", "sku must be one of them"),
        (b"sku,prize\nK,1\n", "no column 'prize'"),
        (b"sku,price,harga\nK,1,1\n", "there twice"),
        (b'sku,name\nK,"Kopi\n', "Line 2"),
        (b"sku,name\nK,\xff\xfe\n", "not UTF-8"),
        (b"PK\x03\x04\x14\x00\x06\x00", "no column"),
        (b"sku\n" + b"x\n" * (MOST_ROWS + 1), "more than 5000 rows"),
    ],
)
def test_what_is_no_file_of_rows_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(CsvRejected, match=reason):
        read(raw)


def test_files_of_many_spreadsheets_are_read() -> None:
    for text in (
        "sku,name\r\nK,Kopi\r\n",
        "\ufeffSKU;Nama\r\nK;Kopi\r\n",
        "sku\tname\nK\tKopi",
        '"sku","name"\n\n"K"," Kopi "\n,\n',
    ):
        [row], mistakes = read(text.encode())
        assert (row.cells, mistakes) == ({"sku": "K", "name": "Kopi"}, [])


def test_a_row_is_named_by_the_line_that_it_begins_on() -> None:
    rows, mistakes = read(b'sku,name\nA,"Kopi\nGayo"\n\nB\nC,Teh\n')

    assert [row.line for row in rows] == [2, 6]
    assert told(mistakes) == [(5, None, "wrong_number_of_cells")]


async def test_nothing_is_imported_where_there_is_no_shop(crm: Crm) -> None:
    with pytest.raises(TenantNotFound):
        await bring(crm, FILE)


async def test_an_import_comes_back_as_it_was_saved_and_only_to_its_shop(shop: Crm) -> None:
    plain = CatalogImport(id=ImportId(uuid7()), on_error=OnError.SKIP, rows=3, started_at=NOON)
    async with shop.open_work(TENANT) as work:
        await work.imports.add(plain)
        assert await work.imports.get(plain.id) == plain
        plain.rows_done, plain.created, plain.updated, plain.unchanged = 3, 1, 2, 4
        plain.end(LATER, ImportStatus.DONE, [RowMistake(2, None, "c", "m")])
        await work.imports.save(plain)

    assert await importing(shop).get(TENANT, plain.id) == plain
    for tenant_id, import_id in ((OTHER_TENANT, plain.id), (TENANT, ImportId(uuid7()))):
        with pytest.raises(ImportNotFound):
            await importing(shop).get(tenant_id, import_id)


def test_an_import_that_does_not_end_was_interrupted() -> None:
    one = CatalogImport(id=ImportId(uuid7()), on_error=OnError.SKIP, rows=1, started_at=NOON)

    assert one.status_at(NOON + PATIENCE) == "running"
    assert one.status_at(NOON + PATIENCE + timedelta(seconds=1)) == "interrupted"


# -- whatever a shop sells


def _texts(limit: int) -> st.SearchStrategy[str]:
    seeds = st.sampled_from(["=1+1", "'@x", "''=", '"', ";,", "☕", "'", "-5", "\t=", "a\nb", "+"])
    return st.one_of(st.text(max_size=limit), st.lists(seeds, max_size=3).map("".join))


@st.composite
def _products(draw: st.DrawFn) -> Product:
    product = a_product("x", tenant_id=TENANT)
    names = draw(st.lists(_texts(8).map(str.strip), min_size=1, max_size=3, unique_by=str.casefold))
    variants = [
        a_variant(name=name, price=draw(st.integers(0, 10**12)), is_active=draw(st.booleans()))
        for name in names
    ]
    try:
        product.describe(
            NOON,
            name=draw(_texts(20)).strip(),
            description=draw(_texts(30)),
            category=draw(st.none() | _texts(10).map(str.strip)),
            image_urls=tuple(draw(st.lists(st.just("https://example.com/a,b"), max_size=2))),
        )
        product.offer(variants, NOON, allow_free=True)
    except ProductRejected:
        return a_product("=fallback")
    product.status = draw(st.sampled_from(ProductStatus))
    return product


def _told_of(product: Product) -> dict[str, object]:
    """All of it, but for ids and times."""
    hidden = {"id", "created_at", "updated_at", "variants"}
    facts: dict[str, object] = {
        name: value for name, value in vars(product).items() if name not in hidden
    }
    return facts | {"variants": [{**vars(one), "id": None} for one in product.variants]}


# Making letters of all alphabets takes a busy machine seconds, the first time.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_products(), max_size=5), st.booleans())
def test_whatever_a_shop_sells_comes_back_from_a_file(
    products: list[Product],
    with_stock: bool,
) -> None:
    rows, mistakes = read(written(products, with_stock=with_stock).encode())
    plan = Plan(tenant_id=TENANT, now=NOON, new_id=uuid7, by_sku={})
    plan.follow(rows)

    assert [*mistakes, *plan.mistakes] == []
    assert list(map(_told_of, plan.new.values())) == list(map(_told_of, products))
