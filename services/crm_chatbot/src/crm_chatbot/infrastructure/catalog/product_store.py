"""Products in PostgreSQL, with their variants, and the words that they are found by."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, bindparam, delete, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from crm_chatbot.application.feed import Thing
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
from crm_chatbot.domain.catalog.searching import may_be_misspelt, words_of
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.infrastructure.catalog.tables import catalog_words, products, variants
from shared.domain import ChangedMeanwhile
from shared.infrastructure.database import Row, as_json, insert_rows
from shared.infrastructure.late import LateSession

_p, _v, _w = products.c, variants.c, catalog_words.c

_ROWS = "json_populate_recordset(NULL::crm.products, CAST(:rows AS json))"
_SAVE = text(
    f"""
    UPDATE crm.products AS old
       SET name = new.name, description = new.description, category = new.category,
           image_urls = new.image_urls, status = new.status, version = new.version,
           updated_at = new.updated_at
      FROM {_ROWS} AS new
     WHERE old.tenant_id = :tenant AND old.id = new.id AND old.version = new.version - 1
    RETURNING old.id"""  # noqa: S608 - names are ours
)

# Stock is left out on purpose: a product that is saved does not know what was sold meanwhile.
_WRITE_VARIANTS = text("""
    INSERT INTO crm.variants (tenant_id, id, product_id, place, sku, name, price, is_active)
    SELECT tenant_id, id, product_id, place, sku, name, price, is_active
      FROM json_populate_recordset(NULL::crm.variants, CAST(:rows AS json))
        ON CONFLICT (tenant_id, id) DO UPDATE
       SET place = excluded.place, sku = excluded.sku, name = excluded.name,
           price = excluded.price, is_active = excluded.is_active""")


class SqlProducts:
    """Honours crm_chatbot.domain.catalog.product.Products."""

    def __init__(self, session: LateSession, tenant_id: TenantId) -> None:
        self._session = session
        self._tenant_id = tenant_id

    async def get(self, product_id: ProductId, /) -> Product:
        for product in await self._found(_p.id == product_id):
            return product
        raise ProductNotFound(product_id=product_id)

    async def add(self, *products: Product) -> None:
        rows = [self._row(one) for one in products]
        await insert_rows(self._session, "crm.products", rows)
        self._session.touched(Thing.PRODUCT, *(one.id for one in products))
        await self._write_variants(products)
        self._write_words(products)

    async def save(self, *products: Product) -> None:
        rows = [{**self._row(one), "version": one.version + 1} for one in products]
        saved = await self._session.execute(
            _SAVE, {"rows": as_json(rows), "tenant": self._tenant_id}
        )
        if len(saved.all()) < len(products):
            raise ChangedMeanwhile
        for one in products:
            one.version += 1
        self._session.touched(Thing.PRODUCT, *(one.id for one in products))
        await self._write_variants(products)
        old_words = _w.product_id.in_([one.id for one in products])
        await self._session.execute(
            delete(catalog_words).where(_w.tenant_id == self._tenant_id, old_words)
        )
        self._write_words(products)

    async def by_skus(self, skus: Sequence[str], /) -> list[Product]:
        named = select(_v.product_id).where(_v.tenant_id == self._tenant_id)
        ids = (await self._session.scalars(named.where(_v.sku.in_(skus)))).unique().all()
        return await self._found(_p.id.in_(ids), is_locked=True)

    async def these(self, product_ids: Sequence[ProductId], /) -> list[Product]:
        return await self._found(_p.id.in_(product_ids))

    async def page(
        self,
        *,
        before: ProductId | None,
        limit: int,
        status: ProductStatus | None = None,
        category: str | None = None,
    ) -> list[Product]:
        wanted: list[ColumnElement[bool]] = []
        if before is not None:
            wanted.append(_p.id < before)
        if status is not None:
            wanted.append(_p.status == status)
        if category is not None:
            wanted.append(_p.category == category)
        ids = select(_p.id).where(_p.tenant_id == self._tenant_id, *wanted)
        shown = await self._session.scalars(ids.order_by(_p.id.desc()).limit(limit))
        return await self.these(shown.all())

    async def categories(self) -> list[tuple[str, int]]:
        counted = select(_p.category, func.count().label("many")).where(
            _p.tenant_id == self._tenant_id,
            _p.status == ProductStatus.ACTIVE,
            _p.category.is_not(None),
        )
        rows = await self._session.execute(counted.group_by(_p.category))
        return sorted((str(row.category), int(row.many)) for row in rows)

    async def variant(self, variant_id: VariantId, /) -> Offer:
        for offer in await self.variants([variant_id]):
            return offer
        raise VariantNotFound(variant_id=variant_id)

    async def variants(self, variant_ids: Sequence[VariantId], /) -> list[Offer]:
        product = [
            _p.name.label("product_name"),
            _p.status.label("product_status"),
            _p.category.label("product_category"),
        ]
        offered = (
            select(variants, *product)
            .join(products, (_p.tenant_id == _v.tenant_id) & (_p.id == _v.product_id))
            .where(_v.tenant_id == self._tenant_id, _v.id.in_(variant_ids))
        )
        return [_offer_of(row) for row in (await self._session.execute(offered)).mappings()]

    def _row(self, product: Product) -> dict[str, Any]:
        row = {name: value for name, value in vars(product).items() if name != "variants"}
        return {**row, "tenant_id": self._tenant_id, "image_urls": list(product.image_urls)}

    async def _found(self, *which: ColumnElement[bool], is_locked: bool = False) -> list[Product]:
        """The newest first."""
        whole = select(products).where(_p.tenant_id == self._tenant_id, *which)
        # A lock is waited for in this order, by whoever needs several.
        whole = whole.order_by(_p.id)
        rows = await self._session.execute(whole.with_for_update() if is_locked else whole)
        heads = rows.mappings().all()
        parts = select(variants).where(
            _v.tenant_id == self._tenant_id, _v.product_id.in_([row["id"] for row in heads])
        )
        parts = parts.order_by(_v.id)
        kept = await self._session.execute(parts.with_for_update() if is_locked else parts)
        by_product: dict[UUID, list[RowMapping]] = {}
        for row in kept.mappings():
            by_product.setdefault(row["product_id"], []).append(row)
        return [_product_of(row, by_product.get(row["id"], [])) for row in reversed(heads)]

    async def _write_variants(self, products: Sequence[Product]) -> None:
        rows: list[dict[str, Any]] = [
            {
                "tenant_id": self._tenant_id,
                "product_id": product.id,
                "place": place,
                **vars(variant),
            }
            for product in products
            for place, variant in enumerate(product.variants)
        ]
        rows.sort(key=lambda row: row["id"])
        await self._refuse_taken({row["sku"]: row["id"] for row in rows})
        try:
            await self._session.execute(_WRITE_VARIANTS, {"rows": as_json(rows)})
        except IntegrityError as taken:
            # Somebody else was quicker by a moment.
            if "uq_variants_tenant_id_sku" not in str(taken.orig):
                raise
            raise SkuTaken(sku=" / ".join(row["sku"] for row in rows[:3])) from taken

    async def _refuse_taken(self, wanted: dict[str, UUID]) -> None:
        named = select(_v.sku, _v.id).where(_v.tenant_id == self._tenant_id)
        found = await self._session.execute(
            named.where(_v.sku.in_(bindparam("skus", expanding=True))), {"skus": [*wanted]}
        )
        for row in found:
            if wanted[row.sku] != row.id:
                raise SkuTaken(sku=row.sku)

    def _write_words(self, products: Sequence[Product]) -> None:
        found = [(one.id, words_of(one)) for one in products]
        words = [
            {
                "tenant_id": self._tenant_id,
                "word": word,
                "product_id": product_id,
                "weight": weight,
            }
            for product_id, by_word in found
            for word, weight in by_word.items()
        ]
        self._session.put_off(_add_words, words)
        every = {word for _, by_word in found for word in by_word if may_be_misspelt(word)}
        spellings = [{"tenant_id": self._tenant_id, "word": word} for word in every]
        self._session.put_off(_add_spellings, spellings)


async def _add_words(session: AsyncSession, rows: Sequence[Row]) -> None:
    await insert_rows(session, "crm.catalog_words", rows)


async def _add_spellings(session: AsyncSession, rows: Sequence[Row]) -> None:
    """In order, so that no two wait for each other."""
    in_order = sorted(rows, key=lambda row: str(row["word"]))
    await insert_rows(
        session, "crm.catalog_spellings", in_order, on_conflict="ON CONFLICT DO NOTHING"
    )


def _product_of(row: RowMapping, variant_rows: Sequence[RowMapping]) -> Product:
    kept = sorted(variant_rows, key=lambda one: int(one["place"]))
    facts: dict[str, Any] = {
        **row,
        "id": ProductId(UUID(str(row["id"]))),
        "tenant_id": TenantId(UUID(str(row["tenant_id"]))),
        "image_urls": tuple(row["image_urls"]),
        "status": ProductStatus(row["status"]),
        "variants": tuple(map(variant_of, kept)),
    }
    return Product(**facts)


def variant_of(row: RowMapping) -> Variant:
    """A row as the variant that it was."""
    names = ("sku", "name", "price", "on_hand", "reserved", "is_active")
    facts: dict[str, Any] = {name: row[name] for name in names}
    return Variant(id=VariantId(UUID(str(row["id"]))), **facts)


def _offer_of(row: RowMapping) -> Offer:
    variant = variant_of(row)
    return Offer(
        product_id=ProductId(UUID(str(row["product_id"]))),
        product_name=row["product_name"],
        variant=variant,
        is_for_sale=variant.is_active and row["product_status"] == ProductStatus.ACTIVE,
        category=row["product_category"],
    )
