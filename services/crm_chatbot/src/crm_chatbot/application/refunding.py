"""Money that goes back: asked for by a person, sent by the provider, or by hand."""

from collections.abc import Sequence
from dataclasses import dataclass

from crm_chatbot.application.once import Once
from crm_chatbot.application.payment_effects import Scene, take_effect
from crm_chatbot.application.payments import note
from crm_chatbot.domain.message import MessageId
from crm_chatbot.domain.payment import Payment, Provider
from crm_chatbot.domain.refund import (
    LONGEST_REASON,
    PaymentNotRefundable,
    Refund,
    RefundId,
    RefundRejected,
    RefundStatus,
    left_of,
)
from crm_chatbot.domain.standing import Fact, FactKind
from shared.domain import says_something


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

    Raises RefundRejected, PaymentNotRefundable, IdempotencyKeyReused.
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


async def _write_down(scene: Scene, wanted: Refund, before: Sequence[Refund]) -> None:
    """A person's word for it: as good a fact as a provider's."""
    wanted.became(RefundStatus.BY_HAND, scene.now)
    await scene.work.refunds.save(wanted)
    fact = _went_back(scene.payment, wanted.amount)
    change = scene.payment.learn([fact], scene.now)
    if change is not None:
        await take_effect(scene, change, [*before, wanted])


def _went_back(payment: Payment, amount: int) -> Fact:
    """Of the transaction that brought the most."""
    came = max((one for one in payment.facts if one.is_money), key=_size)
    return Fact(
        transaction=came.transaction,
        kind=FactKind.REFUNDED,
        amount=came.amount,
        currency=came.currency,
        fee=came.fee,
        refunded=payment.refunded_amount + amount,
    )


def _size(fact: Fact) -> tuple[int, str]:
    return fact.amount, fact.transaction
