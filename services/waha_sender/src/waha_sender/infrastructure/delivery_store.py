"""Deliveries in PostgreSQL: one row for each part, locked by whoever changes it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, RowMapping, and_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from shared.contracts import WhatsAppContent
from waha_sender.application.deliveries import Claim, Delivery, DeliveryState
from waha_sender.infrastructure.tables import deliveries

_CONTENT: TypeAdapter[WhatsAppContent] = TypeAdapter(WhatsAppContent)
_OPEN = [state.value for state in DeliveryState if not state.is_final]

#: What never changes after a part was taken on.
_FIXED = frozenset({"tenant_id", "message_id", "part", "created_at"})


class SqlDeliveries:
    """Honours waha_sender.application.ports.Deliveries."""

    def __init__(self, session: AsyncSession, tenant_id: UUID) -> None:
        self._session = session
        self._tenant_id = tenant_id
        #: as they lie in the table
        self._found: dict[tuple[UUID, int], Delivery] = {}

    async def add(self, parts: Sequence[Delivery], /) -> bool:
        rows = [_row_of(part) for part in parts]
        for row in rows:
            row.pop("created_at")
        added = await self._session.execute(
            insert(deliveries).on_conflict_do_nothing().returning(deliveries.c.part).values(rows)
        )
        return len(added.all()) == len(parts)

    async def of(self, message_id: UUID, /) -> list[Delivery]:
        return await self._locked(deliveries.c.message_id == message_id)

    async def held(self, claim: Claim, /) -> Delivery | None:
        found = await self._locked(
            and_(
                deliveries.c.message_id == claim.message_id,
                deliveries.c.part == claim.part,
                deliveries.c.lease_token == claim.lease_token,
                deliveries.c.state.in_(_OPEN),
            )
        )
        return found[0] if found else None

    async def save(self, delivery: Delivery, /) -> None:
        place = (delivery.message_id, delivery.part)
        if self._found.get(place) == delivery:
            return
        self._found[place] = replace(delivery)
        row = {name: value for name, value in _row_of(delivery).items() if name not in _FIXED}
        if delivery.lease_token is None:
            row["lease_worker"] = None
        await self._session.execute(
            update(deliveries)
            .where(
                deliveries.c.tenant_id == self._tenant_id,
                deliveries.c.message_id == delivery.message_id,
                deliveries.c.part == delivery.part,
            )
            .values(row)
        )

    async def ids_in_chat(self, session: str, chat_id: str, /) -> set[str]:
        found = await self._session.scalars(
            select(deliveries.c.wa_id).where(
                deliveries.c.tenant_id == self._tenant_id,
                deliveries.c.session == session,
                deliveries.c.chat_id == chat_id,
                deliveries.c.state == DeliveryState.SENT.value,
                deliveries.c.wa_id.is_not(None),
            )
        )
        return set(found)

    async def _locked(self, which: ColumnElement[bool]) -> list[Delivery]:
        rows = await self._session.execute(
            select(deliveries)
            .where(deliveries.c.tenant_id == self._tenant_id, which)
            .order_by(deliveries.c.part)
            .with_for_update()
        )
        found = [_delivery_of(row) for row in rows.mappings()]
        self._found |= {(one.message_id, one.part): replace(one) for one in found}
        return found


def _row_of(delivery: Delivery) -> dict[str, Any]:
    plain = dict(vars(delivery))
    plain["content"] = delivery.content.model_dump(mode="json")
    plain["headers"] = dict(delivery.headers)
    plain["state"] = delivery.state.value
    return plain


def _delivery_of(row: RowMapping) -> Delivery:
    facts = {name: value for name, value in row.items() if name not in {"seq", "lease_worker"}}
    facts["content"] = _CONTENT.validate_python(facts["content"])
    facts["state"] = DeliveryState(facts["state"])
    return Delivery(**facts)
