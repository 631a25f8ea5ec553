"""What is due in the chats of every shop, in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from crm_chatbot.application.backlog import Place
from crm_chatbot.domain.conversations.message import MessageState
from crm_chatbot.domain.customers.customer import IdentityKind
from crm_chatbot.domain.orders.order import OrderId, OrderStatus
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.domain.tickets.clock import has_run_out
from crm_chatbot.domain.tickets.ticket import TicketId
from tests.crm_chatbot.fakes import MemoryCrm
from tests.crm_chatbot.memory_chats import Chats
from tests.crm_chatbot.memory_payments import Till
from tests.shared.whatsapp.fakes import MemoryConnections

_LEAVING = {MessageState.QUEUED, MessageState.HANDED}
_NEVER = datetime.max.replace(tzinfo=UTC)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass
class MemoryBacklog:
    """Honours crm_chatbot.application.backlog.Backlog."""

    crm: MemoryCrm
    connections: MemoryConnections = field(default_factory=MemoryConnections)
    asked_at: dict[tuple[TenantId, str], datetime] = field(
        default_factory=dict[tuple[TenantId, str], datetime]
    )

    async def unheard_of(self, most: int, /) -> Sequence[Place]:
        late = [
            (message.ask_at or _NEVER, (tenant_id, message.conversation_id))
            for tenant_id, chats in self.crm.stored.chats.items()
            for message in chats.messages.values()
            if message.state in _LEAVING
        ]
        return self._first(late, most)

    async def left_alone(self, most: int, /) -> Sequence[Place]:
        alone = [
            (chat.handback_at or _NEVER, (tenant_id, chat.id))
            for tenant_id, chats in self.crm.stored.chats.items()
            for chat in chats.conversations.values()
        ]
        return self._first(alone, most)

    async def erased(self, most: int, /, *, within_s: float) -> Sequence[Place]:
        since = self.crm.time - timedelta(seconds=within_s)
        gone = [
            (chats.customers[chat.customer_id].updated_at, (tenant_id, chat.id))
            for tenant_id, chats in self.crm.stored.chats.items()
            for chat in chats.conversations.values()
            if chat.is_forgotten
        ]
        return [place for at, place in sorted(gone, reverse=True) if at > since][:most]

    async def unpaid(self, most: int, /, *, grace_s: float) -> Sequence[tuple[TenantId, OrderId]]:
        since = self.crm.time - timedelta(seconds=grace_s)
        late = sorted(
            (order.expires_at, (tenant_id, order.id))
            for tenant_id, deals in self.crm.stored.deals.items()
            for order in deals.orders.values()
            if order.status is OrderStatus.AWAITING_PAYMENT
            if order.expires_at and order.expires_at < since
            if not self._is_being_paid(tenant_id, order.id)
        )
        return [place for _, place in late[:most]]

    async def overdue(self, most: int, /) -> Sequence[tuple[TenantId, TicketId]]:
        late = sorted(
            (ticket.due_at or _NEVER, (tenant_id, ticket.id))
            for tenant_id, desk in self.crm.stored.ticket_desks.items()
            for ticket in desk.tickets.values()
            if has_run_out(ticket, self.crm.time)
        )
        return [place for _, place in late[:most]]

    async def unwatched(self, most: int, /, *, for_s: float) -> Sequence[tuple[TenantId, str]]:
        since = self.crm.time - timedelta(seconds=for_s)
        found: list[tuple[datetime, tuple[TenantId, str]]] = []
        for tenant_id, row in self.connections.rows.items():
            tenant = self.crm.stored.tenants.get(TenantId(tenant_id))
            chats = self.crm.stored.chats.get(TenantId(tenant_id), Chats())
            looked_at = chats.looked_at.get(row.session, _LONG_AGO)
            if tenant is not None and tenant.is_active and looked_at < since:
                found.append((looked_at, (tenant.id, row.session)))
        return [place for _, place in sorted(found)][:most]

    async def hidden(self, most: int, /, *, for_s: float) -> Sequence[tuple[TenantId, str]]:
        since = self.crm.time - timedelta(seconds=for_s)
        ripe = sorted(
            (asked_at, (tenant_id, lid.value, customer.phone))
            for tenant_id, chats in self.crm.stored.chats.items()
            for customer in chats.customers.values()
            for lid in customer.identities
            if lid.kind is IdentityKind.LID
            if (asked_at := self.asked_at.get((tenant_id, lid.value), _LONG_AGO)) < since
        )[:most]
        for _, (tenant_id, lid, _) in ripe:
            self.asked_at[tenant_id, lid] = self.crm.time
        return [
            (tenant_id, lid)
            for _, (tenant_id, lid, phone) in ripe
            if phone is None and self.crm.stored.tenants[tenant_id].is_active
        ]

    def _is_being_paid(self, tenant_id: TenantId, order_id: OrderId) -> bool:
        payments = self.crm.stored.tills.get(tenant_id, Till()).payments.values()
        return any(one.order_id == order_id and not one.is_unwanted for one in payments)

    def _first(self, due: list[tuple[datetime, Place]], most: int) -> Sequence[Place]:
        past = [place for at, place in sorted(due) if at < self.crm.time]
        return list(dict.fromkeys(past[:most]))
