"""Conversations of every tenant, leased to worker processes; only ids are seen across tenants."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from crm_chatbot.domain.conversations.conversation import Claim, ConversationId
from crm_chatbot.domain.tenants.tenant import TenantId
from shared.infrastructure.database import Sessions, one_statement

_BEAT = text("""
    INSERT INTO crm.workers (id, beat_at) VALUES (:me, clock_timestamp())
        ON CONFLICT (id) DO UPDATE SET beat_at = clock_timestamp()""")

_LEAVE = text("""
    DELETE FROM crm.workers WHERE id = :me OR beat_at < clock_timestamp() - interval '1 hour'""")


class SqlMailboxes:
    """Honours crm_chatbot.application.turns.mailbox.Mailboxes."""

    def __init__(self, sessions: Sessions, worker_id: UUID) -> None:
        self._sessions = sessions
        self._worker_id = worker_id

    async def beat(self) -> None:
        async with one_statement(self._sessions) as session:
            await session.execute(_BEAT, {"me": self._worker_id})

    async def claim(self, most: int, /, *, share: int, dead_after_s: float) -> Sequence[Claim]:
        return await self._claims(
            "crm.claim_conversations(:me, :most, :share, :dead_after_s)",
            most=most,
            share=share,
            dead_after_s=dead_after_s,
        )

    async def next_ready_in(self) -> float | None:
        async with one_statement(self._sessions) as session:
            found = await session.scalar(text("SELECT crm.next_ready_in()"))
            return None if found is None else float(found)

    async def held(self) -> Collection[Claim]:
        return await self._claims("crm.held_conversations(:me)")

    async def release(self, only: Collection[ConversationId] | None = None, /) -> int:
        async with one_statement(self._sessions) as session:
            released = await session.execute(
                text("SELECT crm.release_conversations(:me, CAST(:only AS uuid[]))"),
                {"me": self._worker_id, "only": None if only is None else list(only)},
            )
            return len(released.all())

    async def leave(self) -> None:
        async with one_statement(self._sessions) as session:
            await session.execute(_LEAVE, {"me": self._worker_id})

    async def _claims(self, function: str, **facts: float) -> list[Claim]:
        async with one_statement(self._sessions) as session:
            rows = await session.execute(
                text(f"SELECT * FROM {function}"),  # noqa: S608 - one of the two above
                {"me": self._worker_id, **facts},
            )
            return [_claim_of(row) for row in rows]


def _claim_of(row: Row[Any]) -> Claim:
    return Claim(
        tenant_id=TenantId(UUID(str(row.tenant_id))),
        conversation_id=ConversationId(UUID(str(row.conversation_id))),
        epoch=row.epoch,
    )
