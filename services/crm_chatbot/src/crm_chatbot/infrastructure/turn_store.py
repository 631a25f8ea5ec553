"""Turns, and what tools did in them, in PostgreSQL."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from crm_chatbot.domain.conversation import ConversationId
from crm_chatbot.domain.message import TurnId
from crm_chatbot.domain.tenant import TenantId
from crm_chatbot.domain.turn import Execution, Outcome, Tally, Turn, TurnStatus
from crm_chatbot.infrastructure.tables import tool_executions, turns
from shared.infrastructure.database import Row

_FORGET_PROGRESS = text("""
    WITH writes AS (
        DELETE FROM crm.checkpoint_writes WHERE tenant_id = :tenant AND turn_id = :turn)
    DELETE FROM crm.checkpoints WHERE tenant_id = :tenant AND turn_id = :turn""")


class SqlTurns:
    """Honours crm_chatbot.domain.turn.Turns."""

    def __init__(self, session: AsyncSession, tenant_id: TenantId) -> None:
        self._session = session
        self._tenant_id = tenant_id

    async def running(self, conversation_id: ConversationId, /) -> Turn | None:
        found = await self._session.execute(
            select(turns).where(
                turns.c.tenant_id == self._tenant_id,
                turns.c.conversation_id == conversation_id,
                turns.c.status == TurnStatus.RUNNING,
            )
        )
        row = found.mappings().one_or_none()
        return None if row is None else _turn_of(dict(row))

    async def add(self, turn: Turn, /) -> None:
        await self._session.execute(insert(turns).values(tenant_id=self._tenant_id, **vars(turn)))

    async def save(self, turn: Turn, /) -> None:
        mine = update(turns).where(turns.c.tenant_id == self._tenant_id, turns.c.id == turn.id)
        await self._session.execute(mine.values(vars(turn)))

    async def tally(self, conversation_id: ConversationId, /) -> Tally:
        hour, day = (
            turns.c.started_at > func.clock_timestamp() - text(f"interval '1 {unit}'")
            for unit in ("hour", "day")
        )
        counted = await self._session.execute(
            select(
                func.count().filter(hour).label("hour"),
                func.count().label("day"),
                func.array_agg(turns.c.outcome.distinct())
                .filter(hour, turns.c.outcome.is_not(None))
                .label("outcomes"),
            ).where(
                turns.c.tenant_id == self._tenant_id,
                turns.c.conversation_id == conversation_id,
                turns.c.status != TurnStatus.RUNNING,
                day,
            )
        )
        row = counted.one()
        return Tally(
            turns_last_hour=row.hour,
            turns_last_day=row.day,
            outcomes=frozenset(map(Outcome, row.outcomes or ())),
        )

    async def forget_progress(self, turn_id: TurnId, /) -> None:
        facts = {"tenant": self._tenant_id, "turn": turn_id}
        await self._session.execute(_FORGET_PROGRESS, facts)


class SqlExecutions:
    """Honours crm_chatbot.domain.turn.Executions."""

    def __init__(self, session: AsyncSession, tenant_id: TenantId) -> None:
        self._session = session
        self._tenant_id = tenant_id

    async def result_of(
        self, turn_id: TurnId, /, *, key: str, tool: str, arguments_hash: str, occurrence: int
    ) -> Mapping[str, Any] | None:
        done = tool_executions.c
        found: Mapping[str, Any] | None = await self._session.scalar(
            select(done.result)
            .where(
                done.tenant_id == self._tenant_id,
                done.turn_id == turn_id,
                done.tool == tool,
                done.arguments_hash == arguments_hash,
                or_(done.call_key == key, done.occurrence == occurrence),
            )
            .order_by(done.occurrence.desc())
            .limit(1)
        )
        return found

    async def add(self, execution: Execution, /) -> None:
        row = {
            "tenant_id": self._tenant_id,
            "turn_id": execution.turn_id,
            "call_key": execution.key,
            "tool": execution.tool,
            "arguments_hash": execution.arguments_hash,
            "occurrence": execution.occurrence,
            "result": dict(execution.result),
        }
        await self._session.execute(insert(tool_executions).values(row))


def _turn_of(row: Row) -> Turn:
    outcome = row["outcome"]
    named: dict[str, Any] = {
        "id": TurnId(UUID(str(row["id"]))),
        "conversation_id": ConversationId(UUID(str(row["conversation_id"]))),
        "status": TurnStatus(row["status"]),
        "outcome": None if outcome is None else Outcome(outcome),
    }
    facts = {name: value for name, value in row.items() if name != "tenant_id"}
    return Turn(**{**facts, **named})
