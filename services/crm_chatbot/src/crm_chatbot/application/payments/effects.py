"""What a payment's news do to its order, its shop and its customer: each exactly once.

Everything happens within the caller's transaction, under the locks of the conversation, the order
and the payment, and only where the payment has moved: a second worker with the same news finds
nothing left to do.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from crm_chatbot.application.conversations.outbound import our_words, say
from crm_chatbot.application.conversations.takeover import NewId, take_over
from crm_chatbot.application.orders import lifecycle
from crm_chatbot.application.orders.concerns import raise_concern
from crm_chatbot.application.orders.settlement import paid, question, refunded
from crm_chatbot.application.payments import wording
from crm_chatbot.application.payments.attempts import note
from crm_chatbot.application.ports import Work
from crm_chatbot.application.receipts import expired_text
from crm_chatbot.domain.conversations.conversation import TakeoverReason
from crm_chatbot.domain.conversations.message import Author, MessageId
from crm_chatbot.domain.language import Language
from crm_chatbot.domain.orders.order import Order, OrderStatus
from crm_chatbot.domain.payments.payment import Change, Payment
from crm_chatbot.domain.payments.refund import Refund
from crm_chatbot.domain.payments.standing import PaymentStatus
from crm_chatbot.domain.tenants.tenant import Tenant
from shared import metrics

_S = PaymentStatus

#: The order's money is there, or was before it went back on purpose.
_PAID = frozenset({_S.PAID, _S.PARTLY_REFUNDED, _S.REFUNDED})
_TAKEN_BACK = {_S.REVERSED: "payment_reversed", _S.CHARGED_BACK: "charged_back"}
#: Stock is held for it, or was until its time ran out: the order that it was asked for.
_AS_ASKED = frozenset({OrderStatus.AWAITING_PAYMENT, OrderStatus.EXPIRED})


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One transaction, and all that is locked in it."""

    work: Work
    tenant: Tenant
    order: Order
    payment: Payment
    now: datetime
    new_id: NewId
    #: how long the sender may be silent before it is asked again
    patience_s: float

    async def language(self) -> Language:
        customer = await self.work.customers.get(self.order.customer_id)
        return customer.language or self.tenant.language

    async def tell(self, text: str, *, is_due: bool = False) -> None:
        """The customer, whoever answers them just now; nobody, where there is no chat with them.

        Who wants to hear nothing more still hears where their money is (`is_due`).
        """
        customer = await self.work.customers.get(self.order.customer_id)
        if customer.opted_out_at is not None and not is_due:
            return
        # Read anew each time: what happened to the order may have moved it.
        conversation = await self.work.conversations.lock_of(self.order.customer_id)
        if conversation is None or conversation.is_forgotten or not self.tenant.is_active:
            return
        message_id = MessageId(self.new_id())
        words = our_words(conversation, message_id, text, author=Author.SYSTEM, now=self.now)
        await say(self.work, conversation, words, patience_s=self.patience_s)

    async def concern(self, code: str, facts: Mapping[str, object] | None = None) -> None:
        """Something that a person of the shop should look at: see raise_concern."""
        await raise_concern(
            self.work,
            self.order,
            code,
            now=self.now,
            payment_id=self.payment.id,
            facts={"provider": self.payment.provider, **(facts or {})},
        )

    async def question(self, code: str) -> None:
        """The same, and the order waits for it."""
        payment = self.payment
        facts = {"provider": payment.provider, "asked": payment.amount, "paid": payment.paid_amount}
        await question(
            self.work, self.order, code, now=self.now, payment_id=payment.id, facts=facts
        )


async def take_effect(scene: Scene, change: Change, refunds: Sequence[Refund] = ()) -> None:
    """The payment has come to something else; it is saved by the caller."""
    payment = scene.payment
    was_paid = scene.order.paid_by == payment.id
    if change.has_moved:
        metrics.payments.labels(payment.provider, payment.status).inc()
        facts = {"status": payment.status, "paid": payment.paid_amount}
        await note(scene.work, scene.order, "payment.moved", payment, **facts)
    before = None if change.before is None else change.before.status
    if payment.status in _PAID and before not in _PAID:
        await _money_came(scene)
    if payment.status in _TAKEN_BACK:
        await scene.question(_TAKEN_BACK[payment.status])
    elif payment.status in _MORE:
        await _MORE[payment.status](scene, change, refunds)
    for code in change.news:
        await scene.concern(code, {"asked": payment.amount, "paid": payment.paid_amount})
    await _tell(scene, change, was_paid=was_paid)


async def run_out(scene: Scene) -> None:
    """The order's time may be up with its payment's; then the customer is told, once."""
    if await lifecycle.expire(scene.work, scene.order, now=scene.now):
        await scene.tell(expired_text(scene.order, await scene.language()))


async def refused(scene: Scene, reason: str) -> None:
    """There will be no page: a person has to take the money."""
    scene.payment.refused(reason, scene.now)
    metrics.payments.labels(scene.payment.provider, scene.payment.status).inc()
    await note(scene.work, scene.order, "payment.refused", scene.payment, code=reason)
    await scene.concern("no_payment_link", {"reason": reason})
    conversation = await scene.work.conversations.lock_of(scene.order.customer_id)
    if conversation is not None:
        await take_over(
            scene.work,
            conversation,
            TakeoverReason.FAILURE,
            now=scene.now,
            new_id=scene.new_id,
            handback_after_s=scene.tenant.handback_after_s,
        )
        await scene.work.conversations.save(conversation)
    await scene.tell(wording.no_link(scene.order, await scene.language()))


async def _money_came(scene: Scene) -> None:
    order, payment = scene.order, scene.payment
    if order.status in _AS_ASKED and order.total != payment.amount:
        await scene.question("paid_old_total")
    elif order.status is OrderStatus.REFUNDED and order.paid_by == payment.id:
        return
    else:
        await paid(scene.work, order, now=scene.now, payment_id=payment.id)


async def _some_went(scene: Scene, _: Change, refunds: Sequence[Refund]) -> None:
    """A person has to know of it, unless it was sent back by way of us."""
    ours = sum(one.amount for one in refunds if one.is_done or one.is_undecided)
    if ours < scene.payment.refunded_amount:
        await scene.concern("partly_refunded", {"refunded": scene.payment.refunded_amount})


async def _all_went(scene: Scene, _: Change, _refunds: Sequence[Refund]) -> None:
    """Of what paid the order, and of nothing that was paid beside it."""
    order, payment = scene.order, scene.payment
    others = await scene.work.payments.of_order(order.id)
    has_more = any(one.is_kept for one in others if one.id != payment.id)
    if order.paid_by != payment.id or has_more:
        await scene.concern("partly_refunded", {"refunded": payment.refunded_amount})
    elif order.may_become(OrderStatus.REFUNDED):
        await refunded(scene.work, order, now=scene.now, payment_id=payment.id)


async def _is_odd(scene: Scene, change: Change, _: Sequence[Refund]) -> None:
    await scene.question(change.after.oddities[0])


async def _is_held(scene: Scene, change: Change, _: Sequence[Refund]) -> None:
    if not change.news:
        await scene.concern("payment_held")


async def _is_over(scene: Scene, _: Change, _refunds: Sequence[Refund]) -> None:
    await run_out(scene)


_MORE: Mapping[PaymentStatus, Callable[[Scene, Change, Sequence[Refund]], Awaitable[None]]] = {
    _S.PARTLY_REFUNDED: _some_went,
    _S.REFUNDED: _all_went,
    _S.ATTENTION: _is_odd,
    _S.HELD: _is_held,
    _S.EXPIRED: _is_over,
}


async def _tell(scene: Scene, change: Change, *, was_paid: bool) -> None:
    order, payment, language = scene.order, scene.payment, await scene.language()
    before = 0 if change.before is None else change.before.refunded
    if (back := change.after.refunded - before) > 0:
        words = wording.refunded(order, payment, back, language)
        await scene.tell(words, is_due=True)
    elif change.has_moved and payment.status in {_S.PAID, _S.ATTENTION} and not was_paid:
        is_odd = order.status is not OrderStatus.PAID or order.paid_by != payment.id
        words = wording.received(order, payment, language, is_odd=is_odd)
        await scene.tell(words, is_due=True)
