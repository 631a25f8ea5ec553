"""What customers write finds what they mean: on a catalog in memory and in PostgreSQL alike."""

import pytest

from crm_chatbot.domain.catalog.product import ProductStatus
from crm_chatbot.domain.catalog.searching import (
    MOST_GROUPS,
    Known,
    SynonymsRejected,
    edits,
    likeness,
    refuse_bad_groups,
    terms_in,
    words_in,
    words_of,
)
from tests.crm_chatbot.builders import TENANT, a_tenant
from tests.crm_chatbot.goods import a_product, a_variant
from tests.crm_chatbot.stores import Crm, SqlCrm

SHELF = (
    a_product(
        "Kopi Gayo",
        a_variant("GAYO-250", name="250 gr"),
        a_variant("GAYO-1KG", name="1 kg"),
        category="Kopi",
        description="Arabika dari Aceh, dipanggang gelap",
    ),
    a_product("Kopi Toraja", a_variant("TOR-250", name="250 gr"), category="Kopi"),
    a_product("Kopi Susu Gula Aren", a_variant("KSGA"), category="Minuman"),
    a_product("Teh Hijau Melati", a_variant("TEH/01"), category="Teh"),
    a_product("Gula Aren Cair", a_variant("GULA"), category="Bahan"),
    a_product("Espresso Blend", a_variant("ESP"), category="Kopi"),
    a_product("Crème Brûlée", a_variant("CB"), category="Kue"),
    a_product("Kaos Polos Hitam", a_variant("KPH-M", name="M"), category="Baju"),
    a_product("Sepatu Lari", a_variant("SL-42", name="42"), category="Sepatu"),
    a_product("V60 Dripper", a_variant("V60"), category="Alat"),
    a_product("Kopi Lama", a_variant("OLD"), status=ProductStatus.ARCHIVED),
    a_product("Gelas Kosong", a_variant("GONE", is_active=False)),
)


@pytest.fixture
async def shop(crm: Crm) -> Crm:
    async with crm.open_work(TENANT) as work:
        await work.tenants.add(a_tenant())
        await work.products.add(*SHELF)
        await work.catalog.agree_on(
            [
                ("ngopi", "kopi"),
                ("es kopsus", "kopi susu"),
                ("kopsu", "kopi susu"),
                ("v60", "saring"),
            ]
        )
    return crm


async def find(crm: Crm, query: str, limit: int = 10) -> list[str]:
    async with crm.open_work(TENANT) as work:
        return [one.name for one in await work.catalog.find(query, limit)]


@pytest.mark.parametrize(
    ("query", "best"),
    [
        ("kopi gayo", "Kopi Gayo"),
        ("KOPI GAYO", "Kopi Gayo"),
        ("gayo kopi", "Kopi Gayo"),
        ("kopi gyo", "Kopi Gayo"),
        ("kpoi gayo", "Kopi Gayo"),
        ("kopi gayooo", "Kopi Gayo"),
        ("gyo", "Kopi Gayo"),
        ("kopigayo", "Kopi Gayo"),
        ("kopiiii gaaayo", "Kopi Gayo"),
        ("ada kopi gayo kak?", "Kopi Gayo"),
        ("kak jual kopi gayo yg 250gr ga? brp harganya", "Kopi Gayo"),
        ("do you have gayo coffee", "Kopi Gayo"),
        ("How much is the toraja coffee please", "Kopi Toraja"),
        ("gayonya masih ada?", "Kopi Gayo"),
        ("arabika aceh", "Kopi Gayo"),
        ("GAYO-1KG", "Kopi Gayo"),
        ("gayo1kg", "Kopi Gayo"),
        ("tor 250", "Kopi Toraja"),
        ("toraj", "Kopi Toraja"),
        ("ekspreso", "Espresso Blend"),
        ("creme brulee", "Crème Brûlée"),
        ("crème brûlée", "Crème Brûlée"),
        ("green tea", "Teh Hijau Melati"),
        ("tehhijau", "Teh Hijau Melati"),
        ("black tshirt", "Kaos Polos Hitam"),
        ("kaus hitam", "Kaos Polos Hitam"),
        ("running shoes", "Sepatu Lari"),
        ("sepatu-sepatu", "Sepatu Lari"),
        ("gula aren", "Gula Aren Cair"),
        ("kopsu", "Kopi Susu Gula Aren"),
        ("es kopsus dong", "Kopi Susu Gula Aren"),
        ("v60", "V60 Dripper"),
        ("saring", "V60 Dripper"),
        ("dripper v 60", "V60 Dripper"),
    ],
)
async def test_what_was_meant_comes_first(shop: Crm, query: str, best: str) -> None:
    assert (await find(shop, query))[:1] == [best]


async def test_a_category_finds_all_that_is_of_it(shop: Crm) -> None:
    assert set(await find(shop, "kopi")) >= {"Kopi Gayo", "Kopi Toraja", "Espresso Blend"}
    assert set(await find(shop, "ngopi")) >= {"Kopi Gayo", "Kopi Toraja"}


async def test_what_fits_worse_comes_later_and_what_does_not_fit_never(shop: Crm) -> None:
    found = await find(shop, "kopi gayo")

    assert "Kopi Toraja" in found[1:]
    assert not {"Teh Hijau Melati", "Sepatu Lari"} & set(found)


@pytest.mark.parametrize("query", ["zzzzqqqq", "laptop", "999", "☕☕☕x", "kulkas dua pintu"])
async def test_what_is_not_sold_is_not_found(shop: Crm, query: str) -> None:
    assert await find(shop, query) == []


@pytest.mark.parametrize(
    "query", ["", "   ", "?!", "ada apa aja kak", "menu dong", "what do you sell?"]
)
async def test_of_who_names_nothing_the_newest_are_shown(shop: Crm, query: str) -> None:
    newest = [one.name for one in reversed(SHELF) if one.is_active and one.name != "Gelas Kosong"]

    assert await find(shop, query, 3) == newest[:3]


async def test_neither_archived_products_nor_variants_that_are_not_sold_are_found(
    shop: Crm,
) -> None:
    assert "Kopi Lama" not in await find(shop, "kopi lama")
    assert "Gelas Kosong" not in await find(shop, "gelas kosong")


async def test_found_products_are_told_with_the_variants_that_are_sold(shop: Crm) -> None:
    async with shop.open_work(TENANT) as work:
        [found, *_] = await work.catalog.find("kopi gayo", 5)
        in_category = await work.catalog.find("kopi", 9, category="Minuman")
        newest = await work.catalog.find("", 9, category="Teh")

    assert (found.product_id, found.category) == (SHELF[0].id, "Kopi")
    assert found.variants == SHELF[0].variants
    assert [one.name for one in in_category] == ["Kopi Susu Gula Aren"]
    assert [one.name for one in newest] == ["Teh Hijau Melati"]


async def test_a_product_is_found_by_what_it_is_called_now(shop: Crm) -> None:
    async with shop.open_work(TENANT) as work:
        product = await work.products.get(SHELF[3].id)
        product.describe(product.updated_at, name="Rooibos")
        await work.products.save(product)

    assert await find(shop, "rooibos") == ["Rooibos"]
    assert await find(shop, "melati") == []
    # It is known to nobody any more, and still only one letter away from what is known.
    assert await find(shop, "robos") == ["Rooibos"]


async def test_what_is_archived_is_found_again_once_it_is_restored(shop: Crm) -> None:
    async with shop.open_work(TENANT) as work:
        product = await work.products.get(SHELF[1].id)
        product.become(ProductStatus.ARCHIVED, product.updated_at)
        await work.products.save(product)
    assert "Kopi Toraja" not in await find(shop, "toraja")

    async with shop.open_work(TENANT) as work:
        product.become(ProductStatus.ACTIVE, product.updated_at)
        await work.products.save(product)

    assert await find(shop, "toraja") == ["Kopi Toraja"]


async def test_synonyms_are_kept_as_they_were_agreed_on(shop: Crm) -> None:
    async with shop.open_work(TENANT) as work:
        await work.catalog.agree_on([("a", "b c"), ("☕ x", "y")])
        assert list(await work.catalog.synonyms()) == [("a", "b c"), ("☕ x", "y")]
        await work.catalog.agree_on([])
        assert list(await work.catalog.synonyms()) == []


@pytest.mark.parametrize(
    "query", ["x" * 5_000, "kopi " * 500, "' OR 1=1; --", "%_\\", "\U0010ffff", "a" * 41 + " kopi"]
)
async def test_nothing_that_is_asked_breaks_the_search(postgres: SqlCrm, query: str) -> None:
    async with postgres.open_work(TENANT) as work:
        await work.tenants.add(a_tenant())
        await work.products.add(SHELF[0], a_product("x" * 200, description="y" * 5_000))

    await find(postgres, query)


# -- words


def test_words_have_neither_case_nor_accents() -> None:
    assert words_in("Crème-Brûlée 250GR (baru!)") == ["creme", "brulee", "250", "gr", "baru"]


def test_what_is_in_the_name_says_more_than_what_is_in_the_description() -> None:
    words = words_of(SHELF[0])

    assert (words["gayo"], words["kg"], words["aceh"]) == (100, 85, 40)
    assert words["gayo250"] == 100


def test_a_query_of_courtesies_names_nothing() -> None:
    assert terms_in("halo kak, ada apa aja ya?", []) == []


@pytest.mark.parametrize(
    ("one", "other", "many"),
    [("kopi", "kopi", 0), ("gyo", "gayo", 1), ("kpoi", "kopi", 1), ("", "abc", 3), ("ab", "ba", 1)],
)
def test_edits_are_counted(one: str, other: str, many: int) -> None:
    assert edits(one, other) == edits(other, one) == many


def test_what_begins_so_is_more_likely_than_what_only_looks_like_it() -> None:
    same = likeness("kopi", Known("kopi", "kopi", is_begun=True))
    begun = likeness("espre", Known("espre", "espresso", is_begun=True))
    alike = likeness("espresu", Known("espresu", "espresso", is_begun=False))
    other = likeness("gelas", Known("gelas", "kertas", is_begun=False))

    assert same == 1 > begun > alike > 0.5 > other


@pytest.mark.parametrize(
    ("groups", "place"),
    [
        ([("kopi",)], "/groups/0"),
        ([("a", "b"), tuple(map(str, range(21)))], "/groups/1"),
        ([("kopi", "  ")], "/groups/0/1"),
        ([("x" * 61, "kopi")], "/groups/0/0"),
        ([("ko\u202epi", "kopi")], "/groups/0/0"),
        ([("a", "b")] * (MOST_GROUPS + 1), "/groups"),
    ],
)
def test_what_are_no_synonyms_are_refused(groups: list[tuple[str, ...]], place: str) -> None:
    with pytest.raises(SynonymsRejected) as refused:
        refuse_bad_groups(groups)

    assert refused.value.pointer == place
