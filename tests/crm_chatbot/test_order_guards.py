"""What the database holds to by itself: an order's moves, its events, and what it may cost."""

from contextlib import suppress

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from crm_chatbot.domain.orders.order import MOVES, Order, OrderStatus
from shared.infrastructure.tenancy import tenant_transaction
from tests.crm_chatbot.builders import LATER, TENANT
from tests.crm_chatbot.deals import a_line, open_shop, placed
from tests.crm_chatbot.stores import SqlCrm


async def an_order_that_is(crm: SqlCrm, status: OrderStatus) -> Order:
    async with crm.open_work(TENANT) as work:
        customer, [variant] = await open_shop(work, 5)
        return await placed(work, customer, a_line(variant), status=status, expires_at=LATER)


async def execute(crm: SqlCrm, statement: str, **facts: object) -> None:
    """As the services do, whatever their code should do."""
    async with tenant_transaction(crm.sessions, TENANT) as session:
        await session.execute(text(statement), facts)


MOVE = "UPDATE crm.orders SET status = :status, version = version + 1"


@pytest.mark.parametrize("status", OrderStatus)
async def test_the_database_allows_the_moves_that_the_domain_does(
    postgres: SqlCrm, status: OrderStatus
) -> None:
    await an_order_that_is(postgres, status)
    moved: set[OrderStatus] = set()
    for wanted in set(OrderStatus) - {status}:
        with suppress(IntegrityError):
            async with tenant_transaction(postgres.sessions, TENANT) as session:
                await session.execute(text(MOVE), {"status": wanted})
                moved.add(wanted)
                await session.rollback()

    assert moved == MOVES[status]


@pytest.mark.parametrize(
    "change", ["UPDATE crm.order_events SET actor = 'me'", "DELETE FROM crm.order_events"]
)
async def test_what_happened_to_an_order_cannot_be_changed(postgres: SqlCrm, change: str) -> None:
    await an_order_that_is(postgres, OrderStatus.DRAFT)

    with pytest.raises(DBAPIError, match="permission denied"):
        await execute(postgres, change)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE crm.orders SET status = 'SHIPPED'",
        "UPDATE crm.orders SET total = -1",
        "UPDATE crm.orders SET expires_at = NULL",
        "UPDATE crm.order_lines SET quantity = 0",
        "UPDATE crm.order_lines SET unit_price = -1",
        "UPDATE crm.variants SET reserved = 6",
        "UPDATE crm.variants SET reserved = -1",
        "UPDATE crm.variants SET on_hand = -1",
    ],
)
async def test_what_no_order_and_no_shelf_can_be_is_refused(postgres: SqlCrm, change: str) -> None:
    await an_order_that_is(postgres, OrderStatus.AWAITING_PAYMENT)

    with pytest.raises(IntegrityError):
        await execute(postgres, change)
