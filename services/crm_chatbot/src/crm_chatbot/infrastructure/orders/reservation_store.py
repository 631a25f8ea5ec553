"""Reservations in PostgreSQL: variants are locked in the order of their ids, and then counted."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import insert, select, text

from crm_chatbot.application.feed import Thing
from crm_chatbot.domain.catalog.product import VariantId
from crm_chatbot.domain.catalog.stock import MovementKind
from crm_chatbot.domain.orders.order import OrderId
from crm_chatbot.domain.orders.reservation import OutOfStock, ReservationState
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.infrastructure.catalog.tables import stock_movements
from crm_chatbot.infrastructure.orders.tables import reservations
from shared.infrastructure.database import Row
from shared.infrastructure.late import LateSession

_S = ReservationState
_r = reservations.c

#: By what a reservation becomes: from what, how that is called, and how a variant's numbers change
#: by each piece: on hand, reserved.
_STEPS: Mapping[ReservationState, tuple[ReservationState, MovementKind, int, int]] = {
    _S.RELEASED: (_S.HELD, MovementKind.RELEASED, 0, -1),
    _S.SOLD: (_S.HELD, MovementKind.SOLD, -1, -1),
    _S.RESTOCKED: (_S.SOLD, MovementKind.RESTOCKED, 1, 0),
}

# Not FOR UPDATE: whoever only refers to a variant need not wait.
_LOCK = text("""
    SELECT v.id, v.sku, v.on_hand - v.reserved AS available,
           concat_ws(', ', p.name, nullif(v.name, '')) AS name
      FROM crm.variants v
      JOIN crm.products p ON p.tenant_id = v.tenant_id AND p.id = v.product_id
     WHERE v.tenant_id = :tenant_id AND v.id = ANY(:ids)
     ORDER BY v.id FOR NO KEY UPDATE OF v""")

_CHANGE = text("""
    UPDATE crm.variants v
       SET on_hand = v.on_hand + change.on_hand, reserved = v.reserved + change.reserved
      FROM unnest(CAST(:ids AS uuid[]), CAST(:on_hand AS bigint[]), CAST(:reserved AS bigint[]))
           AS change (id, on_hand, reserved)
     WHERE v.tenant_id = :tenant_id AND v.id = change.id""")


class SqlReservations:
    """Honours crm_chatbot.domain.orders.reservation.Reservations."""

    def __init__(self, session: LateSession, tenant_id: TenantId) -> None:
        self._session = session
        self._tenant_id = tenant_id

    async def reserve(
        self, order_id: OrderId, attempt: int, quantities: Mapping[VariantId, int], /
    ) -> None:
        if await self.state(order_id, attempt) is not None:
            return
        _refuse_too_many(quantities, await self._lock(list(quantities)))
        rows = [
            {**self._of(order_id, attempt), "variant_id": one, "quantity": many, "state": _S.HELD}
            for one, many in quantities.items()
        ]
        await self._session.execute(insert(reservations), rows)
        await self._change(order_id, attempt, quantities, MovementKind.RESERVED, (0, 1))

    async def release(self, order_id: OrderId, attempt: int, /) -> bool:
        return await self._become(_S.RELEASED, order_id, attempt)

    async def sell(self, order_id: OrderId, attempt: int, /) -> bool:
        return await self._become(_S.SOLD, order_id, attempt)

    async def restock(self, order_id: OrderId, attempt: int, /) -> bool:
        return await self._become(_S.RESTOCKED, order_id, attempt)

    async def state(self, order_id: OrderId, attempt: int, /) -> ReservationState | None:
        its = (_r.tenant_id == self._tenant_id, _r.order_id == order_id, _r.attempt == attempt)
        found = await self._session.scalar(select(_r.state).where(*its).limit(1))
        return found and ReservationState(found)

    async def _become(self, state: ReservationState, order_id: OrderId, attempt: int) -> bool:
        before, kind, on_hand, reserved = _STEPS[state]
        its = (_r.tenant_id == self._tenant_id, _r.order_id == order_id, _r.attempt == attempt)
        moved = await self._session.execute(
            reservations.update()
            .where(*its, _r.state == before)
            .values(state=state)
            .returning(_r.variant_id, _r.quantity)
        )
        quantities = {VariantId(row.variant_id): row.quantity for row in moved}
        if quantities:
            await self._lock(list(quantities))
            await self._change(order_id, attempt, quantities, kind, (on_hand, reserved))
        return bool(quantities)

    async def _lock(self, variant_ids: Sequence[VariantId]) -> Sequence[Row]:
        facts = {"tenant_id": self._tenant_id, "ids": list(variant_ids)}
        found = await self._session.execute(_LOCK, facts)
        return [dict(row) for row in found.mappings()]

    async def _change(
        self,
        order_id: OrderId,
        attempt: int,
        quantities: Mapping[VariantId, int],
        kind: MovementKind,
        signs: tuple[int, int],
    ) -> None:
        on_hand, reserved = signs
        facts = {
            "tenant_id": self._tenant_id,
            "ids": list(quantities),
            "on_hand": [on_hand * many for many in quantities.values()],
            "reserved": [reserved * many for many in quantities.values()],
        }
        await self._session.execute(_CHANGE, facts)
        self._session.touched(Thing.STOCK, *quantities)
        rows: list[dict[str, Any]] = [
            {
                **self._of(order_id, attempt),
                "variant_id": one,
                "kind": kind,
                "on_hand_change": on_hand * many,
                "reserved_change": reserved * many,
                "actor": "order",
            }
            for one, many in quantities.items()
        ]
        await self._session.execute(insert(stock_movements), rows)

    def _of(self, order_id: OrderId, attempt: int) -> dict[str, Any]:
        return {"tenant_id": self._tenant_id, "order_id": order_id, "attempt": attempt}


def _refuse_too_many(quantities: Mapping[VariantId, int], found: Sequence[Row]) -> None:
    available = {VariantId(row["id"]): row for row in found}
    for variant_id, many in sorted(quantities.items()):
        row = available.get(variant_id)
        if row is None:
            raise OutOfStock(available=0, name="it", sku=str(variant_id))
        if row["available"] < many:
            facts = {name: row[name] for name in ("available", "name", "sku")}
            raise OutOfStock(**facts)
