"""Asking for an order's money: one attempt at a time, stored before any provider hears of it."""

from datetime import datetime

from crm_chatbot.application.conversations.takeover import NewId
from crm_chatbot.application.ports import Work
from crm_chatbot.domain.orders.order import Order, OrderStatus
from crm_chatbot.domain.payments.payment import (
    NothingAwaitsPayment,
    Payment,
    PaymentId,
    Provider,
    fresh_reference,
)
from crm_chatbot.domain.payments.standing import PaymentStatus
from crm_chatbot.domain.tenants.tenant import Tenant


async def ask(
    work: Work,
    tenant: Tenant,
    order: Order,
    *,
    now: datetime,
    new_id: NewId,
    provider: Provider | None = None,
) -> Payment:
    """The one attempt at getting the order paid; the customer is told how, once that is known.

    The order is locked. However often it is asked for, there is one; a provider's page is made
    after the transaction, and somebody who asks once more is told of it once more. `provider`:
    none but this one. Raises NothingAwaitsPayment, NoWayToPay.
    """
    is_payable = order.status is OrderStatus.AWAITING_PAYMENT
    if not is_payable or order.expires_at is None or order.expires_at <= now:
        raise NothingAwaitsPayment(number=order.number, status=order.status)
    known = await work.payments.wanted_of(order.id)
    if known is not None and _fits(known, order, provider):
        if known.status is not PaymentStatus.CREATING:
            known.is_asked_again = True
            known.wake(now)
            await work.payments.save(known)
        return known
    if known is not None:
        await work.payments.drop(order.id, now)
    payment = Payment(
        id=PaymentId(new_id()),
        tenant_id=tenant.id,
        order_id=order.id,
        provider=await work.ways_to_pay.choose(provider),
        reference="",
        attempt=1 + len(await work.payments.of_order(order.id)),
        amount=order.total,
        currency=order.currency.code,
        created_at=now,
        changed_at=now,
        expires_at=order.expires_at,
        check_at=now,
    )
    payment.reference = fresh_reference(order.number, payment.attempt)
    await work.payments.add(payment)
    await note(work, order, "payment.asked", payment)
    return payment


async def note(work: Work, order: Order, what: str, payment: Payment, **facts: object) -> None:
    """In the timeline of the customer's conversation, if there is one."""
    conversation = await work.conversations.lock_of(order.customer_id)
    if conversation is None:
        return
    told = {"number": order.number, "payment_id": payment.id, "provider": payment.provider}
    await work.timeline.note(conversation.id, what, **told, **facts)


def _fits(payment: Payment, order: Order, provider: Provider | None) -> bool:
    is_wanted_way = provider in {None, payment.provider}
    asked = (payment.amount, payment.currency, payment.expires_at)
    return is_wanted_way and asked == (order.total, order.currency.code, order.expires_at)
