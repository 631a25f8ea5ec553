"""How each session is and what it has sent, counted in PostgreSQL for all workers together."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from waha_sender.application.pacing import Pace
from waha_sender.infrastructure.tables import chats, sessions


class SqlPaces:
    """Honours waha_sender.application.ports.Paces."""

    def __init__(self, session: AsyncSession, tenant_id: UUID) -> None:
        self._session = session
        self._tenant_id = tenant_id
        self._found: dict[str, Pace] = {}

    async def of(self, session: str, /) -> Pace:
        pace = await self._locked(session)
        if pace is None:
            fresh = {"tenant_id": self._tenant_id, "session": session}
            await self._session.execute(insert(sessions).values(fresh).on_conflict_do_nothing())
            pace = await self._locked(session) or Pace(session=session)
        self._found[session] = replace(pace)
        return pace

    async def save(self, pace: Pace, /) -> None:
        if self._found.get(pace.session) == pace:
            return
        self._found[pace.session] = replace(pace)
        row = dict(vars(pace))
        await self._session.execute(
            update(sessions)
            .where(
                sessions.c.tenant_id == self._tenant_id,
                sessions.c.session == row.pop("session"),
            )
            .values(row)
        )

    async def last_in_chat(self, session: str, chat_id: str, /) -> datetime | None:
        found: datetime | None = await self._session.scalar(
            select(chats.c.last_sent_at).where(
                chats.c.tenant_id == self._tenant_id,
                chats.c.session == session,
                chats.c.chat_id == chat_id,
            )
        )
        return found

    async def note_sent(self, session: str, chat_id: str, at: datetime, /) -> None:
        row = {
            "tenant_id": self._tenant_id,
            "session": session,
            "chat_id": chat_id,
            "last_sent_at": at,
        }
        noted = insert(chats).values(row)
        await self._session.execute(
            noted.on_conflict_do_update(
                index_elements=["tenant_id", "session", "chat_id"],
                set_={"last_sent_at": noted.excluded.last_sent_at},
            )
        )

    async def forget_chat(self, session: str, chat_id: str, /) -> None:
        await self._session.execute(
            delete(chats).where(
                chats.c.tenant_id == self._tenant_id,
                chats.c.session == session,
                chats.c.chat_id == chat_id,
            )
        )

    async def _locked(self, session: str) -> Pace | None:
        rows = await self._session.execute(
            select(sessions)
            .where(sessions.c.tenant_id == self._tenant_id, sessions.c.session == session)
            .with_for_update()
        )
        row = rows.mappings().one_or_none()
        if row is None:
            return None
        return Pace(**{str(name): value for name, value in row.items() if name != "tenant_id"})
