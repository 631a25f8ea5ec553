"""What every service stands on: opened as the settings say, given back when the block ends."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.testing import capture_logs

from shared.availability import DatabaseUnavailable
from shared.ground import Ground, ground, migrate
from shared.infrastructure.carrier import Carrier
from shared.infrastructure.database import transaction
from shared.infrastructure.postgres_queue import PostgresTransport
from shared.llm.store import catalogue_changes, llm_configs
from tests.databases import connected
from tests.environment import configured

NOBODY = "127.0.0.1:1"
CONNECTIONS = text(
    "SELECT count(*) FROM pg_stat_activity WHERE usename = 'aip_test_app'"
    " AND datname = current_database()"
)

Open = Callable[..., AbstractAsyncContextManager[Ground]]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Open:
    """Opens the ground with these settings and no others."""
    monkeypatch.chdir(tmp_path)

    @asynccontextmanager
    async def opened(**settings: str) -> AsyncGenerator[Ground]:
        with configured(monkeypatch, {"DATA_DIR": str(tmp_path / "data"), **settings}):
            async with ground("test") as base:
                yield base

    return opened


async def test_postgresql_carries_messages_unless_there_is_a_broker(
    opened: Open, database_url: str
) -> None:
    async with opened(DATABASE_URL=database_url) as base:
        assert isinstance(base.transport, PostgresTransport)
        assert base.rabbit is None
        assert base.clock.is_read
        assert not base.hints.is_configured
    async with opened(DATABASE_URL=database_url, RABBITMQ_URL=f"amqp://{NOBODY}") as base:
        assert isinstance(base.transport, Carrier)
        assert base.rabbit is not None


@pytest.mark.parametrize(
    "setting",
    [
        {"DATABASE_URL": "postgresql://aip_app:change-me-app@postgres/ai_platform"},
        {"DATABASE_URL": f"postgresql://a:b@{NOBODY}/c", "REDIS_URL": "redis://:change-me@redis"},
        {"DATABASE_URL": f"postgresql://a:b@{NOBODY}/c", "POSTGRES_PASSWORD": "change-me-postgres"},
    ],
)
async def test_production_refuses_passwords_that_everybody_knows(
    opened: Open, setting: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        async with opened(ENVIRONMENT="production", **setting):
            pytest.fail("it was opened")

    assert ended.value.code == 78
    refusal = capsys.readouterr().err
    assert "example_secrets" in refusal
    assert "change-me" not in refusal


async def test_every_connection_is_given_back(opened: Open, database_url: str) -> None:
    async with connected(database_url) as other:
        async with opened(DATABASE_URL=database_url) as base, transaction(base.sessions) as ours:
            assert await ours.scalar(CONNECTIONS) >= 2

        assert await other.scalar(CONNECTIONS) == 1


async def test_a_database_that_is_away_is_waited_for(opened: Open) -> None:
    async with opened(DATABASE_URL=f"postgresql://{NOBODY}/none") as base:
        assert not base.clock.is_read
        with pytest.raises(DatabaseUnavailable):
            base.clock()


async def test_a_name_that_nearly_fits_is_pointed_out(opened: Open, database_url: str) -> None:
    with capture_logs() as told:
        async with opened(DATABASE_URL=database_url, RABBITMQ_ULR="amqp://localhost"):
            pass

    assert told[0] == {
        "event": "setting.unknown",
        "log_level": "warning",
        "name": "RABBITMQ_ULR",
        "did_you_mean": "RABBITMQ_URL",
    }


async def test_a_key_for_secrets_is_made_once_in_development(
    opened: Open, database_url: str
) -> None:
    async with opened(DATABASE_URL=database_url) as base:
        hidden = base.vault.encrypt(b"a secret", "a place")
    async with opened(DATABASE_URL=database_url) as base:
        assert base.vault.decrypt(hidden, "a place") == b"a secret"


async def test_migrating_again_changes_nothing(owner_database_url: str) -> None:
    sown: list[str] = []

    async def sow(session: AsyncSession) -> None:
        sown.append(await session.scalar(text("SELECT current_user")) or "")

    async def what_is_there() -> list[tuple[object, ...]]:
        async with connected(owner_database_url) as owner:
            rows = [
                *await owner.execute(select(llm_configs).order_by(llm_configs.c.id)),
                *await owner.execute(select(catalogue_changes).order_by(catalogue_changes.c.id)),
            ]
            return [tuple(row) for row in rows]

    before = await what_is_there()
    for _ in range(2):
        await migrate(owner_database_url, [sow])

    assert before
    assert await what_is_there() == before
    assert len(sown) == 2, "a service's own seeds are sown each time"


@pytest.mark.slow
async def test_without_urls_servers_come_along_with_their_tables(opened: Open) -> None:
    async with opened(REDIS_TIMEOUT_S="3") as base:
        assert await base.hints.is_reachable()
        async with transaction(base.sessions) as session:
            assert await session.scalar(select(llm_configs.c.name).limit(1))
