"""`/v1/crm/orders` over HTTP: what is shown, what a person may decide, and what is refused."""

from typing import Any

import httpx
import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.application.orders import lifecycle, settlement
from crm_chatbot.application.orders.pricing import priced
from crm_chatbot.domain.catalog.product import Variant
from crm_chatbot.domain.customers.customer import Customer
from crm_chatbot.domain.orders.delivery import DeliveryTerms
from crm_chatbot.domain.orders.order import Discount, Order, OrderStatus
from tests.crm_chatbot.builders import NOON, TENANT
from tests.crm_chatbot.chats import LID
from tests.crm_chatbot.deals import ADDRESS, a_line, a_rule, another_customer, placed, shelved
from tests.crm_chatbot.running import SHOP, Running
from tests.served import said

ORDERS = "/v1/crm/orders"
RUPIAH_85 = {"amount": 85_000, "currency": "IDR", "formatted": "Rp85.000"}

_S = OrderStatus


class Counter:
    """A shop of which one order is looked at."""

    def __init__(self, api: Running, customer: Customer, variant: Variant, order: Order) -> None:
        self.api = api
        self.customer = customer
        self.variant = variant
        self.order = order

    @property
    def path(self) -> str:
        return f"{ORDERS}/{self.order.id}"

    async def bring_to(self, status: OrderStatus) -> None:
        """As it comes about: confirmed, paid, questioned."""
        async with self.api.menu.open_work(TENANT) as work:
            tenant = await work.tenants.get(TENANT)
            order = await lifecycle.locked(work, self.order.id)
            await lifecycle.confirm(work, tenant, order, now=NOON, actor="customer")
            if status in {_S.PAID, _S.PAID_ATTENTION}:
                await settlement.paid(work, order, now=NOON, payment_id=uuid7())
            if status is _S.PAID_ATTENTION:
                await settlement.paid(work, order, now=NOON, payment_id=uuid7())

    async def put(self, what: str, who: str = "tenant", **body: Any) -> httpx.Response:
        async with self.api.client(who) as client:
            return await client.put(f"{self.path}/{what}", json=body)

    async def get(self, path: str = "") -> dict[str, Any]:
        async with self.api.client() as client:
            answer = await client.get(f"{self.path}{path}")
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    async def available(self) -> int:
        async with self.api.menu.open_work(TENANT) as work:
            return (await work.products.variant(self.variant.id)).variant.available


@pytest.fixture
async def counter(api: Running) -> Counter:
    async with api.menu.open_work(TENANT) as work:
        customer = await another_customer(work)
        variant = await shelved(work, 5)
        order = await placed(work, customer, a_line(variant, quantity=2), number="ORD-1001")
    return Counter(api, customer, variant, order)


async def test_an_order_is_shown_with_its_money_in_numbers_and_words(api: Running) -> None:
    off = Discount(rule_id=uuid7(), name="Promo", amount=5_000)
    async with api.menu.open_work(TENANT) as work:
        customer = await another_customer(work)
        line = a_line()
        order = await placed(
            work, customer, line, discounts=(off,), delivery=ADDRESS, note="Tanpa gula"
        )
    async with api.client("reader") as client:
        answer = await client.get(f"{ORDERS}/{order.id}")

    shown = answer.json()
    assert answer.headers["etag"] == '"1"'
    assert (shown["status"], shown["note"]) == ("DRAFT", "Tanpa gula")
    assert shown["lines"] == [
        {
            "variant_id": str(line.variant_id),
            "sku": "GAYO-250",
            "name": "Kopi Gayo",
            "quantity": 1,
            "unit_price": RUPIAH_85,
            "amount": RUPIAH_85,
        }
    ]
    assert shown["subtotal"] == RUPIAH_85
    assert shown["discounts"][0]["amount"]["formatted"] == "Rp5.000"
    assert shown["delivery"]["zone"] == "Bandung"
    assert shown["delivery"]["fee"]["amount"] == 15_000
    assert shown["total"]["formatted"] == "Rp95.000"


@pytest.mark.parametrize("who", ["tenant", "reader", "platform"])
async def test_who_may_look_sees_an_order_by_its_id_alone(counter: Counter, who: str) -> None:
    async with counter.api.client(who) as client:
        shown = (await client.get(counter.path)).json()
        events = (await client.get(f"{counter.path}/events")).json()

    assert shown["number"] == "ORD-1001"
    assert [event["what"] for event in events["events"]] == ["order.created"]


async def test_orders_are_listed_by_what_is_known_of_them(counter: Counter) -> None:
    async with counter.api.menu.open_work(TENANT) as work:
        other = await another_customer(work, LID)
        await placed(work, other, number="ORD-2001", status=_S.PAID)
    async with counter.api.client() as client:

        async def listed(**asked: Any) -> list[str]:
            answer = await client.get(f"{SHOP}/orders", params=asked)
            assert answer.status_code == 200, answer.text
            return [one["number"] for one in answer.json()["orders"]]

        assert await listed() == ["ORD-2001", "ORD-1001"]
        assert await listed(status=["PAID", "EXPIRED"]) == ["ORD-2001"]
        assert await listed(customer_id=str(counter.customer.id)) == ["ORD-1001"]
        assert await listed(q="ord-1") == ["ORD-1001"]
        assert await listed(since="2026-05-04T12:00:00Z") == ["ORD-2001", "ORD-1001"]
        assert await listed(since="2027-01-01T00:00:00+07:00") == []
        first = (await client.get(f"{SHOP}/orders", params={"limit": 1})).json()
        cursor = first["next_cursor"]
        assert await listed(limit=1, cursor=cursor) == ["ORD-1001"]
        strange = await client.get(f"{SHOP}/orders", params={"cursor": cursor, "q": "ORD"})
    assert said(strange) == "400 invalid_cursor"


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"status": "paid"}, "/query/status/0"),
        ({"limit": 0}, "/query/limit"),
        ({"since": "2026-05-04T12:00:00"}, "/query/since"),
        ({"since": "gestern"}, "/query/since"),
        ({"customer_id": "x"}, "/query/customer_id"),
        ({"colour": "red"}, "/query/colour"),
    ],
)
async def test_what_no_order_could_be_asked_is_refused(
    api: Running, asked: dict[str, str], pointer: str
) -> None:
    async with api.client() as client:
        answer = await client.get(f"{SHOP}/orders", params=asked)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


# -- what a person decides


async def test_a_paid_order_is_fulfilled_once(counter: Counter) -> None:
    await counter.bring_to(_S.PAID)
    answers = [await counter.put("status", status="FULFILLED", reason="JNE") for _ in range(2)]

    assert [(one.status_code, one.json()["status"]) for one in answers] == [(200, "FULFILLED")] * 2
    events = (await counter.get("/events"))["events"]
    assert [event["what"] for event in events][-1] == "order.fulfilled"
    assert [event["what"] for event in events].count("order.fulfilled") == 1
    assert events[-1]["facts"] == {"reason": "JNE"}
    assert events[-1]["actor"].startswith("key ")


@pytest.mark.parametrize("is_confirmed", [False, True])
async def test_an_unpaid_order_is_cancelled_and_its_stock_is_free(
    counter: Counter, is_confirmed: bool
) -> None:
    if is_confirmed:
        await counter.bring_to(_S.AWAITING_PAYMENT)
        assert await counter.available() == 3
    answer = await counter.put("status", status="CANCELLED")

    assert answer.json()["status"] == "CANCELLED"
    assert await counter.available() == 5


@pytest.mark.parametrize(
    ("status", "wanted"),
    [
        (_S.DRAFT, "FULFILLED"),
        (_S.DRAFT, "AWAITING_PAYMENT"),
        (_S.DRAFT, "PAID"),
        (_S.DRAFT, "REFUNDED"),
        (_S.AWAITING_PAYMENT, "PAID"),
        (_S.AWAITING_PAYMENT, "DRAFT"),
        (_S.AWAITING_PAYMENT, "EXPIRED"),
        (_S.AWAITING_PAYMENT, "FULFILLED"),
        (_S.AWAITING_PAYMENT, "PAID_ATTENTION"),
        (_S.PAID, "CANCELLED"),
        (_S.PAID, "DRAFT"),
        (_S.PAID, "REFUNDED"),
        (_S.PAID, "EXPIRED"),
    ],
)
async def test_what_may_not_be_decided_by_hand_is_refused_and_changes_nothing(
    counter: Counter, status: OrderStatus, wanted: str
) -> None:
    if status is not _S.DRAFT:
        await counter.bring_to(status)
    before = await counter.get(), await counter.get("/events")
    answer = await counter.put("status", status=wanted)

    assert said(answer) == "409 illegal_transition"
    assert (await counter.get(), await counter.get("/events")) == before


async def test_who_wants_to_mark_an_order_as_paid_is_told_how_money_is_recorded(
    counter: Counter,
) -> None:
    await counter.bring_to(_S.AWAITING_PAYMENT)
    answer = await counter.put("status", status="PAID", reason="I say so")

    assert f"{ORDERS}/{counter.order.id}/payments" in answer.json()["detail"]


@pytest.mark.parametrize(("wanted", "left"), [("PAID", 3), ("CANCELLED", 5), ("FULFILLED", 3)])
async def test_money_in_question_is_decided_with_a_reason(
    counter: Counter, wanted: str, left: int
) -> None:
    await counter.bring_to(_S.PAID_ATTENTION)
    refused = await counter.put("status", status=wanted)
    answer = await counter.put("status", status=wanted, reason="The second was sent back.")

    assert said(refused) == "422 reason_missing #/reason"
    assert answer.json()["status"] == wanted
    assert await counter.available() == left


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/status"),
        ({"status": "paid"}, "/status"),
        ({"status": "PAID "}, "/status"),
        ({"status": "SHIPPED"}, "/status"),
        ({"status": None}, "/status"),
        ({"status": "CANCELLED", "reason": "x" * 201}, "/reason"),
        ({"status": "CANCELLED", "reason": "a\0b"}, "/reason"),
        ({"status": "CANCELLED", "total": 1}, "/total"),
    ],
)
async def test_what_is_no_decision_is_refused(
    counter: Counter, body: dict[str, Any], pointer: str
) -> None:
    answer = await counter.put("status", **body)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert (await counter.get())["version"] == 1


async def test_a_decision_about_an_older_version_is_left_alone(counter: Counter) -> None:
    await counter.put("note", note="Somebody else's")
    async with counter.api.client() as client:
        late = [
            await client.put(f"{counter.path}/{what}", json=body, headers={"If-Match": '"1"'})
            for what, body in (
                ("status", {"status": "CANCELLED"}),
                ("note", {"note": "Mine"}),
                ("address", {"address": "Mine"}),
            )
        ]

    assert {said(one) for one in late} == {"412 conflict"}
    shown = await counter.get()
    assert (shown["note"], shown["status"]) == ("Somebody else's", "DRAFT")


# -- notes, and where it goes


async def test_a_cart_costs_what_delivery_to_there_costs(counter: Counter) -> None:
    unknown = await counter.put("address", address="Jl. Contoh 1, Bandung")
    async with counter.api.menu.open_work(TENANT) as work:
        await work.delivery.put(DeliveryTerms(default_fee=25_000))
    answer = await counter.put("address", address="Jl. Contoh 1", latitude=-6.9, longitude=107.6)

    assert said(unknown) == "409 delivery_unknown"
    delivery = answer.json()["delivery"]
    assert (delivery["address"], delivery["latitude"]) == ("Jl. Contoh 1", -6.9)
    assert answer.json()["total"]["amount"] == 170_000 + 25_000


async def test_an_order_is_picked_up_where_the_shop_offers_that(counter: Counter) -> None:
    nowhere = await counter.put("address", pickup=True)
    async with counter.api.menu.open_work(TENANT) as work:
        await work.delivery.put(DeliveryTerms(default_fee=25_000, pickup_address="Jl. Toko 1"))
    answer = await counter.put("address", pickup=True)

    assert said(nowhere) == "409 pickup_not_offered"
    delivery = answer.json()["delivery"]
    assert (delivery["address"], delivery["zone"]) == ("Jl. Toko 1", "pickup")
    assert answer.json()["total"]["amount"] == 170_000


async def test_what_is_paid_goes_elsewhere_for_the_same_money(counter: Counter) -> None:
    await counter.bring_to(_S.PAID)
    answer = await counter.put("address", address="Jl. Lain 2")

    assert answer.json()["delivery"]["address"] == "Jl. Lain 2"
    assert answer.json()["total"]["amount"] == 170_000


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("note", {"note": "x" * 1_001}),
        ("note", {"note": "a\0b"}),
        ("note", {}),
        ("address", {}),
        ("address", {"pickup": False}),
        ("address", {"pickup": True, "address": "Jl. Contoh 1"}),
        ("address", {"address": ""}),
        ("address", {"address": "  \n"}),
        ("address", {"address": "x" * 501}),
        ("address", {"address": "a\0b"}),
        ("address", {"address": "x", "latitude": 91.0}),
        ("address", {"address": "x", "fee": 0}),
    ],
)
async def test_what_is_no_note_and_no_address_is_refused(
    counter: Counter, what: str, body: dict[str, Any]
) -> None:
    assert (await counter.put(what, **body)).status_code == 422
    assert (await counter.get())["version"] == 1


# -- a shop's rules


async def test_a_delivery_table_is_replaced_and_shown(api: Running) -> None:
    table = {
        "zones": [{"name": "Kota", "words": ["bandung"], "fee": 10_000}],
        "default_fee": 25_000,
        "pickup_address": "Jl. Toko 1",
    }
    async with api.client() as client:
        empty = (await client.get(f"{SHOP}/delivery")).json()
        put = await client.put(f"{SHOP}/delivery", json=table)
        shown = (await client.get(f"{SHOP}/delivery")).json()

    assert empty == {"zones": [], "default_fee": None, "pickup_address": ""}
    assert put.json() == shown == table


@pytest.mark.parametrize(
    ("table", "pointer"),
    [
        ({"default_fee": -1}, "/default_fee"),
        ({"default_fee": 1.5}, "/default_fee"),
        ({"zones": [{"name": "A", "words": [""], "fee": 0}]}, "/zones/0/words/0"),
        ({"zones": [{"name": "A", "words": ["- -"], "fee": 0}]}, "/zones/0/words"),
        ({"zones": [{"name": "pickup", "words": ["a"], "fee": 0}]}, "/zones/0/name"),
        ({"zones": [{"name": "A", "words": ["a"]}]}, "/zones/0/fee"),
    ],
)
async def test_a_table_that_makes_no_sense_is_refused(
    api: Running, table: dict[str, Any], pointer: str
) -> None:
    async with api.client() as client:
        answer = await client.put(f"{SHOP}/delivery", json=table)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_discounts_are_added_changed_and_removed(api: Running) -> None:
    body = {"name": "Promo", "percent": 10, "code": "hemat10", "ends_at": "2026-12-31T00:00:00Z"}
    async with api.client() as client:
        added = await client.post(f"{SHOP}/discounts", json=body)
        path = added.headers["location"]
        again = await client.post(f"{SHOP}/discounts", json=body)
        changed = await client.patch(path, json={"percent": None, "amount": 5_000})
        late = await client.patch(path, json={"name": "x"}, headers={"If-Match": '"1"'})
        listed = (await client.get(f"{SHOP}/discounts")).json()["discounts"]
        gone = [await client.delete(path), await client.get(path), await client.delete(path)]

    assert (added.status_code, added.json()["code"]) == (201, "HEMAT10")
    assert said(again) == "409 discount_code_taken #/code"
    assert (changed.json()["percent"], changed.json()["amount"]) == (None, 5_000)
    assert said(late) == "412 conflict"
    assert listed == [changed.json()]
    assert [one.status_code for one in gone] == [204, 404, 404]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": "x"}, "/amount"),
        ({"name": "x", "percent": 10, "amount": 5}, "/amount"),
        ({"name": "x", "percent": 0}, "/percent"),
        ({"name": "x", "percent": 10.5}, "/percent"),
        ({"name": "x", "percent": 10, "code": "a b c"}, "/code"),
        ({"name": "x", "percent": 10, "starts_at": "2026-05-04T12:00:00"}, "/starts_at"),
        ({"percent": 10}, "/name"),
    ],
)
async def test_a_discount_that_makes_no_sense_is_refused(
    api: Running, body: dict[str, Any], pointer: str
) -> None:
    async with api.client() as client:
        answer = await client.post(f"{SHOP}/discounts", json=body)
        listed = (await client.get(f"{SHOP}/discounts")).json()

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert listed == {"discounts": []}


async def test_discounts_hold_from_the_next_pricing(counter: Counter) -> None:
    async with counter.api.menu.open_work(TENANT) as work:
        await work.discounts.add(a_rule())
        order = await work.orders.lock(counter.order.id)
        await priced(work, order, NOON)

    assert order.total == 153_000


# -- concerns


async def test_a_concern_says_why_and_is_settled_once(counter: Counter) -> None:
    await counter.bring_to(_S.PAID_ATTENTION)
    async with counter.api.client() as client:
        [raised] = (await client.get(f"{SHOP}/concerns?settled=false")).json()["concerns"]
        path = f"{SHOP}/concerns/{raised['id']}/settle"
        blank = await client.post(path, json={"note": "  "})
        settled = await client.post(path, json={"note": "Sent back."})
        again = await client.post(path, json={"note": "Sent back."})
        left = (await client.get(f"{SHOP}/concerns", params={"settled": False})).json()
        done = (await client.get(f"{SHOP}/concerns", params={"settled": True})).json()

    assert (raised["code"], raised["order_id"]) == ("paid_twice", str(counter.order.id))
    assert raised["sentence"].startswith("It was paid more than once")
    assert said(blank) == "422 concern_rejected #/note"
    assert settled.json()["note"] == "Sent back."
    assert said(again) == "409 concern_settled"
    assert left["concerns"] == []
    assert done["concerns"] == [settled.json()]


async def test_concerns_are_told_in_pages(api: Running) -> None:
    async with api.menu.open_work(TENANT) as work:
        customer = await another_customer(work)
        order = await placed(work, customer, a_line(), status=_S.CANCELLED)
        for _ in range(3):
            await settlement.paid(work, order, now=NOON, payment_id=uuid7())
    seen: list[str] = []
    async with api.client() as client:
        cursor: str | None = None
        for _ in range(3):
            asked = {"limit": 1} | ({"cursor": cursor} if cursor else {})
            page = (await client.get(f"{SHOP}/concerns", params=asked)).json()
            seen += [one["id"] for one in page["concerns"]]
            cursor = page["next_cursor"]

    assert len(set(seen)) == 3
    assert cursor is None
