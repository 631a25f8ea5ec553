"""Customers in PostgreSQL: no identity is ever two people's."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    RowMapping,
    Select,
    bindparam,
    delete,
    func,
    select,
    tuple_,
    update,
)

from crm_chatbot.application.feed import Thing
from crm_chatbot.domain.customers.customer import (
    Customer,
    CustomerId,
    CustomerNotFound,
    Identity,
    IdentityKind,
)
from crm_chatbot.domain.language import Language
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.infrastructure.tables import customer_identities, customers
from shared.infrastructure.database import as_json, insertion
from shared.infrastructure.late import LateSession

_c, _i = customers.c, customer_identities.c
_BARE = ("identities",)
_UNLESS_ANOTHERS = "ON CONFLICT DO NOTHING RETURNING value"

_IDENTITIES = (
    select(func.json_agg(func.json_build_array(_i.kind, _i.value)))
    .where(_i.tenant_id == _c.tenant_id, _i.customer_id == _c.id)
    .scalar_subquery()
    .label("identities")
)
_EVERY = select(customers, _IDENTITIES)

# Built once: every webhook asks who it is that writes.
_WHOSE: BindParameter[UUID] = bindparam("whose")
_NAMED = tuple_(_i.kind, _i.value).in_(bindparam("names", expanding=True))
_KNOWN_AS = (
    _EVERY.where(_c.tenant_id == _WHOSE)
    .where(_c.id.in_(select(_i.customer_id).where(_i.tenant_id == _WHOSE, _NAMED)))
    .order_by(_c.created_at, _c.id)
)


class SqlCustomers:
    """Honours crm_chatbot.domain.customers.customer.Customers."""

    def __init__(self, session: LateSession, tenant_id: TenantId) -> None:
        self._session = session
        self._tenant_id = tenant_id
        # Who was looked for ahead; forgotten when somebody changes.
        self._foreseen: dict[Identity, list[Customer]] = {}

    async def known_as(self, identities: Sequence[Identity], /) -> list[Customer]:
        if all(one in self._foreseen for one in identities):
            known = {who.id: who for one in identities for who in self._foreseen[one]}
            return sorted(known.values(), key=lambda who: (who.created_at, who.id))
        return await self._known_as(identities)

    async def look_ahead(self, identities: Sequence[Identity], /) -> list[Customer]:
        known = await self._known_as(identities)
        self._foreseen = {
            one: [who for who in known if one in who.identities] for one in identities
        }
        return known

    async def _known_as(self, identities: Sequence[Identity]) -> list[Customer]:
        names = [(one.kind, one.value) for one in identities]
        found = await self._session.ahead(_KNOWN_AS, {"whose": self._tenant_id, "names": names})
        return [customer_of(row) for row in found.mappings()]

    async def get(self, customer_id: CustomerId, /) -> Customer:
        return await self._one(customer_id, _EVERY)

    async def lock(self, customer_id: CustomerId, /) -> Customer:
        # Rows that refer to the customer may be added meanwhile: their writers hold other locks.
        query = _EVERY.with_for_update(of=customers, key_share=True)
        return await self._one(customer_id, query)

    async def add(self, *customers: Customer) -> bool:
        rows = [row_of(customer) for customer in customers]
        adding = insertion("crm.customers", tuple(rows[0]))
        await self._session.ahead(adding, {"rows": as_json(rows)})
        if await self._identify(*customers) == sum(len(one.identities) for one in customers):
            self._foreseen |= {one: [who] for who in customers for one in who.identities}
            self._session.touched(Thing.CUSTOMER, *(one.id for one in customers))
            return True
        for customer in customers:
            await self.remove(customer)
        return False

    async def save(self, customer: Customer, /) -> None:
        customer.version += 1
        self._foreseen.clear()
        self._session.touched(Thing.CUSTOMER, customer.id)
        row = row_of(customer)
        await self._session.execute(
            update(customers).where(self._is_ours, _c.id == row.pop("id")).values(row)
        )
        lost = _named(customer, self._tenant_id) & ~_among(customer.identities)
        await self._session.execute(delete(customer_identities).where(lost))
        await self._identify(customer)

    async def remove(self, customer: Customer, /) -> None:
        self._foreseen.clear()
        self._session.touched(Thing.CUSTOMER, customer.id)
        known = _named(customer, self._tenant_id)
        await self._session.execute(delete(customer_identities).where(known))
        await self._session.execute(delete(customers).where(self._is_ours, _c.id == customer.id))

    @property
    def _is_ours(self) -> ColumnElement[bool]:
        return _c.tenant_id == self._tenant_id

    async def _one(self, customer_id: CustomerId, every: Select[tuple[Any, ...]]) -> Customer:
        found = await self._session.execute(every.where(self._is_ours, _c.id == customer_id))
        for row in found.mappings():
            return customer_of(row)
        raise CustomerNotFound(customer_id=customer_id)

    async def _identify(self, *customers: Customer) -> int:
        """How many identities are theirs only now; another's stay another's."""
        rows = [
            {"tenant_id": self._tenant_id, "customer_id": customer.id, **vars(identity)}
            for customer in customers
            for identity in customer.identities
        ]
        if not rows:
            return 0
        # In one order for everybody: who inserts the same two then waits instead of deadlocking.
        rows.sort(key=lambda row: (row["kind"], row["value"]))
        adding = insertion("crm.customer_identities", tuple(rows[0]), _UNLESS_ANOTHERS)
        added = await self._session.ahead(adding, {"rows": as_json(rows)})
        return len(added.all())


def _among(identities: Sequence[Identity]) -> ColumnElement[bool]:
    return tuple_(_i.kind, _i.value).in_([(one.kind, one.value) for one in identities])


def _named(customer: Customer, tenant_id: TenantId) -> ColumnElement[bool]:
    return (_i.tenant_id == tenant_id) & (_i.customer_id == customer.id)


def row_of(customer: Customer) -> dict[str, Any]:
    """A customer as a row, but for their identities; `customer_of` is the way back."""
    return {name: value for name, value in vars(customer).items() if name not in _BARE}


def customer_of(row: RowMapping) -> Customer:
    """A row, with its identities, as the customer that it was."""
    identities = [Identity(IdentityKind(kind), value) for kind, value in row["identities"] or ()]
    language = row["language"] and Language(row["language"])
    identities.sort(key=lambda one: (one.kind, one.value), reverse=True)
    named: dict[str, Any] = {"identities": tuple(identities), "language": language}
    return Customer(**{**row, **named})
