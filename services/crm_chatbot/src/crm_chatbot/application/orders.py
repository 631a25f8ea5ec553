"""The life of an order: each move with its stock, its event, and its customer's conversation.

All of it happens within the caller's transaction. Things are locked in this order, by everybody:
customer, conversation, order, payment, variants by their ids; `locked` does the middle of it.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from crm_chatbot.application.moving import move_on
from crm_chatbot.application.ports import Work
from crm_chatbot.application.pricing import priced
from crm_chatbot.domain.conversation import Happening
from crm_chatbot.domain.customer import CustomerId
from crm_chatbot.domain.order import (
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
from crm_chatbot.domain.product import VariantId
from crm_chatbot.domain.reservation import OutOfStock, ReservationState
from crm_chatbot.domain.tenant import Tenant
from shared import metrics

#: Who acts when nobody does: clocks, and providers.
SYSTEM = "system"
_DAY = timedelta(days=1)

_S, _R = OrderStatus, ReservationState


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
    await work.orders.add(order, OrderEvent(what="order.created", at=now, actor="customer"))
    return order


async def record(
    work: Work,
    order: Order,
    what: str,
    *,
    now: datetime,
    actor: str,
    happening: Happening | None = None,
    facts: Mapping[str, object] | None = None,
) -> None:
    """Save the order with what happened to it; its customer's conversation notes it, and moves on.

    `facts` are ids, codes and numbers; never what anybody wrote.
    """
    told = facts or {}
    await work.orders.save(order, OrderEvent(what=what, at=now, actor=actor, facts={**told}))
    metrics.order_events.labels(what.removeprefix("order.")).inc()
    conversation = await work.conversations.lock_of(order.customer_id)
    if conversation is None:
        return
    named = {"order_id": order.id, "number": order.number, **told}
    await work.timeline.note(conversation.id, what, **named)
    if happening is not None:
        await move_on(work, conversation, happening)


async def filled(work: Work, order: Order, *, now: datetime, actor: str) -> None:
    """What is in the cart, or where it goes, has changed."""
    happening = Happening.ITEM_ADDED if order.lines else Happening.CART_EMPTIED
    facts = {"pieces": order.pieces, "total": order.total}
    await record(
        work, order, "order.changed", now=now, actor=actor, happening=happening, facts=facts
    )


async def shown(work: Work, order: Order, *, now: datetime, actor: str) -> None:
    """The customer is shown the summary: call it after Order.show."""
    await record(
        work,
        order,
        "order.summary_shown",
        now=now,
        actor=actor,
        happening=Happening.SUMMARY_SHOWN,
        facts={"total": order.total},
    )


async def confirm(work: Work, tenant: Tenant, order: Order, *, now: datetime, actor: str) -> None:
    """Promise the stock to it, and wait to be paid. That the customer said yes, the caller knows.

    Raises OrderNotOpen, OrderIsEmpty, NothingToPay, OrderChanged, AddressMissing, TooManyUnpaid,
    OutOfStock, and whatever `priced` does; then nothing is stored.
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
    await work.reservations.reserve(order.id, order.reservation + 1, quantities(order))
    order.confirm(now, reserved_for=timedelta(seconds=tenant.pay_within_s))
    await record(
        work,
        order,
        "order.confirmed",
        now=now,
        actor=actor,
        happening=Happening.ORDER_CONFIRMED,
        facts={"total": order.total, "attempt": order.reservation},
    )


async def reopen(work: Work, order: Order, *, now: datetime, actor: str) -> None:
    """A cart again; what it held is free. Raises IllegalTransition."""
    order.reopen(now)
    await work.reservations.release(order.id, order.reservation)
    happening = Happening.ITEM_ADDED if order.lines else Happening.CART_EMPTIED
    await record(work, order, "order.reopened", now=now, actor=actor, happening=happening)


async def cancel(
    work: Work, order: Order, *, now: datetime, actor: str, reason: str | None = None
) -> bool:
    """Nothing will come of it, and what it held, or had been sold, is in the shop again.

    False where it was cancelled already. Raises IllegalTransition.
    """
    if order.status is _S.CANCELLED:
        return False
    order.become(_S.CANCELLED, now)
    await work.reservations.release(order.id, order.reservation)
    await work.reservations.restock(order.id, order.reservation)
    facts = {"reason": reason} if reason else {}
    ended = Happening.ORDER_ENDED
    await record(work, order, "order.cancelled", now=now, actor=actor, happening=ended, facts=facts)
    return True


async def expire(work: Work, order: Order, *, now: datetime) -> bool:
    """Nobody has paid in time: what it held is free. False where it does not wait any more."""
    is_over = order.expires_at is not None and order.expires_at <= now
    if order.status is not _S.AWAITING_PAYMENT or not is_over:
        return False
    order.become(_S.EXPIRED, now)
    await work.reservations.release(order.id, order.reservation)
    ended = Happening.ORDER_ENDED
    await record(work, order, "order.expired", now=now, actor=SYSTEM, happening=ended)
    return True


async def fulfil(work: Work, order: Order, *, now: datetime, actor: str) -> bool:
    """It was handed over, or sent. False where it was already.

    Raises IllegalTransition, and OutOfStock where its stock had been returned.
    """
    if order.status is _S.FULFILLED:
        return False
    if order.status not in {_S.PAID, _S.PAID_ATTENTION}:
        raise IllegalTransition(status=order.status, wanted=_S.FULFILLED)
    await take(work, order)
    order.become(_S.FULFILLED, now)
    await record(work, order, "order.fulfilled", now=now, actor=actor)
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
