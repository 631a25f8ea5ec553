"""Whatever the whole platform's API is sent, its answer is one that its documentation names."""

# schemathesis leaves the type parameters of its own classes open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.openapi import from_dict
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ai_engine.wiring import SERVICE as AI_ENGINE
from gateway.wiring import SERVICE as GATEWAY
from shared.infrastructure.database import transaction
from tests.background import BackgroundLoop
from tests.gateway.builders import completed
from tests.gateway.running import JOBS, Running, running
from tests.served import serving

KEPT = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
Case = schemathesis.Case[Any]

#: for each route
EXAMPLES = 6
SLOWEST_S = 10.0
SOME = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@dataclass(frozen=True)
class Platform:
    """Every service in one process, in a thread of its own: schemathesis asks and waits."""

    loop: BackgroundLoop
    running: Running
    url: str


@asynccontextmanager
async def whole_platform(
    database_url: str, redis_url: str, data_dir: Path
) -> AsyncGenerator[tuple[Running, str]]:
    services = (GATEWAY, AI_ENGINE)
    async with running(database_url, redis_url, data_dir, services=services) as platform:
        async with transaction(platform.ground.sessions) as session:
            for seed in AI_ENGINE.seeds:
                await seed(session)
        async with serving(platform.app) as url:
            yield platform, url


@pytest.fixture
def platform(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Platform]:
    loop, opened = BackgroundLoop("platform"), AsyncExitStack()
    entering = opened.enter_async_context(whole_platform(database_url, redis_url, tmp_path))
    yield Platform(loop, *loop.run(entering))
    loop.run(opened.aclose())
    loop.close()


def meant(case: Case, job_id: UUID) -> None:
    """Turn a request into one about what is there; what was asked of it stays as strange."""
    of_configs = "llm-configs" in case.operation.path
    there = {
        "job_id": str(job_id),
        "name": "default-smart" if of_configs else "default-assistant",
        "agent_type": "main",
        "scope": "platform",
    }
    case.path_parameters.update({name: there[name] for name in case.path_parameters})
    if case.operation.path == JOBS and isinstance(case.body, dict):
        for name in ("config_name", "template_name", "variables", "callback_url"):
            case.body.pop(name, None)


async def a_finished_job(platform: Running) -> UUID:
    job_id = await platform.job()
    await platform.menu.jobs.completed([completed(job_id)])
    return job_id


@pytest.mark.slow
@pytest.mark.parametrize("is_meant", [False, True])
def test_no_request_is_too_strange(platform: Platform, is_meant: bool) -> None:
    key = {"Authorization": f"Bearer {platform.running.keys['platform']}"}
    job_id = platform.loop.run(a_finished_job(platform.running))

    for found in from_dict(platform.running.app.openapi()).get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()

        @SOME
        @given(case=operation.as_strategy())
        def ask(case: Case) -> None:
            if is_meant:
                meant(case, job_id)
            answer = case.call(base_url=platform.url, headers=key, timeout=SLOWEST_S)
            case.validate_response(answer, checks=KEPT)

        ask()
