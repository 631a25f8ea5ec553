"""When WAHA's history is looked into: once in so long, and at once when a session works again."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from crm_chatbot.application.backlog import Backlog
from crm_chatbot.application.ports import OpenWork
from crm_chatbot.application.whatsapp.history import History, Span
from crm_chatbot.application.whatsapp.inbound import InboundService
from crm_chatbot.domain.tenants.tenant import Tenant, TenantId
from crm_chatbot.domain.whatsapp import SessionChanged
from shared import logs, metrics
from shared.availability import DatabaseUnavailable
from shared.batching import Overloaded
from shared.crash_points import crash_point
from shared.domain import Clock, DomainError
from shared.runtime import every
from shared.whatsapp.connections import Connection, Connections
from shared.whatsapp.waha import WORKING, Described, Waha, WahaFailed

log = logs.get()

#: Sessions that are read at once, and how long one may take: a slow one holds up nobody else.
AT_ONCE = 8
LONGEST_S = 600.0
#: Clocks differ, and WAHA writes some things down later than others.
OVERLAP = timedelta(minutes=2)
#: What is older is let be.
LONGEST_GAP = timedelta(days=7)


@dataclass(frozen=True)
class Reminder:
    """Has a session looked into soon, by whichever process does so."""

    open_work: OpenWork
    now: Clock

    async def remind(self, tenant_id: TenantId, session: str) -> None:
        """Raises DatabaseUnavailable."""
        async with self.open_work(tenant_id) as work:
            await work.whatsapp_sessions.look_soon(session, self.now())


@dataclass(frozen=True, kw_only=True)
class CatchUp:
    """Harmless the second time, and in many processes at once."""

    backlog: Backlog
    open_work: OpenWork
    connections: Connections
    waha: Waha
    inbound: InboundService
    history: History
    now: Clock
    every_s: float
    _busy: set[tuple[TenantId, str]] = field(default_factory=set[tuple[TenantId, str]])

    async def run(self, look_every_s: float) -> None:
        """Until cancelled: each session by itself, whatever becomes of the others."""
        async with asyncio.TaskGroup() as tasks:
            await every(look_every_s, partial(self._begin, tasks))

    async def catch_up(self, tenant_id: TenantId, session: str) -> bool:
        """Take what is missing; False if there is more than could be read, or it was not time.

        Raises WahaFailed, NotConnected, TenantNotFound, DatabaseUnavailable, Overloaded.
        """
        began = self.now()
        since = await self._claim(tenant_id, session, began)
        connection = await self.connections.find(tenant_id)
        if since is None or connection.session != session:
            return False
        tenant = await self.inbound.tenant(tenant_id)
        me = await self._me(tenant, connection, began)
        if me is None or not await self.history.take(Span(tenant, connection, me, since)):
            return False
        crash_point("crm.before_caught_up")
        async with self.open_work(tenant_id) as work:
            await work.whatsapp_sessions.caught_up(session, began)
        return True

    async def _begin(self, tasks: asyncio.TaskGroup) -> None:
        if room := AT_ONCE - len(self._busy):
            for place in await self.backlog.unwatched(room, for_s=self.every_s):
                if place not in self._busy:
                    self._busy.add(place)
                    tasks.create_task(self._try(place))

    async def _try(self, place: tuple[TenantId, str]) -> None:
        code = "failed"
        try:
            async with asyncio.timeout(LONGEST_S):
                code = "complete" if await self.catch_up(*place) else "incomplete"
        except (WahaFailed, DomainError) as refusal:  # it is away, disconnected or closed
            code = refusal.code
        except (DatabaseUnavailable, Overloaded, TimeoutError):
            code = "not_in_time"
        except Exception:
            log.exception("catch_up.failed", tenant_id=str(place[0]))
        finally:
            self._busy.discard(place)
            metrics.catch_ups.labels(code).inc()

    async def _claim(self, tenant_id: TenantId, session: str, now: datetime) -> datetime | None:
        """From when on it is to be read; None if somebody did so a moment ago.

        A session's first look is where its history begins: what was said before is not ours.
        """
        async with self.open_work(tenant_id) as work:
            sessions = work.whatsapp_sessions
            if not await sessions.look(session, now, older_than_s=self.every_s):
                return None
            seen = await sessions.get(session)
            if seen is not None and seen.caught_up_at is not None:
                return max(seen.caught_up_at, now - LONGEST_GAP) - OVERLAP
            opened_at = (await work.tenants.get(tenant_id)).created_at
            begin = max(opened_at, now - timedelta(seconds=self.inbound.stale_after_s))
            await sessions.caught_up(session, begin)
        return begin

    async def _me(self, tenant: Tenant, connection: Connection, now: datetime) -> Described | None:
        """Whose account it is; None while the session does not work. Its status may be news."""
        facts = await self.waha.session(connection)
        async with self.open_work(tenant.id) as work:
            seen = await work.whatsapp_sessions.get(connection.session)
        if seen is None or seen.status != facts.status:
            await self._tell(tenant, connection.session, facts.status, now)
        return (facts.me or {}) if facts.status == WORKING else None

    async def _tell(self, tenant: Tenant, session: str, status: str, now: datetime) -> None:
        """As a webhook would have told; but the look that this asks for is under way already."""
        key = f"{session}:session.status:seen:{now.isoformat()}"
        changed = SessionChanged(
            key=key, name="session.status", session=session, status=status, at=now
        )
        await self.inbound.receive(tenant, changed)
        async with self.open_work(tenant.id) as work:
            await work.whatsapp_sessions.look(session, now, older_than_s=self.every_s)
