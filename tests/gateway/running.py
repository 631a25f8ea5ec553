"""A gateway that runs as it would alone, and people with keys who call it."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from gateway.application import Application
from gateway.domain.job import JobId, Owner
from gateway.wiring import SERVICE
from shared import settings
from shared.ground import Ground
from shared.infrastructure.api_keys import ApiKeys, KeyScope
from shared.interface.service import Service, create_app
from tests.gateway.builders import OTHER_TENANT, TENANT
from tests.waiting import until

JOBS = "/v1/jobs"
HAIKU = {"prompt": "Write a haiku about programming"}
WITHIN_S = 10.0

NOTHING: Mapping[str, str] = {}
#: Whatever the machine's own environment says.
NOT_GIVEN = ("RABBITMQ_URL", "ENVIRONMENT", "ENCRYPTION_KEY", "LLM_DAILY_BUDGET_USD")


@dataclass(frozen=True)
class Running:
    """The application, and the keys of those who may call it."""

    app: FastAPI
    keys: Mapping[str, str]

    @property
    def menu(self) -> Application:
        menu: Application = self.app.state.gateway
        return menu

    @property
    def ground(self) -> Ground:
        ground: Ground = self.app.state.ground
        return ground

    def client(self, who: str = "tenant", *, url: str = "http://gateway") -> httpx.AsyncClient:
        """Somebody's client: one of `keys`, or `stranger`. With a URL of `serving`, over a wire."""
        is_here = url == "http://gateway"
        key = self.keys.get(who)
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=False)
            if is_here
            else None,
            base_url=url,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=WITHIN_S,
            trust_env=False,
        )

    def neighbour(self) -> httpx.AsyncClient:
        """Somebody on the same machine, without a key: what a developer's curl is."""
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=False),
            base_url="http://localhost:8000",
        )

    def _in_process(self) -> httpx.ASGITransport:
        return httpx.ASGITransport(self.app, raise_app_exceptions=False)

    async def job(self, *, owner: Owner = TENANT, **request: Any) -> JobId:
        """A job that was submitted by somebody."""
        who = {None: "platform", TENANT: "tenant", OTHER_TENANT: "other"}[owner]
        async with self.client(who) as client:
            answer = await client.post(JOBS, json={**HAIKU, **request})
        assert answer.status_code == 202, answer.text
        return JobId(UUID(answer.json()["job_id"]))


def said(answer: httpx.Response) -> str:
    """A refusal in short: `422 validation_failed #/prompt`."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem: dict[str, Any] = answer.json()
    assert set(problem) == {"type", "title", "status", "detail", "code", "request_id", "errors"}
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert problem["status"] == answer.status_code
    place = [f"#{error['pointer']}" for error in problem["errors"][:1]]
    return " ".join([str(answer.status_code), problem["code"], *place])


@asynccontextmanager
async def running(
    database_url: str,
    redis_url: str | None,
    data_dir: Path,
    *,
    services: Sequence[Service] = (SERVICE,),
    environment: Mapping[str, str] = NOTHING,
) -> AsyncGenerator[Running]:
    """Only its API, unless RUN says otherwise: then jobs stay as they are until a test acts."""
    with pytest.MonkeyPatch.context() as patch:
        for name in NOT_GIVEN:
            patch.delenv(name, raising=False)
        given = {"DATABASE_URL": database_url, "REDIS_URL": redis_url or "", "RUN": "api"}
        for name, value in {**given, "DATA_DIR": str(data_dir), **environment}.items():
            patch.setenv(name, value)
        patch.setattr(settings, "_loaded", {})
        app = create_app("test", services)
        async with app.router.lifespan_context(app):
            yield Running(app, await _keys(app))


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncGenerator[str]:
    """A real server on a free port: for streams, and for what only a wire can do."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started, "the server has started", within=WITHIN_S, every=0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await asyncio.wait_for(serving, WITHIN_S)


async def _keys(app: FastAPI) -> dict[str, str]:
    keys = ApiKeys(app.state.ground.sessions)
    wanted = {
        "platform": (KeyScope.PLATFORM, None),
        "tenant": (KeyScope.TENANT, TENANT),
        "reader": (KeyScope.TENANT_READ, TENANT),
        "other": (KeyScope.TENANT, OTHER_TENANT),
    }
    return {
        who: (await keys.create(who, scope, tenant_id)).secret
        for who, (scope, tenant_id) in wanted.items()
    }
