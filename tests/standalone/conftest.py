"""The command line on this test's own servers, and as processes of its own."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from standalone.cli import cli
from tests.environment import configured

Command = Callable[..., Result]


@pytest.fixture
def on_servers(
    database_url: str,
    owner_database_url: str,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[dict[str, str]]:
    """This process is configured for the test's own servers; so may others be."""
    monkeypatch.chdir(tmp_path)
    environment = {
        "DATABASE_URL": database_url,
        "MIGRATIONS_DATABASE_URL": owner_database_url,
        "REDIS_URL": redis_url,
        "REDIS_TIMEOUT_S": "3",
        "DATA_DIR": str(tmp_path / "data"),
        "LOG_LEVEL": "WARNING",
    }
    with configured(monkeypatch, environment):
        yield environment


@pytest.fixture
def ai_platform(on_servers: dict[str, str]) -> Command:
    """Runs a command as a shell would: `ai_platform("keys", "list")`."""

    def run(*words: str) -> Result:
        return CliRunner().invoke(cli, words)

    return run


async def elsewhere(command: Command, *words: str) -> Result:
    """For tests with a loop of their own, because commands bring theirs."""
    return await asyncio.to_thread(command, *words)
