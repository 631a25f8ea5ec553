"""What WhatsApp told us, in PostgreSQL: every event once, acks and sessions only forward."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, text, true, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from crm_chatbot.application.feed import Thing
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.domain.whatsapp import Heard, Rank, SessionSeen
from crm_chatbot.infrastructure.tables import (
    acks,
    inbox,
    messages,
    sent_stanzas,
    whatsapp_sessions,
)
from shared.infrastructure.database import Row, insert_rows
from shared.infrastructure.late import LateSession

_UNKNOWN = "UNKNOWN"

_SENT = select(messages.c.id, messages.c.conversation_id).join(
    sent_stanzas,
    (sent_stanzas.c.tenant_id == messages.c.tenant_id)
    & (sent_stanzas.c.message_id == messages.c.id),
)

_RECORD = insert(inbox).on_conflict_do_nothing().returning(inbox.c.event_key)


async def _record(session: AsyncSession, rows: Sequence[Row]) -> None:
    await insert_rows(session, "crm.inbox", rows)


class SqlInbox:
    """Honours crm_chatbot.domain.whatsapp.Inbox."""

    def __init__(self, session: LateSession, tenant_id: TenantId) -> None:
        self._session = session
        self._tenant_id = tenant_id
        self._unheard = set[str]()

    async def record(self, heard: Heard, /) -> bool:
        row = {
            "tenant_id": self._tenant_id,
            "event_key": heard.event.key,
            "event": heard.event.name,
            "outcome": "taken" if heard.reason is None else "ignored",
            "reason": heard.reason,
            "chat_id": heard.chat_id,
            "conversation_id": heard.conversation_id,
            "message_id": heard.message_id,
        }
        if heard.event.key in self._unheard:
            # Somebody else may hear of it meanwhile: then the whole transaction fails.
            self._unheard.remove(heard.event.key)
            self._session.put_off(_record, [row])
            return True
        return (await self._session.execute(_RECORD, row)).first() is not None

    async def unheard(self, keys: Collection[str], /) -> Collection[str]:
        if not keys:
            return ()
        query = select(inbox.c.event_key).where(inbox.c.tenant_id == self._tenant_id)
        heard = await self._session.scalars(query.where(inbox.c.event_key.in_(keys)))
        self._unheard = set(keys).difference(heard)
        return frozenset(self._unheard)

    async def forget_chats(self, chat_ids: Collection[str], /) -> None:
        whose = update(inbox).where(inbox.c.tenant_id == self._tenant_id)
        await self._session.execute(whose.where(inbox.c.chat_id.in_(chat_ids)).values(chat_id=None))


class SqlAcks:
    """Honours crm_chatbot.domain.whatsapp.Acks."""

    def __init__(self, session: LateSession, tenant_id: TenantId) -> None:
        self._session = session
        self._tenant_id = tenant_id

    async def advance(
        self, session: str, stanza_id: str, rank: Rank, /, *, error: str | None = None
    ) -> bool:
        new = insert(acks).values(
            tenant_id=self._tenant_id,
            session=session,
            stanza_id=stanza_id,
            rank=rank,
            error=error,
        )
        # An error is news until a device has the message, and then only the device's word counts.
        arrived = new.excluded.rank >= Rank.DEVICE
        is_news = or_(
            and_(new.excluded.rank > acks.c.rank, or_(acks.c.rank != Rank.ERROR, arrived)),
            and_(new.excluded.rank == Rank.ERROR, acks.c.rank.in_((Rank.PENDING, Rank.SERVER))),
        )
        moved = new.on_conflict_do_update(
            index_elements=["tenant_id", "session", "stanza_id"],
            set_={"rank": rank, "error": error, "at": text("clock_timestamp()")},
            where=is_news,
        )
        sent = _SENT.where(
            sent_stanzas.c.tenant_id == self._tenant_id,
            sent_stanzas.c.session == session,
            sent_stanzas.c.stanza_id == stanza_id,
        )
        done = await self._session.execute(
            moved.returning(
                sent.with_only_columns(messages.c.id).scalar_subquery().label("message_id"),
                sent.with_only_columns(messages.c.conversation_id).scalar_subquery().label("chat"),
            )
        )
        row = done.first()
        if row is not None and row.message_id is not None:
            self._session.touched(Thing.MESSAGE, row.message_id, conversation_id=row.chat)
        return row is not None


class SqlWhatsAppSessions:
    """Honours crm_chatbot.domain.whatsapp.WhatsAppSessions."""

    def __init__(self, session: LateSession, tenant_id: TenantId) -> None:
        self._session = session
        self._tenant_id = tenant_id

    async def get(self, session: str, /) -> SessionSeen | None:
        c = whatsapp_sessions.c
        query = select(c.session, c.status, c.since, c.caught_up_at)
        found = await self._session.execute(
            query.where(c.tenant_id == self._tenant_id, c.session == session)
        )
        row = found.mappings().one_or_none()
        return None if row is None else SessionSeen(**row)

    async def changed(self, session: str, status: str, at: datetime, /) -> bool:
        c = whatsapp_sessions.c
        # A session that works again is caught up with at once, whenever that was done last.
        change = {"status": status, "since": at, "looked_at": None}
        is_later = or_(c.since <= at, c.status == _UNKNOWN)
        is_news = await self._upsert(session, change, and_(is_later, c.status != status))
        if is_news:
            self._session.touched(Thing.WHATSAPP, self._tenant_id)
        return is_news

    async def look(self, session: str, now: datetime, /, *, older_than_s: float) -> bool:
        c = whatsapp_sessions.c
        new = {"status": _UNKNOWN, "since": now, "looked_at": now}
        is_due = c.looked_at.is_(None) | (c.looked_at < now - timedelta(seconds=older_than_s))
        return await self._upsert(session, new, is_due, change=("looked_at",))

    async def look_soon(self, session: str, now: datetime, /) -> None:
        new = {"status": _UNKNOWN, "since": now, "looked_at": None}
        await self._upsert(session, new, true(), change=("looked_at",))

    async def caught_up(self, session: str, until: datetime, /) -> None:
        c = whatsapp_sessions.c
        is_later = c.caught_up_at.is_(None) | (c.caught_up_at < until)
        new = {"status": _UNKNOWN, "since": until, "caught_up_at": until}
        await self._upsert(session, new, is_later, change=("caught_up_at",))
        self._session.touched(Thing.WHATSAPP, self._tenant_id)

    async def _upsert(
        self,
        session: str,
        values: dict[str, Any],
        where: ColumnElement[bool],
        *,
        change: tuple[str, ...] | None = None,
    ) -> bool:
        key = {"tenant_id": self._tenant_id, "session": session}
        names = change or tuple(values)
        moved = (
            insert(whatsapp_sessions)
            .values({**key, **values})
            .on_conflict_do_update(
                index_elements=list(key), set_={name: values[name] for name in names}, where=where
            )
        )
        done = await self._session.execute(moved.returning(whatsapp_sessions.c.session))
        return done.first() is not None
