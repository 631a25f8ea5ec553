"""What is due in the conversations of every tenant; only ids are seen across tenants."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import TextClause, text

from crm_chatbot.application.sweeping import Place
from crm_chatbot.domain.conversation import ConversationId
from crm_chatbot.domain.tenant import TenantId
from shared.infrastructure.database import Sessions, one_statement

_UNHEARD_OF = text("SELECT tenant_id, conversation_id FROM crm.overdue_messages(:most)")
_LEFT_ALONE = text("SELECT tenant_id, conversation_id FROM crm.due_handbacks(:most)")


class SqlBacklog:
    """Honours crm_chatbot.application.sweeping.Backlog."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def unheard_of(self, most: int, /) -> Sequence[Place]:
        return await self._places(_UNHEARD_OF, most)

    async def left_alone(self, most: int, /) -> Sequence[Place]:
        return await self._places(_LEFT_ALONE, most)

    async def _places(self, query: TextClause, most: int) -> list[Place]:
        async with one_statement(self._sessions) as session:
            rows = await session.execute(query, {"most": most})
            return [(_tenant(row.tenant_id), _chat(row.conversation_id)) for row in rows]


def _tenant(value: object) -> TenantId:
    return TenantId(UUID(str(value)))


def _chat(value: object) -> ConversationId:
    return ConversationId(UUID(str(value)))
