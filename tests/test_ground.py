"""The test ground: every test finds its servers empty and its own; what is missing is loud."""

import os
import subprocess
import sys
from pathlib import Path
from uuid import NAMESPACE_OID, uuid5

import pytest
import redis
from sqlalchemy import text

from shared.infrastructure.database import Sessions
from tests.databases import with_database
from tests.services import LocalGround, Missing

ROOT = Path(__file__).parents[1]
PORT_WITHOUT_SERVER = 1


@pytest.mark.parametrize("round_", ["first", "second"])
async def test_each_test_starts_with_empty_tables(round_: str, sessions: Sessions) -> None:
    add = text("INSERT INTO ai_engine.workers (id, beat_at) VALUES (:id, clock_timestamp())")
    async with sessions.begin() as session:
        found = await session.scalar(text("SELECT count(*) FROM ai_engine.workers"))
        await session.execute(add, {"id": uuid5(NAMESPACE_OID, round_)})

    assert found == 0


@pytest.mark.parametrize("round_", ["first", "second"])
async def test_each_test_starts_with_what_is_there_from_the_start(
    round_: str, sessions: Sessions
) -> None:
    async with sessions.begin() as session:
        found = await session.scalar(text("SELECT count(*) FROM platform.llm_configs"))
        await session.execute(text("DELETE FROM platform.llm_configs"))

    assert round_
    assert found


async def test_services_log_in_as_nobody_special(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        found = await session.execute(
            text("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
        )

    assert tuple(found.one()) == (False, False)


@pytest.mark.parametrize("round_", ["first", "second"])
def test_each_test_starts_with_an_empty_redis(round_: str, redis_url: str) -> None:
    client = redis.Redis.from_url(redis_url)  # pyright: ignore[reportUnknownMemberType]

    with client:
        assert client.set("left by", round_, nx=True)


def test_a_broker_is_there(rabbitmq_url: str) -> None:
    assert rabbitmq_url.startswith("amqp://")


def test_an_address_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{PORT_WITHOUT_SERVER}")
    ground = LocalGround()

    with pytest.raises(Missing, match="REDIS_URL is set, but Redis does not answer"):
        ground.address("Redis")

    ground.close()


@pytest.mark.slow
@pytest.mark.parametrize(("required", "exit_code"), [("", 0), ("1", 1)])
def test_a_missing_server_is_loud_and_may_be_forbidden(required: str, exit_code: int) -> None:
    run = subprocess.run(  # noqa: S603 - the words are ours
        [sys.executable, "-m", "pytest", f"{__file__}::test_a_broker_is_there", "-q"],
        cwd=ROOT,
        env=os.environ
        | {"RABBITMQ_URL": f"amqp://127.0.0.1:{PORT_WITHOUT_SERVER}", "REQUIRE_SERVICES": required},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert run.returncode == exit_code
    assert "needs RabbitMQ: RABBITMQ_URL is set, but" in run.stdout
    assert ("1 tests did not run" in run.stdout) is not bool(required)


@pytest.mark.parametrize(
    ("url", "moved"),
    [
        (
            "postgresql+asyncpg://me:word@host:1/old?ssl=off",
            "postgresql://me:word@host:1/new?ssl=off",
        ),
        ("postgresql://host/old", "postgresql://host/new"),
    ],
)
def test_a_database_url_can_be_pointed_at_another_database(url: str, moved: str) -> None:
    assert with_database(url, "new") == moved
