"""Everything that explains why the bot does, or does not, answer: one query about one chat."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from crm_chatbot.application.conversations.looking import Deciding, LastHeard, Situation
from crm_chatbot.domain.conversations.conversation import (
    ConversationId,
    ConversationNotFound,
    Mode,
    TakeoverReason,
)
from crm_chatbot.domain.conversations.message import MessageState
from crm_chatbot.domain.tenants.tenant import TenantId, TenantStatus
from crm_chatbot.domain.turns.turn import Outcome
from shared.infrastructure.database import Row

_SITUATION = text("""
    SELECT t.status AS tenant_status, t.time_zone, c.mode, c.mode_reason, c.mode_since,
           c.handback_at, c.ready_at, c.lease_worker IS NOT NULL AS is_held,
           s.status AS session_status,
           heard.seq AS heard_seq, heard.state AS heard_state, heard.reason AS heard_reason,
           covering.outcome, deciding.started_at, deciding.failures,
           (SELECT count(*) FROM crm.messages m
             WHERE m.tenant_id = c.tenant_id AND m.conversation_id = c.id
               AND m.state IN ('queued', 'handed')) AS leaving
      FROM crm.conversations c
      JOIN crm.tenants t ON t.id = c.tenant_id
      LEFT JOIN crm.whatsapp_sessions s
        ON s.tenant_id = c.tenant_id AND s.session = c.session
      LEFT JOIN LATERAL (
           SELECT m.seq, m.state, m.reason, m.turn_id FROM crm.messages m
            WHERE m.tenant_id = c.tenant_id AND m.conversation_id = c.id AND m.direction = 'in'
            ORDER BY m.seq DESC LIMIT 1) AS heard ON true
      LEFT JOIN crm.turns covering
        ON covering.tenant_id = c.tenant_id AND covering.id = heard.turn_id
      LEFT JOIN crm.turns deciding
        ON deciding.tenant_id = c.tenant_id AND deciding.conversation_id = c.id
       AND deciding.status = 'running'
     WHERE c.tenant_id = :tenant AND c.id = :conversation""")


async def look(
    session: AsyncSession, tenant_id: TenantId, conversation_id: ConversationId
) -> tuple[Situation, int | None]:
    """And the place of what was heard last. Raises ConversationNotFound."""
    facts = {"tenant": tenant_id, "conversation": conversation_id}
    row = (await session.execute(_SITUATION, facts)).mappings().one_or_none()
    if row is None:
        raise ConversationNotFound(conversation_id=conversation_id)
    return _situation(dict(row)), row["heard_seq"]


def _situation(row: Row) -> Situation:
    reason = row["mode_reason"]
    as_they_are = ("time_zone", "mode_since", "handback_at", "ready_at", "is_held", "leaving")
    facts: dict[str, Any] = {name: row[name] for name in (*as_they_are, "session_status")}
    return Situation(
        is_suspended=row["tenant_status"] == TenantStatus.SUSPENDED,
        mode=Mode(row["mode"]),
        mode_reason=reason and TakeoverReason(reason),
        heard=_heard(row),
        spoken=None,
        deciding=_deciding(row),
        **facts,
    )


def _heard(row: Row) -> LastHeard | None:
    if row["heard_seq"] is None:
        return None
    outcome = row["outcome"]
    return LastHeard(
        state=MessageState(row["heard_state"]),
        reason=row["heard_reason"],
        outcome=outcome and Outcome(outcome),
    )


def _deciding(row: Row) -> Deciding | None:
    if row["started_at"] is None:
        return None
    return Deciding(started_at=row["started_at"], failures=row["failures"])
