"""Payments in PostgreSQL: facts are only ever added, and one attempt of an order is wanted."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, func, insert, or_, select, text, update
from sqlalchemy.dialects import postgresql

from crm_chatbot.application.feed import Thing
from crm_chatbot.domain.conversations.message import MessageId
from crm_chatbot.domain.customers.customer import CustomerId
from crm_chatbot.domain.orders.order import OrderId
from crm_chatbot.domain.payments.events import PaymentEvent, Proof
from crm_chatbot.domain.payments.payment import Payment, PaymentId, PaymentNotFound, Provider
from crm_chatbot.domain.payments.refund import Refund, RefundStatus
from crm_chatbot.domain.payments.standing import LIVE, UNPAID_ENDS, Fact, FactKind, PaymentStatus
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.infrastructure.orders.tables import orders
from crm_chatbot.infrastructure.payments.tables import (
    payment_events,
    payment_facts,
    payments,
    refunds,
    transfer_proofs,
)
from shared.infrastructure.database import Sessions, one_statement, reading
from shared.infrastructure.late import LateSession

_c, _f, _e, _r, _p = payments.c, payment_facts.c, payment_events.c, refunds.c, transfer_proofs.c
_FACT = ("transaction", "kind", "amount", "currency", "fee", "refunded")

_CLAIM = text("SELECT tenant_id, payment_id FROM crm.claim_payments(:most, :seconds)")
_OF_CALLBACK = text("SELECT crm.tenant_of_callback(:provider, CAST(:names AS text[]))")
_OF_PAYMENT = text("SELECT crm.tenant_of_payment(:which)")

_FACTS = (
    select(func.json_agg(func.json_build_array(*(_f[name] for name in _FACT))))
    .where(_f.tenant_id == _c.tenant_id, _f.payment_id == _c.id)
    .scalar_subquery()
    .label("facts")
)
_EVERY = select(payments, _FACTS)


class SqlPayments:
    """Honours crm_chatbot.domain.payments.payment.Payments."""

    def __init__(self, session: LateSession, tenant_id: TenantId) -> None:
        self._session = session
        self._tenant_id = tenant_id

    async def get(self, payment_id: PaymentId, /) -> Payment:
        return await self._one(payment_id)

    async def lock(self, payment_id: PaymentId, /) -> Payment:
        # Locked first, read then: a statement sees the facts as they were when it began.
        locked = select(_c.id).where(self._is_ours, _c.id == payment_id).with_for_update()
        await self._session.execute(locked)
        return await self._one(payment_id)

    async def of_order(self, order_id: OrderId, /) -> list[Payment]:
        found = _EVERY.where(self._is_ours, _c.order_id == order_id).order_by(_c.attempt)
        return await self._all(found)

    async def wanted_of(self, order_id: OrderId, /) -> Payment | None:
        wanted = (self._is_ours, _c.order_id == order_id, ~_c.is_unwanted)
        found = await self._session.scalar(select(_c.id).where(*wanted).with_for_update())
        return None if found is None else await self._one(PaymentId(found))

    async def transfer_of(self, customer_id: CustomerId, since: datetime, /) -> Payment | None:
        theirs = select(orders.c.id).where(
            orders.c.tenant_id == self._tenant_id, orders.c.customer_id == customer_id
        )
        has_ended = _c.status.in_(UNPAID_ENDS) & (_c.changed_at >= since)
        is_awaited = (_c.status.in_(LIVE) | has_ended) & _c.order_id.in_(theirs)
        query = _EVERY.where(self._is_ours, _c.provider == Provider.MANUAL, is_awaited)
        wanted_first = query.order_by(_c.is_unwanted, _c.created_at.desc()).limit(1)
        return next(iter(await self._all(wanted_first)), None)

    async def known_as(self, provider: Provider, names: Sequence[str], /) -> PaymentId | None:
        by_refund = select(_r.payment_id).where(_r.tenant_id == self._tenant_id, _r.key.in_(names))
        is_named = or_(_c.reference.in_(names), _c.provider_id.in_(names), _c.id.in_(by_refund))
        first = _c.reference.in_(names).desc()
        found = select(_c.id).where(self._is_ours, _c.provider == provider, is_named)
        payment_id = await self._session.scalar(found.order_by(first, _c.id).limit(1))
        return None if payment_id is None else PaymentId(payment_id)

    async def add(self, payment: Payment, /) -> None:
        await self._session.execute(insert(payments).values(row_of(payment)))
        self._session.touched(Thing.PAYMENT, payment.id)
        await self._learn(payment)

    async def save(self, payment: Payment, /) -> None:
        row = row_of(payment)
        is_it = _c.id == row.pop("id")
        await self._session.execute(update(payments).where(self._is_ours, is_it).values(row))
        self._session.touched(Thing.PAYMENT, payment.id)
        await self._learn(payment)

    async def wake(
        self, payment_id: PaymentId, now: datetime, /, *, transaction: str | None = None
    ) -> None:
        named = func.coalesce(transaction, _c.transaction)
        woken = update(payments).where(self._is_ours, _c.id == payment_id)
        await self._session.execute(woken.values(check_at=now, transaction=named))

    async def drop(self, order_id: OrderId, now: datetime, /) -> None:
        wanted = (self._is_ours, _c.order_id == order_id, ~_c.is_unwanted)
        dropped = update(payments).where(*wanted).values(is_unwanted=True, check_at=now)
        self._session.touched(Thing.PAYMENT, *await self._session.scalars(dropped.returning(_c.id)))

    @property
    def _is_ours(self) -> ColumnElement[bool]:
        return _c.tenant_id == self._tenant_id

    async def _one(self, payment_id: PaymentId) -> Payment:
        for payment in await self._all(_EVERY.where(self._is_ours, _c.id == payment_id)):
            return payment
        raise PaymentNotFound(payment_id=payment_id)

    async def _all(self, query: Select[tuple[Any, ...]]) -> list[Payment]:
        found = await self._session.execute(query)
        return [payment_of(row) for row in found.mappings()]

    async def _learn(self, payment: Payment) -> None:
        named = {"tenant_id": self._tenant_id, "payment_id": payment.id}
        rows = [{**named, **vars(fact)} for fact in payment.facts]
        if rows:
            learnt = postgresql.insert(payment_facts).values(rows).on_conflict_do_nothing()
            await self._session.execute(learnt)


class SqlRefunds:
    """Honours crm_chatbot.domain.payments.refund.Refunds."""

    def __init__(self, session: LateSession, tenant_id: TenantId) -> None:
        self._session = session
        self._tenant_id = tenant_id

    async def of(self, payment_id: PaymentId, /) -> list[Refund]:
        query = select(refunds).where(self._is_ours, _r.payment_id == payment_id)
        found = await self._session.execute(query.order_by(_r.created_at, _r.id))
        return [_refund_of(row) for row in found.mappings()]

    async def add(self, refund: Refund, /) -> None:
        await self._session.execute(insert(refunds).values({**vars(refund)}))
        self._touched(refund)

    async def save(self, refund: Refund, /) -> None:
        row = {**vars(refund)}
        changed = update(refunds).where(self._is_ours, _r.id == row.pop("id"))
        await self._session.execute(changed.values(row))
        self._touched(refund)

    def _touched(self, refund: Refund) -> None:
        self._session.touched(Thing.REFUND, refund.id)
        self._session.touched(Thing.PAYMENT, refund.payment_id)  # which is seen with its refunds

    @property
    def _is_ours(self) -> ColumnElement[bool]:
        return _r.tenant_id == self._tenant_id


class SqlPaymentEvents:
    """Honours crm_chatbot.domain.payments.events.PaymentEvents."""

    def __init__(self, session: LateSession, tenant_id: TenantId) -> None:
        self._session = session
        self._tenant_id = tenant_id

    async def record(self, event: PaymentEvent, /) -> bool:
        row = {**vars(event), "tenant_id": self._tenant_id, "event_key": event.key}
        del row["key"]
        first = postgresql.insert(payment_events).values(row).on_conflict_do_nothing()
        is_new = await self._session.scalar(first.returning(_e.event_key)) is not None
        if is_new:
            self._session.touched(Thing.PAYMENT, event.payment_id)
        return is_new

    async def of(self, payment_id: PaymentId, /) -> list[PaymentEvent]:
        query = select(payment_events).where(self._is_ours, _e.payment_id == payment_id)
        found = await self._session.execute(query.order_by(_e.received_at, _e.event_key))
        return [_event_of(row) for row in found.mappings()]

    async def looked(self, keys: Sequence[str], payment_id: PaymentId, now: datetime, /) -> None:
        these = (self._is_ours, _e.payment_id == payment_id, _e.event_key.in_(keys))
        await self._session.execute(update(payment_events).where(*these).values(looked_at=now))
        self._session.touched(Thing.PAYMENT, payment_id)

    async def prove(self, proof: Proof, /) -> bool:
        row = {"tenant_id": self._tenant_id, **vars(proof)}
        first = postgresql.insert(transfer_proofs).values(row).on_conflict_do_nothing()
        is_new = await self._session.scalar(first.returning(_p.message_id)) is not None
        if is_new:
            self._session.touched(Thing.PAYMENT, proof.payment_id)
        return is_new

    async def proofs(self, payment_id: PaymentId, /) -> list[Proof]:
        query = select(transfer_proofs).where(
            _p.tenant_id == self._tenant_id, _p.payment_id == payment_id
        )
        found = await self._session.execute(query.order_by(_p.received_at, _p.message_id))
        return [
            Proof(
                payment_id=payment_id,
                message_id=MessageId(row.message_id),
                received_at=row.received_at,
            )
            for row in found
        ]

    @property
    def _is_ours(self) -> ColumnElement[bool]:
        return _e.tenant_id == self._tenant_id


def row_of(payment: Payment) -> dict[str, Any]:
    """A payment as its row, but for its facts; `payment_of` is the way back."""
    return {name: value for name, value in vars(payment).items() if name != "facts"}


def payment_of(row: RowMapping) -> Payment:
    """A row, with its facts, as the payment that it was."""
    facts = frozenset(_fact_of(told) for told in row["facts"] or ())
    named: dict[str, Any] = {
        "provider": Provider(row["provider"]),
        "status": PaymentStatus(row["status"]),
        "facts": facts,
    }
    return Payment(**{**row, **named})


def _fact_of(told: Sequence[Any]) -> Fact:
    named: dict[str, Any] = dict(zip(_FACT, told, strict=True))
    kind = FactKind(named.pop("kind"))
    return Fact(kind=kind, **named)


def _refund_of(row: RowMapping) -> Refund:
    named: dict[str, Any] = {"status": RefundStatus(row["status"])}
    return Refund(**{**row, **named})


def _event_of(row: RowMapping) -> PaymentEvent:
    facts = {name: value for name, value in row.items() if name not in {"tenant_id", "event_key"}}
    named: dict[str, Any] = {"provider": Provider(row["provider"]), "key": row["event_key"]}
    return PaymentEvent(**{**facts, **named})


class SqlPaymentDirectory:
    """Honours crm_chatbot.application.payments.worker.PaymentDirectory."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def claim(self, most: int, seconds: float, /) -> list[tuple[TenantId, PaymentId]]:
        async with one_statement(self._sessions) as session:
            found = await session.execute(_CLAIM, {"most": most, "seconds": seconds})
            return [(TenantId(row.tenant_id), PaymentId(row.payment_id)) for row in found]

    async def tenant_of_callback(
        self, provider: Provider, names: Sequence[str], /
    ) -> TenantId | None:
        asked = {"provider": provider, "names": [*names]}
        async with reading(self._sessions) as connection:
            found = await connection.scalar(_OF_CALLBACK, asked)
        return None if found is None else TenantId(found)

    async def tenant_of_payment(self, payment_id: PaymentId, /) -> TenantId | None:
        async with reading(self._sessions) as connection:
            found = await connection.scalar(_OF_PAYMENT, {"which": payment_id})
        return None if found is None else TenantId(found)
