"""Transactions move as Midtrans lets them, and by its own clock."""

import itertools
from datetime import datetime, timedelta, timezone

import pytest

from simulators.midtrans.transactions import MOVES
from tests.simulators.midtrans.house import ORDER, House

STATES = sorted({"pending", *MOVES, *itertools.chain.from_iterable(MOVES.values())})
#: how to get into a state from pending
WAYS: dict[str, list[str]] = {
    "pending": [],
    "settlement": ["settlement"],
    "refund": ["settlement"],
    "partial_refund": ["settlement"],
    "chargeback": ["settlement", "chargeback"],
    "partial_chargeback": ["settlement", "partial_chargeback"],
}
#: the moves that the reference names, refunds apart, which are no bare moves
ALLOWED = {
    "pending": {"settlement", "expire", "cancel", "deny", "capture", "authorize", "failure"},
    "capture": {"settlement", "cancel"},
    "authorize": {"capture", "deny", "cancel", "expire"},
    "settlement": {"chargeback", "partial_chargeback", "deny"},
    "partial_chargeback": {"chargeback"},
}
TARGETS = sorted(set(itertools.chain.from_iterable(ALLOWED.values())))


@pytest.mark.parametrize("state", STATES)
async def test_only_the_moves_of_midtrans_are_possible(house: House, state: str) -> None:
    for target in TARGETS:
        house.midtrans.orders.clear()
        await house.create()
        await house.does("choose")
        for step in WAYS.get(state, [state]):
            await house.does("move", to=step)
        if "refund" in state:
            await house.does("refund", amount=1_000 if state == "partial_refund" else None)

        answer = await house.refused_control("POST", f"/orders/{ORDER}/move", {"to": target})

        allowed = target in ALLOWED.get(state, set())
        assert answer.status == (200 if allowed else 409), target
        assert (await house.status())["transaction_status"] == (target if allowed else state)


async def test_a_test_may_force_what_should_not_happen(house: House) -> None:
    await house.create()
    await house.does("choose")
    await house.does("move", to="expire")

    await house.does("pay", force=True)

    assert [one["transaction_status"] for one in await house.told(3)][1:] == [
        "expire",
        "settlement",
    ]


async def test_a_payment_expires_by_the_clock(house: House) -> None:
    await house.create()
    await house.does("choose", method="gopay")

    await house.control("PUT", "/clock", {"ahead_s": 14 * 60})
    still = await house.status()
    await house.control("PUT", "/clock", {"ahead_s": 60})

    assert still["transaction_status"] == "pending"
    assert (await house.told(2))[1]["transaction_status"] == "expire"


async def test_time_may_pass_faster(house: House) -> None:
    await house.control("PUT", "/clock", {"pace": 100_000})
    await house.create()
    await house.does("choose", method="gopay")

    assert (await house.told(2))[1]["transaction_status"] == "expire"


async def test_what_was_paid_does_not_expire(house: House) -> None:
    await house.paid()

    await house.control("PUT", "/clock", {"ahead_s": 10 * 86_400})

    assert (await house.status())["transaction_status"] == "settlement"


async def test_an_expiry_counts_from_its_start_or_from_when_a_method_is_chosen(
    house: House,
) -> None:
    await house.control("PUT", "/clock", {"pace": 0, "now": "2026-01-27T08:10:00Z"})
    from_start = {"start_time": "2026-01-27 15:10:00 +0700", "unit": "hour", "duration": 2}

    await house.create(expiry=from_start)
    await house.control("PUT", "/clock", {"ahead_s": 3_600})
    await house.does("choose")
    by_start = await house.status()
    house.midtrans.orders.clear()
    await house.create(expiry={"unit": "minutes", "duration": 30})
    await house.does("choose")
    by_choice = await house.status()

    assert by_start["expiry_time"] == "2026-01-27 17:10:00"
    assert by_choice["expiry_time"] == "2026-01-27 16:40:00"


async def test_a_page_closes_and_nobody_is_told(house: House) -> None:
    url = (await house.create(page_expiry={"unit": "minutes", "duration": 5}))["redirect_url"]

    await house.control("PUT", "/clock", {"ahead_s": 300})

    page = await (await house.page(url)).text()
    refused = await house.refused_control("POST", f"/orders/{ORDER}/pay")
    assert "tidak berlaku lagi" in page
    assert refused.status == 409
    assert (await house.status())["status_code"] == "404"
    assert house.receiver.heard == []


async def test_cards_are_settled_on_the_next_afternoon(house: House) -> None:
    await house.control("PUT", "/clock", {"pace": 0, "now": "2026-01-27T08:10:00Z"})
    await house.paid("credit_card")
    jakarta = timezone(timedelta(hours=7))

    just_before = datetime(2026, 1, 28, 15, 59, 59, tzinfo=jakarta)
    await house.control("PUT", "/clock", {"now": just_before.isoformat()})
    captured = await house.status()
    await house.control("PUT", "/clock", {"ahead_s": 1})

    assert captured["transaction_status"] == "capture"
    assert (await house.told(3))[-1]["transaction_status"] == "settlement"


async def test_who_failed_may_try_another_way_in_the_same_session(house: House) -> None:
    await house.create()
    await house.does("choose", method="credit_card")
    await house.does("move", to="deny")

    await house.does("choose", method="gopay")
    await house.does("pay")

    told = [(one["payment_type"], one["transaction_status"]) for one in await house.told(4)]
    assert told == [
        ("credit_card", "pending"),
        ("credit_card", "deny"),
        ("gopay", "pending"),
        ("gopay", "settlement"),
    ]
    assert len({one["transaction_id"] for one in await house.told(4)}) == 2
