"""What every test may ask for. Servers are found or started by `services.py`, once per run."""

import os
import re
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from typing import Any, Protocol

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.infrastructure.database import Sessions, connect, sessions_of
from tests.chromium import running
from tests.clock import StandingClock
from tests.databases import WorkerDatabase, with_database
from tests.hints import RedisDatabase
from tests.services import (
    Ground,
    GroundServer,
    LocalGround,
    Missing,
    RemoteGround,
    Service,
    give_up,
)

GROUND = pytest.StashKey[Ground]()
LOCAL = pytest.StashKey[LocalGround]()
SERVER = pytest.StashKey[GroundServer]()


class StartingWorker(Protocol):
    """What xdist tells of a worker that is about to start."""

    config: pytest.Config
    workerinput: dict[str, Any]


NEEDS: dict[str, Service] = {
    "worker_database": "PostgreSQL",
    "worker_redis": "Redis",
    "rabbitmq_url": "RabbitMQ",
    "chromium_path": "Chromium",
}


def pytest_configure(config: pytest.Config) -> None:
    workerinput: dict[str, Any] | None = getattr(config, "workerinput", None)
    if workerinput is not None:
        config.stash[GROUND] = RemoteGround(workerinput["ground"])
        return

    def say(line: str) -> None:
        if reporter := config.pluginmanager.get_plugin("terminalreporter"):
            reporter.write_line(f"test ground: {line}")

    config.stash[GROUND] = config.stash[LOCAL] = ground = LocalGround(say)
    config.add_cleanup(ground.close)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: StartingWorker) -> None:
    """A worker of xdist is about to start: tell it whom to ask."""
    stash = node.config.stash
    if SERVER not in stash:
        stash[SERVER] = server = GroundServer(stash[LOCAL])
        node.config.add_cleanup(server.close)
    node.workerinput["ground"] = stash[SERVER].invitation


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _services_of(item):
            item.add_marker("infra")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Start what will be needed now: no test's time limit covers it."""
    if session.config.option.collectonly:
        return
    for service in set[Service]().union(*map(_services_of, session.items)):
        try:
            session.config.stash[GROUND].address(service)
        except Missing:
            continue  # the tests that need it say so


def _services_of(item: pytest.Item) -> set[Service]:
    fixtures: list[str] = getattr(item, "fixturenames", [])
    return {NEEDS[name] for name in fixtures if name in NEEDS}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Skipping for want of a server is never silent."""
    reasons = Counter[str]()
    for report in terminalreporter.stats.get("skipped", []):
        if found := re.search(r"Skipped: (needs \w+: .*)", str(report.longrepr)):
            reasons[found[1].rstrip("')")] += 1
    if not reasons:
        return
    terminalreporter.section("NOT TESTED", sep="!", red=True, bold=True)
    for reason, count in reasons.most_common():
        terminalreporter.write_line(f"{count} tests did not run: {reason}", red=True)
    terminalreporter.write_line("REQUIRE_SERVICES=1 makes these failures.")


def address_or_skip(ground: Ground, service: Service) -> str:
    """The server's URL, or the end of the test."""
    try:
        return ground.address(service)
    except Missing as missing:
        give_up(service, missing)


@pytest.fixture(scope="session")
def ground(pytestconfig: pytest.Config) -> Ground:
    return pytestconfig.stash[GROUND]


@pytest.fixture(scope="session")
def worker_name() -> str:
    """`gw0`, `gw1`, … under xdist, `main` without."""
    return os.environ.get("PYTEST_XDIST_WORKER", "main")


@pytest.fixture(scope="session")
def worker_database(ground: Ground, worker_name: str) -> Iterator[WorkerDatabase]:
    url = with_database(address_or_skip(ground, "PostgreSQL"), "postgres")
    database = WorkerDatabase(url, worker_name)
    yield database
    database.drop()


@pytest.fixture
def empty_database(worker_database: WorkerDatabase) -> WorkerDatabase:
    """Holds nothing but what the migrations put there."""
    worker_database.empty()
    return worker_database


@pytest.fixture
def database_url(empty_database: WorkerDatabase) -> str:
    """For what runs as a service does: neither owner nor superuser."""
    return empty_database.url


@pytest.fixture
def owner_database_url(empty_database: WorkerDatabase) -> str:
    """The same database, for who may do anything in it."""
    return empty_database.owner_url


@pytest.fixture
async def engine(database_url: str) -> AsyncGenerator[AsyncEngine]:
    engine = connect(database_url)
    yield engine
    await engine.dispose()


@pytest.fixture
def sessions(engine: AsyncEngine) -> Sessions:
    return sessions_of(engine)


@pytest.fixture(scope="session")
def worker_redis(ground: Ground) -> Iterator[RedisDatabase]:
    database = RedisDatabase(address_or_skip(ground, "Redis"))
    yield database
    database.release()


@pytest.fixture
def redis_url(worker_redis: RedisDatabase) -> str:
    """An empty Redis database that is this process's alone."""
    worker_redis.empty()
    return worker_redis.url


@pytest.fixture(scope="session")
def rabbitmq_url(ground: Ground) -> str:
    """A broker that others may be using too: name your queues uniquely, and delete them."""
    return address_or_skip(ground, "RabbitMQ")


@pytest.fixture(scope="session")
def chromium_path(ground: Ground) -> str:
    return address_or_skip(ground, "Chromium")


@pytest.fixture(scope="session")
def chromium(chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real browser, for `tests.chromium.opened`."""
    with running(chromium_path, tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()
