"""A service as a process: its health, its parts, whom it lets in, and when it refuses to start."""

import asyncio
import base64
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from shared.infrastructure.api_keys import ApiKeys, KeyScope
from shared.infrastructure.database import Sessions
from shared.interface.service import create_app
from tests.background import BackgroundLoop
from tests.chaos.proxy import Proxy
from tests.chaos.toxics import Timeout
from tests.databases import ROOT, WorkerDatabase, connected
from tests.environment import configured
from tests.queues import private_queues
from tests.shared.infrastructure.hearing import delete_queues
from tests.shared.interface.plain_service import PLAIN
from tests.waiting import until

NOBODY = "127.0.0.1:1"
PRODUCTION = {
    "ENVIRONMENT": "production",
    "ENCRYPTION_KEY": base64.b64encode(bytes(32)).decode(),
}

Open = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


def client_of(app: FastAPI, peer: str = "127.0.0.1") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, client=(peer, 5_000))
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


@pytest.fixture
def opened(
    database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Open:
    """Opens the plain service with these settings; gives a client on the same machine."""
    monkeypatch.chdir(tmp_path)
    servers = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "REDIS_TIMEOUT_S": "1"}

    @asynccontextmanager
    async def opened(**settings: str) -> AsyncGenerator[httpx.AsyncClient]:
        with configured(monkeypatch, {**servers, "DATA_DIR": str(tmp_path), **settings}):
            app = create_app("Plain", [PLAIN])
            async with app.router.lifespan_context(app), client_of(app) as client:
                yield client
            assert app.state.has_ended

    return opened


# -- health


async def test_a_service_whose_servers_answer_is_well(opened: Open, rabbitmq_url: str) -> None:
    queues = private_queues("service")
    async with opened(RABBITMQ_URL=rabbitmq_url, **queues) as client:
        health = await client.get("/health")
        ready = await client.get("/health/ready")
    await delete_queues(rabbitmq_url, *queues.values())

    checks = {"postgresql": "ok", "rabbitmq": "ok", "redis": "ok"}
    assert (health.status_code, health.json()) == (200, {"status": "ok", "checks": checks})
    assert (ready.status_code, ready.json()) == (200, {"status": "ready", "checks": checks})


@pytest.mark.parametrize(
    ("settings", "checks"),
    [
        ({"REDIS_URL": f"redis://{NOBODY}"}, {"rabbitmq": "off", "redis": "away"}),
        ({"RABBITMQ_URL": f"amqp://{NOBODY}/"}, {"rabbitmq": "away", "redis": "ok"}),
    ],
    ids=["Redis", "RabbitMQ"],
)
async def test_without_a_carrier_or_hints_it_is_degraded_but_takes_work(
    opened: Open, settings: dict[str, str], checks: dict[str, str]
) -> None:
    async with opened(**settings) as client:
        health = await client.get("/health")
        ready = await client.get("/health/ready")

    assert health.json() == {"status": "degraded", "checks": {"postgresql": "ok", **checks}}
    assert (health.status_code, ready.status_code) == (200, 200)


@pytest.fixture
def way_to_postgresql(database_url: str) -> Iterator[Proxy]:
    loop = BackgroundLoop("proxy")
    proxy = Proxy(urlsplit(database_url).port or 5_432, loop)
    yield proxy
    proxy.close()
    loop.close()


@pytest.fixture
def spoilt_database_url(database_url: str, way_to_postgresql: Proxy) -> str:
    parts = urlsplit(database_url)
    login, _, _ = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{login}@127.0.0.1:{way_to_postgresql.port}").geturl()


async def is_ready(client: httpx.AsyncClient) -> bool:
    return (await client.get("/health/ready")).status_code == 200


async def test_without_postgresql_it_lives_but_is_not_ready(
    opened: Open, spoilt_database_url: str, way_to_postgresql: Proxy
) -> None:
    async with opened(DATABASE_URL=spoilt_database_url) as client:
        assert await is_ready(client)
        way_to_postgresql.down()

        health = await client.get("/health")
        ready = await client.get("/health/ready")
        refused = await client.get("/v1/things", headers={"Authorization": f"Bearer {A_KEY}"})

        assert (health.status_code, health.json()["status"]) == (200, "degraded")
        assert (ready.status_code, ready.json()["checks"]["postgresql"]) == (503, "away")
        assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
        way_to_postgresql.up()
        await until(lambda: is_ready(client), "it is ready again", within=10)


@pytest.mark.slow
async def test_a_postgresql_that_hangs_is_away(
    opened: Open, spoilt_database_url: str, way_to_postgresql: Proxy
) -> None:
    async with opened(DATABASE_URL=spoilt_database_url) as client:
        assert await is_ready(client)
        way_to_postgresql.blackhole(Timeout())

        async with asyncio.timeout(6):
            assert not await is_ready(client)

        way_to_postgresql.heal()
        await until(lambda: is_ready(client), "it is ready again", within=10)


async def test_a_service_waits_for_a_postgresql_that_is_away_at_its_start(
    opened: Open, spoilt_database_url: str, way_to_postgresql: Proxy, sessions: Sessions
) -> None:
    await ApiKeys(sessions).create("a key", KeyScope.PLATFORM)
    way_to_postgresql.down()

    async with opened(DATABASE_URL=spoilt_database_url, **PRODUCTION) as client:
        assert (await client.get("/health")).status_code == 200
        assert not await is_ready(client)
        way_to_postgresql.up()
        await until(lambda: is_ready(client), "it is ready", within=10)


async def test_prometheus_is_answered(opened: Open) -> None:
    async with opened() as client:
        told = await client.get("/metrics")

    assert told.headers["content-type"].startswith("text/plain")
    assert "# HELP aip_jobs_accepted_total " in told.text


# -- parts


@pytest.mark.parametrize(
    ("run", "status", "runs_worker"),
    [("api", 200, False), ("worker", 404, True), ("api,worker", 200, True)],
)
async def test_a_process_may_run_one_part_only(
    opened: Open, run: str, status: int, runs_worker: bool
) -> None:
    async with opened(RUN=run) as client:
        assert (await client.get("/v1/things")).status_code == status
        assert (await client.get("/health/ready")).status_code == 200
        assert (await client.get("/metrics")).status_code == 200
        transport = client._transport
        assert isinstance(transport, httpx.ASGITransport)
        app = transport.app
        assert isinstance(app, FastAPI)
        assert app.state.runs_worker is runs_worker


# -- whom it lets in


A_KEY = f"aip_{'a' * 8}_{'b' * 43}"


async def test_in_production_everybody_needs_a_key(opened: Open, sessions: Sessions) -> None:
    made = await ApiKeys(sessions).create("a key", KeyScope.PLATFORM)

    async with opened(**PRODUCTION) as client:
        strangers: list[Mapping[str, str]] = [
            {},
            {"X-Forwarded-For": "127.0.0.1"},
            {"Authorization": f"Bearer {A_KEY}"},
        ]
        for headers in strangers:
            assert (await client.get("/v1/things", headers=headers)).status_code == 401
        let_in = await client.get("/v1/things", headers={"Authorization": f"Bearer {made.secret}"})
        assert (await client.get("/health")).status_code == 200, "whoever watches needs none"

    assert let_in.json() == {"is_platform": True}


async def test_nobody_becomes_this_machine_by_saying_so(opened: Open) -> None:
    async with opened() as client:
        here = await client.get("/v1/things")
        proxied = await client.get("/v1/things", headers={"X-Forwarded-For": "127.0.0.1"})

    assert (here.status_code, proxied.status_code) == (200, 401)


# -- when it refuses to start


def refusal(environment: Mapping[str, str], cwd: Path) -> str:
    """The one line that the service says, as a process of its own, before it ends."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.shared.interface.plain_service"],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (78, ""), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr.removeprefix("bad configuration: ")


@pytest.mark.slow
def test_production_is_refused_where_it_would_not_be_safe(
    empty_database: WorkerDatabase, tmp_path: Path
) -> None:
    without_key = {**PRODUCTION, "DATABASE_URL": empty_database.url}
    as_owner = {**PRODUCTION, "DATABASE_URL": empty_database.owner_url}
    without_encryption = {**without_key, "ENCRYPTION_KEY": ""}

    assert refusal(without_key, tmp_path).startswith("ENVIRONMENT is production, and there is no")
    assert refusal(as_owner, tmp_path).startswith("insecure_db_role: DATABASE_URL must not")
    assert refusal(without_encryption, tmp_path).startswith("ENCRYPTION_KEY: is needed in prod")


@contextmanager
def at_revision(owner_url: str, revision: str | None) -> Generator[None]:
    """The database says that it is at another revision while the block lasts."""
    loop = BackgroundLoop("revision")

    async def change(*statements: str) -> str:
        async with connected(owner_url) as owner:
            before = await owner.scalar(text("SELECT version_num FROM alembic_version"))
            for statement in ("DELETE FROM alembic_version", *statements):
                await owner.execute(text(statement))
            return str(before)

    insert = "INSERT INTO alembic_version VALUES ('{}')"
    before = loop.run(change(*([insert.format(revision)] if revision else [])))
    try:
        yield
    finally:
        loop.run(change(insert.format(before)))
        loop.close()


_REVISIONS = (ROOT / "migrations" / "versions").glob("r[0-9]*.py")
EVERY_REVISION = ", ".join(sorted(path.stem[1:5] for path in _REVISIONS))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("revision", "says"),
    [
        (None, f"migrations are pending ({EVERY_REVISION}): run `ai-platform migrate`"),
        ("9999", "the database is at revision 9999, which is newer than this code"),
    ],
)
def test_tables_of_another_version_are_refused(
    empty_database: WorkerDatabase, tmp_path: Path, revision: str | None, says: str
) -> None:
    with at_revision(empty_database.owner_url, revision):
        assert refusal({"DATABASE_URL": empty_database.url}, tmp_path) == f"{says}\n"
