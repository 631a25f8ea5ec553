"""What is due among every tenant's conversations, orders, tickets: ids are all that is seen."""

from collections.abc import Sequence
from typing import Protocol

from crm_chatbot.domain.conversations.conversation import ConversationId
from crm_chatbot.domain.orders.order import OrderId
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.domain.tickets.ticket import TicketId

Place = tuple[TenantId, ConversationId]


class Backlog(Protocol):
    """Of each, those that wait the longest come first. Raises DatabaseUnavailable."""

    async def unheard_of(self, most: int, /) -> Sequence[Place]:
        """Where the sender should have told by now what became of a message."""
        ...

    async def left_alone(self, most: int, /) -> Sequence[Place]:
        """Where a person took over, and has been silent for as long as the shop allows."""
        ...

    async def erased(self, most: int, /, *, within_s: float) -> Sequence[Place]:
        """Where a customer was erased no longer ago than that; the latest come first."""
        ...

    async def unpaid(self, most: int, /, *, grace_s: float) -> Sequence[tuple[TenantId, OrderId]]:
        """Confirmed orders whose time to be paid ran out longer ago than that.

        None that has a payment which is wanted: somebody may be paying it at this moment.
        """
        ...

    async def overdue(self, most: int, /) -> Sequence[tuple[TenantId, TicketId]]:
        """Tickets whose time has run out, which nobody has noted yet."""
        ...

    async def unwatched(self, most: int, /, *, for_s: float) -> Sequence[tuple[TenantId, str]]:
        """Sessions whose history nobody has looked into for so long."""
        ...

    async def hidden(self, most: int, /, *, for_s: float) -> Sequence[tuple[TenantId, str]]:
        """Hidden identities (digits) whose number is unknown; each is told once in so long."""
        ...
