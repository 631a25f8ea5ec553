"""An order by itself: what it costs, what may be changed when, and where it may go from where."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.domain.catalog.product import VariantId
from crm_chatbot.domain.conversations.message import MessageId
from crm_chatbot.domain.orders.order import (
    MOST_LINES,
    MOST_OF_A_LINE,
    MOVES,
    SUMMARY_HOLDS,
    BadQuantity,
    Delivery,
    Discount,
    IllegalTransition,
    NothingToPay,
    NotInOrder,
    Order,
    OrderIsEmpty,
    OrderNotOpen,
    OrderRejected,
    OrderStatus,
    QuantityLimit,
)
from tests.crm_chatbot.builders import LATER, NOON
from tests.crm_chatbot.deals import ADDRESS, a_line, an_order

_S = OrderStatus
HOUR = timedelta(hours=1)


def off(amount: int) -> Discount:
    return Discount(rule_id=uuid7(), name="Promo", amount=amount)


def test_a_total_is_made_of_captured_prices_rules_and_a_fee() -> None:
    order = an_order(None, a_line(quantity=2), a_line(quantity=3, unit_price=7_000))
    assert (order.subtotal, order.total, order.pieces) == (191_000, 191_000, 5)

    order.reprice(order.lines, (off(1_000), off(500)), NOON)
    order.deliver_to(ADDRESS, NOON)
    assert order.total == 191_000 - 1_500 + 15_000

    order.reprice(order.lines, (off(1_000_000),), NOON)
    assert order.total == 15_000


@pytest.mark.parametrize("quantity", [0, -3, MOST_OF_A_LINE + 1, 10**9])
def test_no_line_has_an_absurd_quantity(quantity: int) -> None:
    order = an_order()

    with pytest.raises(BadQuantity):
        order.put(a_line(quantity=quantity), NOON)
    assert order.lines == ()


def test_to_put_is_to_say_how_many_there_are() -> None:
    order, line, other = an_order(), a_line(quantity=2), a_line()
    for one in (line, other, a_line(variant_id=line.variant_id, quantity=5)):
        order.put(one, LATER)

    assert [one.quantity for one in order.lines] == [5, 1]
    assert order.updated_at == LATER
    order.remove(line.variant_id, LATER)
    assert order.lines == (other,)
    with pytest.raises(NotInOrder):
        order.remove(line.variant_id, LATER)


def test_no_order_holds_more_than_a_person_would_talk_about() -> None:
    order = an_order()
    for _ in range(5):
        order.put(a_line(quantity=100), NOON)
    with pytest.raises(QuantityLimit):
        order.put(a_line(), NOON)

    order = an_order()
    for _ in range(MOST_LINES):
        order.put(a_line(), NOON)
    with pytest.raises(QuantityLimit):
        order.put(a_line(), NOON)


def shown(order: Order) -> Order:
    order.show(MessageId(uuid7()), 7, NOON)
    return order


def test_a_summary_waits_for_a_yes_for_half_an_hour() -> None:
    order = shown(an_order(None, a_line()))

    assert order.awaits_yes_after(NOON) == 7
    assert order.awaits_yes_after(NOON + SUMMARY_HOLDS - timedelta(seconds=1)) == 7
    assert order.awaits_yes_after(NOON + SUMMARY_HOLDS) is None


CHANGES: dict[str, Callable[[Order], object]] = {
    "another line": lambda order: order.put(a_line(), NOON),
    "fewer": lambda order: order.remove(order.lines[0].variant_id, NOON),
    "a place": lambda order: order.deliver_to(ADDRESS, NOON),
    "a price": lambda order: order.reprice(
        [a_line(variant_id=order.lines[0].variant_id, unit_price=1)], (), NOON
    ),
    "a discount": lambda order: order.reprice(order.lines, (off(1),), NOON),
    "a fee": lambda order: order.reprice(order.lines, (), NOON, delivery=ADDRESS),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_any_change_voids_the_summary(change: Callable[[Order], object]) -> None:
    order = shown(an_order(None, a_line(quantity=2), a_line()))
    change(order)

    assert order.awaits_yes_after(NOON) is None
    assert order.summary is None


def test_a_summary_is_of_the_order_that_it_showed() -> None:
    order = shown(an_order(None, a_line()))
    order.lines = (a_line(unit_price=1),)

    assert order.awaits_yes_after(NOON) is None


def test_what_is_priced_the_same_is_still_agreed_to() -> None:
    order = shown(an_order(None, a_line()))
    order.reprice(order.lines, (), LATER)

    assert order.awaits_yes_after(NOON) == 7


def test_nothing_is_shown_that_nobody_could_pay() -> None:
    with pytest.raises(OrderIsEmpty):
        shown(an_order())
    with pytest.raises(NothingToPay):
        shown(an_order(None, a_line(), discounts=(off(85_000),)))


def test_an_order_is_confirmed_for_a_time_and_may_be_opened_again() -> None:
    order = shown(an_order(None, a_line()))
    order.confirm(LATER, reserved_for=HOUR)

    assert (order.status, order.reservation) == (_S.AWAITING_PAYMENT, 1)
    assert (order.confirmed_at, order.expires_at) == (LATER, LATER + HOUR)
    assert order.summary is None

    order.reopen(LATER)
    assert (order.status, order.expires_at, order.confirmed_at) == (_S.DRAFT, None, None)
    order.confirm(LATER, reserved_for=HOUR)
    assert order.reservation == 2


def test_an_empty_order_is_not_confirmed() -> None:
    with pytest.raises(OrderIsEmpty):
        an_order().confirm(NOON, reserved_for=HOUR)


@pytest.mark.parametrize("status", set(_S) - {_S.DRAFT})
def test_only_a_cart_is_changed(status: OrderStatus) -> None:
    order = an_order(None, a_line(), status=status)
    acts: list[Callable[[], Any]] = [
        lambda: order.put(a_line(), NOON),
        lambda: order.remove(VariantId(uuid7()), NOON),
        lambda: order.deliver_to(ADDRESS, NOON),
        lambda: order.reprice((), (), NOON),
        lambda: order.promise("HEMAT", NOON),
        lambda: shown(order),
    ]
    for act in acts:
        with pytest.raises(OrderNotOpen):
            act()


@pytest.mark.parametrize("wanted", _S)
@pytest.mark.parametrize("status", _S)
def test_an_order_goes_where_it_may_and_nowhere_else(
    status: OrderStatus, wanted: OrderStatus
) -> None:
    order = an_order(None, a_line(), status=status)

    if wanted in MOVES[status]:
        order.become(wanted, LATER)
        assert (order.status, order.updated_at) == (wanted, LATER)
    else:
        with pytest.raises(IllegalTransition):
            order.become(wanted, LATER)
        assert (order.status, order.updated_at) == (status, NOON)


def test_money_that_came_is_never_undone_by_a_clock_or_a_customer() -> None:
    assert set(MOVES) == set(_S)
    assert not MOVES[_S.PAID] & {_S.EXPIRED, _S.CANCELLED, _S.DRAFT, _S.AWAITING_PAYMENT}
    assert not MOVES[_S.FULFILLED] - {_S.REFUNDED}
    assert all(_S.PAID_ATTENTION in MOVES[one] for one in (_S.DRAFT, _S.EXPIRED, _S.CANCELLED))


def test_a_paid_order_may_go_elsewhere_for_the_same_fee() -> None:
    order = an_order(None, a_line(), status=_S.PAID, delivery=ADDRESS)
    before = order.total
    order.readdress(Delivery(address="Jl. Jauh 9", zone="Papua", fee=99_000), LATER)

    assert order.total == before
    assert order.delivery is not None
    assert (order.delivery.address, order.delivery.zone) == ("Jl. Jauh 9", ADDRESS.zone)


@pytest.mark.parametrize("status", [_S.FULFILLED, _S.EXPIRED, _S.CANCELLED, _S.REFUNDED])
def test_what_is_over_goes_nowhere_else(status: OrderStatus) -> None:
    with pytest.raises(OrderNotOpen):
        an_order(None, a_line(), status=status).readdress(ADDRESS, LATER)


@pytest.mark.parametrize("address", ["", "  \n ", "x" * 501])
def test_an_address_says_something(address: str) -> None:
    with pytest.raises(OrderRejected):
        Delivery(address=address, zone="", fee=0)


def test_a_note_is_short() -> None:
    order = an_order()
    order.annotate("Tanpa gula", LATER)

    with pytest.raises(OrderRejected):
        order.annotate("x" * 1_001, LATER)
    assert order.note == "Tanpa gula"
