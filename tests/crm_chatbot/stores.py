"""crm_chatbot's PostgreSQL behind the same face as its memory."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from sqlalchemy import select, text

from crm_chatbot.application.payments.accounts import PaymentAccounts
from crm_chatbot.application.payments.gateways import Account
from crm_chatbot.application.payments.worker import PaymentDirectory
from crm_chatbot.application.ports import Work
from crm_chatbot.application.tenants import TenantList
from crm_chatbot.domain.conversations.conversation import ConversationId, Happened
from crm_chatbot.domain.payments.payment import Provider
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.infrastructure.payments.account_store import SqlPaymentAccounts
from crm_chatbot.infrastructure.payments.store import SqlPaymentDirectory
from crm_chatbot.infrastructure.tables import inbox, timeline
from crm_chatbot.infrastructure.tenant_store import SqlTenantList
from crm_chatbot.infrastructure.work import Queues, sql_work
from shared.contracts import KINDS, Message
from shared.infrastructure.database import Sessions, transaction
from shared.infrastructure.secrets import Vault
from shared.infrastructure.tenancy import tenant_transaction
from tests.crm_chatbot.fakes import MemoryCrm

VAULT = Vault(b"k" * 32)
QUEUES = Queues(own="crm_tasks", sender="wa_messages")


@dataclass
class SqlCrm:
    """The real thing."""

    sessions: Sessions
    #: the platform's own, with payment providers
    own_accounts: dict[Provider, Account] = field(default_factory=dict[Provider, Account])

    def open_work(self, tenant_id: TenantId) -> AbstractAsyncContextManager[Work]:
        return sql_work(self.sessions, QUEUES, own_accounts=self.own_accounts)(tenant_id)

    @property
    def payment_accounts(self) -> PaymentAccounts:
        return SqlPaymentAccounts(self.sessions, VAULT, self.own_accounts)

    @property
    def payment_directory(self) -> PaymentDirectory:
        return SqlPaymentDirectory(self.sessions)

    @property
    def every_tenant(self) -> TenantList:
        return SqlTenantList(self.sessions)

    async def said(self) -> list[Message]:
        """Everything that was said, in order."""
        async with transaction(self.sessions) as session:
            rows = await session.execute(text("SELECT kind, body FROM crm.outbox ORDER BY id"))
            return [KINDS[row.kind].model_validate_json(row.body) for row in rows]

    async def timeline(
        self, tenant_id: TenantId, conversation_id: ConversationId
    ) -> list[Happened]:
        """Every step of a conversation, in order."""
        steps = select(timeline).where(timeline.c.conversation_id == conversation_id)
        async with tenant_transaction(self.sessions, tenant_id) as session:
            rows = await session.execute(steps.order_by(timeline.c.id))
            return [Happened(what=row.what, at=row.at, facts=row.facts) for row in rows]

    async def inbox(self, tenant_id: TenantId) -> dict[str, tuple[str, str | None]]:
        """What became of each event, by its key."""
        async with tenant_transaction(self.sessions, tenant_id) as session:
            rows = await session.execute(select(inbox))
            return {row.event_key: (row.outcome, row.reason) for row in rows}

    async def heard_in(self, tenant_id: TenantId) -> list[str]:
        """The chats in which anything was heard."""
        async with tenant_transaction(self.sessions, tenant_id) as session:
            found = await session.scalars(
                select(inbox.c.chat_id).where(inbox.c.chat_id.is_not(None))
            )
            return sorted(map(str, found))


Crm = MemoryCrm | SqlCrm
