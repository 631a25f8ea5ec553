"""What is done about a payment when it is its turn: its provider is asked, and that has effects.

No transaction is open while a provider is asked. What it says is taken in under the locks, and by
what the payment has come to meanwhile: two workers with one payment do no harm.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from crm_chatbot.application.conversations.takeover import NewId
from crm_chatbot.application.orders import lifecycle
from crm_chatbot.application.payments import wording
from crm_chatbot.application.payments.asking import ACCOUNT_CHANGED, Asking, Seen, Told
from crm_chatbot.application.payments.attempts import note
from crm_chatbot.application.payments.effects import Scene, refused, run_out, take_effect
from crm_chatbot.application.payments.gateways import Reading, RefundAnswer
from crm_chatbot.application.ports import OpenWork
from crm_chatbot.domain.orders.order import OrderStatus
from crm_chatbot.domain.payments.payment import Payment, PaymentId, PaymentNotFound, Provider
from crm_chatbot.domain.payments.refund import Refund, RefundStatus
from crm_chatbot.domain.payments.standing import PaymentStatus
from crm_chatbot.domain.tenants.tenant import TenantId
from shared import logs, metrics
from shared.availability import DatabaseUnavailable
from shared.crash_points import crash_point
from shared.domain import Clock

log = logs.get()

_S = PaymentStatus
_REFUND_PAUSE, _LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=1)
#: A refund that was asked for so often in vain: a person has to look.
_MANY_TRIES = 5
#: A provider that says nothing about a payment for so long after its end: a person has to look.
_UNCONFIRMED = timedelta(minutes=30)

#: Payments that one process looks at at a time, and for how long they are nobody else's.
MOST, SECONDS = 20, 90.0


class PaymentDirectory(Protocol):
    """Payments across all tenants: ids, and nothing else of them."""

    async def claim(self, most: int, seconds: float, /) -> Sequence[tuple[TenantId, PaymentId]]:
        """Those whose provider is to be asked, for nobody else for so long."""
        ...

    async def tenant_of_callback(
        self, provider: Provider, names: Sequence[str], /
    ) -> TenantId | None: ...

    async def tenant_of_payment(self, payment_id: PaymentId, /) -> TenantId | None: ...


@dataclass(frozen=True, kw_only=True)
class PaymentService:
    """One step of a payment's life at a time."""

    open_work: OpenWork
    asking: Asking
    now: Clock
    new_id: NewId
    #: how long the sender may be silent before it is asked again
    patience_s: float

    async def look(self, tenant_id: TenantId, payment_id: PaymentId) -> None:
        """Ask its provider, and see to what follows. Raises PaymentNotFound."""
        seen = await self._begin(tenant_id, payment_id)
        crash_point("payment.before_provider")
        told = await self.asking.about(seen, self.now())
        crash_point("payment.provider_answered")
        await self._end(seen, told)
        crash_point("payment.learnt")

    async def _begin(self, tenant_id: TenantId, payment_id: PaymentId) -> Seen:
        async with self.open_work(tenant_id) as work:
            payment = await work.payments.lock(payment_id)
            order = await work.orders.get(payment.order_id)
            if payment.is_live and order.status is not OrderStatus.AWAITING_PAYMENT:
                payment.is_unwanted = True
            # Stored before the call: whoever asks next knows that it may have been asked for.
            payment.checks += 1
            await work.payments.save(payment)
            refunds = await work.refunds.of(payment_id)
            for refund in refunds:
                if refund.status is RefundStatus.REQUESTED:
                    refund.tries += 1
                    await work.refunds.save(refund)
            return Seen(
                payment=payment,
                order=order,
                customer=await work.customers.get(order.customer_id),
                refunds=refunds,
                events=await work.payment_events.of(payment_id),
            )

    async def _end(self, seen: Seen, told: Told) -> None:
        async with self.open_work(seen.payment.tenant_id) as work:
            order = await lifecycle.locked(work, seen.order.id)
            payment = await work.payments.lock(seen.payment.id)
            scene = Scene(
                work=work,
                tenant=await work.tenants.get(payment.tenant_id),
                order=order,
                payment=payment,
                now=self.now(),
                new_id=self.new_id,
                patience_s=self.patience_s,
            )
            refunds = await _take_in_refunds(scene, told)
            await _take_in(scene, seen, told, refunds)
            if payment.check_at == seen.payment.check_at:  # else somebody woke it meanwhile
                _rest(scene, refunds)
            await work.payments.save(payment)


async def _take_in(scene: Scene, seen: Seen, told: Told, refunds: Sequence[Refund]) -> None:
    payment = scene.payment
    if told.page is not None and payment.status is _S.CREATING:
        page = told.page
        payment.opened(page.provider_id or None, page.url or None, scene.now, account=told.account)
        payment.is_asked_again = True
        await note(scene.work, scene.order, "payment.opened", payment)
    if told.reading is not None:
        change = payment.learn(told.reading.facts, scene.now)
        if change is not None:
            await take_effect(scene, change, refunds)
        await _mark_looked_at(scene, seen)
    if told.is_over and payment.status in {_S.CREATING, _S.PENDING}:
        await _close(scene)
    elif told.refused and payment.status is _S.CREATING:
        await refused(scene, told.refused)
    await _free_stock(scene, told)
    await _tell_how(scene, told)


async def _free_stock(scene: Scene, told: Told) -> None:
    """What nobody can say anything of holds nothing once its time is over; money may still come."""
    payment, is_silent = scene.payment, told.uncertain not in {None, ACCOUNT_CHANGED}
    if not payment.is_live or not payment.is_overdue(scene.now):
        return
    if payment.provider is Provider.MANUAL and payment.status is _S.HELD:
        # The customer has sent a receipt, and waits to hear of that: nobody tells them of the end.
        await lifecycle.expire(scene.work, scene.order, now=scene.now)
        return
    if not told.refused and not told.uncertain:
        return
    if payment.status is _S.HELD and is_silent:
        return  # money may lie with the provider already: one lost answer does not end that
    if payment.status is _S.CREATING:
        await scene.concern("no_payment_link")
    await run_out(scene)


async def _tell_how(scene: Scene, told: Told) -> None:
    """The way to pay, to whoever asked for it; or that it takes its time."""
    payment = scene.payment
    is_known = bool(payment.url or told.details)
    if payment.is_asked_again and payment.status is _S.PENDING and not payment.is_unwanted:
        payment.is_asked_again = False
        if not is_known:
            return  # cash, say: a person has spoken of it
        language = await scene.language()
        await scene.tell(wording.way_to_pay(scene.order, payment, told.details, language))
    code = told.refused or told.uncertain
    if code is None:
        return
    if payment.status is _S.CREATING and payment.checks == 2:
        await scene.tell(wording.link_delayed(scene.order, await scene.language()))
    is_lost = told.refused is not None or code == ACCOUNT_CHANGED
    soon = is_lost or scene.now > payment.expires_at + _UNCONFIRMED
    if payment.is_live and payment.status is not _S.CREATING and soon:
        await scene.concern("payment_unconfirmed", {"reason": code})


async def _close(scene: Scene) -> None:
    """Nobody can pay it any more, and nobody has."""
    payment = scene.payment
    if payment.is_overdue(scene.now):
        if payment.status is _S.CREATING:
            await scene.concern("no_payment_link")
        payment.expire(scene.now)
        await run_out(scene)
    else:
        payment.cancel(scene.now)
    metrics.payments.labels(payment.provider, payment.status).inc()
    await note(scene.work, scene.order, "payment.moved", payment, status=payment.status)


async def _mark_looked_at(scene: Scene, seen: Seen) -> None:
    """What was heard before the provider was asked; and what it told of more than one payment."""
    new = [one for one in seen.events if one.looked_at is None]
    if new:
        keys = [one.key for one in new]
        await scene.work.payment_events.looked(keys, scene.payment.id, scene.now)
    for event in new:
        await note(scene.work, scene.order, "payment.heard", scene.payment, status=event.status)
    if new and len({one.money_by for one in seen.events if one.money_by}) > 1:
        await scene.concern("paid_twice")


async def _take_in_refunds(scene: Scene, told: Told) -> Sequence[Refund]:
    refunds = await scene.work.refunds.of(scene.payment.id)
    read = (told.reading or Reading()).refunds
    for refund in refunds:
        if refund.key in told.refunds:
            await _take_in_answer(scene, refund, told.refunds[refund.key])
        status = read.get(refund.key)
        if status is RefundStatus.FAILED:
            await _fails(scene, refund, "refund_failed")
        elif status is not None:
            refund.became(status, scene.now)
        if refund.key in told.refunds or status is not None:
            await scene.work.refunds.save(refund)
        if refund.status is RefundStatus.REQUESTED and refund.tries >= _MANY_TRIES:
            await scene.concern("refund_unconfirmed", {"amount": refund.amount})
    return refunds


async def _take_in_answer(scene: Scene, refund: Refund, answer: RefundAnswer | None) -> None:
    if answer is None:
        await _fails(scene, refund, "refund_not_supported")
        return
    refund.provider_id = answer.provider_id or refund.provider_id
    if answer.status is RefundStatus.FAILED:
        await _fails(scene, refund, "refund_failed")
    else:
        refund.became(answer.status, scene.now)


async def _fails(scene: Scene, refund: Refund, code: str) -> None:
    if refund.became(RefundStatus.FAILED, scene.now, code):
        await scene.concern("refund_by_hand", {"amount": refund.amount, "reason": code})
        await note(scene.work, scene.order, "payment.refund_failed", scene.payment, code=code)


def _rest(scene: Scene, refunds: Sequence[Refund]) -> None:
    payment: Payment = scene.payment
    payment.rest(scene.now)
    under_way = [one for one in refunds if one.is_undecided]
    if under_way:
        pause = _REFUND_PAUSE * 2 ** min(max(one.tries for one in under_way), 7)
        soon = scene.now + min(pause, _LONGEST_PAUSE)
        payment.check_at = min(payment.check_at or soon, soon)


@dataclass(frozen=True)
class PaymentLoop:
    """Looks at what is due, again and again; many may run at once."""

    directory: PaymentDirectory
    service: PaymentService
    #: rung by whoever has just made something due, in this process
    bell: asyncio.Event = field(default_factory=asyncio.Event)
    #: what is being looked at just now
    looking: set[asyncio.Task[None]] = field(default_factory=set["asyncio.Task[None]"])

    async def round(self) -> int:
        """Begin to look at what is due, as far as there is room; how many payments that were.

        One whose provider is slow keeps its own place, and nobody else's. Raises
        DatabaseUnavailable.
        """
        due = await self.directory.claim(MOST - len(self.looking), SECONDS)
        for one in due:
            task = asyncio.create_task(self._look(*one))
            self.looking.add(task)
            task.add_done_callback(self.looking.discard)
        return len(due)

    async def run(self, pause_s: float) -> None:
        """Until it is cancelled; what was begun is cancelled with it."""
        try:
            while True:
                self.bell.clear()
                await self.round()
                if len(self.looking) >= MOST:
                    await asyncio.wait(self.looking, return_when=asyncio.FIRST_COMPLETED)
                    continue
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause_s):
                        await self.bell.wait()
        finally:
            for task in self.looking:
                task.cancel()
            await asyncio.gather(*self.looking, return_exceptions=True)

    async def _look(self, tenant_id: TenantId, payment_id: PaymentId) -> None:
        """One that fails does not hold up the others: it is due again when its time is up."""
        try:
            await self.service.look(tenant_id, payment_id)
        except (PaymentNotFound, DatabaseUnavailable):
            pass
        except Exception:
            log.exception("payment.failed", payment_id=str(payment_id))
