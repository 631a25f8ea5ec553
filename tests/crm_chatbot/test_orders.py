"""The life of an order: what each move does to stock, events, conversation and concerns."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.application.orders import lifecycle, settlement
from crm_chatbot.application.orders.pricing import priced
from crm_chatbot.application.ports import Work
from crm_chatbot.domain.catalog.product import Variant
from crm_chatbot.domain.catalog.stock import MovementKind
from crm_chatbot.domain.conversations.conversation import ConversationState
from crm_chatbot.domain.customers.customer import Customer
from crm_chatbot.domain.orders.delivery import DeliveryTerms
from crm_chatbot.domain.orders.order import (
    MOST_CONFIRMED_A_DAY,
    MOST_ORDERS_A_DAY,
    MOST_UNPAID,
    AddressMissing,
    IllegalTransition,
    NothingToPay,
    Order,
    OrderChanged,
    OrderId,
    OrderIsEmpty,
    OrderStatus,
    TooManyOrders,
    TooManyUnpaid,
)
from crm_chatbot.domain.orders.reservation import OutOfStock
from tests.crm_chatbot.builders import LATER, NOON, TENANT
from tests.crm_chatbot.deals import a_line, a_rule, open_shop, placed
from tests.crm_chatbot.stores import Crm

_S, _C = OrderStatus, ConversationState
HOUR = timedelta(hours=1)
EXPIRED = NOON + 2 * HOUR
PAYMENT, OTHER_PAYMENT = UUID(int=1), UUID(int=2)


class Shop:
    """A shop with one customer, one ware of which there are five, and an order of two of them."""

    def __init__(self, crm: Crm, customer: Customer, variant: Variant, order: Order) -> None:
        self.crm = crm
        self.customer = customer
        self.variant = variant
        self.order = order

    async def act(self, act: Callable[[Work, Order], Awaitable[Any]]) -> Order:
        """In a transaction of its own, on the order as it is stored."""
        async with self.crm.open_work(TENANT) as work:
            order = await lifecycle.locked(work, self.order.id)
            await act(work, order)
        async with self.crm.open_work(TENANT) as work:
            return await work.orders.get(self.order.id)

    async def confirm(self, now: datetime = NOON) -> Order:
        async def act(work: Work, order: Order) -> None:
            tenant = await work.tenants.get(TENANT)
            await lifecycle.confirm(work, tenant, order, now=now, actor="customer")

        return await self.act(act)

    async def pay(self, payment_id: UUID = PAYMENT, now: datetime = LATER) -> Order:
        return await self.act(
            lambda work, order: settlement.paid(work, order, now=now, payment_id=payment_id)
        )

    async def expire(self, now: datetime = EXPIRED) -> Order:
        return await self.act(lambda work, order: lifecycle.expire(work, order, now=now))

    async def cancel(self) -> Order:
        return await self.act(
            lambda work, order: lifecycle.cancel(
                work, order, now=LATER, actor="ani", reason="Batal"
            )
        )

    async def reopen(self) -> Order:
        return await self.act(
            lambda work, order: lifecycle.reopen(work, order, now=LATER, actor="bot")
        )

    async def fulfil(self) -> Order:
        return await self.act(
            lambda work, order: lifecycle.fulfil(work, order, now=LATER, actor="ani")
        )

    async def refund(self) -> Order:
        return await self.act(
            lambda work, order: settlement.refunded(work, order, now=LATER, payment_id=PAYMENT)
        )

    async def accept(self) -> Order:
        return await self.act(
            lambda work, order: settlement.accept(work, order, now=LATER, actor="ani", reason="Ok")
        )

    async def sell_elsewhere(self, quantity: int) -> None:
        async with self.crm.open_work(TENANT) as work:
            kind = MovementKind.LOST
            await work.stock.adjust(self.variant.id, -quantity, kind=kind, reason=None, actor="ani")

    async def stock(self) -> tuple[int, int]:
        """On hand, and reserved."""
        async with self.crm.open_work(TENANT) as work:
            found = (await work.products.variant(self.variant.id)).variant
        return found.on_hand, found.reserved

    async def events(self) -> list[str]:
        async with self.crm.open_work(TENANT) as work:
            return [event.what for event in await work.orders.events(self.order.id)][1:]

    async def concerns(self) -> list[tuple[str, UUID | None]]:
        async with self.crm.open_work(TENANT) as work:
            found = await work.concerns.page(is_settled=None, before=None, limit=9)
        return [(one.code, one.payment_id) for one in found]

    async def state(self) -> ConversationState:
        async with self.crm.open_work(TENANT) as work:
            conversation = await work.conversations.lock_of(self.customer.id)
        assert conversation is not None
        return conversation.state


@pytest.fixture
async def shop(crm: Crm) -> Shop:
    async with crm.open_work(TENANT) as work:
        customer, [variant] = await open_shop(work, 5)
        order = await placed(work, customer, a_line(variant, quantity=2))
    return Shop(crm, customer, variant, order)


# -- beginning


async def test_a_cart_is_begun_with_a_number_and_noted(shop: Shop) -> None:
    async with shop.crm.open_work(TENANT) as work:
        tenant = await work.tenants.get(TENANT)
        order = await lifecycle.begin(
            work, tenant, shop.customer.id, order_id=OrderId(uuid7()), now=NOON
        )
        await lifecycle.filled(work, order, now=NOON, actor="bot")
        assert await shop_state(work, shop) is not _C.ORDERING
        order.put(a_line(shop.variant), NOON)
        await lifecycle.filled(work, order, now=NOON, actor="bot")
        conversation = await work.conversations.lock_of(shop.customer.id)

    assert (order.number, order.status, order.currency.code) == ("ORD-1001", _S.DRAFT, "IDR")
    assert conversation is not None
    assert conversation.state is _C.ORDERING
    told = [step.what for step in await shop.crm.timeline(TENANT, conversation.id)]
    assert told == [
        *("order.created", "order.changed", "order.changed", "conversation.state_changed")
    ]


async def shop_state(work: Work, shop: Shop) -> ConversationState | None:
    conversation = await work.conversations.lock_of(shop.customer.id)
    return conversation.state if conversation else None


async def test_nobody_begins_orders_without_end(shop: Shop) -> None:
    async with shop.crm.open_work(TENANT) as work:
        tenant = await work.tenants.get(TENANT)

        async def begin(now: datetime) -> Order:
            return await lifecycle.begin(
                work, tenant, shop.customer.id, order_id=OrderId(uuid7()), now=now
            )

        for _ in range(MOST_ORDERS_A_DAY - 1):
            await begin(NOON)
        with pytest.raises(TooManyOrders):
            await begin(NOON + timedelta(hours=23))
        await begin(NOON + timedelta(hours=25))


# -- confirming


async def test_a_confirmed_order_holds_its_stock_for_as_long_as_the_shop_says(shop: Shop) -> None:
    order = await shop.confirm()

    assert (order.status, order.reservation) == (_S.AWAITING_PAYMENT, 1)
    assert order.expires_at == NOON + HOUR
    assert await shop.stock() == (5, 2)
    assert await shop.events() == ["order.confirmed"]


async def test_confirming_moves_the_conversation_to_payment(shop: Shop) -> None:
    await shop.act(lambda work, order: lifecycle.filled(work, order, now=NOON, actor="bot"))
    assert await shop.state() is _C.ORDERING
    await shop.act(lambda work, order: lifecycle.shown(work, order, now=NOON, actor="bot"))
    assert await shop.state() is _C.CHECKOUT
    await shop.confirm()
    assert await shop.state() is _C.PAYMENT
    await shop.pay()
    assert await shop.state() is _C.COMPLETED


async def test_what_costs_otherwise_than_was_shown_is_not_confirmed(shop: Shop) -> None:
    async with shop.crm.open_work(TENANT) as work:
        await work.discounts.add(a_rule())

    with pytest.raises(OrderChanged):
        await shop.confirm()
    assert await shop.stock() == (5, 0)


async def test_what_is_not_there_is_not_confirmed(shop: Shop) -> None:
    await shop.sell_elsewhere(4)

    with pytest.raises(OutOfStock) as refusal:
        await shop.confirm()
    assert refusal.value.facts["available"] == 1
    async with shop.crm.open_work(TENANT) as work:
        assert (await work.orders.get(shop.order.id)).status is _S.DRAFT


async def test_who_delivers_has_to_know_where_to(shop: Shop) -> None:
    async with shop.crm.open_work(TENANT) as work:
        await work.delivery.put(DeliveryTerms(default_fee=10_000))
    with pytest.raises(AddressMissing):
        await shop.confirm()

    async def address(work: Work, order: Order) -> None:
        order.deliver_to((await work.delivery.get()).to("Jl. Contoh 1"), NOON)
        await lifecycle.filled(work, order, now=NOON, actor="bot")

    await shop.act(address)
    assert (await shop.confirm()).total == 180_000


async def test_nothing_and_what_costs_nothing_is_not_confirmed(shop: Shop) -> None:
    async with shop.crm.open_work(TENANT) as work:
        tenant = await work.tenants.get(TENANT)
        empty = await placed(work, shop.customer)
        with pytest.raises(OrderIsEmpty):
            await lifecycle.confirm(work, tenant, empty, now=NOON, actor="bot")
        await work.discounts.add(a_rule(percent=100))
    await shop.act(reprice)
    with pytest.raises(NothingToPay):
        await shop.confirm()


async def reprice(work: Work, order: Order) -> None:
    await priced(work, order, NOON)
    await lifecycle.filled(work, order, now=NOON, actor="bot")


async def test_nobody_holds_stock_by_confirming_again_and_again(shop: Shop) -> None:
    async def reopen(work: Work, order: Order) -> None:
        await lifecycle.reopen(work, order, now=NOON, actor="bot")

    for _ in range(MOST_CONFIRMED_A_DAY):
        await shop.confirm()
        await shop.act(reopen)

    with pytest.raises(TooManyOrders) as refusal:
        await shop.confirm(NOON + 23 * HOUR)
    assert refusal.value.code == "too_many_orders"
    assert await shop.stock() == (5, 0)
    assert (await shop.confirm(NOON + 25 * HOUR)).status is _S.AWAITING_PAYMENT


async def test_nobody_holds_stock_in_ever_more_orders(shop: Shop) -> None:
    async with shop.crm.open_work(TENANT) as work:
        tenant = await work.tenants.get(TENANT)
        for _ in range(MOST_UNPAID):
            order = await placed(work, shop.customer, a_line(shop.variant))
            await lifecycle.confirm(work, tenant, order, now=NOON, actor="bot")
    with pytest.raises(TooManyUnpaid):
        await shop.confirm()


async def test_nothing_is_confirmed_twice(shop: Shop) -> None:
    await shop.confirm()

    with pytest.raises(IllegalTransition):
        await shop.act(lambda work, order: lifecycle.fulfil(work, order, now=LATER, actor="ani"))
    assert await shop.stock() == (5, 2)


# -- paying


async def test_what_is_paid_is_sold(shop: Shop) -> None:
    await shop.confirm()
    order = await shop.pay()

    assert (order.status, order.paid_at, order.paid_by) == (_S.PAID, LATER, PAYMENT)
    assert await shop.stock() == (3, 0)
    assert await shop.concerns() == []
    assert await shop.events() == ["order.confirmed", "order.paid"]


async def test_the_same_payment_pays_once(shop: Shop) -> None:
    await shop.confirm()
    await shop.pay()
    await shop.pay()

    assert await shop.stock() == (3, 0)
    assert await shop.concerns() == []
    assert await shop.events() == ["order.confirmed", "order.paid"]


async def test_who_pays_late_gets_what_is_still_there(shop: Shop) -> None:
    await shop.confirm()
    expired = await shop.expire()
    assert expired.status is _S.EXPIRED
    assert await shop.stock() == (5, 0)

    order = await shop.pay(now=EXPIRED)
    assert (order.status, order.reservation) == (_S.PAID, 2)
    assert await shop.stock() == (3, 0)
    assert await shop.concerns() == []


async def test_who_pays_too_late_for_what_is_gone_is_looked_after_by_a_person(shop: Shop) -> None:
    await shop.confirm()
    await shop.expire()
    await shop.sell_elsewhere(4)
    for _ in range(2):
        order = await shop.pay(now=EXPIRED)

        assert order.status is _S.PAID_ATTENTION
        assert await shop.stock() == (1, 0)
        assert await shop.concerns() == [("paid_without_stock", PAYMENT)]

    with pytest.raises(OutOfStock):
        await shop.accept()
    async with shop.crm.open_work(TENANT) as work:
        kind = MovementKind.RECEIVED
        await work.stock.adjust(shop.variant.id, 9, kind=kind, reason=None, actor="ani")
    assert (await shop.accept()).status is _S.PAID
    assert await shop.stock() == (8, 0)


async def test_money_for_what_was_cancelled_is_not_lost(shop: Shop) -> None:
    await shop.confirm()
    await shop.cancel()
    order = await shop.pay()

    assert order.status is _S.PAID_ATTENTION
    assert await shop.stock() == (5, 0)
    assert await shop.concerns() == [("paid_after_cancellation", PAYMENT)]
    assert (await shop.cancel()).status is _S.CANCELLED
    assert await shop.stock() == (5, 0)


async def test_money_for_what_is_being_changed_is_not_lost(shop: Shop) -> None:
    await shop.confirm()
    await shop.reopen()
    order = await shop.pay()

    assert order.status is _S.PAID_ATTENTION
    assert await shop.concerns() == [("paid_old_total", PAYMENT)]
    assert await shop.stock() == (5, 0)
    assert (await shop.accept()).status is _S.PAID
    assert await shop.stock() == (3, 0)


@pytest.mark.parametrize("is_delivered", [False, True])
async def test_money_that_comes_twice_is_not_lost(shop: Shop, is_delivered: bool) -> None:
    await shop.confirm()
    await shop.pay()
    if is_delivered:
        await shop.fulfil()
    order = await shop.pay(OTHER_PAYMENT)

    assert order.status is (_S.FULFILLED if is_delivered else _S.PAID_ATTENTION)
    assert order.paid_by == PAYMENT
    assert await shop.concerns() == [("paid_twice", OTHER_PAYMENT)]
    assert await shop.stock() == (3, 0)


async def test_what_is_odd_about_money_is_asked_once(shop: Shop) -> None:
    await shop.confirm()

    async def doubt() -> Order:
        return await shop.act(
            lambda work, order: settlement.question(
                work, order, "amount_differs", now=LATER, payment_id=PAYMENT, facts={"paid": 1}
            )
        )

    assert (await doubt()).status is _S.PAID_ATTENTION
    assert vars(await doubt()) == vars(await doubt())
    assert await shop.concerns() == [("amount_differs", PAYMENT)]
    assert await shop.events() == ["order.confirmed", "order.questioned"]
    assert await shop.stock() == (5, 2)
    assert (await shop.accept()).status is _S.PAID
    assert await shop.stock() == (3, 0)


async def test_what_is_questioned_and_then_cancelled_holds_nothing(shop: Shop) -> None:
    await shop.confirm()
    await shop.act(
        lambda work, order: settlement.question(
            work, order, "amount_differs", now=LATER, payment_id=PAYMENT
        )
    )
    await shop.cancel()

    assert await shop.stock() == (5, 0)


# -- running out, cancelling, opening again


async def test_only_what_waits_and_is_over_expires(shop: Shop) -> None:
    await shop.expire()
    await shop.confirm()
    await shop.expire(NOON + HOUR - timedelta(seconds=1))
    assert await shop.events() == ["order.confirmed"]

    for _ in range(2):
        assert (await shop.expire(NOON + HOUR)).status is _S.EXPIRED
    assert await shop.stock() == (5, 0)
    assert await shop.events() == ["order.confirmed", "order.expired"]


async def test_what_is_paid_neither_expires_nor_is_cancelled(shop: Shop) -> None:
    await shop.confirm()
    await shop.pay()

    assert (await shop.expire()).status is _S.PAID
    with pytest.raises(IllegalTransition):
        await shop.cancel()
    with pytest.raises(IllegalTransition):
        await shop.reopen()
    assert await shop.stock() == (3, 0)


@pytest.mark.parametrize("is_confirmed", [False, True])
async def test_what_is_cancelled_holds_nothing(shop: Shop, is_confirmed: bool) -> None:
    if is_confirmed:
        await shop.confirm()
    for _ in range(2):
        assert (await shop.cancel()).status is _S.CANCELLED
        assert await shop.stock() == (5, 0)

    assert (await shop.events())[-1:] == ["order.cancelled"]
    assert (await shop.events()).count("order.cancelled") == 1


@pytest.mark.parametrize("is_expired", [False, True])
async def test_an_order_that_is_opened_again_holds_nothing_until_it_is_confirmed_anew(
    shop: Shop, is_expired: bool
) -> None:
    await shop.confirm()
    if is_expired:
        await shop.expire()
    order = await shop.reopen()
    assert (order.status, order.expires_at) == (_S.DRAFT, None)
    assert await shop.stock() == (5, 0)
    assert await shop.state() is _C.ORDERING

    assert (await shop.confirm()).reservation == 2
    assert await shop.stock() == (5, 2)


async def test_a_reason_is_written_down_for_colleagues_and_not_in_the_timeline(shop: Shop) -> None:
    await shop.cancel()
    async with shop.crm.open_work(TENANT) as work:
        event = (await work.orders.events(shop.order.id))[-1]
        conversation = await work.conversations.lock_of(shop.customer.id)

    assert (event.actor, event.facts) == ("ani", {"reason": "Batal"})
    assert conversation is not None
    steps = await shop.crm.timeline(TENANT, conversation.id)
    assert [step.facts.get("reason") for step in steps if step.what == "order.cancelled"] == [None]


# -- money that goes back


async def test_what_is_refunded_is_in_the_shop_again_once(shop: Shop) -> None:
    await shop.confirm()
    await shop.pay()
    for _ in range(2):
        assert (await shop.refund()).status is _S.REFUNDED
        assert await shop.stock() == (5, 0)
    assert await shop.concerns() == []


async def test_what_was_delivered_does_not_come_back_by_itself(shop: Shop) -> None:
    await shop.confirm()
    await shop.pay()
    for _ in range(2):
        assert (await shop.fulfil()).status is _S.FULFILLED
    assert (await shop.refund()).status is _S.REFUNDED

    assert await shop.stock() == (3, 0)
    assert await shop.concerns() == [("refunded_after_delivery", PAYMENT)]


async def test_what_was_never_paid_is_not_refunded(shop: Shop) -> None:
    await shop.confirm()

    with pytest.raises(IllegalTransition):
        await shop.refund()
    assert await shop.stock() == (5, 2)


async def test_what_was_questioned_may_be_refunded(shop: Shop) -> None:
    await shop.confirm()
    await shop.pay()
    await shop.pay(OTHER_PAYMENT)
    await shop.refund()

    assert await shop.stock() == (5, 0)


async def test_a_person_accepts_only_what_was_questioned(shop: Shop) -> None:
    await shop.confirm()
    with pytest.raises(IllegalTransition):
        await shop.accept()
    await shop.pay()
    assert (await shop.accept()).status is _S.PAID
    assert (await shop.events()).count("order.paid") == 1
