"""Where shops are kept: in memory, or in PostgreSQL; tests that ask for `crm` run on both."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio

from shared.infrastructure.database import Sessions
from tests.crm_chatbot.builders import NOON
from tests.crm_chatbot.fakes import MemoryCrm
from tests.crm_chatbot.running import Running, running
from tests.crm_chatbot.stores import Crm, SqlCrm
from tests.databases import WorkerDatabase
from tests.hints import RedisDatabase


@pytest.fixture
def memory() -> MemoryCrm:
    return MemoryCrm(NOON)


@pytest.fixture
def postgres(sessions: Sessions) -> SqlCrm:
    return SqlCrm(sessions)


@pytest.fixture(params=["memory", "postgres"])
def crm(request: pytest.FixtureRequest) -> Crm:
    found: Crm = request.getfixturevalue(request.param)
    return found


@pytest.fixture
async def api(database_url: str, redis_url: str, tmp_path: Path) -> AsyncGenerator[Running]:
    """crm_chatbot's API, and two shops: `tenant`'s and `other`'s."""
    async with running(database_url, redis_url, tmp_path) as service:
        yield service


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
    async with running(worker_database.url, worker_redis.url, data_dir) as service:
        yield service
