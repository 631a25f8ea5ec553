"""Stock in PostgreSQL: one conditional UPDATE decides, and the ledger says what it did."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, insert, select, text, update

from crm_chatbot.application.feed import Thing
from crm_chatbot.domain.catalog.product import VariantId, VariantNotFound
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
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.infrastructure.catalog.tables import stock_movements, variants
from shared.infrastructure.database import as_json
from shared.infrastructure.late import LateSession

_v, _m = variants.c, stock_movements.c

# Rows are locked in the order of their ids, as everybody does who locks several.
_COUNT_ALL = text("""
    WITH counted AS (
        SELECT * FROM json_to_recordset(CAST(:counts AS json)) AS c(id uuid, "to" bigint)),
    before AS MATERIALIZED (
        SELECT v.id, v.on_hand, c."to" FROM crm.variants v JOIN counted c ON c.id = v.id
         WHERE v.tenant_id = :tenant ORDER BY v.id FOR UPDATE OF v),
    changed AS (
        UPDATE crm.variants v SET on_hand = b."to" FROM before b
         WHERE v.tenant_id = :tenant AND v.id = b.id AND v.reserved <= b."to"
        RETURNING v.id, b."to" - b.on_hand AS change)
    INSERT INTO crm.stock_movements (tenant_id, variant_id, kind, on_hand_change, reason, actor)
    SELECT :tenant, id, 'counted', change, :reason, :actor FROM changed ORDER BY id
    RETURNING *""")


class SqlStock:
    """Honours crm_chatbot.domain.catalog.stock.Stock."""

    def __init__(self, session: LateSession, tenant_id: TenantId) -> None:
        self._session = session
        self._tenant_id = tenant_id

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
        will_be = _v.on_hand + change
        changed = await self._session.execute(
            update(variants)
            .where(self._is(variant_id), will_be >= _v.reserved, will_be <= MOST_ON_HAND)
            .values(on_hand=will_be)
            .returning(_v.id)
        )
        if changed.one_or_none() is None:
            await self._refuse(variant_id, change)
        self._session.touched(Thing.STOCK, variant_id)
        noted = await self._session.execute(
            insert(stock_movements)
            .values(
                tenant_id=self._tenant_id,
                variant_id=variant_id,
                kind=kind,
                on_hand_change=change,
                reason=reason,
                actor=actor,
            )
            .returning(stock_movements)
        )
        return movement_of(noted.mappings().one())

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
        rows = [{"id": variant_id, "to": to} for variant_id, to in sorted(counts.items())]
        noted = await self._session.execute(
            _COUNT_ALL,
            {
                "counts": as_json(rows),
                "tenant": self._tenant_id,
                "reason": reason,
                "actor": actor,
            },
        )
        movements = [movement_of(row) for row in noted.mappings()]
        self._session.touched(Thing.STOCK, *counts)
        for variant_id in counts.keys() - {one.variant_id for one in movements}:
            on_hand, _ = await self._numbers(variant_id)
            await self._refuse(variant_id, counts[variant_id] - on_hand)
        return movements

    async def ledger(
        self, variant_id: VariantId, /, *, before: MovementId | None, limit: int
    ) -> list[Movement]:
        lines = select(stock_movements).where(
            _m.tenant_id == self._tenant_id, _m.variant_id == variant_id
        )
        if before is not None:
            lines = lines.where(_m.id < before)
        rows = await self._session.execute(lines.order_by(_m.id.desc()).limit(limit))
        return [movement_of(row) for row in rows.mappings()]

    def _is(self, variant_id: VariantId) -> ColumnElement[bool]:
        return (_v.tenant_id == self._tenant_id) & (_v.id == variant_id)

    async def _numbers(self, variant_id: VariantId) -> tuple[int, int]:
        numbers = select(_v.on_hand, _v.reserved).where(self._is(variant_id))
        row = (await self._session.execute(numbers)).one_or_none()
        if row is None:
            raise VariantNotFound(variant_id=variant_id)
        return int(row.on_hand), int(row.reserved)

    async def _refuse(self, variant_id: VariantId, change: int) -> None:
        """Say why nothing was changed; that may have become possible again meanwhile."""
        on_hand, reserved = await self._numbers(variant_id)
        if on_hand + change > MOST_ON_HAND:
            raise StockRejected(field="change", reason=f"there can be {MOST_ON_HAND} at most")
        if on_hand + change < 0:
            raise NotEnoughStock(available=on_hand - reserved)
        raise ReservedExceeds(reserved=reserved)


def movement_of(row: RowMapping) -> Movement:
    """A row as the movement that it was."""
    facts: dict[str, Any] = {name: value for name, value in row.items() if name != "tenant_id"}
    facts["kind"] = MovementKind(row["kind"])
    return Movement(**facts)
