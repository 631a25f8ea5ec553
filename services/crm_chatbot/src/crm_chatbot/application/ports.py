"""What the use cases need from outside, and the transaction of one tenant that they work in."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from crm_chatbot.application.once import Idempotency
from crm_chatbot.domain.automation import Rules
from crm_chatbot.domain.catalog.imports import Imports
from crm_chatbot.domain.catalog.product import Products
from crm_chatbot.domain.catalog.searching import CatalogSearch
from crm_chatbot.domain.catalog.stock import Stock
from crm_chatbot.domain.conversations.conversation import Conversations, Timeline
from crm_chatbot.domain.conversations.message import Messages, TurnId
from crm_chatbot.domain.customers.customer import Customers
from crm_chatbot.domain.label import Labels
from crm_chatbot.domain.orders.concern import Concerns
from crm_chatbot.domain.orders.delivery import DeliveryTables
from crm_chatbot.domain.orders.discount import DiscountRules
from crm_chatbot.domain.orders.order import Orders
from crm_chatbot.domain.orders.reservation import Reservations
from crm_chatbot.domain.payments.events import PaymentEvents
from crm_chatbot.domain.payments.payment import Payments, WaysToPay
from crm_chatbot.domain.payments.refund import Refunds
from crm_chatbot.domain.quick_reply import QuickReplies
from crm_chatbot.domain.tenants.tenant import TenantId, Tenants
from crm_chatbot.domain.tickets.board import Boards
from crm_chatbot.domain.tickets.clock import TicketTargets
from crm_chatbot.domain.tickets.template import TicketTemplates
from crm_chatbot.domain.tickets.ticket import Tickets
from crm_chatbot.domain.turns.turn import Executions, Turns
from crm_chatbot.domain.whatsapp import Acks, Inbox, WhatsAppSessions
from shared.contracts import Message as QueueMessage
from shared.llm.budgets import Reservation
from shared.llm.chat import ModelCall


@dataclass(frozen=True, kw_only=True)
class Spent:
    """A model call, and which try at its turn made it."""

    attempt: int
    call: ModelCall


class Outbox(Protocol):
    """What other services, or our own workers, must hear once the transaction has committed."""

    async def say(self, *messages: QueueMessage) -> None: ...


class Ledger(Protocol):
    """What model calls cost."""

    async def record(
        self, turn_id: TurnId, spent: Sequence[Spent], reservations: Sequence[Reservation], /
    ) -> None:
        """Note every call, and settle what was reserved; harmless the second time."""
        ...


@dataclass(frozen=True)
class Means:
    """With what code acts by itself in a transaction that somebody else began."""

    new_id: Callable[[], UUID]
    #: how long the sender may be silent before it is asked again
    patience_s: float


@dataclass(frozen=True)
class Work:
    """One tenant's transaction: commits when its block ends, rolls back when it raises."""

    tenant_id: TenantId
    tenants: Tenants
    customers: Customers
    conversations: Conversations
    messages: Messages
    labels: Labels
    inbox: Inbox
    acks: Acks
    whatsapp_sessions: WhatsAppSessions
    products: Products
    stock: Stock
    catalog: CatalogSearch
    imports: Imports
    orders: Orders
    reservations: Reservations
    delivery: DeliveryTables
    discounts: DiscountRules
    concerns: Concerns
    payments: Payments
    payment_events: PaymentEvents
    refunds: Refunds
    ways_to_pay: WaysToPay
    tickets: Tickets
    ticket_boards: Boards
    ticket_templates: TicketTemplates
    ticket_targets: TicketTargets
    turns: Turns
    executions: Executions
    ledger: Ledger
    idempotency: Idempotency
    quick_replies: QuickReplies
    timeline: Timeline
    rules: Rules
    outbox: Outbox
    means: Means


OpenWork = Callable[[TenantId], AbstractAsyncContextManager[Work]]
