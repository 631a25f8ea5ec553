"""`/v1/crm/tenants/{id}/products` over HTTP: what is sold, how much of it, and what is refused."""

import re
from typing import Any

import pytest
from sqlalchemy import text
from uuid_utils.compat import uuid7

from crm_chatbot.domain.catalog.product import Product, VariantId
from shared.infrastructure.database import transaction
from tests.crm_chatbot.builders import TENANT
from tests.crm_chatbot.goods import a_product, a_variant, sell
from tests.crm_chatbot.running import SHOP, TENANTS, Running
from tests.served import OTHER_TENANT, said

PRODUCTS = f"{SHOP}/products"
KOPI = {"name": "Kopi Gayo", "price": 85_000, "stock": 10}
FULL: dict[str, Any] = {
    "name": "Kopi Gayo ☕",
    "description": "Dari Aceh\nArabika",
    "category": "Kopi",
    "image_urls": ["https://example.com/a.jpg"],
    "variants": [
        {"sku": "GAYO-250", "name": "250 gr", "price": 85_000, "stock": 10},
        {"sku": "GAYO-1KG", "name": "1 kg", "price": 300_000, "is_active": False},
    ],
}


async def add(api: Running, body: dict[str, Any], who: str = "tenant") -> dict[str, Any]:
    async with api.client(who) as client:
        shop = SHOP if who != "other" else f"{TENANTS}/{OTHER_TENANT}"
        answer = await client.post(f"{shop}/products", json=body)
    assert answer.status_code == 201, answer.text
    view: dict[str, Any] = answer.json()
    return view


async def test_a_product_with_a_price_has_one_variant_and_a_sku_of_ours(api: Running) -> None:
    async with api.client() as client:
        answer = await client.post(PRODUCTS, json=KOPI)
        view = answer.json()
        again = await client.get(answer.headers["location"])
        ledger = await client.get(
            f"{PRODUCTS}/{view['id']}/variants/{view['variants'][0]['id']}/stock"
        )

    assert (answer.status_code, answer.headers["etag"]) == (201, '"1"')
    [variant] = view["variants"]
    assert re.fullmatch("KOPI-GAYO-[0-9A-F]{8}", variant["sku"])
    facts = ("name", "price", "on_hand", "reserved", "available", "is_active")
    assert [variant[name] for name in facts] == ["", 85_000, 10, 0, 10, True]
    assert (view["status"], view["category"], view["description"]) == ("active", None, "")
    assert again.json() == view
    [line] = ledger.json()["movements"]
    assert (line["kind"], line["on_hand_change"]) == ("counted", 10)
    assert line["actor"].startswith("key ")


async def test_a_product_in_variants_is_shown_as_it_was_said(api: Running) -> None:
    view = await add(api, FULL)

    names = ("name", "description", "category", "image_urls")
    assert {name: view[name] for name in names} == {name: FULL[name] for name in names}
    told = [(one["sku"], one["on_hand"], one["is_active"]) for one in view["variants"]]
    assert told == [("GAYO-250", 10, True), ("GAYO-1KG", 0, False)]


@pytest.mark.parametrize(
    ("variants", "pointer"),
    [
        ([], "/variants"),
        ([{"name": "S"}], "/variants/0/price"),
        ([{"price": 1}, {"price": 0, "name": "L"}], "/variants/1/price"),
        ([{"price": 1}, {"price": 2}], "/variants/1/name"),
        ([{"price": 1, "sku": "K"}, {"price": 2, "sku": "K", "name": "L"}], "/variants/1/sku"),
        ([{"price": 1, "name": str(n)} for n in range(101)], "/variants"),
    ],
)
async def test_what_are_no_variants_is_refused_at_their_place(
    api: Running, variants: list[dict[str, Any]], pointer: str
) -> None:
    async with api.client() as client:
        answer = await client.post(PRODUCTS, json={"name": "Kaos", "variants": variants})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_what_is_free_must_be_said_to_be(api: Running) -> None:
    view = await add(api, KOPI | {"price": 0, "allow_free": True})

    assert view["variants"][0]["price"] == 0


async def test_a_sku_is_taken_once_in_a_shop(api: Running) -> None:
    await add(api, KOPI | {"sku": "SAME"})
    await add(api, KOPI | {"sku": "SAME"}, who="other")

    async with api.client() as client:
        twice = await client.post(PRODUCTS, json=KOPI | {"sku": "SAME"})
        listed = await client.get(PRODUCTS)

    assert said(twice) == "409 sku_taken"
    assert len(listed.json()["products"]) == 1


async def test_only_what_is_named_changes_and_variants_are_those_that_are_named(
    api: Running,
) -> None:
    before = await add(api, FULL)
    path, small = f"{PRODUCTS}/{before['id']}", before["variants"][0]

    async with api.client() as client:
        named = await client.patch(path, json={"name": "Kopi Baru", "category": None})
        changed = await client.patch(
            path,
            json={
                "variants": [
                    {"sku": "GAYO-500", "name": "500 gr", "price": 160_000, "stock": 3},
                    {"id": small["id"], "price": 90_000},
                ]
            },
        )

    assert (named.json()["name"], named.json()["category"]) == ("Kopi Baru", None)
    assert named.json()["description"] == before["description"]
    assert named.json()["variants"] == before["variants"]
    view = changed.json()
    assert (view["version"], changed.headers["etag"]) == (3, '"3"')
    assert [
        (one["sku"], one["price"], one["on_hand"], one["is_active"]) for one in view["variants"]
    ] == [
        ("GAYO-500", 160_000, 3, True),
        ("GAYO-250", 90_000, 10, True),
        ("GAYO-1KG", 300_000, 0, False),
    ]


async def test_a_change_that_cannot_be_meant_changes_nothing(api: Running) -> None:
    before = await add(api, FULL)
    path, small = f"{PRODUCTS}/{before['id']}", before["variants"][0]
    stock = {"variants": [{"id": small["id"], "stock": 99}]}

    async with api.client() as client:
        answers = [
            await client.patch(path, json={"name": "Other", "category": "\u202e"}),
            await client.patch(path, json={"variants": [{"id": small["id"], "price": 0}]}),
            await client.patch(path, json=stock),
            await client.patch(path, json={"variants": [{"id": str(uuid7()), "price": 1}]}),
            await client.patch(path, json={"name": "Late"}, headers={"If-Match": '"7"'}),
        ]
        after = (await client.get(path)).json()

    assert [said(answer) for answer in answers] == [
        "422 product_rejected #/category",
        "422 product_rejected #/variants/0/price",
        "422 product_rejected #/variants/0/stock",
        "404 variant_not_found",
        "412 conflict",
    ]
    assert after == before


async def test_what_is_archived_is_kept_and_neither_found_nor_counted(api: Running) -> None:
    view = await add(api, FULL)
    path = f"{PRODUCTS}/{view['id']}"

    async with api.client() as client:
        late = await client.delete(path, headers={"If-Match": '"9"'})
        gone = [await client.delete(path), await client.delete(path)]
        seen = (await client.get(path)).json()
        found = (await client.get(PRODUCTS, params={"q": "gayo"})).json()
        categories = (await client.get(f"{SHOP}/categories")).json()
        archived = (await client.get(PRODUCTS, params={"status": "archived"})).json()
        back = await client.post(f"{path}/restore")
        again = (await client.get(PRODUCTS, params={"q": "gayo"})).json()

    assert said(late) == "412 conflict"
    assert [one.json()["version"] for one in gone] == [2, 2]
    assert seen["status"] == "archived"
    assert (found["products"], categories["categories"]) == ([], [])
    assert [one["id"] for one in archived["products"]] == [view["id"]]
    assert back.json()["status"] == "active"
    assert [one["id"] for one in again["products"]] == [view["id"]]


async def test_products_are_listed_page_by_page_and_by_category(api: Running) -> None:
    for n in range(5):
        await add(api, KOPI | {"name": f"P{n}", "category": "Odd" if n % 2 else "Even"})

    async with api.client() as client:
        first = (await client.get(PRODUCTS, params={"limit": 2})).json()
        rest = await client.get(PRODUCTS, params={"limit": 3, "cursor": first["next_cursor"]})
        odd = (await client.get(PRODUCTS, params={"category": "Odd"})).json()
        categories = (await client.get(f"{SHOP}/categories")).json()
        elsewhere = {"cursor": first["next_cursor"], "category": "Odd"}
        refused = [
            await client.get(PRODUCTS, params={"cursor": "x"}),
            await client.get(PRODUCTS, params=elsewhere),
            await client.get(PRODUCTS, params={"q": "x", "status": "archived"}),
            await client.get(PRODUCTS, params={"q": "x", "cursor": first["next_cursor"]}),
            await client.get(PRODUCTS, params={"limit": 101}),
            await client.get(PRODUCTS, params={"q": "x" * 501}),
        ]

    names = [one["name"] for one in (*first["products"], *rest.json()["products"])]
    assert names == ["P4", "P3", "P2", "P1", "P0"]
    assert rest.json()["next_cursor"] is None
    assert [one["name"] for one in odd["products"]] == ["P3", "P1"]
    assert categories["categories"] == [
        {"name": "Even", "products": 3},
        {"name": "Odd", "products": 2},
    ]
    assert [answer.status_code for answer in refused] == [400, 400, 422, 422, 422, 422]


async def test_products_are_found_by_what_customers_write(api: Running) -> None:
    await add(api, KOPI)
    await add(api, KOPI | {"name": "Teh Hijau", "category": "Teh"})

    async with api.client() as client:
        put = await client.put(f"{SHOP}/synonyms", json={"groups": [["gayo", "aceh"]]})
        shown = (await client.get(f"{SHOP}/synonyms")).json()
        queries = ("kopi gyo kak", "aceh", "green tea", "laptop", "")
        pages = [(await client.get(PRODUCTS, params={"q": q})).json() for q in queries]
        wrong = await client.put(f"{SHOP}/synonyms", json={"groups": [["alone"]]})

    assert put.json() == shown == {"groups": [["gayo", "aceh"]]}
    found = [[one["name"] for one in page["products"]] for page in pages]
    assert found == [["Kopi Gayo"], ["Kopi Gayo"], ["Teh Hijau"], [], ["Teh Hijau", "Kopi Gayo"]]
    assert said(wrong) == "422 synonyms_rejected #/groups/0"


@pytest.fixture
async def product(api: Running) -> Product:
    """Five, of which three are promised."""
    async with api.menu.open_work(TENANT) as work:
        product = await sell(work, a_product("Kopi", a_variant("K")), stock=5)
    async with transaction(api.ground.sessions) as session:
        await session.execute(
            text("SELECT set_config('app.tenant_id', :tenant, true)"), {"tenant": str(TENANT)}
        )
        await session.execute(text("UPDATE crm.variants SET reserved = 3"))
    return product


def stock_of(product: Product, variant_id: VariantId | None = None) -> str:
    return f"{PRODUCTS}/{product.id}/variants/{variant_id or product.variants[0].id}/stock"


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"count": -5}, "422 validation_failed #/count"),
        ({"count": 2}, "409 reserved_exceeds"),
        ({"change": -6, "kind": "lost"}, "409 insufficient_stock"),
        ({"change": -3, "kind": "lost"}, "409 reserved_exceeds"),
        ({"change": 3, "kind": "lost"}, "422 stock_rejected #/change"),
        ({"change": 0, "kind": "received"}, "422 stock_rejected #/change"),
        ({"change": 10**9, "kind": "received"}, "422 stock_rejected #/change"),
        ({"change": 1, "kind": "sold"}, "422 validation_failed #/kind"),
        ({"change": 1.5, "kind": "received"}, "422 validation_failed #/change"),
        ({"change": 1}, "422 validation_failed #"),
        ({"count": 1, "change": 1, "kind": "received"}, "422 validation_failed #"),
        ({"count": 4, "reason": "a\u202eb"}, "422 stock_rejected #/reason"),
        ({}, "422 validation_failed #"),
    ],
)
async def test_what_cannot_have_happened_to_stock_is_refused(
    api: Running, product: Product, body: dict[str, Any], refusal: str
) -> None:
    async with api.client() as client:
        answer = await client.post(stock_of(product), json=body)
        ledger = (await client.get(stock_of(product))).json()

    assert said(answer) == refusal
    assert [line["on_hand_change"] for line in ledger["movements"]] == [5]


async def test_stock_is_counted_and_adjusted_and_all_of_it_is_written_down(
    api: Running, product: Product
) -> None:
    path = stock_of(product)
    async with api.client() as client:
        more = await client.post(path, json={"change": 7, "kind": "received", "reason": "Supplier"})
        counted = await client.post(path, json={"count": 11})
        first = (await client.get(path, params={"limit": 2})).json()
        rest = (await client.get(path, params={"cursor": first["next_cursor"]})).json()
        absent = await client.post(stock_of(product, VariantId(uuid7())), json={"count": 1})

    assert more.status_code == 201
    assert (more.json()["movement"]["reason"], more.json()["variant"]["on_hand"]) == (
        "Supplier",
        12,
    )
    assert counted.json()["variant"] | {"id": None} == {
        "id": None,
        "sku": "K",
        "name": "",
        "price": 85_000,
        "is_active": True,
        "on_hand": 11,
        "reserved": 3,
        "available": 8,
    }
    lines = [*first["movements"], *rest["movements"]]
    assert [(line["kind"], line["on_hand_change"]) for line in lines] == [
        ("counted", -1),
        ("received", 7),
        ("counted", 5),
    ]
    assert rest["next_cursor"] is None
    assert said(absent) == "404 variant_not_found"


# -- files

CSV = {"Content-Type": "text/csv"}


async def test_a_file_with_bad_rows_is_refused_and_tells_each(api: Running) -> None:
    body = b"sku,name,price\nA,Kopi,1000\n,Teh,1000\nC,Gula,Rp 5\n"
    async with api.client() as client:
        refused = await client.post(f"{PRODUCTS}/import", content=body, headers=CSV)
        report = (await client.get(refused.headers["location"])).json()
        listed = (await client.get(PRODUCTS)).json()
        skipped = await client.post(
            f"{PRODUCTS}/import", params={"on_error": "skip"}, content=body, headers=CSV
        )
        now = (await client.get(PRODUCTS)).json()

    assert said(refused) == "422 import_refused #/3/sku"
    assert [one["pointer"] for one in refused.json()["errors"]] == ["/3/sku", "/4/price"]
    assert (report["status"], report["rows"], report["rows_done"]) == ("refused", 3, 0)
    assert [(m["line"], m["column"], m["code"]) for m in report["mistakes"]] == [
        (3, "sku", "missing"),
        (4, "price", "not_a_number"),
    ]
    assert listed["products"] == []
    done = skipped.json()
    assert skipped.status_code == 201
    assert (done["status"], done["rows_done"], done["created"]) == ("done", 1, 1)
    assert done["mistakes"] == report["mistakes"]
    assert [one["name"] for one in now["products"]] == ["Kopi"]


async def test_an_exported_file_brings_nothing_back_that_was_sold_meanwhile(api: Running) -> None:
    product = await add(api, KOPI | {"sku": "SOLD", "stock": 5})
    [variant] = product["variants"]
    adjust = f"{PRODUCTS}/{product['id']}/variants/{variant['id']}/stock"

    async with api.client() as client:
        out = await client.get(f"{PRODUCTS}/export")
        counted = await client.get(f"{PRODUCTS}/export", params={"with_stock": "true"})
        await client.post(adjust, json={"change": -2, "kind": "lost"})
        edited = out.content.replace(b"Kopi", b"Kopi baru")
        back = await client.post(f"{PRODUCTS}/import", content=edited, headers=CSV)
        [now] = (await client.get(PRODUCTS)).json()["products"]

    assert ("stock" in out.text, "stock" in counted.text) == (False, True)
    assert back.json()["updated"] == 1
    assert now["variants"][0]["on_hand"] == 3


async def test_what_is_exported_is_imported_again(api: Running) -> None:
    await add(api, FULL)
    await add(api, KOPI | {"name": "=1+1", "sku": "EVIL"})

    async with api.client() as client:
        out = await client.get(f"{PRODUCTS}/export")
        back = await client.post(f"{PRODUCTS}/import", content=out.content, headers=CSV)
    async with api.client("other") as client:
        other = f"{TENANTS}/{OTHER_TENANT}/products"
        await client.post(f"{other}/import", content=out.content, headers=CSV)
        there = await client.get(f"{other}/export")

    assert out.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in out.headers["content-disposition"]
    assert ",'=1+1," in out.text
    assert (back.json()["unchanged"], back.json()["updated"], back.json()["created"]) == (2, 0, 0)
    assert there.content == out.content


@pytest.mark.parametrize(
    ("body", "kind", "refusal"),
    [
        (b"{}", "application/json", "415 unsupported_media_type"),
        (b"sku\n", "text/csv; charset=latin-1", "415 unsupported_media_type"),
        (b"sku\n" + b"x" * 8_000_001, "text/csv", "413 payload_too_large"),
        (b"", "text/csv", "422 malformed_csv #"),
        (b"sku,\xff\n", "text/csv; charset=utf-8", "422 malformed_csv #"),
        (b"sku,prize\n", "TEXT/CSV;charset=UTF-8", "422 malformed_csv #"),
    ],
)
async def test_what_is_no_file_is_refused(
    api: Running, body: bytes, kind: str, refusal: str
) -> None:
    async with api.client() as client:
        answer = await client.post(
            f"{PRODUCTS}/import", content=body, headers={"Content-Type": kind}
        )

    assert said(answer) == refusal


async def test_a_file_of_nothing_but_a_header_is_done_at_once(api: Running) -> None:
    async with api.client() as client:
        done = await client.post(f"{PRODUCTS}/import", content=b"sku,name\n", headers=CSV)
        odd = await client.post(
            f"{PRODUCTS}/import", params={"on_error": "maybe"}, content=b"sku\n", headers=CSV
        )

    assert (done.status_code, done.json()["rows"], done.json()["status"]) == (201, 0, "done")
    assert said(odd) == "422 validation_failed #/query/on_error"
