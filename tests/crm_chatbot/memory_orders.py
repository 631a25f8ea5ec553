"""Orders, what they hold, and the rules they are priced by, in memory: one tenant's at a time."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from crm_chatbot.domain.catalog.product import VariantId
from crm_chatbot.domain.catalog.stock import Movement, MovementId, MovementKind
from crm_chatbot.domain.customers.customer import CustomerId
from crm_chatbot.domain.orders.concern import Concern, ConcernId, ConcernNotFound, Since
from crm_chatbot.domain.orders.delivery import DeliveryTerms
from crm_chatbot.domain.orders.discount import (
    DiscountCodeTaken,
    DiscountId,
    DiscountNotFound,
    DiscountRule,
)
from crm_chatbot.domain.orders.order import (
    CONFIRMED,
    ERASED,
    Order,
    OrderEvent,
    OrderId,
    OrderNotFound,
    OrderStatus,
    Wanted,
)
from crm_chatbot.domain.orders.reservation import OutOfStock, ReservationState
from shared.domain import ChangedMeanwhile
from tests.crm_chatbot.memory_catalog import Catalog

_S = ReservationState


@dataclass
class Held:
    """What one attempt of an order holds."""

    quantities: Mapping[VariantId, int]
    state: ReservationState = _S.HELD


@dataclass
class Deals:
    """Everything that one tenant's transactions may change of its orders."""

    orders: dict[OrderId, Order] = field(default_factory=dict[OrderId, Order])
    events: list[tuple[OrderId, OrderEvent]] = field(
        default_factory=list[tuple[OrderId, OrderEvent]]
    )
    newest_number: int = 1_000
    held: dict[tuple[OrderId, int], Held] = field(default_factory=dict[tuple[OrderId, int], Held])
    terms: DeliveryTerms = field(default_factory=DeliveryTerms)
    rules: dict[DiscountId, DiscountRule] = field(default_factory=dict[DiscountId, DiscountRule])
    concerns: dict[ConcernId, Concern] = field(default_factory=dict[ConcernId, Concern])


@dataclass
class MemoryOrders:
    """Honours crm_chatbot.domain.orders.order.Orders."""

    deals: Deals

    async def get(self, order_id: OrderId, /) -> Order:
        if order_id not in self.deals.orders:
            raise OrderNotFound(order_id=order_id)
        return copy.deepcopy(self.deals.orders[order_id])

    async def lock(self, order_id: OrderId, /) -> Order:
        return await self.get(order_id)

    async def lock_current(self, customer_id: CustomerId, /) -> Order | None:
        newest = await self.newest_of(customer_id, most=1_000)
        return next((one for one in newest if one.is_open), None)

    async def newest_of(self, customer_id: CustomerId, /, *, most: int) -> Sequence[Order]:
        return await self.page(Wanted(customer_id=customer_id), before=None, limit=most)

    async def page(
        self, wanted: Wanted, /, *, before: OrderId | None, limit: int
    ) -> Sequence[Order]:
        newest_first = sorted(self.deals.orders.values(), key=lambda one: one.id)[::-1]
        found = [
            one
            for one in newest_first
            if (not wanted.statuses or one.status in wanted.statuses)
            and wanted.customer_id in {None, one.customer_id}
            and (wanted.since is None or one.created_at >= wanted.since)
            and one.number.lower().startswith((wanted.number or "").lower())
            and (before is None or one.id < before)
        ]
        return copy.deepcopy(found[:limit])

    async def count_since(self, customer_id: CustomerId, since: datetime, /) -> int:
        wanted = Wanted(customer_id=customer_id, since=since)
        return len(await self.page(wanted, before=None, limit=1_000))

    async def count_confirmed_since(self, customer_id: CustomerId, since: datetime, /) -> int:
        return sum(
            event.what == CONFIRMED and event.at >= since
            for whose, event in self.deals.events
            if self.deals.orders[whose].customer_id == customer_id
        )

    async def count_unpaid(self, customer_id: CustomerId, /) -> int:
        unpaid = frozenset({OrderStatus.AWAITING_PAYMENT})
        wanted = Wanted(customer_id=customer_id, statuses=unpaid)
        return len(await self.page(wanted, before=None, limit=1_000))

    async def next_number(self) -> str:
        self.deals.newest_number += 1
        return f"ORD-{self.deals.newest_number}"

    async def add(self, order: Order, event: OrderEvent, /) -> None:
        self.deals.orders[order.id] = copy.deepcopy(order)
        self.deals.events.append((order.id, event))

    async def save(self, order: Order, event: OrderEvent, /) -> None:
        await self.get(order.id)
        order.version += 1
        await self.add(order, event)

    async def events(self, order_id: OrderId, /) -> Sequence[OrderEvent]:
        return [event for whose, event in self.deals.events if whose == order_id]

    async def hand_on(self, gone: CustomerId, kept: CustomerId, /) -> None:
        for order in self.deals.orders.values():
            order.customer_id = kept if order.customer_id == gone else order.customer_id

    async def forget(self, customer_id: CustomerId, /) -> None:
        for order in self.deals.orders.values():
            if order.customer_id != customer_id:
                continue
            order.note = ""
            if order.delivery:
                order.delivery = replace(
                    order.delivery, address=ERASED, latitude=None, longitude=None
                )


@dataclass
class MemoryReservations:
    """Honours crm_chatbot.domain.orders.reservation.Reservations."""

    deals: Deals
    catalog: Catalog
    now: datetime

    async def reserve(
        self, order_id: OrderId, attempt: int, quantities: Mapping[VariantId, int], /
    ) -> None:
        if (order_id, attempt) in self.deals.held:
            return
        for variant_id, quantity in sorted(quantities.items()):
            self._refuse_too_many(variant_id, quantity)
        held = self.deals.held[order_id, attempt] = Held(dict(quantities))
        self._change(order_id, attempt, held, MovementKind.RESERVED, (0, 1))

    async def release(self, order_id: OrderId, attempt: int, /) -> bool:
        kind = MovementKind.RELEASED
        return self._become(order_id, attempt, (_S.HELD, _S.RELEASED), kind, (0, -1))

    async def sell(self, order_id: OrderId, attempt: int, /) -> bool:
        kind = MovementKind.SOLD
        return self._become(order_id, attempt, (_S.HELD, _S.SOLD), kind, (-1, -1))

    async def restock(self, order_id: OrderId, attempt: int, /) -> bool:
        kind = MovementKind.RESTOCKED
        return self._become(order_id, attempt, (_S.SOLD, _S.RESTOCKED), kind, (1, 0))

    async def state(self, order_id: OrderId, attempt: int, /) -> ReservationState | None:
        held = self.deals.held.get((order_id, attempt))
        return held.state if held else None

    def _refuse_too_many(self, variant_id: VariantId, quantity: int) -> None:
        product = self.catalog.product_of(variant_id)
        if product is None:
            raise OutOfStock(available=0, name="it", sku=str(variant_id))
        variant = product.variant(variant_id)
        if variant.available < quantity:
            name = ", ".join(filter(None, (product.name, variant.name)))
            raise OutOfStock(available=variant.available, name=name, sku=variant.sku)

    def _become(
        self,
        order_id: OrderId,
        attempt: int,
        states: tuple[ReservationState, ReservationState],
        kind: MovementKind,
        signs: tuple[int, int],
    ) -> bool:
        held = self.deals.held.get((order_id, attempt))
        if held is None or held.state is not states[0]:
            return False
        held.state = states[1]
        self._change(order_id, attempt, held, kind, signs)
        return True

    def _change(
        self,
        order_id: OrderId,
        attempt: int,
        held: Held,
        kind: MovementKind,
        signs: tuple[int, int],
    ) -> None:
        for variant_id, quantity in held.quantities.items():
            product = self.catalog.product_of(variant_id)
            assert product is not None
            variant = product.variant(variant_id)
            on_hand, reserved = signs[0] * quantity, signs[1] * quantity
            assert 0 <= variant.reserved + reserved <= variant.on_hand + on_hand
            self.catalog.change(
                variant_id, on_hand=variant.on_hand + on_hand, reserved=variant.reserved + reserved
            )
            self.catalog.movements.append(
                Movement(
                    id=MovementId(len(self.catalog.movements) + 1),
                    variant_id=variant_id,
                    kind=kind,
                    on_hand_change=on_hand,
                    reserved_change=reserved,
                    reason=None,
                    actor="order",
                    order_id=order_id,
                    attempt=attempt,
                    at=self.now,
                )
            )


@dataclass
class MemoryDeliveryTables:
    """Honours crm_chatbot.domain.orders.delivery.DeliveryTables."""

    deals: Deals

    async def get(self) -> DeliveryTerms:
        return self.deals.terms

    async def put(self, terms: DeliveryTerms, /) -> None:
        self.deals.terms = terms


@dataclass
class MemoryDiscountRules:
    """Honours crm_chatbot.domain.orders.discount.DiscountRules."""

    deals: Deals

    async def get(self, discount_id: DiscountId, /) -> DiscountRule:
        if discount_id not in self.deals.rules:
            raise DiscountNotFound(discount_id=discount_id)
        return copy.deepcopy(self.deals.rules[discount_id])

    async def all(self) -> Sequence[DiscountRule]:
        every = sorted(self.deals.rules.values(), key=lambda one: (one.created_at, one.id))
        return copy.deepcopy(every)

    async def active(self) -> Sequence[DiscountRule]:
        return [rule for rule in await self.all() if rule.is_active]

    async def add(self, rule: DiscountRule, /) -> None:
        for other in self.deals.rules.values():
            if rule.code is not None and other.code == rule.code and other.id != rule.id:
                raise DiscountCodeTaken(code=rule.code)
        self.deals.rules[rule.id] = copy.deepcopy(rule)

    async def save(self, rule: DiscountRule, /) -> None:
        stored = self.deals.rules.get(rule.id)
        if stored is None or stored.version != rule.version:
            raise ChangedMeanwhile
        await self.add(rule)
        rule.version = self.deals.rules[rule.id].version = rule.version + 1

    async def remove(self, discount_id: DiscountId, /) -> None:
        await self.get(discount_id)
        del self.deals.rules[discount_id]


@dataclass
class MemoryConcerns:
    """Honours crm_chatbot.domain.orders.concern.Concerns."""

    deals: Deals

    async def add(self, concern: Concern, /) -> bool:
        def why(one: Concern) -> object:
            return one.code, one.order_id, one.payment_id

        if any(why(one) == why(concern) for one in self.deals.concerns.values()):
            return False
        self.deals.concerns[concern.id] = copy.deepcopy(concern)
        return True

    async def get(self, concern_id: ConcernId, /) -> Concern:
        if concern_id not in self.deals.concerns:
            raise ConcernNotFound(concern_id=concern_id)
        return self._seen(self.deals.concerns[concern_id])

    async def lock(self, concern_id: ConcernId, /) -> Concern:
        return await self.get(concern_id)

    async def save(self, concern: Concern, /) -> None:
        self.deals.concerns[concern.id] = copy.deepcopy(concern)

    async def twin_of(self, concern: Concern, /) -> Concern | None:
        why = concern.code, concern.order_id, concern.payment_id
        return next(
            (
                self._seen(one)
                for one in self.deals.concerns.values()
                if (one.code, one.order_id, one.payment_id) == why
            ),
            None,
        )

    async def page(
        self, *, is_settled: bool | None, before: Since | None, limit: int
    ) -> Sequence[Concern]:
        newest_first = sorted(
            self.deals.concerns.values(), key=lambda one: (one.raised_at, one.id)
        )[::-1]
        found = [
            self._seen(one)
            for one in newest_first
            if is_settled in {None, one.settled_at is not None}
            and (before is None or (one.raised_at, one.id) < (before.at, before.id))
        ]
        return found[:limit]

    def _seen(self, concern: Concern) -> Concern:
        """With the customer whose order it is by now."""
        seen = copy.deepcopy(concern)
        seen.customer_id = self.deals.orders[concern.order_id].customer_id
        return seen
