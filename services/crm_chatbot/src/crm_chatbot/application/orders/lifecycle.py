"""The life of an order: each move with its stock, its event, and its customer's conversation.

All of it happens within the caller's transaction. In which order things are locked, `Orders` says;
`locked` does the middle of it.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from crm_chatbot.application.automation import run_rules
from crm_chatbot.application.conversations.moving import move_on
from crm_chatbot.application.orders.pricing import priced
from crm_chatbot.application.ports import Work
from crm_chatbot.domain.automation import OrderMoved
from crm_chatbot.domain.catalog.product import VariantId
from crm_chatbot.domain.conversations.conversation import Conversation, Happening
from crm_chatbot.domain.customers.customer import CustomerId
from crm_chatbot.domain.orders.order import (
    CONFIRMED,
    MOST_CONFIRMED_A_DAY,
    MOST_ORDERS_A_DAY,
    MOST_UNPAID,
    AddressMissing,
    IllegalTransition,
    NothingToPay,
    Order,
    OrderChanged,
    OrderEvent,
    OrderId,
    OrderIsEmpty,
    OrderStatus,
    TooManyOrders,
    TooManyUnpaid,
)
from crm_chatbot.domain.orders.reservation import ReservationState
from crm_chatbot.domain.tenants.tenant import Tenant
from shared import metrics

#: Who acts when nobody does: clocks, and providers.
SYSTEM = "system"
_DAY = timedelta(days=1)

_S, _R = OrderStatus, ReservationState

#: What an order is after what moves it. Not each question about its money does.
_MOVED: Mapping[str, OrderStatus] = {
    "order.created": _S.DRAFT,
    "order.reopened": _S.DRAFT,
    CONFIRMED: _S.AWAITING_PAYMENT,
    "order.cancelled": _S.CANCELLED,
    "order.expired": _S.EXPIRED,
    "order.paid": _S.PAID,
    "order.questioned": _S.PAID_ATTENTION,
    "order.refunded": _S.REFUNDED,
    "order.fulfilled": _S.FULFILLED,
}


async def locked(work: Work, order_id: OrderId) -> Order:
    """The order, and before it its customer's conversation. Raises OrderNotFound."""
    while True:
        whose = (await work.orders.get(order_id)).customer_id
        await work.conversations.lock_of(whose)
        order = await work.orders.lock(order_id)
        if order.customer_id == whose:
            return order
        # The customer turned out to be another while we waited: that one's comes first.


async def begin(
    work: Work, tenant: Tenant, customer_id: CustomerId, *, order_id: OrderId, now: datetime
) -> Order:
    """An empty cart, stored. The customer is locked by the caller. Raises TooManyOrders."""
    if await work.orders.count_since(customer_id, now - _DAY) >= MOST_ORDERS_A_DAY:
        raise TooManyOrders(most=MOST_ORDERS_A_DAY)
    order = Order(
        id=order_id,
        tenant_id=tenant.id,
        customer_id=customer_id,
        number=await work.orders.next_number(),
        currency=tenant.currency,
        created_at=now,
        updated_at=now,
    )
    event = OrderEvent(what="order.created", at=now, actor="customer")
    await work.orders.add(order, event)
    await _run_rules(work, order, event, await _note(work, order, event))
    return order


async def record(
    work: Work, order: Order, event: OrderEvent, happening: Happening | None = None
) -> None:
    """Save the order with what happened to it; its customer's conversation notes it, and moves on.

    The event's facts are ids, codes and numbers, and perhaps a person's `reason`.
    """
    await work.orders.save(order, event)
    conversation = await _note(work, order, event)
    if conversation is not None and happening is not None:
        await move_on(work, conversation, happening)
    await _run_rules(work, order, event, conversation)


async def _note(work: Work, order: Order, event: OrderEvent) -> Conversation | None:
    metrics.order_events.labels(event.what.removeprefix("order.")).inc()
    conversation = await work.conversations.lock_of(order.customer_id)
    if conversation is not None:
        # A timeline has no room for what anybody wrote.
        told = {name: fact for name, fact in event.facts.items() if name != "reason"}
        facts = {"order_id": order.id, "number": order.number, **told}
        await work.timeline.note(conversation.id, event.what, **facts)
    return conversation


async def _run_rules(
    work: Work, order: Order, event: OrderEvent, conversation: Conversation | None
) -> None:
    if _MOVED.get(event.what) is order.status:
        moved = OrderMoved(order.id, order.status)
        await run_rules(work, moved, conversation=conversation, now=event.at)


async def filled(work: Work, order: Order, *, now: datetime, actor: str) -> None:
    """What is in the cart, or where it goes, has changed."""
    facts: dict[str, object] = {"pieces": order.pieces, "total": order.total}
    event = OrderEvent(what="order.changed", at=now, actor=actor, facts=facts)
    await record(work, order, event, _filling(order))


async def shown(work: Work, order: Order, *, now: datetime, actor: str) -> None:
    """The customer is shown the summary: call it after Order.show."""
    facts: dict[str, object] = {"total": order.total}
    event = OrderEvent(what="order.summary_shown", at=now, actor=actor, facts=facts)
    await record(work, order, event, Happening.SUMMARY_SHOWN)


async def confirm(work: Work, tenant: Tenant, order: Order, *, now: datetime, actor: str) -> None:
    """Promise the stock to it, and wait to be paid. That the customer said yes, the caller knows.

    Raises OrderNotOpen, OrderIsEmpty, NothingToPay, OrderChanged, AddressMissing, TooManyUnpaid,
    TooManyOrders, OutOfStock, and whatever `priced` does; then nothing is stored.
    """
    before = order.digest
    await priced(work, order, now)
    if order.digest != before:
        raise OrderChanged
    if not order.lines:
        raise OrderIsEmpty
    if order.total <= 0:
        raise NothingToPay
    if order.delivery is None and (await work.delivery.get()).is_known:
        raise AddressMissing
    if await work.orders.count_unpaid(order.customer_id) >= MOST_UNPAID:
        raise TooManyUnpaid(most=MOST_UNPAID)
    # Who reopens and confirms for ever would hold stock for ever, and never pay.
    confirmed = await work.orders.count_confirmed_since(order.customer_id, now - _DAY)
    if confirmed >= MOST_CONFIRMED_A_DAY:
        raise TooManyOrders(most=MOST_CONFIRMED_A_DAY)
    await work.reservations.reserve(order.id, order.reservation + 1, quantities(order))
    order.confirm(now, reserved_for=timedelta(seconds=tenant.pay_within_s))
    facts: dict[str, object] = {"total": order.total, "attempt": order.reservation}
    event = OrderEvent(what=CONFIRMED, at=now, actor=actor, facts=facts)
    await record(work, order, event, Happening.ORDER_CONFIRMED)


async def reopen(work: Work, order: Order, *, now: datetime, actor: str) -> None:
    """A cart again; what it held is free, and its link is not wanted. Raises IllegalTransition."""
    order.reopen(now)
    await work.payments.drop(order.id, now)
    await work.reservations.release(order.id, order.reservation)
    event = OrderEvent(what="order.reopened", at=now, actor=actor)
    await record(work, order, event, _filling(order))


async def cancel(
    work: Work, order: Order, *, now: datetime, actor: str, reason: str | None = None
) -> bool:
    """Nothing will come of it, and what it held, or had been sold, is in the shop again.

    False where it was cancelled already. Raises IllegalTransition.
    """
    if order.status is _S.CANCELLED:
        return False
    order.become(_S.CANCELLED, now)
    await work.payments.drop(order.id, now)
    await work.reservations.release(order.id, order.reservation)
    await work.reservations.restock(order.id, order.reservation)
    event = OrderEvent(what="order.cancelled", at=now, actor=actor, facts=because(reason))
    await record(work, order, event, Happening.ORDER_ENDED)
    return True


async def expire(work: Work, order: Order, *, now: datetime) -> bool:
    """Nobody has paid in time: what it held is free. False where it does not wait any more."""
    is_over = order.expires_at is not None and order.expires_at <= now
    if order.status is not _S.AWAITING_PAYMENT or not is_over:
        return False
    order.become(_S.EXPIRED, now)
    await work.reservations.release(order.id, order.reservation)
    event = OrderEvent(what="order.expired", at=now, actor=SYSTEM)
    await record(work, order, event, Happening.ORDER_ENDED)
    return True


async def fulfil(
    work: Work, order: Order, *, now: datetime, actor: str, reason: str | None = None
) -> bool:
    """It was handed over, or sent. False where it was already.

    Raises IllegalTransition, and OutOfStock where its stock had been returned.
    """
    if order.status is _S.FULFILLED:
        return False
    if not order.may_become(_S.FULFILLED):
        raise IllegalTransition(status=order.status, wanted=_S.FULFILLED)
    await take(work, order)
    order.become(_S.FULFILLED, now)
    event = OrderEvent(what="order.fulfilled", at=now, actor=actor, facts=because(reason))
    await record(work, order, event)
    return True


async def take(work: Work, order: Order) -> None:
    """What it holds is sold; where that was returned meanwhile, as much is taken anew.

    Raises OutOfStock, and then nothing was changed.
    """
    state = await work.reservations.state(order.id, order.reservation)
    if state is _R.SOLD:
        return
    if state is not _R.HELD:
        await work.reservations.reserve(order.id, order.reservation + 1, quantities(order))
        order.reservation += 1
    await work.reservations.sell(order.id, order.reservation)


def quantities(order: Order) -> dict[VariantId, int]:
    """How many of each variant are to be held for it."""
    return {line.variant_id: line.quantity for line in order.lines}


def because(reason: str | None) -> dict[str, object]:
    """A person's reason, among an event's facts."""
    return {"reason": reason} if reason else {}


def _filling(order: Order) -> Happening:
    return Happening.ITEM_ADDED if order.lines else Happening.CART_EMPTIED
