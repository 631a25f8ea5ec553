"""A database is worked with once it was found fit: not before, and never when it was not."""

import subprocess
import sys

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.availability import DatabaseUnavailable
from shared.infrastructure.database import (
    Sessions,
    connect,
    one_statement,
    reading,
    sessions_of,
    transaction,
)
from shared.infrastructure.inspection import Inspection
from tests.databases import ROOT

NOWHERE = "postgresql://nobody@127.0.0.1:1/nowhere"

REFUSED = """
import asyncio, sys
from sqlalchemy import text
from shared.infrastructure.database import connect, transaction
from shared.infrastructure.inspection import Inspection

async def no(sessions):
    async with transaction(sessions) as session:
        await session.execute(text("SELECT 1"))
    return "not like this"

async def main():
    await Inspection(connect(sys.argv[1]), sys.argv[1], [no]).run()
    print("it went on")

asyncio.run(main())
"""


async def fit(sessions: Sessions) -> str | None:
    async with transaction(sessions) as session:
        await session.execute(text("SELECT 1"))
    return None


async def test_nothing_reaches_a_database_that_was_not_looked_at(
    engine: AsyncEngine, database_url: str
) -> None:
    sessions = sessions_of(engine)
    inspection = Inspection(engine, database_url, [fit])

    for opened in (transaction, one_statement, reading):
        with pytest.raises(DatabaseUnavailable):
            async with opened(sessions) as session:
                await session.execute(text("SELECT 1"))

    assert await inspection.look()
    for opened in (transaction, one_statement, reading):
        async with opened(sessions) as session:
            assert await session.scalar(text("SELECT 1")) == 1


async def test_a_server_that_is_away_is_no_failure() -> None:
    inspection = Inspection(connect(NOWHERE), NOWHERE, [fit])

    assert not await inspection.look()
    assert not await inspection.look(), "one look is no leave to go on"


async def test_what_was_found_fit_is_not_looked_at_again(
    engine: AsyncEngine, database_url: str
) -> None:
    looks: list[Sessions] = []

    async def look(sessions: Sessions) -> str | None:
        looks.append(sessions)
        return None

    inspection = Inspection(engine, database_url, [look])
    await inspection.run()
    await inspection.run()

    assert len(looks) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("login", "says"),
    [("", "not like this"), ("nobody_at_all:word", "DATABASE_URL: the database refuses us: ")],
)
def test_what_is_unfit_ends_the_process_in_one_line(
    database_url: str, login: str, says: str
) -> None:
    scheme, _, rest = database_url.partition("://")
    url = f"{scheme}://{login}@{rest.rpartition('@')[2]}" if login else database_url

    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", REFUSED, url],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stdout) == (78, ""), done.stderr
    assert done.stderr.startswith(f"bad configuration: {says}")
    assert done.stderr.count("\n") == 1
