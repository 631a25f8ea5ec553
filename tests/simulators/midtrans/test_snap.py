"""A shop asks Midtrans for a page on which to pay, and hears at once what is wrong with that."""

from typing import Any

import pytest

from simulators.midtrans.refusals import ORDER_USED, WRONG_KEY
from tests.simulators.midtrans.house import AMOUNT, ORDER, House, asked, details
from tests.simulators.paying import fixture, shape

ITEM = {"id": "A", "name": "Kopi", "price": AMOUNT, "quantity": 1}
FOREVER = {"unit": "days", "duration": 8}


async def test_an_order_gets_a_token_and_the_page_behind_it(house: House) -> None:
    made = await house.create()

    assert shape(made) == shape(fixture("midtrans", "midtrans_api_snap_create_response.json"))
    assert len(made["token"]) == 36
    page = f"{house.url}/midtrans/snap/v3/redirection/{made['token']}"
    assert made["redirect_url"] == page
    assert (await house.page(page)).status == 200


async def test_pages_are_where_people_find_them(house: House) -> None:
    settings = {"public_url": "https://pay.example/"}
    await house.control("PUT", "/settings", settings)

    made = await house.create()

    assert made["redirect_url"].startswith("https://pay.example/midtrans/snap/v3/redirection/")


@pytest.mark.parametrize("key", ["", "SB-Mid-server-wrong", "Kötjap"])
async def test_a_stranger_is_turned_away_in_midtranss_words(house: House, key: str) -> None:
    refused = await house.create(key=key, status=401)

    assert refused == fixture("midtrans", "midtrans_api_snap_error_401.json")
    assert refused == {"error_messages": [WRONG_KEY]}


async def test_every_key_is_let_in_where_the_simulator_is_told_so(house: House) -> None:
    await house.control("PUT", "/settings", {"any_key": True})

    await house.create(key="SB-Mid-server-anybody")

    known = await house.control("GET", "/merchants")
    assert [one["server_key"] for one in known][1:] == ["SB-Mid-server-anybody"]


async def test_a_sum_that_is_none_is_refused_in_midtranss_words(house: House) -> None:
    refused = await house.create(status=400, transaction_details=details(gross_amount=AMOUNT + 1))

    assert refused == fixture("midtrans", "midtrans_api_snap_error_400_sum.json")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"transaction_details": details(gross_amount=170000.5)}, "gross_amount"),
        ({"transaction_details": details(gross_amount=170000.0)}, "gross_amount"),
        ({"transaction_details": details(gross_amount="170000")}, "gross_amount"),
        ({"transaction_details": details(gross_amount=0), "item_details": None}, "gross_amount"),
        ({"transaction_details": details(order_id="A B")}, "order_id"),
        ({"transaction_details": details(order_id="pesanan/1")}, "order_id"),
        ({"transaction_details": details(order_id="A" * 51)}, "order_id"),
        ({"transaction_details": details(order_id="")}, "order_id"),
        ({"transaction_details": {"gross_amount": 1}}, "order_id"),
        ({"transaction_details": None}, "transaction_details"),
        ({"item_details": [ITEM | {"price": 170000.5}]}, "item_details.0.price"),
        ({"item_details": [ITEM | {"quantity": 0}]}, "item_details.0.quantity"),
        ({"item_details": [ITEM | {"name": "K" * 51}]}, "item_details.0.name"),
        ({"item_details": [{"price": AMOUNT, "quantity": 1}]}, "item_details.0.name"),
        ({"customer_details": {"first_name": "B" * 256}}, "customer_details.first_name"),
        ({"expiry": {"unit": "fortnight", "duration": 1}}, "expiry.unit"),
        ({"expiry": {"unit": "minute", "duration": 0}}, "expiry.duration"),
        ({"expiry": {"unit": "minute", "duration": 1, "start_time": "soon"}}, "expiry.start_time"),
        ({"expiry": FOREVER}, "expiry.duration"),
        ({"page_expiry": FOREVER}, "page_expiry.duration"),
        ({"custom_field1": "t" * 256}, "custom_field1"),
    ],
)
async def test_what_is_wrong_is_named(house: House, changes: dict[str, Any], named: str) -> None:
    refused = await house.create(status=400, **changes)

    assert any(named in message for message in refused["error_messages"]), refused
    assert house.midtrans.orders == {}


async def test_what_is_no_json_is_refused(house: House) -> None:
    answer = await house.call("POST", "/snap/v1/transactions", data=b"{")

    assert answer.status == 400
    assert list(await answer.json()) == ["error_messages"]


async def test_asking_again_before_a_method_is_chosen_revokes_the_first_token(house: House) -> None:
    first = await house.create()
    second = await house.create()

    assert first["token"] != second["token"]
    old = await (await house.page(first["redirect_url"])).text()
    new = await (await house.page(second["redirect_url"])).text()
    assert "tidak berlaku lagi" in old
    assert "Pilih metode" in new


@pytest.mark.parametrize("what", ["choose", "pay"])
async def test_an_order_is_used_once_a_method_was_chosen(house: House, what: str) -> None:
    await house.create()
    await house.does(what)

    refused = await house.create(status=400)

    assert refused == fixture("midtrans", "midtrans_api_snap_error_400_order_id_used.json")
    assert refused == {"error_messages": [ORDER_USED]}


async def test_merchants_have_orders_of_their_own(house: House) -> None:
    other = {"server_key": "SB-Mid-server-other", "name": "Toko Lain"}
    await house.control("PUT", "/merchants", other)
    await house.create()
    await house.create(key="SB-Mid-server-other")

    ambiguous = await house.refused_control("POST", f"/orders/{ORDER}/pay")
    await house.control("POST", f"/orders/{ORDER}/pay?server_key=SB-Mid-server-other")

    assert ambiguous.status == 409
    assert (await house.status())["status_code"] == "404"
    theirs = await house.core("GET", f"{ORDER}/status", key="SB-Mid-server-other")
    assert theirs["transaction_status"] == "settlement"
    by_id = await house.core("GET", f"{theirs['transaction_id']}/status")
    assert by_id["status_code"] == "404"


async def test_a_merchant_is_changed_by_its_key_and_keeps_the_rest(house: House) -> None:
    body = {"server_key": house.key, "name": "Toko Kopi"}
    changed = await house.control("PUT", "/merchants", body)

    assert (changed["name"], changed["notification_url"]) == ("Toko Kopi", house.receiver.url)


async def test_a_session_is_cancelled_once_and_not_while_it_is_paid(house: House) -> None:
    async def cancel(token: str) -> tuple[int, Any]:
        answer = await house.call("POST", f"/snap/v1/transactions/{token}/cancel")
        return answer.status, await answer.json()

    token = (await house.create())["token"]
    status, said = await cancel(token)
    again = await cancel(token)
    token = (await house.create())["token"]
    await house.does("choose")

    assert (status, list(said)) == (200, ["canceled_at"])
    assert again == (400, {"error_messages": ["token already canceled"]})
    assert await cancel(token) == (400, {"error_messages": ["Transaction is on progress"]})
    assert await cancel("no-such") == (404, {"error_messages": ["token not found"]})


async def test_notifications_go_where_a_transaction_says(house: House) -> None:
    elsewhere = f"{house.receiver.url}?for=this"
    instead = {"X-Override-Notification": f"{elsewhere}&n=1, {elsewhere}&n=2"}
    added = {"X-Append-Notification": elsewhere}
    await house.create(headers=instead | added, transaction_details=details(order_id="A"))
    await house.create(headers=added, transaction_details=details(order_id="B"))

    await house.does("choose", "A")
    await house.does("choose", "B")

    await house.hears(4)
    shown = await house.control("GET", "/deliveries")
    assert [(one["reference"], one["url"]) for one in shown] == [
        ("A", f"{elsewhere}&n=1"),
        ("A", f"{elsewhere}&n=2"),
        ("B", house.receiver.url),
        ("B", elsewhere),
    ]


async def test_the_page_offers_what_the_shop_enabled_and_the_amount_allows(house: House) -> None:
    async def offered(amount: int, *enabled: str) -> list[str]:
        order = f"{amount}-{len(enabled)}"
        body = asked(
            item_details=None,
            transaction_details=details(order_id=order, gross_amount=amount),
            enabled_payments=list(enabled) or None,
        )
        url = (await house.create(**body))["redirect_url"]
        text = await (await house.page(url)).text()
        return [part.partition('"')[0] for part in text.split('name="do" value="')[1:]]

    assert await offered(170_000, "other_qris", "bca_va", "cstore") == [
        "other_qris",
        "bca_va",
        "indomaret",
        "alfamart",
    ]
    assert "bca_va" not in await offered(9_999)
    assert "other_qris" not in await offered(10_000_001)
    assert len(await offered(170_000)) == 11
