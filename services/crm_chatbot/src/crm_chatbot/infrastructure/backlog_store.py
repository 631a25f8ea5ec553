"""What is due among the conversations of every tenant, told by functions of the database."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from crm_chatbot.application.backlog import Place
from crm_chatbot.domain.conversations.conversation import ConversationId
from crm_chatbot.domain.orders.order import OrderId
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.domain.tickets.ticket import TicketId
from shared.infrastructure.database import Sessions, one_statement

_UNHEARD_OF = "SELECT tenant_id, conversation_id FROM crm.overdue_messages(:most)"
_LEFT_ALONE = "SELECT tenant_id, conversation_id FROM crm.due_handbacks(:most)"
_ERASED = "SELECT tenant_id, conversation_id FROM crm.erased_conversations(:within_s, :most)"
_UNPAID = "SELECT tenant_id, order_id FROM crm.orders_past_their_time(:grace_s, :most)"
_OVERDUE = "SELECT tenant_id, ticket_id FROM crm.tickets_past_their_time(:most)"
_UNWATCHED = "SELECT tenant_id, session FROM crm.sessions_to_catch_up(:for_s, :most)"
_HIDDEN = "SELECT tenant_id, lid FROM crm.lids_to_resolve(:for_s, :most)"


class SqlBacklog:
    """Honours crm_chatbot.application.backlog.Backlog."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def unheard_of(self, most: int, /) -> Sequence[Place]:
        return [_place(row) for row in await self._rows(_UNHEARD_OF, most=most)]

    async def left_alone(self, most: int, /) -> Sequence[Place]:
        return [_place(row) for row in await self._rows(_LEFT_ALONE, most=most)]

    async def erased(self, most: int, /, *, within_s: float) -> Sequence[Place]:
        rows = await self._rows(_ERASED, most=most, within_s=within_s)
        return [_place(row) for row in rows]

    async def unpaid(self, most: int, /, *, grace_s: float) -> Sequence[tuple[TenantId, OrderId]]:
        rows = await self._rows(_UNPAID, most=most, grace_s=grace_s)
        return [(_tenant(row), OrderId(UUID(str(row.order_id)))) for row in rows]

    async def overdue(self, most: int, /) -> Sequence[tuple[TenantId, TicketId]]:
        rows = await self._rows(_OVERDUE, most=most)
        return [(_tenant(row), TicketId(UUID(str(row.ticket_id)))) for row in rows]

    async def unwatched(self, most: int, /, *, for_s: float) -> Sequence[tuple[TenantId, str]]:
        rows = await self._rows(_UNWATCHED, most=most, for_s=for_s)
        return [(_tenant(row), str(row.session)) for row in rows]

    async def hidden(self, most: int, /, *, for_s: float) -> Sequence[tuple[TenantId, str]]:
        rows = await self._rows(_HIDDEN, most=most, for_s=for_s)
        return [(_tenant(row), str(row.lid)) for row in rows]

    async def _rows(self, query: str, **facts: float) -> Sequence[Row[Any]]:
        async with one_statement(self._sessions) as session:
            return (await session.execute(text(query), facts)).all()


def _tenant(row: Row[Any]) -> TenantId:
    return TenantId(UUID(str(row.tenant_id)))


def _place(row: Row[Any]) -> Place:
    return _tenant(row), ConversationId(UUID(str(row.conversation_id)))
