"""The status API tells how a transaction stands, and says no in its body."""

from typing import Any

import pytest

from tests.simulators.midtrans.house import AMOUNT, ORDER, House, details
from tests.simulators.paying import fixture, shape


async def test_there_is_no_transaction_before_a_method_is_chosen(house: House) -> None:
    await house.create()

    said = await house.status()

    assert shape(said) == shape(fixture("midtrans", "midtrans_api_status_404.json"))
    assert said["status_code"] == "404"


async def test_a_transaction_is_found_by_either_id(house: House) -> None:
    await house.paid("bca_va")

    by_order = await house.status()
    by_id = await house.status(by_order["transaction_id"])

    assert by_order == by_id
    assert shape(by_order) == shape(fixture("midtrans", "midtrans_api_status_settlement.json"))
    assert by_order["status_message"] == "Success, transaction is found"


async def test_http_tells_of_errors_too_where_the_simulator_is_told_so(house: House) -> None:
    await house.control("PUT", "/settings", {"errors_in_body_only": False})

    answer = await house.call("GET", f"/v2/{ORDER}/status")

    assert answer.status == 404
    assert (await answer.json())["status_code"] == "404"


async def test_a_stranger_learns_nothing(house: House) -> None:
    await house.paid()

    answer = await house.call("GET", f"/v2/{ORDER}/status", key="wrong")

    assert answer.status == 401
    assert (await answer.json())["status_code"] == "401"


async def test_what_waits_can_be_cancelled_or_expired(house: House) -> None:
    for order in "AB":
        await house.create(transaction_details=details(order_id=order))
        await house.does("choose", order, method="bca_va")

    cancelled = await house.core("POST", "A/cancel")
    expired = await house.core("POST", "B/expire")

    assert (cancelled["status_code"], cancelled["transaction_status"]) == ("200", "cancel")
    assert shape(expired) == shape(fixture("midtrans", "midtrans_api_expire_407.json"))
    assert (expired["status_code"], expired["transaction_status"]) == ("407", "expire")
    told = [(one["order_id"], one["transaction_status"]) for one in await house.told(4)]
    assert told[2:] == [("A", "cancel"), ("B", "expire")]
    assert (await house.status("B"))["status_code"] == "407"


@pytest.mark.parametrize("what", ["cancel", "expire", "approve", "deny"])
async def test_what_is_paid_stays_paid(house: House, what: str) -> None:
    await house.paid()

    refused = await house.core("POST", f"{ORDER}/{what}")

    assert refused == fixture("midtrans", "midtrans_api_refund_412.json")
    assert (await house.status())["transaction_status"] == "settlement"


async def test_a_captured_card_can_be_voided(house: House) -> None:
    await house.paid("credit_card")

    voided = await house.core("POST", f"{ORDER}/cancel")

    assert (voided["status_code"], voided["transaction_status"]) == ("200", "cancel")


@pytest.mark.parametrize(
    ("what", "status", "fraud"), [("approve", "capture", "accept"), ("deny", "deny", "challenge")]
)
async def test_a_held_card_waits_for_the_shops_word(
    house: House, what: str, status: str, fraud: str
) -> None:
    await house.create()
    await house.does("pay", method="credit_card", is_challenged=True)
    held = await house.status()

    said = await house.core("POST", f"{ORDER}/{what}")

    assert (held["status_code"], held["fraud_status"]) == ("201", "challenge")
    assert (said["status_code"], said["transaction_status"]) == ("200", status)
    assert (await house.told(3))[-1]["transaction_status"] == status
    assert (await house.status())["fraud_status"] == fraud


# -- refunds


async def refund(house: House, path: str = "refund", **body: Any) -> dict[str, Any]:
    return await house.core("POST", f"{ORDER}/{path}", body)


async def test_money_goes_back_in_parts_until_all_is_back(house: House) -> None:
    await house.paid()

    part = await refund(house, refund_key="R-1", amount=50_000, reason="kurang satu")
    rest = await refund(house, "refund/online/direct", refund_key="R-2")

    assert (part["status_code"], part["transaction_status"]) == ("200", "partial_refund")
    assert (part["refund_amount"], part["refund_key"]) == ("50000.00", "R-1")
    assert (rest["transaction_status"], rest["refund_amount"]) == ("refund", "120000.00")
    stands = await house.status()
    assert stands["refund_amount"] == "170000.00"
    assert [one["refund_amount"] for one in stands["refunds"]] == ["50000.00", "120000.00"]


async def test_each_refund_is_told_twice_and_confirmed_the_second_time(house: House) -> None:
    await house.paid()

    await refund(house, refund_key="R-1", amount=50_000)

    told = (await house.told(4))[2:]
    # They leave at the same time here, and may overtake each other.
    first, second = sorted(told, key=lambda one: "bank_confirmed_at" in one["refunds"][0])
    assert "bank_confirmed_at" not in first["refunds"][0]
    assert "bank_confirmed_at" in second["refunds"][0]
    assert first["signature_key"] == second["signature_key"]


async def test_the_banks_word_takes_a_while_by_midtranss_clock(house: House) -> None:
    await house.control("PUT", "/settings", {"refund_confirmed_after_s": 60})
    await house.control("PUT", "/clock", {"pace": 0})
    await house.paid()
    await refund(house, refund_key="R-1")
    await house.quiet()
    before = len(house.receiver.heard)

    await house.control("PUT", "/clock", {"ahead_s": 60})

    assert before == 3
    assert "bank_confirmed_at" in (await house.told(4))[-1]["refunds"][0]


async def test_the_same_key_refunds_once(house: House) -> None:
    await house.paid()

    first = await refund(house, refund_key="R-1", amount=50_000)
    again = await refund(house, refund_key="R-1", amount=50_000)
    other = await refund(house, refund_key="R-1", amount=60_000)

    assert first == again
    assert other["status_code"] == "406"
    assert (await house.status())["refund_amount"] == "50000.00"


@pytest.mark.parametrize(
    ("method", "amount", "code"),
    [
        ("gopay", AMOUNT + 1, "414"),
        ("shopeepay", 50_000, "414"),
        ("shopeepay", AMOUNT, "200"),
        ("other_qris", 50_000, "200"),
        ("bca_va", AMOUNT, "412"),
        ("permata_va", AMOUNT, "412"),
        ("echannel", AMOUNT, "412"),
        ("indomaret", AMOUNT, "412"),
        ("credit_card", AMOUNT, "412"),
    ],
)
async def test_what_may_go_back_depends_on_the_method(
    house: House, method: str, amount: int, code: str
) -> None:
    # A card that is captured and not settled yet is voided, not refunded.
    await house.paid(method)

    assert (await refund(house, refund_key="R", amount=amount))["status_code"] == code


async def test_nothing_goes_back_before_it_came(house: House) -> None:
    await house.create()
    await house.does("choose")

    assert (await refund(house, refund_key="R"))["status_code"] == "412"


@pytest.mark.parametrize(
    "body", [{"refund_key": "R 1"}, {"amount": -1}, {"reason": "x" * 256}, {"amount": "much"}]
)
async def test_a_refund_that_cannot_be_read_is_refused(house: House, body: dict[str, Any]) -> None:
    await house.paid()

    assert (await refund(house, **body))["status_code"] == "400"


async def test_a_bank_may_refuse(house: House) -> None:
    await house.control("PUT", "/settings", {"bank_refuses_refunds": True})
    await house.paid()

    refused = await refund(house, "refund/online/direct", refund_key="R")

    assert refused["status_code"] == "202"
    assert (await house.status())["transaction_status"] == "settlement"


async def test_refund_bodies_that_are_no_json_are_refused(house: House) -> None:
    await house.paid()

    answer = await house.call("POST", f"/v2/{ORDER}/refund", data=b"{")

    assert (await answer.json())["status_code"] == "413"
