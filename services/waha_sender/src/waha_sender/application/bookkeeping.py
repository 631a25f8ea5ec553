"""What becomes of deliveries: taken on, paced, begun, ended; each in one short transaction."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from shared import logs, metrics
from shared.contracts import SendWhatsApp, WhatsAppNotSent
from shared.crash_points import crash_point
from shared.domain import Clock
from shared.whatsapp.waha import WORKING, WahaFailed
from waha_sender.application.deliveries import (
    WITHDRAWN,
    Claim,
    Delivery,
    DeliveryState,
    deliveries_of,
    never_asked,
)
from waha_sender.application.failing import NOT_IN_TIME, after_failure, end_open
from waha_sender.application.outcomes import outcome_of
from waha_sender.application.pacing import Pace, Rules, reserve
from waha_sender.application.ports import OpenWork, Work

log = logs.get()

Jitter = Callable[[], float]


@dataclass(frozen=True)
class Ready:
    """A part whose turn it is: a copy to work with, the row is locked no more."""

    claim: Claim
    delivery: Delivery
    #: nobody knows whether its session works: ask before anything else
    is_doubtful: bool
    #: under which ids others of this chat have left
    known_ids: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Later:
    """It is not its turn yet."""

    seconds: float


@dataclass
class Bookkeeping:
    """The life of deliveries. Knows nothing of HTTP."""

    open_work: OpenWork
    now: Clock
    #: a random number between 0 and 1
    jitter: Jitter
    rules: Rules
    give_up_after_s: float

    async def take(self, asked: SendWhatsApp, headers: Mapping[str, str]) -> bool:
        """Take a message on; False if it is known, and then its outcome is repeated, if any."""
        parts = deliveries_of(asked, headers, self.now())
        async with self.open_work(asked.tenant_id) as work:
            is_new = await work.deliveries.add(parts)
            known = parts if is_new else await work.deliveries.of(asked.message_id)
            await _tell(work, known, is_news=is_new)
        crash_point("sender.taken")
        return is_new

    async def withdraw(self, tenant_id: UUID, message_ids: Sequence[UUID]) -> None:
        """Keep back what of them is not on its way."""
        async with self.open_work(tenant_id) as work:
            for message_id in sorted(message_ids):
                parts = await work.deliveries.of(message_id)
                had_ended = bool(parts) and all(part.state.is_final for part in parts)
                if not parts:
                    parts = [never_asked(tenant_id, message_id, self.now())]
                    await work.deliveries.add(parts)
                await self._end_waiting(work, parts, DeliveryState.WITHDRAWN, WITHDRAWN)
                await _tell(work, parts, is_news=not had_ended)
        crash_point("sender.withdrawn")

    async def forget(self, tenant_id: UUID, message_ids: Sequence[UUID]) -> None:
        """Keep nothing of what was said to somebody; it may be asked for once more, later."""
        async with self.open_work(tenant_id) as work:
            for message_id in sorted(message_ids):
                parts = await work.deliveries.of(message_id)
                had_ended = bool(parts) and all(part.state.is_final for part in parts)
                if not parts:
                    await work.deliveries.add([never_asked(tenant_id, message_id, self.now())])
                for session, chat_id in sorted({(one.session, one.chat_id) for one in parts}):
                    await work.paces.forget_chat(session, chat_id)
                for part in parts:
                    part.forget(self.now())
                    await work.deliveries.save(part)
                if not had_ended:
                    await _tell(work, parts)

    async def session_changed(self, tenant_id: UUID, session: str, status: str) -> None:
        """WAHA tells how a session is now."""
        async with self.open_work(tenant_id) as work:
            pace = await work.paces.of(session)
            if status == WORKING:
                pace.works()
            else:
                pace.stumble(status, self.now())
            await work.paces.save(pace)

    async def prepare(self, claim: Claim) -> Ready | Later | None:
        """Is it this part's turn? None: it is in nobody's hand, or not in ours."""
        async with self.open_work(claim.tenant_id) as work:
            delivery = await work.deliveries.held(claim)
            if delivery is None:
                return None
            pace = await work.paces.of(delivery.session)
            if not self._may_go_on(delivery, pace) or not await self._has_slot(
                work, delivery, pace
            ):
                await work.paces.save(pace)
                await self._save(work, delivery)
                return self._until(delivery)
            await work.paces.save(pace)
            await work.deliveries.save(delivery)
            known = await self._known_ids(work, delivery)
        return Ready(claim, delivery, is_doubtful=pace.failures > 0, known_ids=known)

    async def begin(self, ready: Ready, wa_id: str | None) -> Delivery | None:
        """The point of no return: from here on it may be on the phone.

        None where it must not leave: withdrawn meanwhile, or its session is not fit.
        """
        crash_point("sender.before_begin")
        async with self.open_work(ready.claim.tenant_id) as work:
            delivery = await work.deliveries.held(ready.claim)
            if delivery is None:
                return None
            pace = await work.paces.of(delivery.session)
            if ready.is_doubtful:
                # It was asked a moment ago, and works.
                pace.works()
                await work.paces.save(pace)
            if not self._may_go_on(delivery, pace):
                await self._save(work, delivery)
                return None
            delivery.begin(wa_id, self.now())
            await work.deliveries.save(delivery)
        crash_point("sender.begun")
        return delivery

    async def sent(self, claim: Claim, wa_id: str | None) -> Later | None:
        """It left; None when that was for somebody else to say."""
        crash_point("sender.before_sent")
        async with self.open_work(claim.tenant_id) as work:
            delivery = await self._held(work, claim)
            if delivery is None:
                return None
            delivery.wa_id = wa_id or delivery.wa_id
            delivery.end(DeliveryState.SENT, self.now())
            await work.paces.note_sent(delivery.session, delivery.chat_id, self.now())
            pace = await work.paces.of(delivery.session)
            if pace.status != WORKING or pace.failures:
                pace.works()
                await work.paces.save(pace)
            await self._save(work, delivery)
        crash_point("sender.sent")
        return Later(0)

    async def failed(self, claim: Claim, failed: WahaFailed, *, was_asked: bool) -> Later | None:
        """It did not leave, or nobody can tell; `was_asked`: to send it."""
        async with self.open_work(claim.tenant_id) as work:
            delivery = await self._held(work, claim)
            if delivery is None:
                return None
            pace = await work.paces.of(delivery.session)
            after_failure(
                delivery,
                pace,
                failed,
                was_asked=was_asked,
                now=self.now(),
                jitter=self.jitter(),
            )
            await work.paces.save(pace)
            await self._save(work, delivery)
        metrics.whatsapp_troubles.labels(failed.code).inc()
        log.warning(
            "delivery.failed",
            message_id=str(claim.message_id),
            part=claim.part,
            code=failed.code,
            verdict=failed.verdict.value,
            detail=failed.detail,
            state=delivery.state.value,
        )
        return self._until(delivery)

    async def resolve(
        self, claim: Claim, rule: Callable[[Delivery, datetime], None]
    ) -> Later | None:
        """Settle what a look at the chat's history has shown, or could not show."""
        async with self.open_work(claim.tenant_id) as work:
            delivery = await self._held(work, claim)
            if delivery is None:
                return None
            rule(delivery, self.now())
            await self._save(work, delivery)
        return self._until(delivery)

    async def give_up(self, tenant_id: UUID, message_id: UUID) -> None:
        """It could not leave for too long."""
        async with self.open_work(tenant_id) as work:
            parts = await work.deliveries.of(message_id)
            for part in parts:
                if part.state is DeliveryState.SENDING:
                    end_open(part, self.now(), NOT_IN_TIME, part.error_code or "")
                    await work.deliveries.save(part)
            await self._end_waiting(work, parts, DeliveryState.FAILED, NOT_IN_TIME)
            await _tell(work, parts)

    def _may_go_on(self, delivery: Delivery, pace: Pace) -> bool:
        """Ends it, or lets go of it, where it may not."""
        now = self.now()
        age_s = (now - (delivery.created_at or now)).total_seconds()
        is_waiting = delivery.state is DeliveryState.WAITING
        if age_s > self.give_up_after_s:
            end_open(delivery, now, NOT_IN_TIME, delivery.error_code or "")
        elif is_waiting and not delivery.is_reply and pace.is_restricted(now):
            delivery.end(DeliveryState.FAILED, now, "account_restricted")
        elif pace.is_paused(now):
            delivery.let_go()
        else:
            return True
        return False

    async def _has_slot(self, work: Work, delivery: Delivery, pace: Pace) -> bool:
        now = self.now()
        if not self.rules.is_on or delivery.state is DeliveryState.SENDING:
            return True
        if delivery.slot_at is None:
            last = await work.paces.last_in_chat(delivery.session, delivery.chat_id)
            slot = reserve(
                pace,
                self.rules,
                now,
                last_in_chat=last,
                is_urgent=delivery.by_person,
                jitter=self.jitter(),
            )
            delivery.slot_at = slot.at if slot.is_reserved else None
            if slot.at > now:
                delivery.put_off(slot.at)
                return False
        return True

    async def _known_ids(self, work: Work, delivery: Delivery) -> frozenset[str]:
        if delivery.state is not DeliveryState.SENDING:
            return frozenset()
        return frozenset(await work.deliveries.ids_in_chat(delivery.session, delivery.chat_id))

    async def _held(self, work: Work, claim: Claim) -> Delivery | None:
        delivery = await work.deliveries.held(claim)
        if delivery is None:
            metrics.fenced.labels("delivery").inc()
            log.warning("delivery.fenced", message_id=str(claim.message_id), part=claim.part)
        return delivery

    async def _save(self, work: Work, delivery: Delivery) -> None:
        """Save it; where it has ended, end what cannot follow it, and say what became of all."""
        await work.deliveries.save(delivery)
        if not delivery.state.is_final:
            return
        parts = await work.deliveries.of(delivery.message_id)
        if delivery.state is DeliveryState.FAILED:
            code = delivery.error_code or NOT_IN_TIME
            await self._end_waiting(work, parts, DeliveryState.FAILED, code)
        await _tell(work, parts)

    async def _end_waiting(
        self, work: Work, parts: Sequence[Delivery], state: DeliveryState, code: str
    ) -> None:
        for part in parts:
            if part.state is DeliveryState.WAITING:
                part.end(state, self.now(), code, part.error_code or "")
                await work.deliveries.save(part)

    def _until(self, delivery: Delivery) -> Later:
        wait = delivery.available_at - self.now()
        return Later(max(wait, timedelta()).total_seconds())


async def _tell(work: Work, parts: Sequence[Delivery], *, is_news: bool = True) -> None:
    """Say what became of a message, if all of it has ended."""
    outcome = outcome_of(parts)
    if outcome is None:
        return
    await work.outbox.say(outcome, parts[0].headers)
    if is_news:
        code = outcome.code if isinstance(outcome, WhatsAppNotSent) else "sent"
        metrics.whatsapp_messages.labels(code).inc()
