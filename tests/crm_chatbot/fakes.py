"""crm_chatbot's ports in memory: what contract tests hold against PostgreSQL."""

import asyncio
import copy
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from uuid_utils.compat import uuid7

from crm_chatbot.application.payments.gateways import Account
from crm_chatbot.application.ports import Means, Work
from crm_chatbot.domain.conversations.conversation import ConversationId, Happened
from crm_chatbot.domain.payments.payment import Provider
from crm_chatbot.domain.quick_reply import QuickReply, QuickReplyId
from crm_chatbot.domain.tenants.tenant import Tenant, TenantId, TenantNotFound
from crm_chatbot.domain.tickets.clock import Targets
from shared.availability import DatabaseUnavailable
from shared.contracts import Message as QueueMessage
from shared.domain import ChangedMeanwhile
from tests.crm_chatbot.memory_automation import Automation, MemoryRules
from tests.crm_chatbot.memory_catalog import (
    Catalog,
    MemoryCatalogSearch,
    MemoryImports,
    MemoryProducts,
    MemoryStock,
)
from tests.crm_chatbot.memory_chats import (
    Chats,
    MemoryAcks,
    MemoryConversations,
    MemoryCustomers,
    MemoryInbox,
    MemoryMessages,
    MemoryTimeline,
    MemoryWhatsAppSessions,
)
from tests.crm_chatbot.memory_labels import MemoryLabels
from tests.crm_chatbot.memory_once import MemoryIdempotency
from tests.crm_chatbot.memory_orders import (
    Deals,
    MemoryConcerns,
    MemoryDeliveryTables,
    MemoryDiscountRules,
    MemoryOrders,
    MemoryReservations,
)
from tests.crm_chatbot.memory_payments import (
    MemoryPaymentAccounts,
    MemoryPaymentDirectory,
    MemoryPaymentEvents,
    MemoryPayments,
    MemoryRefunds,
    MemoryWaysToPay,
    Till,
)
from tests.crm_chatbot.memory_quick_replies import MemoryQuickReplies
from tests.crm_chatbot.memory_targets import MemoryTicketTargets
from tests.crm_chatbot.memory_tickets import (
    MemoryBoards,
    MemoryTickets,
    MemoryTicketTemplates,
    TicketDesk,
)
from tests.crm_chatbot.memory_turns import MemoryExecutions, MemoryLedger, MemoryTurns


@dataclass
class Stored:
    """Everything that a transaction may change."""

    tenants: dict[TenantId, Tenant] = field(default_factory=dict[TenantId, Tenant])
    chats: dict[TenantId, Chats] = field(default_factory=dict[TenantId, Chats])
    catalogs: dict[TenantId, Catalog] = field(default_factory=dict[TenantId, Catalog])
    deals: dict[TenantId, Deals] = field(default_factory=dict[TenantId, Deals])
    tills: dict[TenantId, Till] = field(default_factory=dict[TenantId, Till])
    ticket_desks: dict[TenantId, TicketDesk] = field(default_factory=dict[TenantId, TicketDesk])
    quick_replies: dict[TenantId, dict[QuickReplyId, QuickReply]] = field(
        default_factory=dict[TenantId, dict[QuickReplyId, QuickReply]]
    )
    targets: dict[TenantId, Targets] = field(default_factory=dict[TenantId, Targets])
    automation: dict[TenantId, Automation] = field(default_factory=dict[TenantId, Automation])
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    said: list[QueueMessage] = field(default_factory=list[QueueMessage])


@dataclass
class MemoryCrm:
    """`open_work` is a transaction: one at a time, and undone when its block raises."""

    time: datetime
    stored: Stored = field(default_factory=Stored)
    is_away: bool = False
    #: the platform's own, with payment providers
    own_accounts: dict[Provider, Account] = field(default_factory=dict[Provider, Account])
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @asynccontextmanager
    async def open_work(self, tenant_id: TenantId) -> AsyncGenerator[Work]:
        if self.is_away:
            raise DatabaseUnavailable("away")
        async with self._turn:
            before = copy.deepcopy(self.stored)
            chats = self.stored.chats.setdefault(tenant_id, Chats())
            catalog = self.stored.catalogs.setdefault(tenant_id, Catalog())
            deals = self.stored.deals.setdefault(tenant_id, Deals())
            till = self.stored.tills.setdefault(tenant_id, Till())
            desk = self.stored.ticket_desks.setdefault(tenant_id, TicketDesk())
            automation = self.stored.automation.setdefault(tenant_id, Automation())
            try:
                yield Work(
                    tenant_id=tenant_id,
                    tenants=MemoryTenants(self, tenant_id),
                    customers=MemoryCustomers(chats),
                    conversations=MemoryConversations(chats),
                    messages=MemoryMessages(chats),
                    labels=MemoryLabels(chats),
                    inbox=MemoryInbox(chats),
                    acks=MemoryAcks(chats),
                    whatsapp_sessions=MemoryWhatsAppSessions(chats),
                    products=MemoryProducts(catalog),
                    stock=MemoryStock(catalog, self.time),
                    catalog=MemoryCatalogSearch(catalog),
                    imports=MemoryImports(catalog),
                    orders=MemoryOrders(deals),
                    reservations=MemoryReservations(deals, catalog, self.time),
                    delivery=MemoryDeliveryTables(deals),
                    discounts=MemoryDiscountRules(deals),
                    concerns=MemoryConcerns(deals),
                    payments=MemoryPayments(till, deals),
                    payment_events=MemoryPaymentEvents(till),
                    refunds=MemoryRefunds(till),
                    ways_to_pay=MemoryWaysToPay(till, self.own_accounts),
                    tickets=MemoryTickets(desk),
                    ticket_boards=MemoryBoards(desk),
                    ticket_templates=MemoryTicketTemplates(desk),
                    ticket_targets=MemoryTicketTargets(self.stored.targets, tenant_id),
                    turns=MemoryTurns(chats, self.time),
                    executions=MemoryExecutions(chats),
                    ledger=self.stored.ledger,
                    idempotency=MemoryIdempotency(chats, self.time),
                    quick_replies=MemoryQuickReplies(
                        self.stored.quick_replies.setdefault(tenant_id, {})
                    ),
                    timeline=MemoryTimeline(chats, self.time),
                    rules=MemoryRules(automation, chats),
                    outbox=MemoryOutbox(self),
                    means=Means(new_id=uuid7, patience_s=30.0),
                )
            except BaseException:
                self.stored = before
                raise

    @property
    def payment_accounts(self) -> MemoryPaymentAccounts:
        return MemoryPaymentAccounts(lambda: self.stored.tills, self.own_accounts)

    @property
    def payment_directory(self) -> MemoryPaymentDirectory:
        return MemoryPaymentDirectory(lambda: self.stored.tills, self.clock)

    @property
    def every_tenant(self) -> "MemoryTenantList":
        return MemoryTenantList(self)

    def clock(self) -> datetime:
        """Fits `shared.domain.Clock`."""
        return self.time

    async def pass_time(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    async def said(self) -> list[QueueMessage]:
        """Everything that was said, in order."""
        return list(self.stored.said)

    async def timeline(
        self, tenant_id: TenantId, conversation_id: ConversationId
    ) -> list[Happened]:
        """Every step of a conversation, in order."""
        steps = self.stored.chats.get(tenant_id, Chats()).timeline
        return [step for whose, step in steps if whose == conversation_id]

    async def heard_in(self, tenant_id: TenantId) -> list[str]:
        """The chats in which anything was heard."""
        heard = self.stored.chats.get(tenant_id, Chats()).heard.values()
        return sorted(one.chat_id for one in heard if one.chat_id)


@dataclass
class MemoryTenants:
    """Honours crm_chatbot.domain.tenants.tenant.Tenants."""

    crm: MemoryCrm
    tenant_id: TenantId

    async def get(self, tenant_id: TenantId, /) -> Tenant:
        found = self.crm.stored.tenants.get(tenant_id)
        if found is None or tenant_id != self.tenant_id:
            raise TenantNotFound(tenant_id=tenant_id)
        return copy.deepcopy(found)

    async def add(self, tenant: Tenant, /) -> None:
        self.crm.stored.tenants[tenant.id] = copy.deepcopy(tenant)

    async def save(self, tenant: Tenant, /) -> None:
        stored = self.crm.stored.tenants.get(tenant.id)
        is_seen = stored is not None and stored.version == tenant.version
        if not is_seen or tenant.id != self.tenant_id:
            raise ChangedMeanwhile
        tenant.version += 1
        self.crm.stored.tenants[tenant.id] = copy.deepcopy(tenant)


@dataclass
class MemoryTenantList:
    """Honours crm_chatbot.application.tenants.TenantList."""

    crm: MemoryCrm

    async def page(self, *, before: TenantId | None, limit: int) -> Sequence[Tenant]:
        newest_first = sorted(self.crm.stored.tenants.values(), key=lambda one: one.id)[::-1]
        older = [one for one in newest_first if before is None or one.id < before]
        return copy.deepcopy(older[:limit])


@dataclass
class MemoryOutbox:
    """Honours crm_chatbot.application.ports.Outbox."""

    crm: MemoryCrm

    async def say(self, *messages: QueueMessage) -> None:
        self.crm.stored.said += messages
