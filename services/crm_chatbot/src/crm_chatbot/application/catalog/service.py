"""The catalog as a shop's people see and change it: products, their variants, and their stock."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypedDict, Unpack
from uuid import UUID

from crm_chatbot.application.ports import OpenWork, Work
from crm_chatbot.domain.catalog.product import (
    Description,
    Product,
    ProductId,
    ProductRejected,
    ProductStatus,
    Variant,
    VariantId,
    made_sku,
)
from crm_chatbot.domain.catalog.searching import Found, Groups, refuse_bad_groups
from crm_chatbot.domain.catalog.stock import Movement, MovementId, MovementKind
from crm_chatbot.domain.tenants.tenant import TenantId
from shared.domain import ChangedSince, Clock


class VariantWish(TypedDict, total=False):
    """How a variant is to be; with `id`, one that is there: what is not named stays."""

    id: VariantId
    sku: str
    name: str
    price: int
    is_active: bool
    #: how many there are; for new ones only
    stock: int


@dataclass(frozen=True)
class Counted:
    """That somebody looked, and there were so many."""

    count: int


@dataclass(frozen=True)
class Adjusted:
    """That there are so many more, or fewer."""

    change: int
    kind: MovementKind


@dataclass(frozen=True, kw_only=True)
class CatalogService:
    """What people do with a shop's goods. `actor` says in the ledger who it was."""

    open_work: OpenWork
    now: Clock
    new_id: Callable[[], UUID]

    async def add(
        self,
        tenant_id: TenantId,
        wishes: Sequence[VariantWish],
        *,
        actor: str,
        allow_free: bool = False,
        **said: Unpack[Description],
    ) -> Product:
        """A new product; variants without a SKU are given one.

        Raises TenantNotFound, ProductRejected, StockRejected, SkuTaken.
        """
        now = self.now()
        product = Product(
            id=ProductId(self.new_id()),
            tenant_id=tenant_id,
            name="",
            variants=(),
            created_at=now,
            updated_at=now,
        )
        product.describe(now, **said)
        product.offer(self._variants(product, wishes), now, allow_free=allow_free)
        async with self.open_work(tenant_id) as work:
            await work.tenants.get(tenant_id)
            await work.products.add(product)
            await _put_on_shelf(work, product, wishes, actor)
            return await work.products.get(product.id)

    async def get(self, tenant_id: TenantId, product_id: ProductId) -> Product:
        """Raises ProductNotFound."""
        async with self.open_work(tenant_id) as work:
            return await work.products.get(product_id)

    async def change(
        self,
        tenant_id: TenantId,
        product_id: ProductId,
        *,
        expected: int | None,
        actor: str,
        wishes: Sequence[VariantWish] | None = None,
        allow_free: bool = False,
        **said: Unpack[Description],
    ) -> Product:
        """Only what is named; `wishes` are all variants that it is to have from now on.

        With `expected`, only that version. Raises ProductNotFound, VariantNotFound,
        ProductRejected, StockRejected, SkuTaken, ChangedSince or ChangedMeanwhile.
        """
        async with self.open_work(tenant_id) as work:
            product = await work.products.get(product_id)
            _refuse_changed(product, expected)
            product.describe(self.now(), **said)
            if wishes is not None:
                variants = self._variants(product, wishes)
                product.offer(variants, self.now(), allow_free=allow_free)
            await work.products.save(product)
            await _put_on_shelf(work, product, wishes or (), actor)
            return await work.products.get(product_id)

    async def become(
        self,
        tenant_id: TenantId,
        product_id: ProductId,
        status: ProductStatus,
        *,
        expected: int | None = None,
    ) -> Product:
        """Archive or restore; a second time changes nothing.

        Raises ProductNotFound, ChangedSince or ChangedMeanwhile.
        """
        async with self.open_work(tenant_id) as work:
            product = await work.products.get(product_id)
            _refuse_changed(product, expected)
            if product.status is not status:
                product.become(status, self.now())
                await work.products.save(product)
        return product

    async def page(
        self,
        tenant_id: TenantId,
        *,
        before: ProductId | None,
        limit: int,
        status: ProductStatus | None,
        category: str | None,
    ) -> list[Product]:
        """The newest first. Raises TenantNotFound."""
        async with self.open_work(tenant_id) as work:
            await work.tenants.get(tenant_id)
            return await work.products.page(
                before=before, limit=limit, status=status, category=category
            )

    async def search(
        self, tenant_id: TenantId, query: str, *, category: str | None, limit: int
    ) -> list[Product]:
        """Those that are sold, the best first. Raises TenantNotFound."""
        async with self.open_work(tenant_id) as work:
            found = await work.catalog.find(query, limit, category=category)
            if not found:
                await work.tenants.get(tenant_id)
            products = await work.products.these([one.product_id for one in found])
        return _in_order(found, products)

    async def categories(self, tenant_id: TenantId) -> list[tuple[str, int]]:
        """Each, and how many active products it has. Raises TenantNotFound."""
        async with self.open_work(tenant_id) as work:
            await work.tenants.get(tenant_id)
            return await work.products.categories()

    async def move(
        self,
        tenant_id: TenantId,
        variant: tuple[ProductId, VariantId],
        what: Counted | Adjusted,
        *,
        reason: str | None,
        actor: str,
    ) -> tuple[Movement, Variant]:
        """Write down what happened to the stock; returns the variant as it is since.

        Raises ProductNotFound, VariantNotFound, StockRejected, NotEnoughStock, ReservedExceeds.
        """
        async with self.open_work(tenant_id) as work:
            found = (await work.products.get(variant[0])).variant(variant[1])
            if isinstance(what, Counted):
                count = work.stock.count(found.id, what.count, reason=reason, actor=actor)
                movement = await count
            else:
                movement = await work.stock.adjust(
                    found.id, what.change, kind=what.kind, reason=reason, actor=actor
                )
            return movement, (await work.products.variant(found.id)).variant

    async def ledger(
        self,
        tenant_id: TenantId,
        variant: tuple[ProductId, VariantId],
        *,
        before: MovementId | None,
        limit: int,
    ) -> list[Movement]:
        """The newest first. Raises ProductNotFound, VariantNotFound."""
        async with self.open_work(tenant_id) as work:
            found = (await work.products.get(variant[0])).variant(variant[1])
            return await work.stock.ledger(found.id, before=before, limit=limit)

    async def synonyms(self, tenant_id: TenantId) -> Groups:
        """Raises TenantNotFound."""
        async with self.open_work(tenant_id) as work:
            await work.tenants.get(tenant_id)
            return await work.catalog.synonyms()

    async def agree_on(self, tenant_id: TenantId, groups: Groups) -> Groups:
        """These, and no others. Raises TenantNotFound, SynonymsRejected."""
        refuse_bad_groups(groups)
        async with self.open_work(tenant_id) as work:
            await work.tenants.get(tenant_id)
            await work.catalog.agree_on(groups)
            return await work.catalog.synonyms()

    def _variants(self, product: Product, wishes: Sequence[VariantWish]) -> list[Variant]:
        return [self._variant(product, place, wish) for place, wish in enumerate(wishes)]

    def _variant(self, product: Product, place: int, wish: VariantWish) -> Variant:
        """Raises VariantNotFound, ProductRejected."""
        if "id" in wish:
            if "stock" in wish:
                reason = "it is there already: its stock is counted or adjusted"
                raise ProductRejected(field=f"variants/{place}/stock", reason=reason)
            said: dict[str, Any] = {**wish}
            return replace(product.variant(wish["id"]), **said)
        if "price" not in wish:
            raise ProductRejected(field=f"variants/{place}/price", reason="it needs one")
        variant_id = VariantId(self.new_id())
        name = wish.get("name", "")
        return Variant(
            id=variant_id,
            sku=wish.get("sku", made_sku(product.name, name, variant_id)),
            price=wish["price"],
            name=name,
            is_active=wish.get("is_active", True),
        )


def _refuse_changed(product: Product, expected: int | None) -> None:
    if expected not in {None, product.version}:
        raise ChangedSince(name=product.name, version=product.version)


def _in_order(found: Sequence[Found], products: Sequence[Product]) -> list[Product]:
    by_id = {one.id: one for one in products}
    return [by_id[one.product_id] for one in found if one.product_id in by_id]


async def _put_on_shelf(
    work: Work, product: Product, wishes: Sequence[VariantWish], actor: str
) -> None:
    """What there is of new variants is the first line of their ledger."""
    # Variants that were left out are kept behind those that were wished for.
    counts = {
        variant.id: wish["stock"]
        for variant, wish in zip(product.variants, wishes, strict=False)
        if "stock" in wish
    }
    if counts:
        await work.stock.count_all(counts, reason=None, actor=actor)
