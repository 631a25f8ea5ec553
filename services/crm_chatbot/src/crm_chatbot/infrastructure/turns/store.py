"""Turns, and what tools did in them, in PostgreSQL."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import insert, or_, select, text

from crm_chatbot.application.feed import Thing
from crm_chatbot.domain.conversations.conversation import ConversationId
from crm_chatbot.domain.conversations.message import TurnId
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.domain.turns.turn import Execution, Outcome, Tally, Turn, TurnStatus
from crm_chatbot.infrastructure.tables import tool_executions
from shared.infrastructure.database import Row, insert_rows
from shared.infrastructure.late import LateSession

_RUNNING = text("""
    SELECT * FROM crm.turns
     WHERE tenant_id = :tenant AND conversation_id = :conversation AND status = 'running'""")

_SAVE = text("""
    UPDATE crm.turns
       SET epoch = :epoch, status = :status, outcome = :outcome, attempts = :attempts,
           failures = :failures, restarts = :restarts, has_effects = :has_effects,
           model_calls = :model_calls, tool_calls = :tool_calls, ended_at = :ended_at
     WHERE tenant_id = :tenant AND id = :id""")

_TALLY = text("""
    SELECT count(*) FILTER (WHERE is_recent) AS hour, count(*) AS day,
           array_agg(DISTINCT outcome) FILTER (WHERE is_recent AND outcome IS NOT NULL) AS outcomes
      FROM (SELECT outcome, started_at > clock_timestamp() - interval '1 hour' AS is_recent
              FROM crm.turns
             WHERE tenant_id = :tenant AND conversation_id = :conversation
               AND started_at > clock_timestamp() - interval '1 day'
               AND status <> 'running') AS ended""")

_FORGET_PROGRESS = text("""
    WITH writes AS (
        DELETE FROM crm.checkpoint_writes WHERE tenant_id = :tenant AND turn_id = :turn)
    DELETE FROM crm.checkpoints WHERE tenant_id = :tenant AND turn_id = :turn""")


class SqlTurns:
    """Honours crm_chatbot.domain.turns.turn.Turns."""

    def __init__(self, session: LateSession, tenant_id: TenantId) -> None:
        self._session = session
        self._tenant_id = tenant_id

    async def running(self, conversation_id: ConversationId, /) -> Turn | None:
        found = await self._session.execute(_RUNNING, self._of(conversation_id))
        row = found.mappings().one_or_none()
        return None if row is None else _turn_of(dict(row))

    async def add(self, turn: Turn, /) -> None:
        await insert_rows(
            self._session, "crm.turns", [{"tenant_id": self._tenant_id, **vars(turn)}]
        )
        self._touched(turn)

    async def save(self, turn: Turn, /) -> None:
        await self._session.execute(_SAVE, {**vars(turn), "tenant": self._tenant_id})
        self._touched(turn)

    async def tally(self, conversation_id: ConversationId, /) -> Tally:
        row = (await self._session.execute(_TALLY, self._of(conversation_id))).one()
        return Tally(
            turns_last_hour=row.hour,
            turns_last_day=row.day,
            outcomes=frozenset(map(Outcome, row.outcomes or ())),
        )

    async def forget_progress(self, turn_id: TurnId, /) -> None:
        facts = {"tenant": self._tenant_id, "turn": turn_id}
        await self._session.execute(_FORGET_PROGRESS, facts)

    def _touched(self, turn: Turn) -> None:
        which = turn.conversation_id
        self._session.touched(Thing.CONVERSATION, which, conversation_id=which)

    def _of(self, conversation_id: ConversationId) -> dict[str, Any]:
        return {"tenant": self._tenant_id, "conversation": conversation_id}


class SqlExecutions:
    """Honours crm_chatbot.domain.turns.turn.Executions."""

    def __init__(self, session: LateSession, tenant_id: TenantId) -> None:
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
