"""What WhatsApp tells: each event is taken once, in one transaction, or ignored with a reason."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from crm_chatbot.application.ports import OpenWork, Work
from crm_chatbot.application.tickets.occasions import handed_over, session_told
from crm_chatbot.application.whatsapp.acquaintance import Acquaintance, Overtaken
from crm_chatbot.application.whatsapp.courtesy import Courtesy
from crm_chatbot.application.whatsapp.hearing import Calls, HeardBefore, Hearing, Reception
from crm_chatbot.application.whatsapp.listening import customer_wrote, owner_typed
from crm_chatbot.application.whatsapp.second_thoughts import called, edited, reacted, revoked
from crm_chatbot.domain.conversations.conversation import ConversationNotFound
from crm_chatbot.domain.conversations.message import may_loop
from crm_chatbot.domain.customers.customer import Identity
from crm_chatbot.domain.tenants.tenant import Tenant, TenantId
from crm_chatbot.domain.whatsapp import (
    Acked,
    Called,
    Edited,
    Event,
    Ignored,
    InChat,
    MessageCame,
    OwnEcho,
    OwnerTyped,
    Rank,
    Reacted,
    Revoked,
    SessionChanged,
)
from shared import metrics
from shared.availability import GaveWay
from shared.batching import Gather, Overloaded
from shared.contracts import WhatsAppSessionChanged
from shared.crash_points import crash_point
from shared.domain import Clock

#: Two who meet the same person at once: the second has nothing to wait for any more.
_TRIES = 5
#: How long a tenant's settings are believed without another look.
_BELIEVED_FOR_S = 1.0
_MOST_TENANTS = 10_000
#: Of each tenant.
_QUEUES = 2
#: Events in one transaction: each waits for all of them, and so does whoever wants one's chat.
_MOST_TOGETHER = 16

_ACKED = {
    Rank.ERROR: "message.not_delivered",
    Rank.DEVICE: "message.delivered",
    Rank.READ: "message.read",
    Rank.PLAYED: "message.read",
}


@dataclass(frozen=True)
class _Given:
    """An event that waits to be stored, and what its request is about."""

    tenant: Tenant
    event: Event
    context: Context

    @property
    def chat_id(self) -> str:
        return self.event.chat_id if isinstance(self.event, InChat) else ""


@dataclass
class InboundService:
    """Harmless the second time, whoever tells it: a webhook, its twin, or a look into WAHA."""

    open_work: OpenWork
    now: Clock
    new_id: Callable[[], UUID]
    stale_after_s: float
    #: how long the sender may be silent before it is asked again
    patience_s: float
    courtesy: Courtesy = field(default_factory=Courtesy)
    _tenants: dict[TenantId, tuple[float, Tenant]] = field(
        default_factory=dict[TenantId, tuple[float, Tenant]]
    )
    _queues: dict[tuple[TenantId, int], Gather[_Given, Reception]] = field(
        default_factory=dict[tuple[TenantId, int], Gather[_Given, Reception]]
    )

    async def tenant(self, tenant_id: TenantId) -> Tenant:
        """At most a second old; for looking only. Raises TenantNotFound."""
        until, tenant = self._tenants.get(tenant_id, (0.0, None))
        if tenant is not None and until > time.monotonic():
            return tenant
        async with self.open_work(tenant_id) as work:
            tenant = await work.tenants.get(tenant_id)
        if len(self._tenants) >= _MOST_TENANTS:
            self._tenants.clear()
        self._tenants[tenant_id] = (time.monotonic() + _BELIEVED_FOR_S, tenant)
        return tenant

    async def receive(self, tenant: Tenant, event: Event) -> Reception:
        """Take an event for good: it is stored when this returns.

        What comes while another of the tenant's events is being stored waits for that, and is then
        stored together with all that came. Raises DatabaseUnavailable, Overloaded.
        """
        given = _Given(tenant, event, copy_context())
        crash_point("crm.before_receiving")
        with self.courtesy.urgent():
            reception = await self._queue_of(given)(given)
        crash_point("crm.received")
        metrics.whatsapp_heard.labels(type(event).__name__, reception.outcome).inc()
        return reception

    def _queue_of(self, given: _Given) -> Gather[_Given, Reception]:
        """One chat's events are always in the same, so that none overtakes another."""
        key = (given.tenant.id, hash(given.chat_id) % _QUEUES)
        if key not in self._queues:
            if len(self._queues) >= _MOST_TENANTS:
                self._queues.clear()
            self._queues[key] = Gather(self._receive, most=_MOST_TOGETHER)
        return self._queues[key]

    async def _receive(self, given: Sequence[_Given]) -> Sequence[Reception]:
        if len(given) > 1:
            try:
                return await self._receive_together(given)
            except GaveWay:  # no outage: each by itself, and again
                raise Overtaken from None
        [one] = given
        for _ in range(_TRIES):
            try:
                async with self.open_work(one.tenant.id) as work:
                    calls = Calls()
                    reception = await self._take(work, one, calls)
                    await self._call(work, calls)
                    return [reception]
            except HeardBefore:
                return [Reception("duplicate")]
            except (Overtaken, GaveWay):
                continue
        raise Overloaded  # all want the same customers: who asks again soon finds them

    async def _receive_together(self, given: Sequence[_Given]) -> Sequence[Reception]:
        """Raises HeardBefore or Overtaken for all of them: then each is taken by itself."""
        receptions, calls = [Reception("duplicate")] * len(given), Calls()
        async with self.open_work(given[0].tenant.id) as work:
            unheard = set(await work.inbox.unheard([one.event.key for one in given]))
            # In one order for everybody: two who want the same chats wait instead of deadlocking.
            in_order = sorted(enumerate(given), key=lambda item: item[1].chat_id)
            events = [one.event for _, one in in_order]
            await self._meet_all(work, [one for one in events if one.key in unheard])
            for place, one in in_order:
                if one.event.key in unheard:
                    unheard.remove(one.event.key)
                    receptions[place] = await self._take(work, one, calls)
            await self._call(work, calls)
        return receptions

    async def _meet_all(self, work: Work, events: Sequence[Event]) -> None:
        """What each event would ask for by itself is asked for all of them at once.

        Who they are, their chats, how lively those were, and chats for those who have none.
        """
        names = [name for event in events if isinstance(event, InChat) for name in event.identities]
        known = await work.customers.look_ahead(tuple(dict.fromkeys(names)))
        chats = await work.conversations.lock_all_of([customer.id for customer in known])
        now = self.now()
        lively = [one.id for one in chats if may_loop(one.last_seq, now - one.last_message_at)]
        await work.messages.look_back(lively, now)
        who = Acquaintance(work, work.tenant_id, now, self.new_id)
        await who.meet([event for event in events if isinstance(event, MessageCame)])

    async def _call(self, work: Work, calls: Calls) -> None:
        """As the last thing: whoever opens a ticket must not wait for anything afterwards."""
        for conversation_id, reason in calls:
            with suppress(ConversationNotFound):  # it has become part of another
                conversation = await work.conversations.lock(conversation_id)
                await handed_over(work, conversation, reason, now=self.now(), new_id=self.new_id)

    async def _take(self, work: Work, given: _Given, calls: Calls) -> Reception:
        take = _TAKERS.get(type(given.event), _unknown)
        taking = take(self._hearing(work, given.tenant, calls), given.event)
        # What follows from it belongs to the trace of its own request.
        return await asyncio.create_task(taking, context=given.context)

    async def link(self, tenant: Tenant, identities: Sequence[Identity]) -> None:
        """These identities are one person's: two customers become one, and so do their chats."""
        for _ in range(_TRIES):
            try:
                async with self.open_work(tenant.id) as work:
                    who = Acquaintance(work, tenant.id, self.now(), self.new_id)
                    await who.link(identities)
            except Overtaken:
                continue
            return

    def _hearing(self, work: Work, tenant: Tenant, calls: Calls) -> Hearing:
        return Hearing(
            work=work,
            tenant=tenant,
            now=self.now(),
            new_id=self.new_id,
            stale_after_s=self.stale_after_s,
            patience_s=self.patience_s,
            calls=calls,
        )


async def session_changed(hearing: Hearing, event: SessionChanged) -> Reception:
    """The sender hears of it: what it may send depends on it."""
    reception = await hearing.record(event)
    at = min(event.at or hearing.now, hearing.now)
    if await hearing.work.whatsapp_sessions.changed(event.session, event.status, at):
        await hearing.work.outbox.say(
            WhatsAppSessionChanged(
                tenant_id=hearing.tenant.id, session=event.session, status=event.status
            )
        )
        await session_told(
            hearing.work, event.session, event.status, now=hearing.now, new_id=hearing.new_id
        )
    return reception


async def _acked(hearing: Hearing, event: Acked) -> Reception:
    work = hearing.work
    reception = await hearing.record(event)
    is_news = await work.acks.advance(event.session, event.stanza_id, event.rank, error=event.error)
    what = _ACKED.get(event.rank)
    if not is_news or what is None:
        return reception
    message = await work.messages.by_stanza(event.session, event.stanza_id)
    if message is not None:
        code = {"code": f"whatsapp_{event.error}"} if event.error else {}
        await work.timeline.note(
            message.conversation_id, what, message_id=message.id, seq=message.seq, **code
        )
    return reception


async def _echoed(hearing: Hearing, event: OwnEcho) -> Reception:
    return await hearing.record(event, "own_echo")


async def _ignored(hearing: Hearing, event: Ignored) -> Reception:
    return await hearing.record(event, event.reason)


async def _unknown(hearing: Hearing, event: Event) -> Reception:
    return await hearing.record(event, "unknown_event")


# Which event goes where is decided by its type; a table cannot say so to a type checker.
_TAKERS: Mapping[type[Event], Callable[[Hearing, Any], Coroutine[Any, Any, Reception]]] = {
    MessageCame: customer_wrote,
    OwnerTyped: owner_typed,
    OwnEcho: _echoed,
    Acked: _acked,
    Edited: edited,
    Revoked: revoked,
    Reacted: reacted,
    Called: called,
    SessionChanged: session_changed,
    Ignored: _ignored,
}
