"""What a shop lays down about orders, in PostgreSQL: delivery, discounts, and what worries it."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import RowMapping, Select, Update, delete, insert, select, tuple_, update
from sqlalchemy.dialects import postgresql

from crm_chatbot.application.feed import Thing
from crm_chatbot.domain.orders.concern import Concern, ConcernId, ConcernNotFound, Since
from crm_chatbot.domain.orders.delivery import DeliveryTerms, Zone
from crm_chatbot.domain.orders.discount import (
    DiscountCodeTaken,
    DiscountId,
    DiscountNotFound,
    DiscountRule,
)
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.infrastructure.orders.tables import (
    concerns,
    delivery_terms,
    discount_rules,
    orders,
)
from shared.domain import ChangedMeanwhile
from shared.infrastructure.late import LateSession

_d, _c = discount_rules.c, concerns.c
_OLDEST_FIRST = select(discount_rules).order_by(_d.created_at, _d.id)
_CHANGING = ("raised_at", "facts", "settled_at", "settled_by", "note")
_CONCERNS = select(concerns, orders.c.customer_id).join(
    orders, (orders.c.tenant_id == _c.tenant_id) & (orders.c.id == _c.order_id)
)


class SqlDeliveryTables:
    """Honours crm_chatbot.domain.orders.delivery.DeliveryTables."""

    def __init__(self, session: LateSession, tenant_id: TenantId) -> None:
        self._session = session
        self._tenant_id = tenant_id

    async def get(self) -> DeliveryTerms:
        is_ours = delivery_terms.c.tenant_id == self._tenant_id
        found = await self._session.execute(select(delivery_terms).where(is_ours))
        row = found.mappings().one_or_none()
        return DeliveryTerms() if row is None else _terms_of(row)

    async def put(self, terms: DeliveryTerms, /) -> None:
        row: dict[str, Any] = {
            "zones": [asdict(zone) for zone in terms.zones],
            "default_fee": terms.default_fee,
            "pickup_address": terms.pickup_address,
        }
        new = postgresql.insert(delivery_terms).values(tenant_id=self._tenant_id, **row)
        await self._session.execute(
            new.on_conflict_do_update(index_elements=["tenant_id"], set_=row)
        )
        self._session.touched(Thing.DELIVERY, self._tenant_id)


class SqlDiscountRules:
    """Honours crm_chatbot.domain.orders.discount.DiscountRules."""

    def __init__(self, session: LateSession, tenant_id: TenantId) -> None:
        self._session = session
        self._tenant_id = tenant_id

    async def get(self, discount_id: DiscountId, /) -> DiscountRule:
        is_it = (_d.tenant_id == self._tenant_id, _d.id == discount_id)
        found = await self._session.execute(select(discount_rules).where(*is_it))
        for row in found.mappings():
            return DiscountRule(**row)
        raise DiscountNotFound(discount_id=discount_id)

    async def all(self) -> Sequence[DiscountRule]:
        found = await self._session.execute(_OLDEST_FIRST.where(_d.tenant_id == self._tenant_id))
        return [DiscountRule(**row) for row in found.mappings()]

    async def active(self) -> Sequence[DiscountRule]:
        return [rule for rule in await self.all() if rule.is_active]

    async def add(self, rule: DiscountRule, /) -> None:
        await self._refuse_taken(rule)
        await self._session.execute(insert(discount_rules).values(vars(rule)))
        self._session.touched(Thing.DISCOUNT, rule.id)

    async def save(self, rule: DiscountRule, /) -> None:
        await self._refuse_taken(rule)
        seen: Update = update(discount_rules).where(
            _d.tenant_id == self._tenant_id, _d.id == rule.id, _d.version == rule.version
        )
        changed = {**vars(rule), "version": rule.version + 1}
        version = await self._session.scalar(seen.values(changed).returning(_d.version))
        if version is None:
            raise ChangedMeanwhile
        rule.version = version
        self._session.touched(Thing.DISCOUNT, rule.id)

    async def remove(self, discount_id: DiscountId, /) -> None:
        is_it = (_d.tenant_id == self._tenant_id, _d.id == discount_id)
        gone = delete(discount_rules).where(*is_it).returning(_d.id)
        if await self._session.scalar(gone) is None:
            raise DiscountNotFound(discount_id=discount_id)
        self._session.touched(Thing.DISCOUNT, discount_id)

    async def _refuse_taken(self, rule: DiscountRule) -> None:
        if rule.code is None:
            return
        others = (_d.tenant_id == self._tenant_id, _d.code == rule.code, _d.id != rule.id)
        if await self._session.scalar(select(_d.id).where(*others)) is not None:
            raise DiscountCodeTaken(code=rule.code)


class SqlConcerns:
    """Honours crm_chatbot.domain.orders.concern.Concerns."""

    def __init__(self, session: LateSession, tenant_id: TenantId) -> None:
        self._session = session
        self._tenant_id = tenant_id

    async def add(self, concern: Concern, /) -> bool:
        row = {**vars(concern)}
        del row["customer_id"]  # the order's, who may turn out to be somebody else
        new = postgresql.insert(concerns).values(row).on_conflict_do_nothing()
        is_new = await self._session.scalar(new.returning(_c.id)) is not None
        if is_new:
            self._session.touched(Thing.CONCERN, concern.id)
        return is_new

    async def get(self, concern_id: ConcernId, /) -> Concern:
        return await self._one(concern_id, _CONCERNS)

    async def lock(self, concern_id: ConcernId, /) -> Concern:
        return await self._one(concern_id, _CONCERNS.with_for_update(of=concerns))

    async def _one(self, concern_id: ConcernId, every: Select[tuple[Any, ...]]) -> Concern:
        is_it = (_c.tenant_id == self._tenant_id, _c.id == concern_id)
        for row in (await self._session.execute(every.where(*is_it))).mappings():
            return Concern(**row)
        raise ConcernNotFound(concern_id=concern_id)

    async def save(self, concern: Concern, /) -> None:
        changed = {name: getattr(concern, name) for name in _CHANGING}
        is_it = (_c.tenant_id == self._tenant_id, _c.id == concern.id)
        await self._session.execute(update(concerns).where(*is_it).values(changed))
        self._session.touched(Thing.CONCERN, concern.id)

    async def twin_of(self, concern: Concern, /) -> Concern | None:
        query = _CONCERNS.where(
            _c.tenant_id == self._tenant_id,
            _c.order_id == concern.order_id,
            _c.code == concern.code,
            _c.payment_id.is_not_distinct_from(concern.payment_id),
        )
        found = await self._session.execute(query.with_for_update(of=concerns))
        return next((Concern(**row) for row in found.mappings()), None)

    async def page(
        self, *, is_settled: bool | None, before: Since | None, limit: int
    ) -> Sequence[Concern]:
        query = _CONCERNS.where(_c.tenant_id == self._tenant_id)
        if is_settled is not None:
            query = query.where(_c.settled_at.is_not(None) == is_settled)
        if before is not None:
            query = query.where(tuple_(_c.raised_at, _c.id) < (before.at, before.id))
        rows = await self._session.execute(
            query.order_by(_c.raised_at.desc(), _c.id.desc()).limit(limit)
        )
        return [Concern(**row) for row in rows.mappings()]


def _terms_of(row: RowMapping) -> DeliveryTerms:
    zones = tuple(
        Zone(name=zone["name"], words=tuple(zone["words"]), fee=zone["fee"])
        for zone in row["zones"]
    )
    return DeliveryTerms(
        zones=zones, default_fee=row["default_fee"], pickup_address=row["pickup_address"]
    )
