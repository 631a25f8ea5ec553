"""What the flows share: the platform on this test's own database, Redis and queues."""

import importlib
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.background import BackgroundLoop
from tests.chaos.receiver import Receiver
from tests.environment import configured
from tests.flows.collector import Collector
from tests.flows.platform import FAST, Platform, Start, running
from tests.flows.provider import Provider, a_provider
from tests.queues import private_queues
from tests.shared.infrastructure.hearing import delete_queues

#: Loaded before anything is timed: seconds of imports would use up a test's bounds.
SLOW_TO_LOAD = (
    "shared.llm.anthropic_model",
    "shared.llm.langchain_client",
    "shared.llm.openai_model",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("flow")


@pytest.fixture(scope="session", autouse=True)
def loaded() -> None:
    for module in SLOW_TO_LOAD:
        importlib.import_module(module)


@pytest.fixture
def start(
    database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Start:
    """Starts a platform whose settings a test may choose; PostgreSQL carries the messages."""
    # Where no `.env` of a developer's is found.
    monkeypatch.chdir(tmp_path)
    servers = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "DATA_DIR": str(tmp_path)}

    @asynccontextmanager
    async def started(**settings: str) -> AsyncGenerator[Platform]:
        with configured(monkeypatch, {**FAST, **servers, **settings}):
            async with running() as platform:
                yield platform

    return started


@pytest.fixture(params=["postgresql", "rabbitmq"])
async def start_on_each_carrier(
    request: pytest.FixtureRequest, start: Start
) -> AsyncGenerator[Start]:
    """The same, once on each carrier of messages."""
    if request.param == "postgresql":
        yield start
        return
    url: str = request.getfixturevalue("rabbitmq_url")
    queues = private_queues("flow")

    @asynccontextmanager
    async def started(**settings: str) -> AsyncGenerator[Platform]:
        async with start(**queues, RABBITMQ_URL=url, **settings) as platform:
            yield platform
            for queue in queues.values():
                assert await platform.metric("aip_messages_by_fallback_total", queue=queue) == 0

    yield started
    await delete_queues(url, *queues.values())


@pytest.fixture
async def platform(start: Start) -> AsyncGenerator[Platform]:
    """A platform as it comes; PostgreSQL carries the messages."""
    async with start() as platform:
        yield platform


@pytest.fixture
async def on_each_carrier(start_on_each_carrier: Start) -> AsyncGenerator[Platform]:
    """A platform as it comes, once on each carrier of messages."""
    async with start_on_each_carrier() as platform:
        yield platform


@pytest.fixture
async def provider() -> AsyncGenerator[Provider]:
    """A model provider for LLM configs to lead to."""
    async with a_provider() as provider:
        yield provider


@pytest.fixture
def elsewhere() -> Iterator[BackgroundLoop]:
    """A loop for servers that must answer while the test's own loop is busy."""
    loop = BackgroundLoop("elsewhere")
    yield loop
    loop.close()


@pytest.fixture
def receiver(elsewhere: BackgroundLoop, tmp_path: Path) -> Iterator[Receiver]:
    """Where callbacks go."""
    receiver = Receiver(elsewhere, tmp_path / "receiver.jsonl")
    yield receiver
    receiver.close()


@pytest.fixture
def collector(elsewhere: BackgroundLoop) -> Iterator[Collector]:
    """Where traces go."""
    collector = Collector(elsewhere)
    yield collector
    collector.close()


@pytest.fixture
def start_traced(start_on_each_carrier: Start, collector: Collector) -> Start:
    """Starts a platform, on each carrier, whose traces go to `collector` at once."""
    return partial(
        start_on_each_carrier,
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        OTEL_BSP_SCHEDULE_DELAY="50",
    )
