"""What every kind of budget promises: no more is spent than allowed, and room comes back."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import uuid4

import pytest

from shared.infrastructure.database import Sessions, transaction
from shared.llm.budget_store import Settlement, SqlBudgets, settle
from shared.llm.budget_tables import CAPS
from shared.llm.budgets import (
    PLATFORM,
    BudgetExceeded,
    Budgets,
    Cap,
    CapRejected,
    Reservation,
    named,
)
from shared.llm.changes import SqlEntries, changing
from tests.shared.llm.fakes import MemoryBudgets

CONTRACT_OF = Budgets

TENANT, OTHER = uuid4(), uuid4()


@dataclass
class Purse:
    """Budgets, and how a test fills and settles them."""

    budgets: Budgets
    cap: Callable[[str, int], Awaitable[None]]
    settle: Callable[[Reservation, int], Awaitable[None]]


@pytest.fixture(params=["memory", "sql"])
def purse(request: pytest.FixtureRequest) -> Purse:
    if request.param == "memory":
        memory = MemoryBudgets()

        async def cap_in_memory(scope: str, micro_usd: int) -> None:
            memory.caps[scope] = micro_usd

        return Purse(memory, cap_in_memory, memory.settle)
    sessions: Sessions = request.getfixturevalue("sessions")

    async def cap_in_sql(scope: str, micro_usd: int) -> None:
        async with changing(sessions) as session:
            await SqlEntries(session, CAPS).add(Cap(scope=scope, micro_usd=micro_usd))

    async def settle_in_sql(reservation: Reservation, actual: int) -> None:
        async with transaction(sessions) as session:
            await settle(session, [Settlement([reservation], actual)])

    return Purse(SqlBudgets(sessions, max_age_s=0), cap_in_sql, settle_in_sql)


async def test_without_a_cap_anything_goes(purse: Purse) -> None:
    reservation = await purse.budgets.reserve((PLATFORM, TENANT), 10**12)

    assert await purse.budgets.has_room((PLATFORM, TENANT))
    assert reservation.scopes == ()
    await purse.settle(reservation, 10**12)


async def test_room_is_held_until_it_is_settled(purse: Purse) -> None:
    await purse.cap(PLATFORM, 100)

    held = await purse.budgets.reserve((PLATFORM, None), 100)

    assert not await purse.budgets.has_room((PLATFORM, None))
    with pytest.raises(BudgetExceeded) as refusal:
        await purse.budgets.reserve((PLATFORM, None), 1)
    assert refusal.value.code == "budget_exceeded"
    await purse.settle(held, 30)
    assert await purse.budgets.has_room((PLATFORM, None))
    assert await purse.budgets.reserve((PLATFORM, None), 70)
    with pytest.raises(BudgetExceeded):
        await purse.budgets.reserve((PLATFORM, None), 1)


async def test_a_call_that_cost_more_than_reserved_is_counted_whole(purse: Purse) -> None:
    await purse.cap(PLATFORM, 100)

    await purse.settle(await purse.budgets.reserve((PLATFORM,), 10), 150)

    assert not await purse.budgets.has_room((PLATFORM,))
    with pytest.raises(BudgetExceeded):
        await purse.budgets.reserve((PLATFORM,), 1)


async def test_all_scopes_give_room_or_none_does(purse: Purse) -> None:
    await purse.cap(PLATFORM, 100)
    await purse.cap(str(TENANT), 10)

    with pytest.raises(BudgetExceeded, match=str(TENANT)):
        await purse.budgets.reserve((PLATFORM, TENANT), 50)

    assert await purse.budgets.reserve((PLATFORM, OTHER), 100)


async def test_one_tenants_spending_does_not_touch_anothers(purse: Purse) -> None:
    await purse.cap(str(TENANT), 10)
    await purse.cap(str(OTHER), 10)
    await purse.settle(await purse.budgets.reserve((PLATFORM, TENANT), 10), 10)

    assert not await purse.budgets.has_room((PLATFORM, TENANT))
    assert await purse.budgets.has_room((PLATFORM, OTHER))
    assert await purse.budgets.has_room((PLATFORM, None))


async def test_a_cap_of_nought_stops_even_free_calls(purse: Purse) -> None:
    await purse.cap(PLATFORM, 0)

    assert not await purse.budgets.has_room((PLATFORM, TENANT))
    with pytest.raises(BudgetExceeded):
        await purse.budgets.reserve((PLATFORM, TENANT), 0)


async def test_free_calls_hold_nothing(purse: Purse) -> None:
    await purse.cap(PLATFORM, 1)

    reservation = await purse.budgets.reserve((PLATFORM, TENANT), 0)

    assert reservation.scopes == ()


@pytest.mark.parametrize("micro_usd", [-1, 10**15 + 1])
def test_a_cap_that_makes_no_sense_is_refused(micro_usd: int) -> None:
    with pytest.raises(CapRejected) as refusal:
        Cap(scope=PLATFORM, micro_usd=micro_usd)

    assert refusal.value.pointer == "/daily_usd"


def test_scopes_are_named_in_one_order_whoever_names_them() -> None:
    assert named((TENANT, PLATFORM)) == named((PLATFORM, TENANT, None, TENANT))
