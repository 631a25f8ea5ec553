"""What money does to an order: paid in time, too late, twice, or gone back."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from crm_chatbot.application.orders.concerns import raise_concern
from crm_chatbot.application.orders.lifecycle import SYSTEM, record, take
from crm_chatbot.application.ports import Work
from crm_chatbot.domain.conversations.conversation import Happening
from crm_chatbot.domain.orders.order import IllegalTransition, Order, OrderEvent, OrderStatus
from crm_chatbot.domain.orders.reservation import OutOfStock

_S = OrderStatus

#: Why money that came for an order which is so needs a person.
_ODD: Mapping[OrderStatus, str] = {
    _S.DRAFT: "paid_old_total",
    _S.CANCELLED: "paid_after_cancellation",
    _S.PAID: "paid_twice",
    _S.PAID_ATTENTION: "paid_twice",
    _S.FULFILLED: "paid_twice",
    _S.REFUNDED: "paid_twice",
}


async def paid(work: Work, order: Order, *, now: datetime, payment_id: UUID) -> OrderStatus:
    """The money for it has come, all of it; what the order is now. A second time is no mistake.

    Whatever else it could be paid by is closed.

    Money is never refused: where the order is not there to be paid any more, or its stock is not,
    it becomes PAID_ATTENTION, and a concern tells the shop why.
    """
    if order.paid_by == payment_id:
        return order.status
    if order.status in _ODD:
        await question(work, order, _ODD[order.status], now=now, payment_id=payment_id)
        return order.status
    try:
        await take(work, order)
    except OutOfStock:
        order.paid_by = payment_id
        await question(work, order, "paid_without_stock", now=now, payment_id=payment_id)
        return order.status
    order.paid_by = payment_id
    order.become(_S.PAID, now)
    await work.payments.drop(order.id, now)
    facts: dict[str, object] = {"payment_id": payment_id, "total": order.total}
    event = OrderEvent(what="order.paid", at=now, actor=SYSTEM, facts=facts)
    await record(work, order, event, Happening.PAID)
    return order.status


async def question(
    work: Work,
    order: Order,
    code: str,
    *,
    now: datetime,
    payment_id: UUID,
    facts: Mapping[str, object] | None = None,
) -> None:
    """A person has to decide about its money: `code` is one of domain.orders.concern.SENTENCES.

    Where the order can wait for that, it does: PAID_ATTENTION. A second time is no mistake.
    """
    is_new = await raise_concern(
        work, order, code, now=now, payment_id=payment_id, facts=facts or {}
    )
    if not is_new:
        return
    if order.may_become(_S.PAID_ATTENTION):
        order.become(_S.PAID_ATTENTION, now)
        await work.payments.drop(order.id, now)
    order.paid_by = order.paid_by or payment_id
    told: dict[str, object] = {"code": code, "payment_id": payment_id}
    await record(work, order, OrderEvent(what="order.questioned", at=now, actor=SYSTEM, facts=told))


async def refunded(
    work: Work, order: Order, *, now: datetime, payment_id: UUID, actor: str = SYSTEM
) -> bool:
    """All the money went back. What had not been handed over is in the shop again.

    False where that was known. Raises IllegalTransition where there had been no money.
    """
    if order.status is _S.REFUNDED:
        return False
    was_delivered = order.status is _S.FULFILLED
    order.become(_S.REFUNDED, now)
    if not was_delivered:
        await work.reservations.release(order.id, order.reservation)
        await work.reservations.restock(order.id, order.reservation)
    facts: dict[str, object] = {"payment_id": payment_id}
    await record(work, order, OrderEvent(what="order.refunded", at=now, actor=actor, facts=facts))
    if was_delivered:
        await raise_concern(
            work, order, "refunded_after_delivery", now=now, payment_id=payment_id, facts={}
        )
    return True


async def accept(work: Work, order: Order, *, now: datetime, actor: str, reason: str) -> bool:
    """A person has looked at an order that needed attention: it counts as paid.

    False where it was paid already. Raises IllegalTransition, and OutOfStock where its stock had
    been returned.
    """
    if order.status is _S.PAID:
        return False
    if order.status is not _S.PAID_ATTENTION:
        raise IllegalTransition(status=order.status, wanted=_S.PAID)
    await take(work, order)
    order.become(_S.PAID, now)
    facts: dict[str, object] = {"total": order.total, "reason": reason}
    event = OrderEvent(what="order.paid", at=now, actor=actor, facts=facts)
    await record(work, order, event, Happening.PAID)
    return True
