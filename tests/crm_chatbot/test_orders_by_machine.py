"""P15 and P17 by a machine: whatever happens to orders, in any order, stock adds up after it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from crm_chatbot.application.orders import lifecycle, settlement
from crm_chatbot.application.ports import Work
from crm_chatbot.domain.catalog.product import Variant, VariantId
from crm_chatbot.domain.catalog.stock import MovementKind
from crm_chatbot.domain.orders.order import Order, OrderId, OrderStatus
from crm_chatbot.domain.orders.reservation import ReservationState
from shared.domain import DomainError
from shared.infrastructure.database import connect, sessions_of
from tests.crm_chatbot.builders import LATER, NOON, TENANT
from tests.crm_chatbot.chats import a_customer
from tests.crm_chatbot.deals import a_line, open_shop, placed
from tests.crm_chatbot.fakes import MemoryCrm
from tests.crm_chatbot.stores import Crm, SqlCrm
from tests.databases import WorkerDatabase

_S, _R = OrderStatus, ReservationState

STOCKS = (6, 3)
EXPIRED = NOON + timedelta(days=1)
PAYMENTS = st.sampled_from([UUID(int=1), UUID(int=2)])
Act = Callable[[Work, Order], Awaitable[object]]

#: What an order's newest reservation may be, by how far the order is.
HELD_BY: Mapping[OrderStatus, set[ReservationState | None]] = {
    _S.DRAFT: {None, _R.RELEASED},
    _S.AWAITING_PAYMENT: {_R.HELD},
    _S.PAID: {_R.SOLD},
    _S.PAID_ATTENTION: {None, *_R},
    _S.FULFILLED: {_R.SOLD},
    _S.EXPIRED: {_R.RELEASED},
    _S.CANCELLED: {None, _R.RELEASED, _R.RESTOCKED},
    _S.REFUNDED: {None, _R.RELEASED, _R.RESTOCKED, _R.SOLD},
}


class Shop(RuleBasedStateMachine):
    """Two wares, any number of orders, and everything that may befall them."""

    made = Bundle("made")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.crm: Crm = self.runner.run(self.open())
        self.variants: list[Variant] = []
        self.adjusted: dict[VariantId, int] = {}
        #: by order and attempt: what was wanted
        self.wanted: dict[tuple[OrderId, int], Mapping[VariantId, int]] = {}

    async def open(self) -> Crm:
        return MemoryCrm(NOON)

    async def close(self) -> None: ...

    def teardown(self) -> None:
        self.runner.run(self.close())
        self.runner.close()

    def befalls(self, order_id: OrderId, act: Act) -> None:
        """In a transaction of its own; a refusal changes nothing."""

        async def run() -> None:
            async with self.crm.open_work(TENANT) as work:
                order = await lifecycle.locked(work, order_id)
                await act(work, order)
                quantities = lifecycle.quantities(order)
                self.wanted.setdefault((order.id, order.reservation), quantities)

        with suppress(DomainError):
            self.runner.run(run())

    @initialize()
    def begin(self) -> None:
        async def run() -> list[Variant]:
            async with self.crm.open_work(TENANT) as work:
                return (await open_shop(work, *STOCKS))[1]

        self.variants = self.runner.run(run())
        self.adjusted = {one.id: 0 for one in self.variants}

    @rule(target=made, first=st.integers(1, 4), second=st.integers(0, 2))
    def place(self, first: int, second: int) -> OrderId:
        async def run() -> OrderId:
            async with self.crm.open_work(TENANT) as work:
                customer = a_customer()
                assert await work.customers.add(customer)
                pieces = zip(self.variants, (first, second), strict=True)
                lines = [a_line(one, quantity=many) for one, many in pieces if many]
                return (await placed(work, customer, *lines)).id

        return self.runner.run(run())

    @rule(order_id=made)
    def confirm(self, order_id: OrderId) -> None:
        async def act(work: Work, order: Order) -> None:
            tenant = await work.tenants.get(TENANT)
            await lifecycle.confirm(work, tenant, order, now=NOON, actor="customer")

        self.befalls(order_id, act)

    @rule(order_id=made)
    def expire(self, order_id: OrderId) -> None:
        self.befalls(order_id, lambda work, order: lifecycle.expire(work, order, now=EXPIRED))

    @rule(order_id=made)
    def cancel(self, order_id: OrderId) -> None:
        self.befalls(
            order_id, lambda work, order: lifecycle.cancel(work, order, now=LATER, actor="ani")
        )

    @rule(order_id=made)
    def reopen(self, order_id: OrderId) -> None:
        self.befalls(
            order_id, lambda work, order: lifecycle.reopen(work, order, now=LATER, actor="bot")
        )

    @rule(order_id=made, payment=PAYMENTS)
    def pay(self, order_id: OrderId, payment: UUID) -> None:
        self.befalls(
            order_id,
            lambda work, order: settlement.paid(work, order, now=LATER, payment_id=payment),
        )

    @rule(order_id=made, payment=PAYMENTS)
    def doubt(self, order_id: OrderId, payment: UUID) -> None:
        self.befalls(
            order_id,
            lambda work, order: settlement.question(
                work, order, "amount_differs", now=LATER, payment_id=payment
            ),
        )

    @rule(order_id=made, payment=PAYMENTS)
    def refund(self, order_id: OrderId, payment: UUID) -> None:
        self.befalls(
            order_id,
            lambda work, order: settlement.refunded(work, order, now=LATER, payment_id=payment),
        )

    @rule(order_id=made)
    def accept(self, order_id: OrderId) -> None:
        self.befalls(
            order_id,
            lambda work, order: settlement.accept(
                work, order, now=LATER, actor="ani", reason="seen"
            ),
        )

    @rule(order_id=made)
    def fulfil(self, order_id: OrderId) -> None:
        self.befalls(
            order_id, lambda work, order: lifecycle.fulfil(work, order, now=LATER, actor="ani")
        )

    @rule(place=st.integers(0, len(STOCKS) - 1), change=st.sampled_from([-3, -1, 1, 2]))
    def adjust(self, place: int, change: int) -> None:
        variant_id = self.variants[place].id
        kind = MovementKind.RECEIVED if change > 0 else MovementKind.LOST

        async def run() -> None:
            async with self.crm.open_work(TENANT) as work:
                await work.stock.adjust(variant_id, change, kind=kind, reason=None, actor="ani")
            self.adjusted[variant_id] += change

        with suppress(DomainError):
            self.runner.run(run())

    @invariant()
    def stock_adds_up(self) -> None:
        if self.variants:
            self.runner.run(self._look())

    async def _look(self) -> None:
        async with self.crm.open_work(TENANT) as work:
            held, sold = dict.fromkeys(self.adjusted, 0), dict.fromkeys(self.adjusted, 0)
            for (order_id, attempt), quantities in self.wanted.items():
                state = await work.reservations.state(order_id, attempt)
                counted = {_R.HELD: held, _R.SOLD: sold}.get(state) if state else None
                if counted is not None:
                    for variant_id, many in quantities.items():
                        counted[variant_id] += many
            for variant, stock in zip(self.variants, STOCKS, strict=True):
                seen = (await work.products.variant(variant.id)).variant
                assert seen.reserved == held[variant.id]
                assert seen.on_hand + sold[variant.id] == stock + self.adjusted[variant.id]
                assert 0 <= seen.reserved <= seen.on_hand
            for order_id in {order_id for order_id, _ in self.wanted}:
                order = await work.orders.get(order_id)
                state = await work.reservations.state(order_id, order.reservation)
                assert state in HELD_BY[order.status]


def play(machine: type[RuleBasedStateMachine], **limits: Any) -> None:
    slow = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    quiet = settings(deadline=None, suppress_health_check=slow, **limits)
    run_state_machine_as_test(machine, settings=quiet)


def test_whatever_befalls_orders_stock_adds_up() -> None:
    play(Shop, max_examples=80, stateful_step_count=40)


def test_so_it_does_in_postgresql(worker_database: WorkerDatabase) -> None:
    class SqlShop(Shop):
        """The real thing, anew each time."""

        async def open(self) -> Crm:
            worker_database.empty()
            self.engine = connect(worker_database.url, pool_size=1)
            return SqlCrm(sessions_of(self.engine))

        async def close(self) -> None:
            await self.engine.dispose()

    play(SqlShop, max_examples=6, stateful_step_count=25)


def test_a_shop_that_forgets_to_return_stock_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async def forget(*_: object) -> bool:
        return False

    monkeypatch.setattr(
        "tests.crm_chatbot.memory_orders.MemoryReservations.release", forget, raising=True
    )

    with pytest.raises(AssertionError):
        play(Shop, max_examples=80, stateful_step_count=40, phases=[Phase.generate])
