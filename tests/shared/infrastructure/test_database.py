"""The database: batches in one statement, outages told apart from mistakes, one clock."""

import asyncio
import struct
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.availability import DatabaseUnavailable
from shared.infrastructure.database import (
    DatabaseClock,
    Sessions,
    connect,
    insert_rows,
    sessions_of,
    transaction,
)
from shared.infrastructure.migrations import pending
from shared.infrastructure.posture import Posture, posture


async def test_a_batch_of_rows_keeps_every_type(sessions: Sessions) -> None:
    rows: list[dict[str, Any]] = [
        {
            "id": uuid4(),
            "queue": "q",
            "kind": "ünïcode ☕",
            "body": bytes(range(256)),
            "headers": {"a": [1, None, "x"]},
            "created_at": datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
        }
        for _ in range(3)
    ]

    async with transaction(sessions) as session:
        await insert_rows(session, "gateway.outbox", rows)
        found = await session.execute(
            text("SELECT id, queue, kind, body, headers, created_at FROM gateway.outbox")
        )
        stored = {row.id: row for row in found}

    assert stored.keys() == {row["id"] for row in rows}
    one = stored[rows[0]["id"]]
    assert (one.kind, one.body, one.created_at) == (
        rows[0]["kind"],
        rows[0]["body"],
        rows[0]["created_at"],
    )


async def test_no_rows_are_no_statement(sessions: Sessions) -> None:
    async with transaction(sessions) as session:
        await insert_rows(session, "no.such_table", [])


async def test_what_raises_is_rolled_back(sessions: Sessions) -> None:
    with pytest.raises(ZeroDivisionError):
        async with transaction(sessions) as session:
            await session.execute(
                text("INSERT INTO ai_engine.workers VALUES (gen_random_uuid(), now())")
            )
            _ = 1 / 0

    async with transaction(sessions) as session:
        assert await session.scalar(text("SELECT count(*) FROM ai_engine.workers")) == 0


async def test_a_server_that_is_away_is_no_mistake_of_ours() -> None:
    engine = connect("postgresql+asyncpg://nobody@127.0.0.1:1/nowhere")

    with pytest.raises(DatabaseUnavailable):
        async with transaction(sessions_of(engine)) as session:
            await session.execute(text("SELECT 1"))

    await engine.dispose()


async def test_a_connection_that_the_server_ends_is_an_outage(sessions: Sessions) -> None:
    with pytest.raises(DatabaseUnavailable):
        async with transaction(sessions) as session:
            await session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


async def test_a_mistake_is_no_outage(sessions: Sessions) -> None:
    with pytest.raises(ProgrammingError):
        async with transaction(sessions) as session:
            await session.execute(text("SELECT no_such_column"))


async def test_nobody_waits_for_a_connection_for_ever(database_url: str) -> None:
    engine = connect(database_url, pool_size=1)
    sessions = sessions_of(engine)

    async with transaction(sessions) as holder:
        await holder.execute(text("SELECT 1"))
        async with asyncio.timeout(10):
            with pytest.raises(DatabaseUnavailable):
                async with transaction(sessions) as session:
                    await session.execute(text("SELECT 1"))

    await engine.dispose()


async def test_the_clock_is_the_databases(sessions: Sessions) -> None:
    clock = DatabaseClock(sessions)
    await clock.refresh()

    async with transaction(sessions) as session:
        theirs = await session.scalar(text("SELECT clock_timestamp()"))

    assert abs(clock() - theirs) < timedelta(seconds=2)


async def test_what_connecting_takes_does_not_put_the_clock_forward(engine: AsyncEngine) -> None:
    @event.listens_for(engine.sync_engine, "do_connect")
    def dawdle(*_: object) -> None:
        time.sleep(0.3)  # the connection's own time: nothing else runs meanwhile

    clock = DatabaseClock(sessions_of(engine))
    await clock.refresh()

    async with transaction(sessions_of(engine)) as session:
        theirs = await session.scalar(text("SELECT clock_timestamp()"))
    assert clock() - theirs < timedelta(seconds=0.2)


def test_a_clock_that_was_never_read_says_so(engine: AsyncEngine) -> None:
    clock = DatabaseClock(sessions_of(engine))

    assert not clock.is_read
    with pytest.raises(DatabaseUnavailable):
        clock()


async def test_the_services_role_owns_nothing_and_commits_reach_the_disk(
    sessions: Sessions,
) -> None:
    found = await posture(sessions)

    assert (found.is_privileged, found.refusal is None) == (False, found.is_durable)


@pytest.mark.parametrize(
    ("found", "word"),
    [
        (Posture("18", is_durable=False, is_privileged=False), "fsync"),
        (Posture("18", is_durable=True, is_privileged=True), "insecure_db_role"),
    ],
)
def test_production_does_not_run_on_a_risk(found: Posture, word: str) -> None:
    assert word in (found.refusal or "")


async def test_nothing_is_pending_after_migrating(owner_database_url: str) -> None:
    assert await pending(owner_database_url) == []


async def test_a_server_that_is_starting_up_is_away() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(8)  # may I speak TLS?
        writer.write(b"N")
        await reader.read(1_024)
        said = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0"
        writer.write(b"E" + struct.pack("!i", len(said) + 4) + said)
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(DatabaseUnavailable):
            await pending(f"postgresql://somebody@127.0.0.1:{port}/postgres")


async def test_of_two_who_wait_for_each_other_one_is_told_to_try_again(
    sessions: Sessions,
) -> None:
    locks = "SELECT pg_advisory_xact_lock(:key)"
    both_hold_one = asyncio.Barrier(2)

    async def lock(*keys: int) -> None:
        async with transaction(sessions) as session:
            await session.execute(text(locks), {"key": keys[0]})
            await both_hold_one.wait()
            await session.execute(text(locks), {"key": keys[1]})

    done = await asyncio.gather(lock(1, 2), lock(2, 1), return_exceptions=True)

    assert sorted(type(one).__name__ for one in done) == ["GaveWay", "NoneType"]
