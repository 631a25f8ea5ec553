"""Money goes back through Xendit where the channel allows it, and after a while."""

from typing import Any

import pytest

from tests.simulators.paying import fixture, shape
from tests.simulators.xendit.house import AMOUNT, BUSINESS, House


async def test_a_refund_is_pending_then_done_and_the_shop_hears(house: House) -> None:
    await house.control("PUT", "/settings", {"refund_confirmed_after_s": 60})
    made = await house.paid()

    asked = await house.refund(invoice_id=made["id"], reference_id="REF-1")
    await house.control("PUT", "/clock", {"ahead_s": 60})

    (_, told) = await house.told(2)
    expected = fixture("xendit", "xendit_v3_refund_succeeded.json")
    assert shape(told) == shape(expected)
    assert (told["event"], told["business_id"]) == ("refund.succeeded", BUSINESS)
    assert shape(asked) == shape(expected["data"])
    assert (asked["status"], asked["amount"], asked["invoice_id"]) == (
        "PENDING",
        AMOUNT,
        made["id"],
    )
    assert (await house.get(f"/refunds/{asked['id']}"))["status"] == "SUCCEEDED"
    assert told["data"]["payment_method_type"] == "QR_CODE"


async def test_a_refund_may_fail(house: House) -> None:
    settings = {"refund_confirmed_after_s": 0, "refunds_fail_with": "INSUFFICIENT_BALANCE"}
    await house.control("PUT", "/settings", settings)
    made = await house.paid()

    asked = await house.refund(invoice_id=made["id"])

    (_, told) = await house.told(2)
    assert shape(told) == shape(fixture("xendit", "xendit_v3_refund_failed.json"))
    assert (told["event"], told["data"]["failure_code"]) == (
        "refund.failed",
        "INSUFFICIENT_BALANCE",
    )
    # What did not go back may be tried again.
    await house.control("PUT", "/settings", {"refund_confirmed_after_s": 0})
    assert (await house.refund(invoice_id=made["id"]))["id"] != asked["id"]


async def test_money_goes_back_in_parts_by_payment_or_by_invoice(house: House) -> None:
    made = await house.paid()

    part = await house.refund(invoice_id=made["id"], amount=50_000)
    rest = await house.refund(payment_request_id=part["payment_request_id"])
    more = await house.refund(status=400, invoice_id=made["id"], amount=1)

    assert rest["amount"] == 120_000
    assert (part["invoice_id"], rest["invoice_id"]) == (made["id"], None)
    assert more["error_code"] == "REFUND_AMOUNT_EXCEEDED"


async def test_the_same_key_refunds_once(house: House) -> None:
    made = await house.paid()

    first = await house.refund(key="once", invoice_id=made["id"], amount=50_000)
    again = await house.refund(key="once", invoice_id=made["id"], amount=50_000)
    other = await house.refund(status=409, key="once", invoice_id=made["id"], amount=60_000)

    assert first["id"] == again["id"]
    assert other["error_code"] == "IDEMPOTENCY_ERROR"


@pytest.mark.parametrize(
    ("channel", "amount", "status", "code"),
    [
        ("BCA", AMOUNT, 403, "REFUND_NOT_SUPPORTED"),
        ("ALFAMART", AMOUNT, 403, "REFUND_NOT_SUPPORTED"),
        ("LINKAJA", 50_000, 403, "PARTIAL_REFUND_NOT_SUPPORTED"),
        ("LINKAJA", AMOUNT, 200, None),
        ("DANA", AMOUNT + 1, 400, "REFUND_AMOUNT_EXCEEDED"),
        ("CREDIT_CARD", 50_000, 200, None),
    ],
)
async def test_what_may_go_back_depends_on_the_channel(
    house: House, channel: str, amount: int, status: int, code: str | None
) -> None:
    made = await house.paid(channel)

    said = await house.refund(status=status, invoice_id=made["id"], amount=amount)

    assert said.get("error_code") == code


async def test_nothing_goes_back_before_it_came(house: House) -> None:
    made = await house.create()

    refused = await house.refund(status=400, invoice_id=made["id"])
    unknown = await house.refund(status=404, invoice_id="unknown")
    no_refund = await house.call("GET", "/refunds/unknown")

    assert refused["error_code"] == "INELIGIBLE_TRANSACTION_STATUS"
    assert unknown["error_code"] == "DATA_NOT_FOUND"
    assert no_refund.status == 404


@pytest.mark.parametrize(
    "body", [{}, {"invoice_id": "x", "reason": "BORED"}, {"invoice_id": "x", "amount": "all"}]
)
async def test_a_refund_that_cannot_be_read_is_refused(house: House, body: dict[str, Any]) -> None:
    assert (await house.refund(status=400, **body))["error_code"] == "API_VALIDATION_ERROR"


async def test_somebody_at_the_dashboard_gives_money_back(house: House) -> None:
    await house.paid()

    await house.does("refund", amount=1_000)

    (_, told) = await house.told(2)
    assert (told["event"], told["data"]["amount"]) == ("refund.succeeded", 1_000)


async def test_webhooks_of_refunds_may_go_elsewhere(house: House) -> None:
    elsewhere = {"secret_key": house.key, "refund_webhook_url": f"{house.receiver.url}?refunds"}
    await house.control("PUT", "/merchants", elsewhere)
    await house.paid()

    await house.does("refund")

    await house.hears(2)
    shown = await house.control("GET", "/deliveries")
    assert [(one["event"], one["url"].partition("?")[2]) for one in shown] == [
        ("invoice.paid", ""),
        ("refund.succeeded", "refunds"),
    ]
