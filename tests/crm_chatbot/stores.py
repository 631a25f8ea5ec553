"""crm_chatbot's PostgreSQL behind the same face as its memory."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from sqlalchemy import text

from crm_chatbot.application.ports import Work
from crm_chatbot.domain.tenant import TenantId
from crm_chatbot.infrastructure.work import Queues, sql_work
from shared.contracts import KINDS, Message
from shared.infrastructure.database import Sessions, transaction
from tests.crm_chatbot.fakes import MemoryCrm

QUEUES = Queues(own="crm_tasks", sender="wa_messages")


@dataclass
class SqlCrm:
    """The real thing."""

    sessions: Sessions

    def open_work(self, tenant_id: TenantId) -> AbstractAsyncContextManager[Work]:
        return sql_work(self.sessions, QUEUES)(tenant_id)

    async def said(self) -> list[Message]:
        """Everything that was said, in order."""
        async with transaction(self.sessions) as session:
            rows = await session.execute(text("SELECT kind, body FROM crm.outbox ORDER BY id"))
            return [KINDS[row.kind].model_validate_json(row.body) for row in rows]


Crm = MemoryCrm | SqlCrm
