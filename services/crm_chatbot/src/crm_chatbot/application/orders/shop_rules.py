"""What a shop lays down about orders: how it delivers, and what it takes off prices."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Unpack
from uuid import UUID

from crm_chatbot.application.ports import OpenWork
from crm_chatbot.domain.orders.delivery import DeliveryTerms
from crm_chatbot.domain.orders.discount import DiscountId, DiscountRule, Terms
from crm_chatbot.domain.tenants.tenant import TenantId
from shared.domain import ChangedSince, Clock


@dataclass(frozen=True, kw_only=True)
class ShopRules:
    """They hold from the next time that an order is priced; what is confirmed stays as it is."""

    open_work: OpenWork
    now: Clock
    new_id: Callable[[], UUID]

    async def delivery(self, tenant_id: TenantId) -> DeliveryTerms:
        """Raises TenantNotFound."""
        async with self.open_work(tenant_id) as work:
            await work.tenants.get(tenant_id)
            return await work.delivery.get()

    async def deliver(self, tenant_id: TenantId, terms: DeliveryTerms) -> None:
        """By this table from now on. Raises TenantNotFound."""
        async with self.open_work(tenant_id) as work:
            await work.tenants.get(tenant_id)
            await work.delivery.put(terms)

    async def discounts(self, tenant_id: TenantId) -> Sequence[DiscountRule]:
        """The oldest first: the order in which they hold. Raises TenantNotFound."""
        async with self.open_work(tenant_id) as work:
            await work.tenants.get(tenant_id)
            return await work.discounts.all()

    async def discount(self, tenant_id: TenantId, discount_id: DiscountId) -> DiscountRule:
        """Raises DiscountNotFound."""
        async with self.open_work(tenant_id) as work:
            return await work.discounts.get(discount_id)

    async def add_discount(self, tenant_id: TenantId, **terms: Unpack[Terms]) -> DiscountRule:
        """Raises TenantNotFound, DiscountRejected, DiscountCodeTaken."""
        now = self.now()
        rule = DiscountRule(
            id=DiscountId(self.new_id()),
            tenant_id=tenant_id,
            name="",
            created_at=now,
            updated_at=now,
        )
        rule.change(now, **terms)
        async with self.open_work(tenant_id) as work:
            await work.tenants.get(tenant_id)
            await work.discounts.add(rule)
        return rule

    async def change_discount(
        self,
        tenant_id: TenantId,
        discount_id: DiscountId,
        *,
        expected: int | None = None,
        **terms: Unpack[Terms],
    ) -> DiscountRule:
        """Only what is named; with `expected`, only that version.

        Raises DiscountNotFound, DiscountRejected, DiscountCodeTaken, ChangedSince,
        ChangedMeanwhile.
        """
        async with self.open_work(tenant_id) as work:
            rule = await work.discounts.get(discount_id)
            if expected not in {None, rule.version}:
                raise ChangedSince(name=rule.name, version=rule.version)
            rule.change(self.now(), **terms)
            await work.discounts.save(rule)
        return rule

    async def remove_discount(self, tenant_id: TenantId, discount_id: DiscountId) -> None:
        """What it took off orders stays off. Raises DiscountNotFound."""
        async with self.open_work(tenant_id) as work:
            await work.discounts.remove(discount_id)
