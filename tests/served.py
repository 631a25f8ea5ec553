"""A service's API as it would run alone, and people with keys who call it."""

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

from shared.ground import Ground
from shared.infrastructure.api_keys import ApiKeys, KeyScope
from shared.interface.service import Service, create_app
from tests.environment import configured
from tests.waiting import until

WITHIN_S = 10.0
HERE = "http://service"

TENANT = UUID("00000000-0000-4000-8000-00000000000a")
OTHER_TENANT = UUID("00000000-0000-4000-8000-00000000000b")

NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True)
class Served:
    """The application, and the keys of those who may call it."""

    app: FastAPI
    keys: Mapping[str, str]

    @property
    def ground(self) -> Ground:
        ground: Ground = self.app.state.ground
        return ground

    def client(self, who: str = "tenant", *, url: str = HERE) -> httpx.AsyncClient:
        """Somebody's client: one of `keys`, or `stranger`. With another URL, over a wire."""
        key = self.keys.get(who)
        return httpx.AsyncClient(
            transport=self._in_process() if url == HERE else None,
            base_url=url,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=WITHIN_S,
            trust_env=False,
        )

    def neighbour(self) -> httpx.AsyncClient:
        """Somebody on the same machine, without a key: what a developer's curl is."""
        return httpx.AsyncClient(transport=self._in_process(), base_url="http://localhost:8000")

    def _in_process(self) -> httpx.ASGITransport:
        return httpx.ASGITransport(self.app, raise_app_exceptions=False)


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
async def served(
    services: Sequence[Service],
    database_url: str,
    redis_url: str | None,
    data_dir: Path,
    *,
    environment: Mapping[str, str] = NOTHING,
) -> AsyncGenerator[Served]:
    """Only its API, unless RUN says otherwise: then nothing happens but what a test does."""
    given = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url or "",
        "RUN": "api",
        "DATA_DIR": str(data_dir),
    }
    with pytest.MonkeyPatch.context() as patch, configured(patch, given | dict(environment)):
        app = create_app("test", services)
        async with app.router.lifespan_context(app):
            yield Served(app, await _keys(app))


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
