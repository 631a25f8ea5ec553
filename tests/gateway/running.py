"""A gateway that runs as it would alone, and people with keys who call it."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from gateway.application import Application
from gateway.domain.job import JobId, Owner
from gateway.wiring import SERVICE
from shared.interface.service import Service
from tests.gateway.builders import OTHER_TENANT, TENANT
from tests.served import NOTHING, Served, served

JOBS = "/v1/jobs"
HAIKU = {"prompt": "Write a haiku about programming"}


class Running(Served):
    """The application, and the keys of those who may call it."""

    @property
    def menu(self) -> Application:
        menu: Application = self.app.state.gateway
        return menu

    async def job(self, *, owner: Owner = TENANT, **request: Any) -> JobId:
        """A job that was submitted by somebody."""
        who = {None: "platform", TENANT: "tenant", OTHER_TENANT: "other"}[owner]
        async with self.client(who) as client:
            answer = await client.post(JOBS, json={**HAIKU, **request})
        assert answer.status_code == 202, answer.text
        return JobId(UUID(answer.json()["job_id"]))


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
    async with served(
        services, database_url, redis_url, data_dir, environment=environment
    ) as gateway:
        yield Running(gateway.app, gateway.keys)
