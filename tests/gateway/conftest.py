"""Where jobs are kept: in memory, or in PostgreSQL; tests that ask for `gateway` run on both."""

from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.application.jobs import JobService
from shared.infrastructure.database import Sessions
from tests.background import BackgroundLoop
from tests.chaos.receiver import Receiver
from tests.databases import WorkerDatabase
from tests.gateway.builders import NOON
from tests.gateway.fakes import MemoryGateway
from tests.gateway.running import Running, running
from tests.gateway.stores import Gateway, SqlGateway, job_service
from tests.hints import RedisDatabase


@pytest.fixture
def memory() -> MemoryGateway:
    return MemoryGateway(NOON)


@pytest.fixture
def postgres(sessions: Sessions) -> SqlGateway:
    return SqlGateway(sessions)


@pytest.fixture(params=["memory", "postgres"])
def gateway(request: pytest.FixtureRequest) -> Gateway:
    found: Gateway = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def jobs(memory: MemoryGateway) -> JobService:
    """What can be done with the jobs in `memory`."""
    return job_service(memory.open_work, memory.clock)


@pytest.fixture
async def api(database_url: str, redis_url: str, tmp_path: Path) -> AsyncGenerator[Running]:
    """A gateway of which only the API runs: jobs stay as they are until a test does something."""
    async with running(database_url, redis_url, tmp_path) as gateway:
        yield gateway


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lasting(
    worker_database: WorkerDatabase,
    worker_redis: RedisDatabase,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncGenerator[Running]:
    """The same for all tests of a module that leave nothing behind; they run on one loop."""
    worker_database.empty()
    worker_redis.empty()
    data_dir = tmp_path_factory.mktemp("lasting")
    async with running(worker_database.url, worker_redis.url, data_dir) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def receivers() -> Iterator[BackgroundLoop]:
    loop = BackgroundLoop("receivers")
    yield loop
    loop.close()


@pytest.fixture
def receiver(receivers: BackgroundLoop, tmp_path: Path) -> Iterator[Receiver]:
    """Where callbacks go to; it answers them as it is told."""
    receiver = Receiver(receivers, tmp_path / "received.jsonl")
    yield receiver
    receiver.close()
