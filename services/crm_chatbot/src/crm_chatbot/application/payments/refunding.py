"""Money that goes back: asked for by a person, sent by the provider, or by hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from crm_chatbot.application.once import Once
from crm_chatbot.application.payments.attempts import note
from crm_chatbot.application.payments.effects import Scene, take_effect
from crm_chatbot.domain.conversations.message import MessageId
from crm_chatbot.domain.payments.payment import Payment, Provider
from crm_chatbot.domain.payments.refund import (
    LONGEST_REASON,
    PaymentNotRefundable,
    Refund,
    RefundId,
    RefundRejected,
    RefundRepeated,
    RefundStatus,
    left_of,
)
from crm_chatbot.domain.payments.standing import BY_HAND, Fact, FactKind
from shared.domain import says_something

#: Who asks for the same once more within this, without an Idempotency-Key, may not mean it.
SOON = timedelta(seconds=60)


@dataclass(frozen=True, kw_only=True)
class RefundWish:
    """What a person wants to go back, and why."""

    reason: str
    actor: str
    #: in the currency's smallest unit; None: all that is left
    amount: int | None = None
    #: it was sent already, past the provider: only to be written down
    is_by_hand: bool = False

    def check(self) -> None:
        """Raises RefundRejected."""
        if len(self.reason) > LONGEST_REASON or not says_something(self.reason):
            raise RefundRejected(field="reason", reason=f"1 to {LONGEST_REASON} characters")
        if self.amount is not None and self.amount <= 0:
            raise RefundRejected(field="amount", reason="more than nothing")


async def refund(
    scene: Scene, wish: RefundWish, *, once: Once | None = None
) -> tuple[Refund, bool]:
    """The refund, and whether an earlier request made it. The provider is asked afterwards.

    Raises RefundRejected, RefundRepeated, PaymentNotRefundable, IdempotencyKeyReused.
    """
    wish.check()
    work, payment = scene.work, scene.payment
    refunds = await work.refunds.of(payment.id)
    refund_id = RefundId(scene.new_id())
    if once is not None:
        # The table of names knows ids, whatever they are of.
        first = await work.idempotency.claim(once, MessageId(refund_id))
        known = next((one for one in refunds if one.id == first), None)
        if known is not None:
            return known, True
    elif any(_is_twin(one, wish, scene.now) for one in refunds):
        raise RefundRepeated(seconds=SOON // timedelta(seconds=1))
    if wish.is_by_hand:
        await _give_up(scene, wish, refunds)
    left = left_of(payment, refunds)
    amount = left if wish.amount is None else wish.amount
    if not 0 < amount <= left:
        raise PaymentNotRefundable(status=payment.status, left=left)
    wanted = Refund(
        id=refund_id,
        tenant_id=payment.tenant_id,
        payment_id=payment.id,
        key=f"R{len(refunds) + 1}-{payment.reference}",
        amount=amount,
        reason=wish.reason,
        actor=wish.actor,
        created_at=scene.now,
    )
    await work.refunds.add(wanted)
    if wish.is_by_hand or payment.provider is Provider.MANUAL:
        await _write_down(scene, wanted, refunds)
    else:
        payment.wake(scene.now)
    await note(work, scene.order, "payment.refund_asked", payment, amount=amount)
    await work.payments.save(payment)
    return wanted, False


def _is_twin(refund: Refund, wish: RefundWish, now: datetime) -> bool:
    """Somebody may have pressed twice."""
    is_same = refund.amount == wish.amount and refund.status is not RefundStatus.FAILED
    return is_same and now - refund.created_at < SOON


async def _give_up(scene: Scene, wish: RefundWish, refunds: Sequence[Refund]) -> None:
    """What the provider does not answer to is not asked for again, once a person has sent it."""
    if 0 < (wish.amount or 1) <= left_of(scene.payment, refunds):
        return
    for one in refunds:
        if one.status is RefundStatus.REQUESTED:
            one.became(RefundStatus.FAILED, scene.now, "sent_by_hand")
            await scene.work.refunds.save(one)


async def _write_down(scene: Scene, wanted: Refund, before: Sequence[Refund]) -> None:
    """A person's word for it: as good a fact as a provider's."""
    wanted.became(RefundStatus.BY_HAND, scene.now)
    await scene.work.refunds.save(wanted)
    fact = _went_back(scene.payment, wanted)
    change = scene.payment.learn([fact], scene.now)
    if change is not None:
        await take_effect(scene, change, [*before, wanted])


def _went_back(payment: Payment, refund: Refund) -> Fact:
    """Beside whatever the provider sends back: it never hears of this."""
    return Fact(
        transaction=f"{BY_HAND}{refund.key}",
        kind=FactKind.REFUNDED,
        amount=0,
        currency=payment.currency,
        refunded=refund.amount,
    )
