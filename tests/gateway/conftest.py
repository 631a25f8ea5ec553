"""Where jobs are kept: in memory, or in PostgreSQL; tests that ask for `gateway` run on both."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from gateway.application.jobs import JobService
from shared.infrastructure.database import Sessions
from tests.gateway.builders import NOON
from tests.gateway.fakes import MemoryGateway
from tests.gateway.running import Running, running
from tests.gateway.stores import Gateway, SqlGateway, job_service


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
