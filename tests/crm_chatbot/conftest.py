"""Where shops are kept: in memory, or in PostgreSQL; tests that ask for `crm` run on both."""

import pytest

from shared.infrastructure.database import Sessions
from tests.crm_chatbot.builders import NOON
from tests.crm_chatbot.fakes import MemoryCrm
from tests.crm_chatbot.stores import Crm, SqlCrm


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
