"""The whole platform in the test's own loop, and what a client may do with it over real HTTP."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
import uvicorn
from prometheus_client import REGISTRY

from shared.interface.service import create_app
from shared.interface.serving import server_for
from standalone.services import SERVICES
from tests.waiting import until

#: The product's own numbers, only smaller: same code, faster clocks.
FAST = {
    "HEARTBEAT_EVERY_S": "0.2",
    # A busy machine is not what is tried here.
    "REDIS_TIMEOUT_S": "3",
    "WORKER_DEAD_AFTER_S": "5",
    "SWEEP_EVERY_S": "0.2",
    "RETRY_BASE_S": "0.05",
    "JOB_DEADLINE_S": "30",
    "DRAIN_S": "1",
    "CALLBACK_TIMEOUT_S": "2",
    "CALLBACK_RETRY_BASE_S": "0.05",
    "CALLBACK_ALLOW_HTTP": "true",
    "CALLBACK_ALLOWED_HOSTS": "127.0.0.1",
    "LOG_LEVEL": "DEBUG",
    "LLM_TEST_KEY": "any-key",
    "LLM_WRONG_KEY": "wrong-key",
}
FINAL = {"COMPLETED", "FAILED", "CANCELLED"}

Job = dict[str, Any]


@dataclass(frozen=True)
class Event:
    """One server-sent event, and when it was heard (a monotonic clock)."""

    name: str
    data: Job
    id: str
    at: float


@dataclass(frozen=True)
class Platform:
    """A running platform, as its clients see it."""

    http: httpx.AsyncClient

    async def submit(self, prompt: str, **wanted: Any) -> str:
        """The id of a job that was accepted."""
        answer = await self.http.post("/v1/jobs", json={"prompt": prompt, **wanted})
        assert answer.status_code == 202, answer.text
        assert answer.json()["status"] == "QUEUED"
        return str(answer.json()["job_id"])

    async def job(self, job_id: str) -> Job:
        answer = await self.http.get(f"/v1/jobs/{job_id}")
        assert answer.status_code == 200, answer.text
        job: Job = answer.json()
        return job

    async def ended(self, job_id: str, *, within: float = 10.0) -> Job:
        """The job, once it has come to its end."""
        job: Job = {}

        async def has_ended() -> bool:
            nonlocal job
            job = await self.job(job_id)
            return job["status"] in FINAL

        await until(has_ended, f"job {job_id} has ended", within=within, every=0.02)
        return job

    async def answered(self, prompt: str, *, within: float = 10.0, **wanted: Any) -> Job:
        """Submit, and wait for the end."""
        return await self.ended(await self.submit(prompt, **wanted), within=within)

    async def all_answered(
        self, prompts: Sequence[str], *, within: float = 10.0, **wanted: Any
    ) -> list[Job]:
        """The same for several at a time."""
        ids = [await self.submit(prompt, **wanted) for prompt in prompts]
        return [await self.ended(job_id, within=within) for job_id in ids]

    async def watch(self, job_id: str) -> AsyncGenerator[Event]:
        """What happens to a job, as it happens, until the stream ends by itself."""
        field: dict[str, str] = {}
        async with self.http.stream("GET", f"/v1/jobs/{job_id}/events") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            async for line in stream.aiter_lines():
                name, _, value = line.partition(": ")
                field[name] = value
                if not line and "data" in field:
                    data: Job = orjson.loads(field["data"])
                    yield Event(field["event"], data, field["id"], time.monotonic())
                    field = {}

    async def watched(self, job_id: str, *, within: float = 10.0) -> list[Event]:
        """Every event of a job, from now to its end."""
        async with asyncio.timeout(within):
            return [event async for event in self.watch(job_id)]

    async def configure(self, name: str, **config: Any) -> None:
        """Add an LLM config."""
        answer = await self.http.post("/v1/llm-configs", json={"name": name, **config})
        assert answer.status_code == 201, answer.text

    async def usage(self, **wanted: str) -> list[dict[str, Any]]:
        answer = await self.http.get("/v1/usage", params=wanted)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["usage"]
        return found

    async def metric(self, name: str, **labels: str) -> float:
        """A number as `/metrics` tells it now; nought where it was never counted."""
        assert (await self.http.get("/metrics")).status_code == 200
        return REGISTRY.get_sample_value(name, labels) or 0.0


Start = Callable[..., AbstractAsyncContextManager[Platform]]


@asynccontextmanager
async def running() -> AsyncGenerator[Platform]:
    """The all-in-one application behind the product's own server, configured as it is now."""
    app = create_app("AI Platform", SERVICES)
    server = server_for(app, default_port=8_000)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(_serve(server, listener))
        try:
            await until(
                lambda: server.started or serving.done(), "it serves", within=20, every=0.01
            )
            assert server.started, "the log says why not"
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            async with httpx.AsyncClient(base_url=url, timeout=15) as http:
                yield Platform(http)
        finally:
            server.should_exit = True
            async with asyncio.timeout(15):
                await serving


async def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    # Not `serve`: the signals of the test's process stay the test runner's.
    with contextlib.suppress(SystemExit):
        await server._serve([listener])
