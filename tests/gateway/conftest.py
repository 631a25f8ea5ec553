"""Where jobs are kept: in memory, or in PostgreSQL; tests that ask for `gateway` run on both."""

import pytest

from gateway.application.jobs import JobService
from shared.infrastructure.database import Sessions
from tests.gateway.builders import NOON
from tests.gateway.fakes import MemoryGateway
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
