"""The clocks of tickets, which go by the hours and the wishes of their shops."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from crm_chatbot.application.ports import OpenWork, Work
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.domain.tickets.clock import ShopClock, Standing, Targets
from crm_chatbot.domain.tickets.ticket import Priority, Ticket


async def follow(work: Work, ticket: Ticket, was: Standing | None, *, now: datetime) -> None:
    """The ticket was changed: let its clock run, stand, end or begin anew; the caller saves it.

    `was` is taken before the change, by `Standing.of`; None: the ticket is new.
    """
    tenant = await work.tenants.get(ticket.tenant_id)
    ShopClock.of(tenant, await work.ticket_targets.get()).follow(ticket, was, now)


@dataclass(frozen=True)
class TargetService:
    """Within what time shops want to have their tickets resolved."""

    open_work: OpenWork

    async def get(self, tenant_id: TenantId) -> Targets:
        """Raises TenantNotFound."""
        async with self.open_work(tenant_id) as work:
            await work.tenants.get(tenant_id)
            return await work.ticket_targets.get()

    async def put(self, tenant_id: TenantId, own: Mapping[Priority, int | None]) -> Targets:
        """For clocks that begin, or are set anew, from now on.

        Raises TargetRejected, TenantNotFound.
        """
        targets = Targets(own)
        async with self.open_work(tenant_id) as work:
            await work.tenants.get(tenant_id)
            await work.ticket_targets.put(targets)
        return targets
