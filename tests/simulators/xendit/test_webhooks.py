"""Xendit tells shops what happened, with a token, in the fixtures' shapes, and in any weather."""

from typing import Any

import pytest
from aiohttp import ClientError

from tests.simulators.paying import fixture, shape, silent
from tests.simulators.xendit.house import ORDER, TOKEN, House, asked

WRONG = "guessed"
ITEM = fixture("xendit", "xendit_invoice_paid_qris.json")["items"][0]


@pytest.mark.parametrize(
    ("name", "channel"), [("qris", "QRIS"), ("bank_transfer", "BCA"), ("ewallet", "DANA")]
)
async def test_what_was_paid_is_told_in_the_shape_of_the_fixture(
    house: House, name: str, channel: str
) -> None:
    await house.paid(channel, items=[ITEM])

    (told,) = await house.told()
    expected = fixture("xendit", f"xendit_invoice_paid_{name}.json")
    assert shape(told) == shape(expected)
    for field in ("status", "amount", "paid_amount", "payment_method", "payment_channel"):
        assert told[field] == expected[field]


@pytest.mark.parametrize(
    ("channel", "method", "extra"),
    [
        ("ALFAMART", "RETAIL_OUTLET", "payment_destination"),
        ("CREDIT_CARD", "CREDIT_CARD", "credit_card_charge_id"),
        ("KREDIVO", "PAYLATER", "payment_method_id"),
    ],
)
async def test_other_channels_tell_what_is_theirs(
    house: House, channel: str, method: str, extra: str
) -> None:
    await house.paid(channel)

    (told,) = await house.told()
    assert told["payment_method"] == method
    assert extra in told


async def test_what_came_too_late_is_told_in_the_shape_of_the_fixture(house: House) -> None:
    await house.create(items=[ITEM])

    await house.does("expire")

    (told,) = await house.told()
    assert shape(told) == shape(fixture("xendit", "xendit_invoice_expired.json"))
    assert told["status"] == "EXPIRED"


async def test_webhooks_show_the_token_and_have_numbers(house: House) -> None:
    await house.paid()
    await house.does("notify")

    first, second = await house.hears(2)
    assert first.headers["x-callback-token"] == TOKEN
    assert first.headers["webhook-id"] != second.headers["webhook-id"]
    assert first.body == second.body


async def test_it_is_tried_six_times_again_as_the_same_webhook(house: House) -> None:
    house.receiver.answers += [(500, {})] * 9

    await house.paid()

    heard = await house.hears(7)
    assert len({one.headers["webhook-id"] for one in heard}) == 1
    assert len(heard) == 7
    assert [one.outcome for one in house.xendit.deliveries.recent] == ["gave up"]


async def test_a_receiver_that_says_nothing_is_not_tried_again(house: House) -> None:
    async with silent() as (url, got):
        settings = {"retry_scale": 0, "answer_within_s": 0.05}
        await house.control("PUT", "/settings", settings)
        await house.control("PUT", "/merchants", {"secret_key": house.key, "webhook_url": url})

        await house.paid()

    assert len(got) == 1
    assert [one.outcome for one in house.xendit.deliveries.recent] == ["gave up"]


# -- weather


async def weather(house: House, **facts: Any) -> None:
    await house.control("PUT", "/weather", {"seed": 7, **facts})


async def test_copies_have_the_same_number_unless_they_are_told_anew(house: House) -> None:
    await weather(house, copies=2)
    await house.paid()
    same = [one.headers["webhook-id"] for one in await house.hears(2)]
    await weather(house, copies=2, fresh_copies=True)

    await house.does("notify")

    fresh = [one.headers["webhook-id"] for one in await house.hears(4)][2:]
    assert (len(set(same)), len(set(fresh))) == (1, 2)


async def test_a_body_may_be_written_over_and_the_token_be_wrong(house: House) -> None:
    await weather(house, edit={"amount": 17_000}, token=WRONG)

    await house.paid()

    (heard,) = await house.hears()
    assert heard.envelope["amount"] == 17_000
    assert heard.headers["x-callback-token"] == WRONG
    assert (await house.get(f"/v2/invoices?external_id={ORDER}"))[0]["amount"] == 170_000


async def test_a_webhook_may_be_forged_by_hand(house: House) -> None:
    await house.create()

    await house.does("notify", edit={"status": "PAID"}, token=WRONG)

    (heard,) = await house.hears()
    assert heard.envelope["status"] == "PAID"
    assert heard.headers["x-callback-token"] == WRONG
    assert (await house.get(f"/v2/invoices?external_id={ORDER}"))[0]["status"] == "PENDING"


async def test_webhooks_may_be_lost(house: House) -> None:
    await weather(house, outage=True)

    made = await house.paid()

    assert house.receiver.heard == []
    assert (await house.get(f"/v2/invoices/{made['id']}"))["status"] == "PAID"
    (shown,) = await house.control("GET", "/deliveries")
    assert (shown["event"], shown["outcome"]) == ("invoice.paid", "lost")


async def test_money_may_come_too_late_or_be_another_sum(house: House) -> None:
    await house.create()
    await house.does("expire")
    refused = await house.refused_control("POST", f"/invoices/{ORDER}/pay")

    await house.does("pay", force=True, amount=1_000)

    assert refused.status == 409
    (_, told) = await house.told(2)
    assert (told["status"], told["amount"], told["paid_amount"]) == ("PAID", 170_000, 1_000)


# -- trouble with calls


async def test_a_create_may_take_effect_although_nobody_hears_of_it(house: House) -> None:
    rule = {"call": "create_invoice", "reset": "after", "times": 1}
    await house.control("PUT", "/script", [rule])

    with pytest.raises(ClientError):
        await house.call("POST", "/v2/invoices", asked())

    (found,) = await house.get(f"/v2/invoices?external_id={ORDER}")
    assert found["status"] == "PENDING"


@pytest.mark.parametrize(
    ("rule", "status", "code"),
    [
        ({"status": 500}, 500, "SERVER_ERROR"),
        ({"status": 403, "error_code": "ACCESS_SUSPENDED"}, 403, "ACCESS_SUSPENDED"),
        ({"status": 429}, 429, "RATE_LIMIT_EXCEEDED"),
        ({"reference": ORDER, "status": 503}, 503, "CHANNEL_UNAVAILABLE"),
    ],
)
async def test_a_call_may_be_refused(
    house: House, rule: dict[str, Any], status: int, code: str
) -> None:
    await house.control("PUT", "/script", [rule])

    assert (await house.create(status=status))["error_code"] == code


async def test_the_journal_knows_what_was_asked_and_what_was_sent(house: House) -> None:
    made = await house.paid()

    (created,) = house.journal("create_invoice")
    assert (created.text, created.outcome) == (ORDER, "answered")
    assert created.facts["asked"]["amount"] == 170_000
    (notice,) = house.journal("notice")
    assert (notice.text, notice.outcome) == (ORDER, "delivered:200")
    assert notice.facts["content"]["id"] == made["id"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/invoices/unknown/pay", {}, 404),
        (f"/invoices/{ORDER}/pay", {"channel": "CASH"}, 422),
        (f"/invoices/{ORDER}/settle", {}, 409),
        (f"/invoices/{ORDER}/refund", {}, 409),
    ],
)
async def test_the_control_channel_says_what_is_not_possible(
    house: House, path: str, body: dict[str, Any], status: int
) -> None:
    await house.create()

    assert (await house.refused_control("POST", path, body)).status == status


async def test_what_several_merchants_have_needs_a_name(house: House) -> None:
    await house.control("PUT", "/merchants", {"secret_key": "other"})
    await house.create()
    other = await house.create(key="other")

    ambiguous = await house.refused_control("POST", f"/invoices/{ORDER}/pay")
    path = f"/invoices/{ORDER}/pay?user_id={other['user_id']}"
    paid = await house.control("POST", path, {})

    assert ambiguous.status == 409
    assert paid["invoice"]["id"] == other["id"]


async def test_settings_weather_and_invoices_are_shown(house: House) -> None:
    await house.create()

    assert (await house.control("GET", "/settings"))["retry_scale"] == 0
    assert (await house.control("GET", "/weather"))["copies"] == 1
    (shown,) = await house.control("GET", "/invoices")
    assert shown == await house.control("GET", f"/invoices/{ORDER}")
