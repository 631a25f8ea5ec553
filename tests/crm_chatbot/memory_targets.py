"""Within what time shops want to have their tickets resolved, in memory."""

from dataclasses import dataclass

from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.domain.tickets.clock import Targets


@dataclass
class MemoryTicketTargets:
    """Honours crm_chatbot.domain.tickets.clock.TicketTargets."""

    kept: dict[TenantId, Targets]
    tenant_id: TenantId

    async def get(self) -> Targets:
        return self.kept.get(self.tenant_id, Targets())

    async def put(self, targets: Targets, /) -> None:
        self.kept[self.tenant_id] = targets
