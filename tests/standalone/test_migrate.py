"""`ai-platform migrate` and `seed`: from nothing to a running system, and harmless ever after."""

import asyncio
import secrets
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from tests.databases import APP_LOGIN, CLONE_PREFIX, connected, drop_database, with_database
from tests.standalone.conftest import Command

CONTENT = """
    SELECT (SELECT count(*) FROM platform.llm_configs),
           (SELECT count(*) FROM platform.prompt_templates),
           (SELECT count(*) FROM ai_engine.agent_configs),
           (SELECT count(*) FROM platform.catalogue_changes)"""


@pytest.fixture
def bare_database_url(owner_database_url: str) -> Iterator[str]:
    """A database with nothing in it."""
    admin_url = with_database(owner_database_url, "postgres")
    name = f"{CLONE_PREFIX}{int(time.time())}_{secrets.token_hex(6)}"
    asyncio.run(execute(admin_url, f'CREATE DATABASE "{name}"'))
    yield with_database(admin_url, name)
    asyncio.run(drop_database(admin_url, name))


async def execute(url: str, *statements: str) -> None:
    async with connected(url) as owner:
        for statement in statements:
            await owner.execute(text(statement))


async def content(url: str) -> tuple[int, ...]:
    async with connected(url) as owner:
        return tuple((await owner.execute(text(CONTENT))).one())


async def temperatures(url: str) -> dict[str, float]:
    async with connected(url) as owner:
        found = await owner.execute(text("SELECT name, temperature FROM platform.llm_configs"))
        return {row.name: row.temperature for row in found}


def test_migrating_twice_is_migrating_once(
    ai_platform: Command, bare_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIGRATIONS_DATABASE_URL", bare_database_url)

    first = ai_platform("migrate")
    found = asyncio.run(content(bare_database_url))
    again = ai_platform("migrate")

    assert (first.exit_code, first.stdout) == (0, "The tables are up to date.\n"), first.output
    assert (again.exit_code, again.stdout) == (first.exit_code, first.stdout)
    assert found[2] == 4
    assert all(found)
    assert asyncio.run(content(bare_database_url)) == found


def test_what_an_operator_changed_or_removed_stays_so(
    ai_platform: Command, owner_database_url: str
) -> None:
    changes = (
        "UPDATE platform.llm_configs SET temperature = 1.5 WHERE name = 'default-smart'",
        "DELETE FROM platform.llm_configs WHERE name = 'default-claude'",
    )
    asyncio.run(execute(owner_database_url, *changes))

    assert ai_platform("seed").exit_code == 0

    assert asyncio.run(temperatures(owner_database_url)) == {"default-smart": 1.5, "offline": 0.7}


def test_only_the_owner_may_make_tables(
    ai_platform: Command, bare_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = bare_database_url.rpartition("/")[2]
    monkeypatch.setenv(
        "MIGRATIONS_DATABASE_URL", with_database(bare_database_url, name, login=APP_LOGIN)
    )

    refused = ai_platform("migrate")

    assert refused.exit_code == 78
    assert "MIGRATIONS_DATABASE_URL must be the tables' owner's" in refused.stderr
    assert refused.stderr.count("\n") == 1
