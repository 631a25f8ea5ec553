"""The references' table and schemas: asyncpg by itself, which is the fastest way there is."""

# pyright: basic
# (asyncpg has no types)

import os
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import asyncpg  # type: ignore[import-untyped]  # it ships no types
from pydantic import BaseModel, StringConstraints
from uuid_utils.compat import uuid7

DATABASE_URL = "BENCH_DATABASE_URL"

TABLE = """
    CREATE TABLE IF NOT EXISTS jobs (
        id uuid PRIMARY KEY,
        status text NOT NULL,
        prompt text NOT NULL,
        config_name text NOT NULL,
        template_name text NOT NULL,
        result text,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )"""


class SubmitJob(BaseModel):
    prompt: Annotated[str, StringConstraints(min_length=1, max_length=32_000)]
    config_name: str = "default-smart"
    template_name: str = "default-assistant"


class JobAccepted(BaseModel):
    job_id: UUID
    status: str


class JobView(BaseModel):
    job_id: UUID
    status: str
    prompt: str
    config_name: str
    template_name: str
    result: str | None
    created_at: datetime
    updated_at: datetime


class Jobs:
    """Opened by whoever uses it, in the loop that uses it; ten connections, as the platform has."""

    _pool: Any

    async def open(self) -> None:
        self._pool = await asyncpg.create_pool(os.environ[DATABASE_URL], min_size=10, max_size=10)
        await self._pool.execute(TABLE)

    async def close(self) -> None:
        await self._pool.close()

    async def add(self, asked: SubmitJob) -> UUID:
        """One INSERT, committed."""
        job_id = uuid7()
        await self._pool.execute(
            "INSERT INTO jobs (id, status, prompt, config_name, template_name) "
            "VALUES ($1, 'QUEUED', $2, $3, $4)",
            job_id,
            asked.prompt,
            asked.config_name,
            asked.template_name,
        )
        return job_id

    async def finish(self, job_id: UUID, result: str) -> None:
        await self._pool.execute(
            "UPDATE jobs SET status = 'COMPLETED', result = $2, updated_at = clock_timestamp() "
            "WHERE id = $1",
            job_id,
            result,
        )

    async def find(self, job_id: UUID) -> JobView | None:
        row = await self._pool.fetchrow("SELECT id AS job_id, * FROM jobs WHERE id = $1", job_id)
        return JobView.model_validate(dict(row)) if row else None
