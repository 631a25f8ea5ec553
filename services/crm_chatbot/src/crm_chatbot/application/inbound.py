"""What WhatsApp tells: each event is taken once, in one transaction, or ignored with a reason."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from crm_chatbot.application.acquaintance import Acquaintance, Overtaken
from crm_chatbot.application.hearing import HeardBefore, Hearing, Reception
from crm_chatbot.application.listening import customer_wrote, owner_typed
from crm_chatbot.application.ports import OpenWork, Work
from crm_chatbot.application.second_thoughts import called, edited, reacted, revoked
from crm_chatbot.domain.customer import Identity
from crm_chatbot.domain.tenant import Tenant, TenantId
from crm_chatbot.domain.whatsapp import (
    Acked,
    Called,
    Edited,
    Event,
    Ignored,
    MessageCame,
    OwnEcho,
    OwnerTyped,
    Rank,
    Reacted,
    Revoked,
    SessionChanged,
)
from shared import metrics
from shared.contracts import WhatsAppSessionChanged
from shared.crash_points import crash_point
from shared.domain import Clock

#: Two who meet the same person at once: the second has nothing to wait for any more.
_TRIES = 5
#: How long a tenant's settings are believed without another look.
_BELIEVED_FOR_S = 1.0
_MOST_TENANTS = 10_000

_ACKED = {
    Rank.ERROR: "message.not_delivered",
    Rank.DEVICE: "message.delivered",
    Rank.READ: "message.read",
    Rank.PLAYED: "message.read",
}


@dataclass
class InboundService:
    """Harmless the second time, whoever tells it: a webhook, its twin, or a look into WAHA."""

    open_work: OpenWork
    now: Clock
    new_id: Callable[[], UUID]
    stale_after_s: float
    #: how long the sender may be silent before it is asked again
    patience_s: float
    _tenants: dict[TenantId, tuple[float, Tenant]] = field(
        default_factory=dict[TenantId, tuple[float, Tenant]]
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
        """Take an event for good: it is stored when this returns. Raises DatabaseUnavailable."""
        for _ in range(_TRIES):
            try:
                crash_point("crm.before_receiving")
                async with self.open_work(tenant.id) as work:
                    take = _TAKERS.get(type(event), _unknown)
                    reception = await take(self._hearing(work, tenant), event)
                crash_point("crm.received")
            except HeardBefore:
                reception = Reception("duplicate")
            except Overtaken:
                continue
            metrics.whatsapp_heard.labels(type(event).__name__, reception.outcome).inc()
            return reception
        raise Overtaken

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

    def _hearing(self, work: Work, tenant: Tenant) -> Hearing:
        return Hearing(
            work=work,
            tenant=tenant,
            now=self.now(),
            new_id=self.new_id,
            stale_after_s=self.stale_after_s,
            patience_s=self.patience_s,
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
_TAKERS: Mapping[type[Event], Callable[[Hearing, Any], Awaitable[Reception]]] = {
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
