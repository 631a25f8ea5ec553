"""A catalog and its stock in memory, one tenant's at a time."""

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from crm_chatbot.domain.catalog.imports import CatalogImport, ImportId, ImportNotFound
from crm_chatbot.domain.catalog.product import (
    Offer,
    Product,
    ProductId,
    ProductNotFound,
    ProductStatus,
    SkuTaken,
    Variant,
    VariantId,
    VariantNotFound,
)
from crm_chatbot.domain.catalog.searching import (
    Found,
    Groups,
    Known,
    Term,
    doubtful_in,
    may_be_misspelt,
    meant_by,
    terms_in,
    words_of,
)
from crm_chatbot.domain.catalog.stock import (
    MOST_ON_HAND,
    Movement,
    MovementId,
    MovementKind,
    NotEnoughStock,
    ReservedExceeds,
    StockRejected,
    refuse_bad_adjustment,
    refuse_bad_count,
)
from shared.domain import ChangedMeanwhile


@dataclass
class Catalog:
    """Everything that one tenant's transactions may change of what it sells."""

    products: dict[ProductId, Product] = field(default_factory=dict[ProductId, Product])
    movements: list[Movement] = field(default_factory=list[Movement])
    imports: dict[ImportId, CatalogImport] = field(default_factory=dict[ImportId, CatalogImport])
    synonyms: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])

    def newest_first(self) -> list[Product]:
        return sorted(self.products.values(), key=lambda one: one.id)[::-1]

    def product_of(self, variant_id: VariantId) -> Product | None:
        holders = (
            product
            for product in self.products.values()
            if any(one.id == variant_id for one in product.variants)
        )
        return next(holders, None)

    def change(self, variant_id: VariantId, *, on_hand: int, reserved: int) -> None:
        """Give a variant other numbers."""
        product = self.product_of(variant_id)
        assert product is not None
        product.variants = tuple(
            replace(one, on_hand=on_hand, reserved=reserved) if one.id == variant_id else one
            for one in product.variants
        )


@dataclass
class MemoryProducts:
    """Honours crm_chatbot.domain.catalog.product.Products."""

    catalog: Catalog

    async def get(self, product_id: ProductId, /) -> Product:
        if product_id not in self.catalog.products:
            raise ProductNotFound(product_id=product_id)
        return copy.deepcopy(self.catalog.products[product_id])

    async def add(self, *products: Product) -> None:
        self._refuse_taken(products)
        for one in products:
            kept = copy.deepcopy(one)
            kept.variants = tuple(replace(v, on_hand=0, reserved=0) for v in kept.variants)
            self.catalog.products[one.id] = kept

    async def save(self, *products: Product) -> None:
        for one in products:
            stored = self.catalog.products.get(one.id)
            if stored is None or stored.version != one.version:
                raise ChangedMeanwhile
        self._refuse_taken(products)
        for one in products:
            one.version += 1
            kept = copy.deepcopy(one)
            numbers = {v.id: v for v in self.catalog.products[one.id].variants}
            kept.variants = tuple(
                replace(
                    v,
                    on_hand=numbers[v.id].on_hand if v.id in numbers else 0,
                    reserved=numbers[v.id].reserved if v.id in numbers else 0,
                )
                for v in kept.variants
            )
            self.catalog.products[one.id] = kept

    async def by_skus(self, skus: Sequence[str], /) -> list[Product]:
        return copy.deepcopy(
            [
                one
                for one in self.catalog.newest_first()
                if {v.sku for v in one.variants}.intersection(skus)
            ]
        )

    async def these(self, product_ids: Sequence[ProductId], /) -> list[Product]:
        return copy.deepcopy(
            [one for one in self.catalog.products.values() if one.id in product_ids]
        )

    async def page(
        self,
        *,
        before: ProductId | None,
        limit: int,
        status: ProductStatus | None = None,
        category: str | None = None,
    ) -> list[Product]:
        wanted = [
            one
            for one in self.catalog.newest_first()
            if (before is None or one.id < before)
            and status in {None, one.status}
            and category in {None, one.category}
        ]
        return copy.deepcopy(wanted[:limit])

    async def categories(self) -> list[tuple[str, int]]:
        named = [one.category for one in self.catalog.products.values() if one.is_active]
        return sorted((one, named.count(one)) for one in {*named} if one is not None)

    async def variant(self, variant_id: VariantId, /) -> Offer:
        for offer in await self.variants([variant_id]):
            return offer
        raise VariantNotFound(variant_id=variant_id)

    async def variants(self, variant_ids: Sequence[VariantId], /) -> list[Offer]:
        return [
            Offer(
                product.id,
                product.name,
                one,
                one.is_active and product.is_active,
                product.category,
            )
            for product in self.catalog.products.values()
            for one in product.variants
            if one.id in variant_ids
        ]

    def _refuse_taken(self, products: Iterable[Product]) -> None:
        wanted = {v.sku: v.id for one in products for v in one.variants}
        for stored in self.catalog.products.values():
            for v in stored.variants:
                if wanted.get(v.sku, v.id) != v.id:
                    raise SkuTaken(sku=v.sku)


@dataclass
class MemoryStock:
    """Honours crm_chatbot.domain.catalog.stock.Stock."""

    catalog: Catalog
    now: datetime

    async def adjust(
        self,
        variant_id: VariantId,
        change: int,
        /,
        *,
        kind: MovementKind,
        reason: str | None,
        actor: str,
    ) -> Movement:
        refuse_bad_adjustment(change, kind, reason)
        found = self._variant(variant_id)
        if found.on_hand + change > MOST_ON_HAND:
            raise StockRejected(field="change", reason=f"there can be {MOST_ON_HAND} at most")
        if found.on_hand + change < 0:
            raise NotEnoughStock(available=found.available)
        return self._move(found, change, kind=kind, reason=reason, actor=actor)

    async def count(
        self, variant_id: VariantId, to: int, /, *, reason: str | None, actor: str
    ) -> Movement:
        [movement] = await self.count_all({variant_id: to}, reason=reason, actor=actor)
        return movement

    async def count_all(
        self, counts: Mapping[VariantId, int], /, *, reason: str | None, actor: str
    ) -> Sequence[Movement]:
        for to in counts.values():
            refuse_bad_count(to, reason)
        kind = MovementKind.COUNTED
        return [
            self._move(found, to - found.on_hand, kind=kind, reason=reason, actor=actor)
            for found, to in ((self._variant(one), to) for one, to in sorted(counts.items()))
        ]

    async def ledger(
        self, variant_id: VariantId, /, *, before: MovementId | None, limit: int
    ) -> list[Movement]:
        lines = [
            one
            for one in reversed(self.catalog.movements)
            if one.variant_id == variant_id and (before is None or one.id < before)
        ]
        return lines[:limit]

    def _variant(self, variant_id: VariantId) -> Variant:
        product = self.catalog.product_of(variant_id)
        if product is None:
            raise VariantNotFound(variant_id=variant_id)
        return product.variant(variant_id)

    def _move(
        self, found: Variant, change: int, *, kind: MovementKind, reason: str | None, actor: str
    ) -> Movement:
        if found.on_hand + change < found.reserved:
            raise ReservedExceeds(reserved=found.reserved)
        on_hand = found.on_hand + change
        self.catalog.change(found.id, on_hand=on_hand, reserved=found.reserved)
        movement = Movement(
            id=MovementId(len(self.catalog.movements) + 1),
            variant_id=found.id,
            kind=kind,
            on_hand_change=change,
            reserved_change=0,
            reason=reason,
            actor=actor,
            order_id=None,
            attempt=None,
            at=self.now,
        )
        self.catalog.movements.append(movement)
        return movement


@dataclass
class MemoryCatalogSearch:
    """Honours crm_chatbot.domain.catalog.searching.CatalogSearch."""

    catalog: Catalog

    async def find(
        self, query: str, limit: int, /, *, category: str | None = None
    ) -> Sequence[Found]:
        offered = [
            one
            for one in self.catalog.newest_first()
            if one.is_active and category in {None, one.category}
        ]
        terms = terms_in(query, self.catalog.synonyms)
        if terms:
            offered = self._best(offered, terms)
        kept = [
            Found(one.id, one.name, one.category, tuple(v for v in one.variants if v.is_active))
            for one in offered
        ]
        return [one for one in kept if one.variants][:limit]

    async def synonyms(self) -> Groups:
        return list(self.catalog.synonyms)

    async def agree_on(self, groups: Groups, /) -> None:
        self.catalog.synonyms = list(groups)

    def _best(self, offered: Sequence[Product], terms: Sequence[Term]) -> list[Product]:
        words = {one.id: words_of(one) for one in offered}
        every = {word for weights in words.values() for word in weights}
        asked = doubtful_in(terms)
        meant = [meant_by(term, _known(asked, every)) for term in terms]
        scores = {
            one.id: sum(
                min(1, sum(how * words[one.id].get(word, 0) / 100 for word, how in term.items()))
                for term in meant
            )
            for one in offered
        }
        least = max(0.4 * max(scores.values(), default=0), 1e-9)
        matching = [one for one in offered if scores[one.id] >= least]
        return sorted(matching, key=lambda one: (-scores[one.id], len(one.name)))


def _known(asked: Iterable[str], every: Iterable[str]) -> list[Known]:
    """What PostgreSQL looks up: words that begin so, or else those that share three letters."""
    found: list[Known] = []
    spelt = [*filter(may_be_misspelt, every)]
    for word in asked:
        begun = [Known(word, one, is_begun=True) for one in spelt if one.startswith(word)]
        alike = [Known(word, one, is_begun=False) for one in spelt if _similarity(one, word) > 0.1]
        found += begun or alike
    return found


def _similarity(one: str, other: str) -> float:
    """As pg_trgm has it."""
    mine, yours = _trigrams(one), _trigrams(other)
    return len(mine & yours) / len(mine | yours)


def _trigrams(word: str) -> set[str]:
    padded = f"  {word} "
    return {padded[at : at + 3] for at in range(len(padded) - 2)}


@dataclass
class MemoryImports:
    """Honours crm_chatbot.domain.catalog.imports.Imports."""

    catalog: Catalog

    async def add(self, started: CatalogImport, /) -> None:
        self.catalog.imports[started.id] = copy.deepcopy(started)

    async def get(self, import_id: ImportId, /) -> CatalogImport:
        if import_id not in self.catalog.imports:
            raise ImportNotFound(import_id=import_id)
        return copy.deepcopy(self.catalog.imports[import_id])

    async def save(self, ended: CatalogImport, /) -> None:
        if ended.id in self.catalog.imports:
            self.catalog.imports[ended.id] = copy.deepcopy(ended)
