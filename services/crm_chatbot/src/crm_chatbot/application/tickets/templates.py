"""Templates of tickets, and what is known to fill them in with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Unpack
from uuid import UUID

from crm_chatbot.application.ports import OpenWork
from crm_chatbot.domain.customers.customer import Customer
from crm_chatbot.domain.money import formatted
from crm_chatbot.domain.orders.order import Order
from crm_chatbot.domain.tenants.tenant import Tenant, TenantId
from crm_chatbot.domain.tickets.template import TemplateId, TemplateTerms, TicketTemplate
from shared.domain import ChangedSince, Clock


def values_of(tenant: Tenant, customer: Customer | None, order: Order | None) -> Mapping[str, str]:
    """By the names of variables; what nobody knows is not among them."""
    known = {
        "shop_name": tenant.name,
        "customer_name": customer and customer.name,
        "customer_phone": customer and customer.phone,
        "order_number": order and order.number,
        "order_status": order and order.status.value,
        "order_total": order and formatted(order.total, order.currency, tenant.language),
    }
    return {name: value for name, value in known.items() if value}


@dataclass(frozen=True, kw_only=True)
class TicketTemplateService:
    """What people of the shop do about templates."""

    open_work: OpenWork
    now: Clock
    new_id: Callable[[], UUID]

    async def all(self, tenant_id: TenantId) -> Sequence[TicketTemplate]:
        """By their names. Raises TenantNotFound."""
        async with self.open_work(tenant_id) as work:
            await work.tenants.get(tenant_id)
            return await work.ticket_templates.all()

    async def get(self, tenant_id: TenantId, template_id: TemplateId) -> TicketTemplate:
        """Raises TemplateNotFound."""
        async with self.open_work(tenant_id) as work:
            return await work.ticket_templates.get(template_id)

    async def add(self, tenant_id: TenantId, **terms: Unpack[TemplateTerms]) -> TicketTemplate:
        """Write a new one.

        Raises TenantNotFound, TemplateRejected, VariableUnknown, BraceAlone, TemplateNameTaken.
        """
        now = self.now()
        template = TicketTemplate(
            id=TemplateId(self.new_id()),
            tenant_id=tenant_id,
            name="",
            subject_template="",
            created_at=now,
            updated_at=now,
        )
        template.change(now, **terms)
        async with self.open_work(tenant_id) as work:
            await work.tenants.get(tenant_id)
            await work.ticket_templates.add(template)
        return template

    async def change(
        self,
        tenant_id: TenantId,
        template_id: TemplateId,
        *,
        expected: int | None = None,
        **terms: Unpack[TemplateTerms],
    ) -> TicketTemplate:
        """Only what is named; with `expected`, only that version.

        Raises TemplateNotFound, TemplateRejected, VariableUnknown, BraceAlone,
        TemplateNameTaken, ChangedSince, ChangedMeanwhile.
        """
        async with self.open_work(tenant_id) as work:
            template = await work.ticket_templates.get(template_id)
            if expected not in {None, template.version}:
                raise ChangedSince(name=template.name, version=template.version)
            template.change(self.now(), **terms)
            await work.ticket_templates.save(template)
        return template

    async def remove(self, tenant_id: TenantId, template_id: TemplateId) -> None:
        """Tickets that were made from it stay as they are. Raises TemplateNotFound."""
        async with self.open_work(tenant_id) as work:
            await work.ticket_templates.remove(template_id)
