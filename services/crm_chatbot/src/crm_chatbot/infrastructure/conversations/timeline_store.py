"""The timeline in PostgreSQL: noted while a transaction runs, written once before it commits."""

from typing import Any

from crm_chatbot.application.feed import Thing
from crm_chatbot.domain.conversations.conversation import ConversationId
from crm_chatbot.domain.tenants.tenant import TenantId
from shared.infrastructure.database import insert_rows
from shared.infrastructure.late import LateSession


class SqlTimeline:
    """Honours crm_chatbot.domain.conversations.conversation.Timeline."""

    def __init__(self, session: LateSession, tenant_id: TenantId) -> None:
        self._session = session
        self._tenant_id = tenant_id
        self._noted: list[dict[str, Any]] = []

    async def note(self, conversation_id: ConversationId, what: str, /, **facts: object) -> None:
        row = {"tenant_id": self._tenant_id, "conversation_id": conversation_id}
        self._noted.append({**row, "what": what, "facts": facts})
        which = conversation_id
        self._session.touched(Thing.CONVERSATION, which, conversation_id=which)

    async def write(self) -> None:
        """One statement for all that was noted; the last one of the transaction."""
        await insert_rows(self._session, "crm.timeline", self._noted)
