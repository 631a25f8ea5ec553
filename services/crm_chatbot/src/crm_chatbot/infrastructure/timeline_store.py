"""The timeline in PostgreSQL: noted while a transaction runs, written once before it commits."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from crm_chatbot.domain.conversation import ConversationId
from crm_chatbot.domain.tenant import TenantId
from shared.infrastructure.database import Row, insert_rows
from shared.infrastructure.late import LateSession


class SqlTimeline:
    """Honours crm_chatbot.domain.conversation.Timeline."""

    def __init__(self, session: LateSession, tenant_id: TenantId) -> None:
        self._session = session
        self._tenant_id = tenant_id

    async def note(self, conversation_id: ConversationId, what: str, /, **facts: object) -> None:
        row = {"tenant_id": self._tenant_id, "conversation_id": conversation_id}
        self._session.put_off(_write, [{**row, "what": what, "facts": facts}])


async def _write(session: AsyncSession, rows: Sequence[Row]) -> None:
    await insert_rows(session, "crm.timeline", rows)
