"""Budgets in PostgreSQL: many at once, over days, and when a process dies."""

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.availability import DatabaseUnavailable
from shared.infrastructure.database import Sessions, connect, sessions_of, transaction
from shared.llm.budget_store import Settlement, SqlBudgets, settle
from shared.llm.budget_tables import CAPS, budget_days, reservations
from shared.llm.budgets import PLATFORM, BudgetExceeded, Cap, Reservation, Scope, Standing
from shared.llm.changes import SqlEntries, changing
from shared.llm.usage import Used, record
from tests.shared.llm.builders import a_call
from tests.shared.llm.statements import Statements
from tests.waiting import until

TENANT = UUID("018f0000-0000-7000-8000-000000000001")


@pytest.fixture
def budgets(sessions: Sessions) -> SqlBudgets:
    return SqlBudgets(sessions, max_age_s=0)


async def capped(sessions: Sessions, scope: Scope, micro_usd: int | None) -> None:
    async with changing(sessions) as session:
        caps = SqlEntries(session, CAPS)
        cap = Cap(scope=str(scope), micro_usd=micro_usd)
        known = {one.scope for one in await caps.all()}
        await (caps.replace(cap) if cap.scope in known else caps.add(cap))


async def settled(sessions: Sessions, *settlements: tuple[Reservation, int]) -> None:
    async with transaction(sessions) as session:
        await settle(session, [Settlement([one], actual) for one, actual in settlements])


async def standing(budgets: SqlBudgets, scope: Scope = PLATFORM) -> Standing:
    return (await budgets.standings())[str(scope)]


async def remembered(sessions: Sessions) -> int:
    async with transaction(sessions) as session:
        return int(await session.scalar(text("SELECT count(*) FROM platform.reservations")) or 0)


async def a_day_passes(sessions: Sessions) -> None:
    async with transaction(sessions) as session:
        await session.execute(text("UPDATE platform.budget_days SET day = day - 1"))
        await session.execute(text("UPDATE platform.reservations SET day = day - 1"))


@pytest.mark.parametrize("day_has_begun", [False, True])
async def test_fifty_at_once_never_take_more_than_there_is(
    sessions: Sessions, day_has_begun: bool
) -> None:
    """Also as the first of the day, when there is no row yet that they could wait for."""
    await capped(sessions, PLATFORM, 100)
    processes = [SqlBudgets(sessions, max_age_s=60) for _ in range(5)]
    for budgets in processes:
        assert await budgets.has_room((PLATFORM,))
    if not day_has_begun:
        async with transaction(sessions) as session:
            await session.execute(delete(budget_days))

    async def reserve(number: int) -> str:
        try:
            await processes[number % 5].reserve((PLATFORM, TENANT), 7)
        except BudgetExceeded:
            return "refused"
        return "reserved"

    outcomes = Counter(await asyncio.gather(*map(reserve, range(50))))

    assert outcomes == {"reserved": 14, "refused": 36}
    assert (await standing(processes[0])).reserved == 98
    assert await remembered(sessions) == 14


async def test_reserving_and_settling_at_once_leaves_nothing_over(sessions: Sessions) -> None:
    """Several scopes in every order: nobody waits in a circle, no amount is lost."""
    tenants = [uuid4() for _ in range(3)]
    await capped(sessions, PLATFORM, 10_000)
    for tenant in tenants:
        await capped(sessions, tenant, 10_000)
    processes = [SqlBudgets(sessions, max_age_s=0) for _ in range(4)]

    async def work(number: int) -> None:
        budgets = processes[number % 4]
        tenant, another = tenants[number % 3], tenants[(number + 1) % 3]
        first = await budgets.reserve((PLATFORM, tenant), 10)
        second = await budgets.reserve((another, PLATFORM), 10)
        async with transaction(sessions) as session:
            await settle(session, [Settlement([second], 2), Settlement([first], 3)])

    async with asyncio.timeout(30):
        await asyncio.gather(*map(work, range(30)))

    now = await standing(processes[0])
    assert now == Standing(scope=PLATFORM, cap=10_000, spent=150, reserved=0)
    for tenant in tenants:
        now = await standing(processes[0], tenant)
        assert (now.spent, now.reserved) == (50, 0)


async def test_calls_that_begin_together_share_one_commit(
    sessions: Sessions, engine: AsyncEngine
) -> None:
    await capped(sessions, PLATFORM, 10_000)
    budgets = SqlBudgets(sessions, max_age_s=60)
    await budgets.has_room((PLATFORM,))
    statements = Statements(engine)

    await asyncio.gather(*(budgets.reserve((PLATFORM, TENANT), 10) for _ in range(100)))

    assert statements.about("INSERT INTO platform.reservations") <= 2
    assert (await standing(budgets)).reserved == 1_000


async def test_scopes_without_a_cap_cost_no_round_trip(
    sessions: Sessions, engine: AsyncEngine
) -> None:
    budgets = SqlBudgets(sessions, max_age_s=60)
    await budgets.has_room((PLATFORM, TENANT))
    statements = Statements(engine)

    reservation = await budgets.reserve((PLATFORM, TENANT), 1_000)
    await settled(sessions, (reservation, 900))

    assert statements.seen == []


async def test_settling_twice_counts_once(sessions: Sessions, budgets: SqlBudgets) -> None:
    await capped(sessions, PLATFORM, 100)
    reservation = await budgets.reserve((PLATFORM,), 40)

    await settled(sessions, (reservation, 30))
    await settled(sessions, (reservation, 30))

    now = await standing(budgets)
    assert (now.spent, now.reserved) == (30, 0)


async def test_a_settlement_that_is_rolled_back_counts_not_at_all(
    sessions: Sessions, budgets: SqlBudgets
) -> None:
    await capped(sessions, PLATFORM, 100)
    reservation = await budgets.reserve((PLATFORM,), 40)

    with pytest.raises(ZeroDivisionError):
        async with transaction(sessions) as session:
            await settle(session, [Settlement([reservation], 30)])
            raise ZeroDivisionError

    now = await standing(budgets)
    assert (now.spent, now.reserved) == (0, 40)


async def test_several_reservations_of_one_work_share_its_cost(
    sessions: Sessions, budgets: SqlBudgets
) -> None:
    await capped(sessions, PLATFORM, 1_000)
    first = await budgets.reserve((PLATFORM, TENANT), 100)
    await capped(sessions, TENANT, 1_000)
    second = await budgets.reserve((PLATFORM, TENANT), 100)

    async with transaction(sessions) as session:
        await settle(session, [Settlement([first, second], 70)])

    assert (await standing(budgets)).spent == 70
    assert (await standing(budgets, TENANT)).spent == 70
    assert (await standing(budgets)).reserved == 0


async def test_the_room_of_a_process_that_died_comes_back(sessions: Sessions) -> None:
    await capped(sessions, PLATFORM, 100)
    dying = SqlBudgets(sessions, reservation_lasts_s=0.05, max_age_s=0)
    lost = await dying.reserve((PLATFORM,), 100)
    living = SqlBudgets(sessions, max_age_s=0)

    async def reserved() -> Reservation | None:
        with suppress(BudgetExceeded):
            return await living.reserve((PLATFORM,), 100)
        return None

    assert await until(reserved, "the room came back", within=5, every=0.02)
    # It was not dead, only slow: its cost counts, its room was given back already.
    await settled(sessions, (lost, 10))
    now = await standing(living)
    assert (now.spent, now.reserved) == (10, 100)


async def hours_pass(sessions: Sessions, hours: int) -> None:
    async with transaction(sessions) as session:
        earlier = reservations.c.expires_at - timedelta(hours=hours)
        await session.execute(reservations.update().values(expires_at=earlier))


async def test_reservations_are_forgotten_when_nobody_can_settle_them_again(
    sessions: Sessions, budgets: SqlBudgets
) -> None:
    await capped(sessions, PLATFORM, 100)
    await settled(sessions, (await budgets.reserve((PLATFORM,), 10), 10))
    lost = await budgets.reserve((PLATFORM,), 10)
    await budgets.release_expired()
    assert await remembered(sessions) == 2

    await hours_pass(sessions, 1)
    await budgets.release_expired()
    assert await remembered(sessions) == 1, "the lost one may only be slow"
    assert (await standing(budgets)).reserved == 0
    await hours_pass(sessions, 48)
    await budgets.release_expired()

    assert await remembered(sessions) == 0
    await settled(sessions, (lost, 10))
    assert await standing(budgets) == Standing(scope=PLATFORM, cap=100, spent=10, reserved=0)


async def test_a_budget_that_is_spent_before_it_is_set_turns_work_away_at_once(
    sessions: Sessions, budgets: SqlBudgets
) -> None:
    await spend(sessions, 60)

    await capped(sessions, PLATFORM, 50)

    assert not await budgets.has_room((PLATFORM,))
    assert (await standing(budgets)).spent == 60


async def test_a_day_that_begins_between_looking_and_reserving_is_opened(
    sessions: Sessions,
) -> None:
    await capped(sessions, PLATFORM, 100)
    budgets = SqlBudgets(sessions, max_age_s=60)
    await settled(sessions, (await budgets.reserve((PLATFORM,), 70), 70))
    await a_day_passes(sessions)

    assert await budgets.reserve((PLATFORM,), 100)


async def test_yesterdays_spending_is_not_todays(sessions: Sessions, budgets: SqlBudgets) -> None:
    await capped(sessions, PLATFORM, 100)
    await settled(sessions, (await budgets.reserve((PLATFORM,), 100), 100))
    await a_day_passes(sessions)

    assert await budgets.has_room((PLATFORM,))
    assert await budgets.reserve((PLATFORM,), 100)


async def test_a_call_that_ends_tomorrow_is_charged_to_the_day_it_began(
    sessions: Sessions, budgets: SqlBudgets
) -> None:
    await capped(sessions, PLATFORM, 100)
    overnight = await budgets.reserve((PLATFORM,), 60)
    await a_day_passes(sessions)
    today = await budgets.reserve((PLATFORM,), 10)

    await settled(sessions, (today, 5), (overnight, 50))

    assert (await standing(budgets)).spent == 5
    async with transaction(sessions) as session:
        days = await session.execute(
            text(
                "SELECT spent_micro_usd, reserved_micro_usd FROM platform.budget_days ORDER BY day"
            )
        )
        assert [tuple(day) for day in days] == [(50, 0), (5, 0)]


async def spend(sessions: Sessions, cost: int, tenant_id: UUID | None = None) -> None:
    calls = [a_call(cost_micro_usd=cost)]
    used = Used(subject_kind="job", subject_id=uuid4(), attempt=1, tenant_id=tenant_id, calls=calls)
    async with transaction(sessions) as session:
        await record(session, [used])


async def test_what_was_spent_before_there_was_a_cap_counts(
    sessions: Sessions, budgets: SqlBudgets
) -> None:
    await spend(sessions, 60, TENANT)
    await spend(sessions, 30)
    await capped(sessions, PLATFORM, 100)
    await capped(sessions, TENANT, 100)

    with pytest.raises(BudgetExceeded, match=PLATFORM):
        await budgets.reserve((PLATFORM, TENANT), 11)
    await budgets.reserve((PLATFORM, TENANT), 10)

    assert (await standing(budgets)).spent == 90
    assert (await standing(budgets, TENANT)).spent == 60


async def test_what_was_spent_while_the_cap_was_lifted_counts_when_it_returns(
    sessions: Sessions, budgets: SqlBudgets
) -> None:
    await capped(sessions, PLATFORM, 100)
    await settled(sessions, (await budgets.reserve((PLATFORM,), 10), 10))
    await spend(sessions, 10)
    await capped(sessions, PLATFORM, None)
    assert (await budgets.reserve((PLATFORM,), 10**9)).scopes == ()
    await spend(sessions, 50)
    await capped(sessions, PLATFORM, 100)

    with pytest.raises(BudgetExceeded):
        await budgets.reserve((PLATFORM,), 41)
    await budgets.reserve((PLATFORM,), 40)

    assert (await standing(budgets)).spent == 60


@pytest.mark.parametrize(("stored", "expected"), [(None, 50), (30, 30), (90, 50)])
async def test_the_lower_one_of_a_stored_and_a_configured_cap_counts(
    sessions: Sessions, stored: int | None, expected: int
) -> None:
    budgets = SqlBudgets(sessions, platform_daily_usd=0.000_05, max_age_s=0)
    await capped(sessions, PLATFORM, stored)

    assert (await standing(budgets)).cap == expected
    with pytest.raises(BudgetExceeded):
        await budgets.reserve((PLATFORM,), expected + 1)
    assert await budgets.reserve((PLATFORM,), expected)


async def test_a_new_cap_is_kept_within_two_seconds(sessions: Sessions) -> None:
    budgets = SqlBudgets(sessions)
    assert await budgets.has_room((PLATFORM,))

    await capped(sessions, PLATFORM, 0)

    async def is_full() -> bool:
        return not await budgets.has_room((PLATFORM,))

    await until(is_full, "the cap is kept", within=2, every=0.02)


async def test_without_postgresql_nothing_is_reserved_in_secret() -> None:
    engine = connect("postgresql://nobody@127.0.0.1:1/nowhere")

    with pytest.raises(DatabaseUnavailable):
        await SqlBudgets(sessions_of(engine)).reserve((PLATFORM,), 1)

    await engine.dispose()
