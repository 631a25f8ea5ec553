"""Bank transfers that no provider sees: a customer's picture proves nothing, a person decides."""

from datetime import datetime, timedelta

from crm_chatbot.application.orders.concerns import raise_concern
from crm_chatbot.application.payments import wording
from crm_chatbot.application.payments.attempts import note
from crm_chatbot.application.payments.effects import Scene, take_effect
from crm_chatbot.application.ports import Work
from crm_chatbot.domain.conversations.message import Kind, Message, MessageState
from crm_chatbot.domain.customers.customer import Customer
from crm_chatbot.domain.orders.order import OrderStatus
from crm_chatbot.domain.payments.events import Proof
from crm_chatbot.domain.payments.payment import NotUnderReview, Provider
from crm_chatbot.domain.payments.standing import UNPAID_ENDS, Fact, FactKind, PaymentStatus

_S = PaymentStatus
#: Another attempt has paid it: what comes is no receipt of this one.
_IS_PAID = frozenset({OrderStatus.PAID, OrderStatus.FULFILLED, OrderStatus.REFUNDED})
#: Money may be found at the bank long after the shop had given it up.
_MAY_BE_APPROVED = frozenset({_S.PENDING, _S.HELD, *UNPAID_ENDS})
#: A receipt that comes so long after an attempt has ended is still one of it.
LATE = timedelta(days=3)


async def keep_proof(work: Work, customer: Customer, message: Message, *, now: datetime) -> bool:
    """A picture came while a transfer is awaited, or was: kept for a person, who is told.

    The conversation is locked, and the message stored. Nothing is paid by it.
    """
    if message.kind is not Kind.IMAGE or message.state is MessageState.IGNORED:
        return False
    awaited = await work.payments.transfer_of(customer.id, now - LATE)
    if awaited is None:
        return False
    order = await work.orders.lock(awaited.order_id)
    payment = await work.payments.lock(awaited.id)
    if payment.is_received or (not payment.is_live and order.status in _IS_PAID):
        return False
    proof = Proof(payment_id=payment.id, message_id=message.id, received_at=now)
    if not await work.payment_events.prove(proof):
        return False
    payment.hold(now)
    await work.payments.save(payment)
    facts = {"message_id": message.id, "asked": payment.amount}
    await raise_concern(
        work,
        order,
        "proof_awaits_review",
        now=now,
        payment_id=payment.id,
        facts=facts,
    )
    await note(work, order, "payment.proof_kept", payment, message_id=message.id)
    return True


async def approve(scene: Scene, *, actor: str, reason: str) -> None:
    """A person has seen the money at the bank. Raises NotUnderReview."""
    payment = scene.payment
    if payment.provider is not Provider.MANUAL or payment.status not in _MAY_BE_APPROVED:
        raise NotUnderReview(status=payment.status)
    seen = Fact(
        transaction=f"manual:{actor}",
        kind=FactKind.SETTLED,
        amount=payment.amount,
        currency=payment.currency,
    )
    payment.reason = reason or None
    change = payment.learn([seen], scene.now)
    await note(scene.work, scene.order, "payment.reviewed", payment, is_approved=True)
    if change is not None:
        await take_effect(scene, change)
    payment.rest(scene.now)
    await scene.work.payments.save(payment)


async def reject(scene: Scene, *, reason: str) -> None:
    """There is no such money at the bank; it may still come. Raises NotUnderReview."""
    payment = scene.payment
    if payment.provider is not Provider.MANUAL or payment.status is not _S.HELD:
        raise NotUnderReview(status=payment.status)
    payment.resume(scene.now)
    payment.reason = reason or None
    payment.wake(scene.now)
    await note(scene.work, scene.order, "payment.reviewed", payment, is_approved=False)
    await scene.work.payments.save(payment)
    words = wording.proof_rejected(scene.order, await scene.language())
    await scene.tell(words)
