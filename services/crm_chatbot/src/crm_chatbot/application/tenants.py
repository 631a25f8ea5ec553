"""Tenants: opened by the platform, shaped by themselves, suspended and activated again."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol, Unpack
from uuid import UUID

from crm_chatbot.application.ports import OpenWork, Work
from crm_chatbot.domain.orders.order import OPEN, Wanted
from crm_chatbot.domain.tenants.tenant import (
    Manner,
    Tenant,
    TenantId,
    TenantRejected,
    TenantStatus,
    Wishes,
)
from shared.domain import ChangedSince, Clock, Conflict
from shared.llm.catalogue import ConfigNotFound, ReadCatalogue
from shared.whatsapp.connections import ConnectionChange, Connections


class CurrencyInUse(Conflict):
    message = "Order {number} is open, and its prices are in {currency}: see to open orders first."
    at = "/currency"


class TenantList(Protocol):
    """Every tenant of the platform; for those who run it."""

    async def page(self, *, before: TenantId | None, limit: int) -> Sequence[Tenant]:
        """The newest first; with `before`, those that are older."""
        ...


@dataclass(frozen=True, kw_only=True)
class TenantService:
    """What happens to a tenant as a whole."""

    open_work: OpenWork
    connections: Connections
    catalogue: ReadCatalogue
    now: Clock
    new_id: Callable[[], UUID]

    async def open(self, *, name: str, **manner: Unpack[Manner]) -> Tenant:
        """A new shop, with a WhatsApp session of its own. Raises TenantRejected."""
        tenant = Tenant.open(TenantId(self.new_id()), self.now(), name=name, **manner)
        await self._refuse_unknown(tenant.llm_config)
        # First, because a connection without a tenant harms nobody, and the other half would.
        await self.connections.put(tenant.id, ConnectionChange(session=str(tenant.id)))
        async with self.open_work(tenant.id) as work:
            await work.tenants.add(tenant)
        return tenant

    async def get(self, tenant_id: TenantId) -> Tenant:
        """Raises TenantNotFound."""
        async with self.open_work(tenant_id) as work:
            return await work.tenants.get(tenant_id)

    async def change(
        self, tenant_id: TenantId, *, expected: int | None = None, **wishes: Unpack[Wishes]
    ) -> Tenant:
        """Only what is named; with `expected`, only that version.

        Raises TenantNotFound, TenantRejected, CurrencyInUse, ChangedSince or ChangedMeanwhile.
        """
        if "llm_config" in wishes:
            await self._refuse_unknown(wishes["llm_config"])
        async with self._changing(tenant_id, expected) as (work, tenant):
            if wishes.get("currency", tenant.currency) != tenant.currency:
                await _refuse_if_in_use(work, tenant)
            tenant.change(self.now(), **wishes)
        return tenant

    async def become(self, tenant_id: TenantId, status: TenantStatus) -> Tenant:
        """Suspend or activate; a second time changes nothing. Raises TenantNotFound."""
        async with self._changing(tenant_id) as (_, tenant):
            tenant.become(status, self.now())
        return tenant

    @asynccontextmanager
    async def _changing(
        self, tenant_id: TenantId, expected: int | None = None
    ) -> AsyncGenerator[tuple[Work, Tenant]]:
        async with self.open_work(tenant_id) as work:
            tenant = await work.tenants.get(tenant_id)
            if expected not in {None, tenant.version}:
                raise ChangedSince(name=tenant.name, version=tenant.version)
            yield work, tenant
            await work.tenants.save(tenant)

    async def _refuse_unknown(self, llm_config: str) -> None:
        try:
            (await self.catalogue(at_least=[llm_config])).config(llm_config)
        except ConfigNotFound as absent:
            raise TenantRejected(field="llm_config", reason=str(absent)) from absent


async def _refuse_if_in_use(work: Work, tenant: Tenant) -> None:
    """Of an order that is open nobody would know which currency its customer has agreed to."""
    for order in await work.orders.page(Wanted(statuses=OPEN), before=None, limit=1):
        raise CurrencyInUse(number=order.number, currency=tenant.currency.code)
