"""Searching a catalog in PostgreSQL: by an index of words that row-level security lets be used."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, exists, select, text

from crm_chatbot.application.feed import Thing
from crm_chatbot.domain.catalog.product import ProductId, ProductStatus, Variant
from crm_chatbot.domain.catalog.searching import (
    Found,
    Groups,
    Known,
    Term,
    doubtful_in,
    meant_by,
    terms_in,
)
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.infrastructure.catalog.product_store import variant_of
from crm_chatbot.infrastructure.catalog.tables import products, synonyms, variants
from shared.infrastructure.database import insert_rows
from shared.infrastructure.late import LateSession

#: No letter comes after it.
_BEYOND = "\U0010ffff"
#: Of those that answer equally well, among how many the shortest name is looked for.
_TIES = 200
#: What answers this much worse than the best is not what was looked for.
_WORST = 0.4

# Words that begin so; only where there is none, those that share groups of three letters.
_KNOWN = text("""
    WITH asked AS (SELECT word FROM unnest(CAST(:words AS text[])) AS word),
    begun AS (
        SELECT asked.word AS asked, near.word
          FROM asked CROSS JOIN LATERAL (
               SELECT known.word FROM crm.catalog_spellings AS known
                WHERE known.tenant_id = :tenant
                  AND known.word >= asked.word COLLATE "C"
                  AND known.word < (asked.word || :beyond) COLLATE "C"
                  AND EXISTS (SELECT FROM crm.catalog_words AS used
                               WHERE used.tenant_id = :tenant AND used.word = known.word)
                ORDER BY known.word LIMIT 20) AS near),
    alike AS (
        SELECT asked.word AS asked, known.word, row_number() OVER (
                   PARTITION BY asked.word
                   ORDER BY similarity(known.word, asked.word) DESC, known.word) AS place
          FROM asked JOIN crm.catalog_spellings AS known ON known.tenant_id = :tenant
         WHERE NOT EXISTS (SELECT FROM begun WHERE begun.asked = asked.word)
           AND similarity(known.word, asked.word) > 0.1)
    SELECT asked, word, true AS is_begun FROM begun
    UNION ALL
    SELECT asked, word, false FROM alike WHERE place <= 20""")

_BEST = text("""
    WITH meant AS (
        SELECT term, word, closeness
          FROM unnest(CAST(:terms AS integer[]), CAST(:words AS text[]),
                      CAST(:closeness AS float8[])) AS meant(term, word, closeness)),
    met AS (
        SELECT found.product_id, least(1, sum(meant.closeness * found.weight / 100.0)) AS score
          FROM meant JOIN crm.catalog_words AS found
            ON found.tenant_id = :tenant AND found.word = meant.word COLLATE "C"
         GROUP BY found.product_id, meant.term),
    best AS (
        SELECT product_id, sum(score) AS score FROM met GROUP BY product_id
         ORDER BY score DESC, product_id DESC LIMIT :looked_at)
    SELECT product.id, best.score
      FROM best JOIN crm.products AS product
        ON product.tenant_id = :tenant AND product.id = best.product_id
     WHERE CAST(:category AS text) IS NULL OR product.category = CAST(:category AS text)
     ORDER BY best.score DESC, length(product.name), product.id DESC
     LIMIT :limit""")


class SqlCatalogSearch:
    """Honours crm_chatbot.domain.catalog.searching.CatalogSearch."""

    def __init__(self, session: LateSession, tenant_id: TenantId) -> None:
        self._session = session
        self._tenant_id = tenant_id

    async def find(
        self, query: str, limit: int, /, *, category: str | None = None
    ) -> Sequence[Found]:
        terms = terms_in(query, await self.synonyms())
        if terms:
            ids = await self._best(terms, limit, category)
        else:
            ids = await self._newest(limit, category)
        return await self._these(ids)

    async def synonyms(self) -> Groups:
        every = select(synonyms.c.words).where(synonyms.c.tenant_id == self._tenant_id)
        rows = await self._session.scalars(every.order_by(synonyms.c.place))
        return [tuple(words) for words in rows]

    async def agree_on(self, groups: Groups, /) -> None:
        await self._session.execute(delete(synonyms).where(synonyms.c.tenant_id == self._tenant_id))
        self._session.touched(Thing.SYNONYMS, self._tenant_id)
        rows = [
            {"tenant_id": self._tenant_id, "place": place, "words": list(words)}
            for place, words in enumerate(groups)
        ]
        await insert_rows(self._session, "crm.synonyms", rows)

    async def _best(self, terms: list[Term], limit: int, category: str | None) -> list[ProductId]:
        known = await self._known(doubtful_in(terms))
        meant = [
            (number, word, closeness)
            for number, term in enumerate(terms)
            for word, closeness in meant_by(term, known).items()
        ]
        rows = await self._session.execute(
            _BEST,
            {
                "terms": [one[0] for one in meant],
                "words": [one[1] for one in meant],
                "closeness": [one[2] for one in meant],
                "tenant": self._tenant_id,
                "category": category,
                "limit": limit,
                "looked_at": limit + _TIES if category is None else None,
            },
        )
        found = [(ProductId(UUID(str(row.id))), float(row.score)) for row in rows]
        return [one for one, score in found if score >= _WORST * found[0][1]]

    async def _known(self, doubtful: list[str]) -> list[Known]:
        if not doubtful:
            return []
        rows = await self._session.execute(
            _KNOWN, {"words": doubtful, "tenant": self._tenant_id, "beyond": _BEYOND}
        )
        return [Known(row.asked, row.word, row.is_begun) for row in rows]

    async def _newest(self, limit: int, category: str | None) -> list[ProductId]:
        c, v = products.c, variants.c
        is_sold = exists().where(v.tenant_id == c.tenant_id, v.product_id == c.id, v.is_active)
        newest = select(c.id).where(
            c.tenant_id == self._tenant_id, c.status == ProductStatus.ACTIVE, is_sold
        )
        if category is not None:
            newest = newest.where(c.category == category)
        rows = await self._session.scalars(newest.order_by(c.id.desc()).limit(limit))
        return [ProductId(UUID(str(one))) for one in rows]

    async def _these(self, ids: Sequence[ProductId]) -> list[Found]:
        """In this order."""
        p, v = products.c, variants.c
        rows = await self._session.execute(
            select(variants, p.name.label("product_name"), p.category)
            .join(products, (p.tenant_id == v.tenant_id) & (p.id == v.product_id))
            .where(v.tenant_id == self._tenant_id, v.product_id.in_(ids), v.is_active)
            .order_by(v.place)
        )
        facts: dict[Any, tuple[str, str | None]] = {}
        kept: dict[Any, list[Variant]] = {}
        for row in rows.mappings():
            facts[row["product_id"]] = row["product_name"], row["category"]
            kept.setdefault(row["product_id"], []).append(variant_of(row))
        return [Found(one, *facts[one], tuple(kept[one])) for one in ids if one in kept]
