"""One tenant's transaction in PostgreSQL, and what it says once it has committed."""

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from uuid_utils.compat import uuid7

from crm_chatbot.application.ports import Means, OpenWork, Work
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.infrastructure.automation_store import SqlRules
from crm_chatbot.infrastructure.catalog.import_store import SqlImports
from crm_chatbot.infrastructure.catalog.product_store import SqlProducts
from crm_chatbot.infrastructure.catalog.search import SqlCatalogSearch
from crm_chatbot.infrastructure.catalog.stock_store import SqlStock
from crm_chatbot.infrastructure.columns import SCHEMA
from crm_chatbot.infrastructure.conversations.message_store import SqlMessages
from crm_chatbot.infrastructure.conversations.store import SqlConversations
from crm_chatbot.infrastructure.conversations.timeline_store import SqlTimeline
from crm_chatbot.infrastructure.customer_store import SqlCustomers
from crm_chatbot.infrastructure.label_store import SqlLabels
from crm_chatbot.infrastructure.once_store import SqlIdempotency
from crm_chatbot.infrastructure.orders.reservation_store import SqlReservations
from crm_chatbot.infrastructure.orders.shop_rules_store import (
    SqlConcerns,
    SqlDeliveryTables,
    SqlDiscountRules,
)
from crm_chatbot.infrastructure.orders.store import SqlOrders
from crm_chatbot.infrastructure.payments.account_store import OwnAccounts, SqlWaysToPay
from crm_chatbot.infrastructure.payments.store import SqlPaymentEvents, SqlPayments, SqlRefunds
from crm_chatbot.infrastructure.quick_reply_store import SqlQuickReplies
from crm_chatbot.infrastructure.tenant_store import SqlTenants
from crm_chatbot.infrastructure.tickets.board_store import SqlBoards, SqlTicketTemplates
from crm_chatbot.infrastructure.tickets.target_store import SqlTicketTargets
from crm_chatbot.infrastructure.tickets.ticket_store import SqlTickets
from crm_chatbot.infrastructure.turns.ledger import SqlLedger
from crm_chatbot.infrastructure.turns.store import SqlExecutions, SqlTurns
from crm_chatbot.infrastructure.whatsapp.inbox_store import SqlAcks, SqlInbox, SqlWhatsAppSessions
from shared import tracing
from shared.contracts import Message, TurnDue
from shared.infrastructure.database import Sessions
from shared.infrastructure.late import LateSession, Touch, late
from shared.infrastructure.outbox import Envelope, HandOver, announce
from shared.infrastructure.tenancy import tenant_transaction
from shared.messaging import Outgoing

_MEANS = Means(new_id=uuid7, patience_s=30.0)

#: Hears what was changed in a shop; must neither wait nor fail, for it has happened already.
Tell = Callable[[TenantId, Iterable[Touch]], None]


@dataclass(frozen=True)
class Queues:
    """Where messages go: to our own workers, or to waha_sender."""

    own: str
    sender: str

    def of(self, message: Message) -> str:
        return self.own if isinstance(message, TurnDue) else self.sender


class SqlOutbox:
    """Honours crm_chatbot.application.ports.Outbox; all that is said is written at the end."""

    def __init__(self, session: LateSession, queues: Queues) -> None:
        self._session = session
        self._queues = queues
        self._said: list[Envelope] = []

    async def say(self, *messages: Message) -> None:
        trace = tracing.inject()
        self._said += [Envelope(self._queues.of(message), message, trace) for message in messages]

    async def write(self) -> list[Outgoing]:
        return await announce(self._session, SCHEMA, self._said)


class Last(NamedTuple):
    """What is written once everything else has been: what happened, and what others must hear."""

    timeline: SqlTimeline
    outbox: SqlOutbox
    quick_replies: SqlQuickReplies


def sql_work(
    sessions: Sessions,
    queues: Queues,
    *,
    hand_over: HandOver = lambda _: None,
    tell: Tell = lambda _tenant, _touches: None,
    own_accounts: OwnAccounts = MappingProxyType({}),
    means: Means = _MEANS,
) -> OpenWork:
    """Transactions on PostgreSQL. `means` are what rules act with.

    Once they are committed, `hand_over` gets what was announced, and `tell` what was changed.
    """
    transactions = late(sessions)

    @asynccontextmanager
    async def open_work(tenant_id: TenantId) -> AsyncGenerator[Work]:
        async with tenant_transaction(transactions, tenant_id) as session:
            last = Last(
                SqlTimeline(session, tenant_id),
                SqlOutbox(session, queues),
                SqlQuickReplies(session, tenant_id),
            )
            yield work_on(session, tenant_id, own_accounts, means, last)
            await session.write_out()
            await last.timeline.write()
            said = await last.outbox.write()
            await last.quick_replies.count()
        hand_over(said)
        tell(tenant_id, session.touches)

    return open_work


def work_on(
    session: LateSession,
    tenant_id: TenantId,
    own_accounts: OwnAccounts,
    means: Means,
    last: Last,
) -> Work:
    """Every store of a tenant, on one session."""
    return Work(
        tenant_id=tenant_id,
        tenants=SqlTenants(session),
        customers=SqlCustomers(session, tenant_id),
        conversations=SqlConversations(session, tenant_id),
        messages=SqlMessages(session, tenant_id),
        labels=SqlLabels(session, tenant_id),
        inbox=SqlInbox(session, tenant_id),
        acks=SqlAcks(session, tenant_id),
        whatsapp_sessions=SqlWhatsAppSessions(session, tenant_id),
        products=SqlProducts(session, tenant_id),
        stock=SqlStock(session, tenant_id),
        catalog=SqlCatalogSearch(session, tenant_id),
        imports=SqlImports(session, tenant_id),
        orders=SqlOrders(session, tenant_id),
        reservations=SqlReservations(session, tenant_id),
        delivery=SqlDeliveryTables(session, tenant_id),
        discounts=SqlDiscountRules(session, tenant_id),
        concerns=SqlConcerns(session, tenant_id),
        payments=SqlPayments(session, tenant_id),
        payment_events=SqlPaymentEvents(session, tenant_id),
        refunds=SqlRefunds(session, tenant_id),
        ways_to_pay=SqlWaysToPay(session, tenant_id, own_accounts),
        tickets=SqlTickets(session, tenant_id),
        ticket_boards=SqlBoards(session, tenant_id),
        ticket_templates=SqlTicketTemplates(session, tenant_id),
        ticket_targets=SqlTicketTargets(session, tenant_id),
        turns=SqlTurns(session, tenant_id),
        executions=SqlExecutions(session, tenant_id),
        ledger=SqlLedger(session, tenant_id),
        idempotency=SqlIdempotency(session, tenant_id),
        quick_replies=last.quick_replies,
        timeline=last.timeline,
        rules=SqlRules(session, tenant_id),
        outbox=last.outbox,
        means=means,
    )
