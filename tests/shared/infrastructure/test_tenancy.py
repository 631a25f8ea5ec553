"""Transactions of one tenant: what they see, and that nothing of it stays with the connection."""

import asyncio
import random
from collections.abc import AsyncGenerator
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from shared.infrastructure import tenancy
from shared.infrastructure.database import Sessions, connect, sessions_of, transaction
from shared.infrastructure.tenancy import tenant_transaction
from tests.databases import connected

TENANTS = [UUID(f"00000000-0000-4000-8000-00000000000{digit}") for digit in "abc"]
ROUNDS = 2_000

_ADD = text("""
    INSERT INTO crm.acks (tenant_id, session, stanza_id, rank) VALUES (:tenant, 's', :id, 1)""")
_WHOSE = text("SELECT DISTINCT tenant_id FROM crm.acks")


class Interrupted(Exception):
    """Whatever goes wrong in the middle of a use case."""


@pytest.fixture
async def single(database_url: str) -> AsyncGenerator[Sessions]:
    """Everybody gets the same connection, one after the other."""
    engine = connect(database_url, pool_size=1)
    yield sessions_of(engine)
    await engine.dispose()


async def add(session: AsyncSession, tenant: UUID) -> None:
    await session.execute(_ADD, {"tenant": tenant, "id": str(uuid7())})


async def whose(session: AsyncSession) -> set[UUID]:
    return {UUID(str(one)) for one in await session.scalars(_WHOSE)}


async def everybody_has_something(sessions: Sessions) -> None:
    for tenant in TENANTS:
        async with tenant_transaction(sessions, tenant) as session:
            await add(session, tenant)


async def _go_wrong(session: AsyncSession, way: str) -> None:
    match way:
        case "error":
            raise Interrupted
        case "sql error":
            await session.execute(text("SELECT 1 / 0"))
        case "foreign row":
            await add(session, uuid7())
        case "cancelled":
            raise asyncio.CancelledError
        case _:
            pass


async def foreign_rows(sessions: Sessions, *, rounds: int) -> list[str]:
    """Alternate tenants on a connection, with all that can go wrong in between."""
    chance, found = random.Random(22), list[str]()  # noqa: S311 - no secret
    ways = ["", "", "error", "sql error", "foreign row", "cancelled"]
    for number in range(rounds):
        tenant, way = chance.choice(TENANTS), chance.choice(ways)
        try:
            async with tenant_transaction(sessions, tenant) as session:
                if (seen := await whose(session)) != {tenant}:
                    found.append(f"{number}: {tenant} saw {seen}")
                await _go_wrong(session, way)
        except (Interrupted, DBAPIError, asyncio.CancelledError):
            pass
        if number % 5 == 0:
            async with transaction(sessions) as session:
                if seen := await whose(session):
                    found.append(f"{number}: nobody saw {seen} after {way!r}")
    return found


@pytest.mark.slow
async def test_a_connection_forgets_whose_it_was(single: Sessions) -> None:
    await everybody_has_something(single)

    assert await foreign_rows(single, rounds=ROUNDS) == []


async def test_one_that_remembered_would_be_found_out(
    single: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    await everybody_has_something(single)
    for_the_session = text("SELECT set_config('app.tenant_id', :tenant, false)")
    monkeypatch.setattr(tenancy, "_BE", for_the_session)

    assert await foreign_rows(single, rounds=50) != []


async def test_without_a_tenant_nothing_is_seen_and_nothing_can_be_written(
    sessions: Sessions,
) -> None:
    await everybody_has_something(sessions)

    async with transaction(sessions) as session:
        seen = await whose(session)
        touched = await session.execute(text("UPDATE crm.acks SET rank = 2 RETURNING 1"))
        assert (seen, touched.all()) == (set(), [])
    with pytest.raises(DBAPIError, match="row-level security"):
        async with transaction(sessions) as session:
            await add(session, TENANTS[0])


async def test_nobody_writes_rows_for_another_tenant(sessions: Sessions) -> None:
    with pytest.raises(DBAPIError, match="row-level security"):
        async with tenant_transaction(sessions, TENANTS[0]) as session:
            await add(session, TENANTS[1])


async def test_a_row_cannot_be_given_away(sessions: Sessions) -> None:
    await everybody_has_something(sessions)

    with pytest.raises(DBAPIError, match="row-level security"):
        async with tenant_transaction(sessions, TENANTS[0]) as session:
            await session.execute(
                text("UPDATE crm.acks SET tenant_id = :other"), {"other": TENANTS[1]}
            )


async def test_the_services_role_cannot_look_across_tenants_by_itself(sessions: Sessions) -> None:
    await everybody_has_something(sessions)

    async with transaction(sessions) as session:
        await session.execute(text("SET LOCAL search_path = pg_catalog, of_all_tenants"))
        assert await whose(session) == set()


@pytest.mark.parametrize("is_forced", [True, False])
async def test_the_owner_of_a_table_is_held_to_its_policy(
    sessions: Sessions, owner_database_url: str, is_forced: bool
) -> None:
    await everybody_has_something(sessions)

    async with connected(owner_database_url) as connection:
        await connection.execute(text("BEGIN"))
        for statement in (
            "CREATE ROLE aip_test_owner_of_acks",
            "GRANT USAGE ON SCHEMA crm, platform TO aip_test_owner_of_acks",
            "ALTER TABLE crm.acks OWNER TO aip_test_owner_of_acks",
            f"ALTER TABLE crm.acks {'' if is_forced else 'NO'} FORCE ROW LEVEL SECURITY",
            "SET LOCAL ROLE aip_test_owner_of_acks",
        ):
            await connection.execute(text(statement))
        seen = await connection.scalar(text("SELECT count(*) FROM crm.acks"))
        await connection.execute(text("ROLLBACK"))

    assert seen == (0 if is_forced else len(TENANTS))
