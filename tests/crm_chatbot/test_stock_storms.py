"""P15 under load: many who want the same few things at once, and what there is is sold once."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence

import pytest
from sqlalchemy import text
from uuid_utils.compat import uuid7

from crm_chatbot.application.orders import lifecycle, settlement
from crm_chatbot.application.ports import Work
from crm_chatbot.domain.catalog.product import Variant
from crm_chatbot.domain.catalog.stock import MovementKind
from crm_chatbot.domain.orders.order import Order, OrderId, OrderStatus
from crm_chatbot.domain.orders.reservation import OutOfStock
from shared.infrastructure.database import transaction
from tests.crm_chatbot.builders import LATER, NOON, TENANT
from tests.crm_chatbot.chats import a_customer
from tests.crm_chatbot.deals import a_line, open_shop, placed, shelved
from tests.crm_chatbot.stores import SqlCrm

#: Transactions at once: as many as the pool has connections.
AT_ONCE = 10

#: What the doctor looks for after each storm.
HEALTHY = (
    *("variants_out_of_balance", "variants_unlike_their_ledger", "orders_unlike_their_lines"),
    *("orders_without_their_stock", "stock_held_for_nothing"),
)


async def found_by_the_doctor(crm: SqlCrm) -> dict[str, int]:
    found: dict[str, int] = {}
    async with transaction(crm.sessions) as session:
        for name in HEALTHY:
            query = text(f"SELECT count(*) FROM crm.{name}()")  # noqa: S608 - our own names
            if offenders := await session.scalar(query):
                found[name] = offenders
    return found


async def carts(work: Work, wanted: Sequence[Sequence[Variant]]) -> list[OrderId]:
    """One for each, of a customer of its own."""
    made: list[OrderId] = []
    for variants in wanted:
        customer = a_customer()
        assert await work.customers.add(customer)
        order = await placed(work, customer, *map(a_line, variants))
        made.append(order.id)
    return made


async def all_at_once(
    crm: SqlCrm, order_ids: Sequence[OrderId], act: Callable[[Work, Order], Awaitable[None]]
) -> int:
    """How many came through; who finds nothing left did not."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(order_id: OrderId) -> bool:
        async with room:
            try:
                async with crm.open_work(TENANT) as work:
                    await act(work, await lifecycle.locked(work, order_id))
            except OutOfStock:
                return False
        return True

    return sum(await asyncio.gather(*map(one, order_ids)))


async def confirm(work: Work, order: Order) -> None:
    tenant = await work.tenants.get(TENANT)
    await lifecycle.confirm(work, tenant, order, now=NOON, actor="customer")


async def pay(work: Work, order: Order) -> None:
    await settlement.paid(work, order, now=LATER, payment_id=uuid7())


async def numbers(crm: SqlCrm, variant: Variant) -> tuple[int, int]:
    async with crm.open_work(TENANT) as work:
        seen = (await work.products.variant(variant.id)).variant
    return seen.on_hand, seen.reserved


@pytest.mark.slow
async def test_of_500_who_want_one_of_10_ten_get_it(postgres: SqlCrm) -> None:
    async with postgres.open_work(TENANT) as work:
        _, [variant] = await open_shop(work, 10)
        wanted = await carts(work, [[variant]] * 500)

    async def buy(work: Work, order: Order) -> None:
        await confirm(work, order)
        await pay(work, order)

    assert await all_at_once(postgres, wanted, buy) == 10
    assert await numbers(postgres, variant) == (0, 0)
    assert await found_by_the_doctor(postgres) == {}


@pytest.mark.parametrize("seed", [1, 2])
async def test_50_carts_of_three_things_in_any_order_end_without_a_deadlock(
    postgres: SqlCrm, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    async with postgres.open_work(TENANT) as work:
        _, [first] = await open_shop(work, 12)
        variants = [first, *[await shelved(work, 12) for _ in range(4)]]
        wanted = await carts(work, [chance.sample(variants, 3) for _ in range(50)])

    async def decide(work: Work, order: Order) -> None:
        await confirm(work, order)
        await chance.choice((cancel, pay, pay, leave))(work, order)

    async def restock() -> None:
        for _ in range(10):
            async with postgres.open_work(TENANT) as work:
                counts = [chance.choice(variants) for _ in range(2)]
                for one in sorted({variant.id for variant in counts}):
                    kind = MovementKind.RECEIVED
                    await work.stock.adjust(one, 1, kind=kind, reason=None, actor="test")

    bought, _ = await asyncio.gather(all_at_once(postgres, wanted, decide), restock())

    assert 0 < bought <= 50
    assert await found_by_the_doctor(postgres) == {}


async def cancel(work: Work, order: Order) -> None:
    await lifecycle.cancel(work, order, now=LATER, actor="customer")


async def leave(_work: Work, _order: Order) -> None: ...


async def test_one_order_that_everybody_pays_expires_and_cancels_at_once_ends_as_one_thing(
    postgres: SqlCrm,
) -> None:
    async with postgres.open_work(TENANT) as work:
        _, [variant] = await open_shop(work, 5)
        [order_id] = await carts(work, [[variant]])
        await confirm(work, await lifecycle.locked(work, order_id))
    late = (await seen(postgres, order_id)).expires_at
    assert late is not None
    payment = uuid7()

    async def decide(work: Work, order: Order) -> None:
        act = next(acts)
        if act == "pay":
            await settlement.paid(work, order, now=late, payment_id=payment)
        elif act == "expire":
            await lifecycle.expire(work, order, now=late)
        elif order.may_become(OrderStatus.CANCELLED):
            await lifecycle.cancel(work, order, now=late, actor="customer")

    mixed = ["pay", "expire", "cancel"] * 5
    random.Random(3).shuffle(mixed)  # noqa: S311 - no secret
    acts = iter(mixed)
    await all_at_once(postgres, [order_id] * 15, decide)

    order = await seen(postgres, order_id)
    assert order.paid_by == payment
    assert await numbers(postgres, variant) in {(4, 0), (5, 0)}
    assert await found_by_the_doctor(postgres) == {}


async def seen(crm: SqlCrm, order_id: OrderId) -> Order:
    async with crm.open_work(TENANT) as work:
        return await work.orders.get(order_id)
