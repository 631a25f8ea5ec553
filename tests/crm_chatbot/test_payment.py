"""P17: what a payment comes to depends on the set of what was told, and on nothing else."""

import random
from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from crm_chatbot.domain.payments.payment import (
    GRACE,
    LONGEST_PAUSE,
    Payment,
    Provider,
    fresh_reference,
)
from crm_chatbot.domain.payments.standing import Fact, FactKind, PaymentStatus, standing
from tests.crm_chatbot.builders import NOON
from tests.crm_chatbot.paying import PRICE, a_fact, a_payment

K, S = FactKind, PaymentStatus

FACTS = some.builds(
    Fact,
    transaction=some.sampled_from(["t1", "t2", "t3"]),
    kind=some.sampled_from(FactKind),
    amount=some.sampled_from([PRICE, PRICE - 1, PRICE + 1_190]),
    currency=some.sampled_from(["IDR", "IDR", "USD"]),
    fee=some.sampled_from([0, 0, 1_190]),
    refunded=some.sampled_from([0, 0, 50_000, PRICE]),
)

#: Of one transaction unless said otherwise, and what they come to.
CASES: dict[str, tuple[list[Fact], PaymentStatus | None, tuple[str, ...]]] = {
    "nothing": ([], None, ()),
    "only pending": ([a_fact(K.PENDING)], None, ()),
    "settled": ([a_fact(K.SETTLED)], S.PAID, ()),
    "pending, heard late": ([a_fact(K.SETTLED), a_fact(K.PENDING)], S.PAID, ()),
    "captured, then settled": ([a_fact(K.CAPTURED), a_fact(K.SETTLED)], S.PAID, ()),
    "authorized": ([a_fact(K.AUTHORIZED)], None, ()),
    "under review": ([a_fact(K.REVIEW)], S.HELD, ()),
    "accepted after review": ([a_fact(K.REVIEW), a_fact(K.CAPTURED)], S.PAID, ()),
    "denied after review": ([a_fact(K.REVIEW), a_fact(K.FAILED)], S.PENDING, ()),
    "a try that failed": ([a_fact(K.FAILED)], None, ()),
    "another try that failed": ([a_fact(K.SETTLED), a_fact(K.FAILED, "t2")], S.PAID, ()),
    "denied after money": ([a_fact(K.SETTLED), a_fact(K.FAILED)], S.REVERSED, ()),
    "expired": ([a_fact(K.EXPIRED)], S.EXPIRED, ()),
    "expired after money": ([a_fact(K.SETTLED), a_fact(K.EXPIRED)], S.PAID, ()),
    "cancelled": ([a_fact(K.CANCELLED)], S.CANCELLED, ()),
    "cancelled after settlement": ([a_fact(K.SETTLED), a_fact(K.CANCELLED)], S.PAID, ()),
    "voided": ([a_fact(K.CAPTURED), a_fact(K.CANCELLED)], S.REVERSED, ()),
    "too little": ([a_fact(K.SETTLED, amount=PRICE - 1)], S.ATTENTION, ("amount_differs",)),
    "too much": ([a_fact(K.SETTLED, amount=PRICE + 1)], S.ATTENTION, ("amount_differs",)),
    "a fee on top": ([a_fact(K.SETTLED, amount=PRICE + 1_190, fee=1_190)], S.PAID, ()),
    "dollars": ([a_fact(K.SETTLED, currency="USD")], S.ATTENTION, ("currency_differs",)),
    "paid twice": ([a_fact(K.SETTLED), a_fact(K.SETTLED, "t2")], S.PAID, ("paid_twice",)),
    "one of two taken back": (
        [a_fact(K.SETTLED), a_fact(K.SETTLED, "t2"), a_fact(K.FAILED, "t2")],
        S.PAID,
        ("partly_taken_back",),
    ),
    "partly refunded": ([a_fact(K.REFUNDED, refunded=50_000)], S.PARTLY_REFUNDED, ()),
    "refunded": ([a_fact(K.SETTLED), a_fact(K.REFUNDED, refunded=PRICE)], S.REFUNDED, ()),
    "refunded in two steps": (
        [a_fact(K.REFUNDED, refunded=50_000), a_fact(K.REFUNDED, refunded=PRICE)],
        S.REFUNDED,
        (),
    ),
    "what was too little, refunded": (
        [a_fact(K.REFUNDED, amount=PRICE - 1, refunded=PRICE - 1)],
        S.REFUNDED,
        ("amount_differs",),
    ),
    "charged back": ([a_fact(K.SETTLED), a_fact(K.CHARGED_BACK)], S.CHARGED_BACK, ()),
    "a new word": ([a_fact(K.UNKNOWN)], S.HELD, ("unknown_status",)),
    "a new word after money": ([a_fact(K.SETTLED), a_fact(K.UNKNOWN)], S.PAID, ("unknown_status",)),
}


@pytest.mark.parametrize(("facts", "status", "oddities"), CASES.values(), ids=CASES)
def test_what_was_told_comes_to(
    facts: list[Fact], status: PaymentStatus | None, oddities: tuple[str, ...]
) -> None:
    found = standing(facts, amount=PRICE, currency="IDR")

    assert (found and found.status) == status
    assert (found.oddities if found else ()) == oddities


def learnt(facts: list[Fact]) -> Payment:
    payment = a_payment(status=S.PENDING)
    for fact in facts:
        payment.learn([fact], NOON)
    return payment


def summary(payment: Payment) -> tuple[object, ...]:
    return payment.status, payment.paid_amount, payment.refunded_amount, payment.standing


@given(some.lists(FACTS, max_size=6), some.randoms(use_true_random=False))
def test_neither_order_nor_repetition_changes_what_it_comes_to(
    facts: list[Fact], rng: random.Random
) -> None:
    shuffled = [*facts, *facts]
    rng.shuffle(shuffled)

    at_once = a_payment(status=S.PENDING)
    at_once.learn(facts, NOON)

    assert summary(learnt(shuffled)) == summary(learnt(facts)) == summary(at_once)


@given(some.lists(FACTS, max_size=6))
def test_once_money_came_it_is_never_waited_for_again(facts: list[Fact]) -> None:
    payment = learnt([a_fact(K.SETTLED, "t1"), *facts])

    assert payment.is_received


def test_all_orders_of_six_events_come_to_the_same() -> None:
    """{pending, settlement, settlement again, expire, cancel, and a deny of another try}."""
    told = [
        *(a_fact(K.PENDING), a_fact(K.SETTLED), a_fact(K.SETTLED)),
        *(a_fact(K.EXPIRED), a_fact(K.CANCELLED), a_fact(K.FAILED, "t2")),
    ]

    ends = {summary(learnt([*order])) for order in permutations(told)}

    assert len(ends) == 1
    assert ends.pop()[0] is S.PAID


def test_what_is_learnt_twice_is_no_news() -> None:
    payment = a_payment(status=S.PENDING)

    first = payment.learn([a_fact(K.SETTLED)], NOON)
    again = payment.learn([a_fact(K.SETTLED)], NOON)
    later = payment.learn([a_fact(K.EXPIRED)], NOON)
    twice = payment.learn([a_fact(K.SETTLED, "t2")], NOON)

    assert first is not None
    assert first.has_moved
    assert again is later is None
    assert twice is not None
    assert (twice.has_moved, twice.news) == (False, ("paid_twice",))


def test_what_somebody_ended_does_not_begin_again_by_itself() -> None:
    payment = a_payment(status=S.PENDING)
    assert payment.expire(NOON)
    assert not payment.cancel(NOON)

    payment.learn([a_fact(K.PENDING)], NOON)
    payment.learn([a_fact(K.FAILED, "t2")], NOON)

    assert not payment.is_live
    assert not payment.is_received
    assert payment.learn([a_fact(K.SETTLED)], NOON)
    assert payment.status is S.PAID


def test_a_payment_that_waits_is_looked_at_ever_more_rarely_and_at_its_end() -> None:
    payment = a_payment(status=S.PENDING, expires_at=NOON + timedelta(hours=1))
    looks: list[float] = []
    now = NOON
    while not payment.is_overdue(now):
        payment.checks += 1
        payment.rest(now)
        assert payment.check_at is not None
        assert timedelta(0) < payment.check_at - now <= LONGEST_PAUSE
        now = payment.check_at
        looks.append((now - NOON).total_seconds())

    assert looks[:4] == [15, 45, 105, 225]
    assert looks[-1] == (timedelta(hours=1) + GRACE).total_seconds()


def test_what_was_paid_is_looked_at_some_more_times_and_then_left_alone() -> None:
    payment = learnt([a_fact(K.SETTLED)])
    looks: list[float] = []
    now = NOON
    while True:
        payment.rest(now)
        if payment.check_at is None:
            break
        now = payment.check_at
        looks.append((now - NOON).total_seconds() / 3_600)

    assert looks == [0.1, 1, 6, 25]


def test_a_manual_transfer_is_only_looked_at_when_its_time_is_over() -> None:
    payment = a_payment(Provider.MANUAL, status=S.PENDING)

    payment.rest(NOON)

    assert payment.check_at == payment.expires_at + GRACE


def test_a_reference_can_be_read_and_not_guessed() -> None:
    found = {fresh_reference("ORD-1001", 2) for _ in range(100)}

    assert len(found) == 100
    assert all(one.startswith("ORD-1001-") and one.endswith("-A2") for one in found)
    assert fresh_reference("Ünsäglich/..?#" * 9, 1)[:5] == "nsgli"
    assert len(fresh_reference("X" * 99, 1_000)) <= 50
