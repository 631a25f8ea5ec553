"""Importing a catalog from a file, and exporting it to one."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from crm_chatbot.application.catalog.csv_file import Row, read, written
from crm_chatbot.application.catalog.import_plan import Plan
from crm_chatbot.application.ports import OpenWork, Work
from crm_chatbot.domain.catalog.imports import (
    CatalogImport,
    ImportId,
    ImportStatus,
    OnError,
    RowMistake,
)
from crm_chatbot.domain.catalog.product import Product, ProductId
from crm_chatbot.domain.tenants.tenant import TenantId
from shared.domain import Clock

#: Products that are read in one statement.
_AT_ONCE = 1_000


@dataclass(frozen=True, kw_only=True)
class ImportService:
    """A file is applied in one transaction, together with the word that it was.

    So whatever dies in the middle, an import that does not say that it is done has done nothing;
    sent again, it changes nothing that the first has changed.
    """

    open_work: OpenWork
    now: Clock
    new_id: Callable[[], UUID]

    async def run(
        self, tenant_id: TenantId, raw: bytes, *, on_error: OnError, actor: str
    ) -> CatalogImport:
        """Apply a file of rows, upserting by SKU; with OnError.REFUSE only if all are good.

        Raises TenantNotFound, CsvRejected.
        """
        rows, mistakes = await asyncio.to_thread(read, raw)
        started = CatalogImport(
            id=ImportId(self.new_id()),
            on_error=on_error,
            rows=len(rows) + len(mistakes),
            started_at=self.now(),
        )
        async with self.open_work(tenant_id) as work:
            await work.tenants.get(tenant_id)
            await work.imports.add(started)
        async with self.open_work(tenant_id) as work:
            plan = await self._plan(work, tenant_id, rows)
            await self._apply(work, started, plan, [*mistakes, *plan.mistakes], actor)
            await work.imports.save(started)
        return started

    async def get(self, tenant_id: TenantId, import_id: ImportId) -> CatalogImport:
        """Raises ImportNotFound."""
        async with self.open_work(tenant_id) as work:
            found = await work.imports.get(import_id)
        found.status = found.status_at(self.now())
        return found

    async def export(self, tenant_id: TenantId, *, with_stock: bool = False) -> str:
        """Every product as CSV, the oldest first. Raises TenantNotFound."""
        async with self.open_work(tenant_id) as work:
            await work.tenants.get(tenant_id)
            products = await _every(work)
        return await asyncio.to_thread(written, reversed(products), with_stock=with_stock)

    async def _plan(self, work: Work, tenant_id: TenantId, rows: list[Row]) -> Plan:
        known = await work.products.by_skus([row.cells["sku"] for row in rows])
        by_sku = {variant.sku: product for product in known for variant in product.variants}
        plan = Plan(tenant_id=tenant_id, now=self.now(), new_id=self.new_id, by_sku=by_sku)
        await asyncio.to_thread(plan.follow, rows)
        return plan

    async def _apply(
        self,
        work: Work,
        started: CatalogImport,
        plan: Plan,
        mistakes: list[RowMistake],
        actor: str,
    ) -> None:
        if mistakes and started.on_error is OnError.REFUSE:
            started.end(self.now(), ImportStatus.REFUSED, mistakes)
            return
        if plan.new:
            await work.products.add(*plan.new.values())
        if plan.changed:
            await work.products.save(*plan.changed.values())
        if plan.counts:
            await work.stock.count_all(plan.counts, reason=f"import {started.id}", actor=actor)
        started.rows_done = plan.rows_done
        started.created, started.updated = len(plan.new), len(plan.changed)
        started.unchanged = plan.unchanged
        started.end(self.now(), ImportStatus.DONE, mistakes)


async def _every(work: Work) -> list[Product]:
    found: list[Product] = []
    before: ProductId | None = None
    while some := await work.products.page(before=before, limit=_AT_ONCE):
        found += some
        before = some[-1].id
    return found
