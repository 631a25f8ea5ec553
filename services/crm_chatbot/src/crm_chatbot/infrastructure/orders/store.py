"""Orders in PostgreSQL: each with its lines, and with what happened to it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Select,
    Update,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql

from crm_chatbot.application.feed import Thing
from crm_chatbot.domain.catalog.product import VariantId
from crm_chatbot.domain.conversations.message import MessageId
from crm_chatbot.domain.customers.customer import CustomerId
from crm_chatbot.domain.money import Currency
from crm_chatbot.domain.orders.order import (
    CONFIRMED,
    ERASED,
    OPEN,
    Delivery,
    Discount,
    Line,
    Order,
    OrderEvent,
    OrderId,
    OrderNotFound,
    OrderStatus,
    Summary,
    Wanted,
)
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.infrastructure.orders.tables import (
    order_events,
    order_lines,
    order_numbers,
    orders,
)
from shared.infrastructure.late import LateSession

#: Numbers begin after this one: a shop's first order does not look like its first.
_BEFORE_THE_FIRST = 1_000

_o, _l, _e = orders.c, order_lines.c, order_events.c
_LINE = ("variant_id", "sku", "name", "quantity", "unit_price")
#: Columns of an order that are fields of its own by the same name.
_PLAIN = (
    *("tenant_id", "id", "customer_id", "number", "note", "promo_code", "reservation"),
    *("confirmed_at", "expires_at", "paid_at", "paid_by"),
    *("version", "created_at", "updated_at"),
)
_LINES = (
    select(
        func.json_agg(
            postgresql.aggregate_order_by(
                func.json_build_array(*(_l[name] for name in _LINE)), _l.place
            )
        )
    )
    .where(_l.tenant_id == _o.tenant_id, _l.order_id == _o.id)
    .scalar_subquery()
    .label("lines")
)
_EVERY = select(orders, _LINES)
_NEWEST_FIRST = _o.id.desc()


class SqlOrders:
    """Honours crm_chatbot.domain.orders.order.Orders."""

    def __init__(self, session: LateSession, tenant_id: TenantId) -> None:
        self._session = session
        self._tenant_id = tenant_id
        # What is written already need not be written again.
        self._lines: dict[OrderId, tuple[Line, ...]] = {}

    async def get(self, order_id: OrderId, /) -> Order:
        return await self._named(order_id, _EVERY)

    async def lock(self, order_id: OrderId, /) -> Order:
        # Rows that refer to the order may be added meanwhile: their writers hold other locks.
        return await self._named(order_id, _EVERY.with_for_update(of=orders, key_share=True))

    async def lock_current(self, customer_id: CustomerId, /) -> Order | None:
        newest = _EVERY.where(_o.customer_id == customer_id, _o.status.in_(OPEN))
        newest = newest.order_by(_NEWEST_FIRST).limit(1)
        query = newest.with_for_update(of=orders, key_share=True)
        return next(iter(await self._found(query)), None)

    async def newest_of(self, customer_id: CustomerId, /, *, most: int) -> Sequence[Order]:
        return await self.page(Wanted(customer_id=customer_id), before=None, limit=most)

    async def page(
        self, wanted: Wanted, /, *, before: OrderId | None, limit: int
    ) -> Sequence[Order]:
        query = _EVERY.where(*_conditions(wanted))
        if before is not None:
            query = query.where(_o.id < before)
        return await self._found(query.order_by(_NEWEST_FIRST).limit(limit))

    async def count_since(self, customer_id: CustomerId, since: datetime, /) -> int:
        return await self._count(_o.customer_id == customer_id, _o.created_at >= since)

    async def count_confirmed_since(self, customer_id: CustomerId, since: datetime, /) -> int:
        theirs = select(_o.id).where(_o.tenant_id == self._tenant_id, _o.customer_id == customer_id)
        is_one = (_e.tenant_id == self._tenant_id, _e.what == CONFIRMED, _e.at >= since)
        query = select(func.count()).where(*is_one, _e.order_id.in_(theirs))
        return int(await self._session.scalar(query) or 0)

    async def count_unpaid(self, customer_id: CustomerId, /) -> int:
        is_unpaid = _o.status == OrderStatus.AWAITING_PAYMENT
        return await self._count(_o.customer_id == customer_id, is_unpaid)

    async def next_number(self) -> str:
        first = {"tenant_id": self._tenant_id, "newest": _BEFORE_THE_FIRST + 1}
        one_more = (
            postgresql.insert(order_numbers)
            .values(first)
            .on_conflict_do_update(
                index_elements=["tenant_id"], set_={"newest": order_numbers.c.newest + 1}
            )
        )
        return f"ORD-{await self._session.scalar(one_more.returning(order_numbers.c.newest))}"

    async def add(self, order: Order, event: OrderEvent, /) -> None:
        await self._session.execute(insert(orders).values(row_of(order)))
        self._lines[order.id] = ()
        await self._write(order, event)

    async def save(self, order: Order, event: OrderEvent, /) -> None:
        order.version += 1
        row = row_of(order)
        is_it = (_o.tenant_id == self._tenant_id) & (_o.id == row.pop("id"))
        saved = update(orders).where(is_it).values(row).returning(_o.id)
        if await self._session.scalar(saved) is None:
            raise OrderNotFound(order_id=order.id)
        await self._write(order, event)

    async def events(self, order_id: OrderId, /) -> Sequence[OrderEvent]:
        its = (_e.tenant_id == self._tenant_id) & (_e.order_id == order_id)
        rows = await self._session.execute(select(order_events).where(its).order_by(_e.id))
        return [
            OrderEvent(what=row.what, at=row.at, actor=row.actor, facts=row.facts) for row in rows
        ]

    async def hand_on(self, gone: CustomerId, kept: CustomerId, /) -> None:
        theirs = (_o.tenant_id == self._tenant_id) & (_o.customer_id == gone)
        await self._change(update(orders).where(theirs).values(customer_id=kept))

    async def forget(self, customer_id: CustomerId, /) -> None:
        theirs = (_o.tenant_id == self._tenant_id) & (_o.customer_id == customer_id)
        nowhere = {"latitude": None, "longitude": None, "note": ""}
        await self._change(update(orders).where(theirs).values(nowhere))
        has_address = _o.delivery_address.is_not(None)
        await self._session.execute(
            update(orders).where(theirs, has_address).values(delivery_address=ERASED)
        )

    async def _named(self, order_id: OrderId, every: Select[tuple[Any, ...]]) -> Order:
        for order in await self._found(every.where(_o.id == order_id)):
            return order
        raise OrderNotFound(order_id=order_id)

    async def _found(self, query: Select[tuple[Any, ...]]) -> list[Order]:
        rows = await self._session.execute(query.where(_o.tenant_id == self._tenant_id))
        found = [order_of(row) for row in rows.mappings()]
        self._lines |= {order.id: order.lines for order in found}
        return found

    async def _count(self, *conditions: ColumnElement[bool]) -> int:
        ours = _o.tenant_id == self._tenant_id
        query = select(func.count()).select_from(orders).where(ours, *conditions)
        return int(await self._session.scalar(query) or 0)

    async def _change(self, several: Update) -> None:
        changed = await self._session.scalars(several.returning(_o.id))
        self._session.touched(Thing.ORDER, *changed)

    async def _write(self, order: Order, event: OrderEvent) -> None:
        self._session.touched(Thing.ORDER, order.id)
        whose = {"tenant_id": self._tenant_id, "order_id": order.id}
        if self._lines.get(order.id) != order.lines:
            its = (_l.tenant_id == self._tenant_id) & (_l.order_id == order.id)
            await self._session.execute(delete(order_lines).where(its))
            rows = [{**whose, "place": n, **vars(line)} for n, line in enumerate(order.lines)]
            if rows:
                await self._session.execute(insert(order_lines), rows)
            self._lines[order.id] = order.lines
        await self._session.execute(insert(order_events).values({**whose, **vars(event)}))


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.statuses:
        conditions.append(_o.status.in_(wanted.statuses))
    if wanted.customer_id is not None:
        conditions.append(_o.customer_id == wanted.customer_id)
    if wanted.since is not None:
        conditions.append(_o.created_at >= wanted.since)
    if wanted.number is not None:
        conditions.append(_o.number.istartswith(wanted.number, autoescape=True))
    return conditions


def row_of(order: Order) -> dict[str, Any]:
    """An order as its row, but for its lines; `order_of` is the way back, and a test holds both."""
    summary, delivery = order.summary, order.delivery
    return {
        **{name: getattr(order, name) for name in _PLAIN},
        "status": order.status,
        "currency": order.currency.code,
        "total": order.total,
        "discounts": [{**asdict(one), "rule_id": str(one.rule_id)} for one in order.discounts],
        "delivery_address": delivery and delivery.address,
        "delivery_zone": delivery and delivery.zone,
        "delivery_fee": delivery and delivery.fee,
        "latitude": delivery and delivery.latitude,
        "longitude": delivery and delivery.longitude,
        "summary_hash": summary and summary.hash,
        "summary_message_id": summary and summary.message_id,
        "summary_seq": summary and summary.seq,
        "summary_until": summary and summary.until,
    }


def order_of(row: RowMapping) -> Order:
    """A row, with its lines, as the order that it was."""
    named: dict[str, Any] = {name: row[name] for name in _PLAIN}
    return Order(
        **named,
        status=OrderStatus(row["status"]),
        currency=Currency(row["currency"]),
        lines=tuple(_line_of(one) for one in row["lines"] or ()),
        discounts=tuple(_discount_of(one) for one in row["discounts"]),
        delivery=_delivery_of(row) if row["delivery_address"] is not None else None,
        summary=_summary_of(row) if row["summary_hash"] is not None else None,
    )


def _line_of(values: Sequence[Any]) -> Line:
    facts: dict[str, Any] = dict(zip(_LINE, values, strict=True))
    facts["variant_id"] = VariantId(UUID(facts["variant_id"]))
    return Line(**facts)


def _discount_of(facts: Mapping[str, Any]) -> Discount:
    return Discount(rule_id=UUID(facts["rule_id"]), name=facts["name"], amount=facts["amount"])


def _delivery_of(row: RowMapping) -> Delivery:
    return Delivery(
        address=row["delivery_address"],
        zone=row["delivery_zone"],
        fee=row["delivery_fee"],
        latitude=row["latitude"],
        longitude=row["longitude"],
    )


def _summary_of(row: RowMapping) -> Summary:
    return Summary(
        hash=row["summary_hash"],
        message_id=MessageId(row["summary_message_id"]),
        seq=row["summary_seq"],
        until=row["summary_until"],
    )
