"""A bare FastAPI endpoint that does one INSERT: as little as any accept that keeps its word."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from bench.reference.jobs import JobAccepted, Jobs, SubmitJob

jobs = Jobs()


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
    await jobs.open()
    yield
    await jobs.close()


app = FastAPI(lifespan=lifespan)


@app.get("/health/ready")
async def look_at_readiness() -> dict[str, str]:
    return {"status": "ready"}


@app.post("/v1/jobs", status_code=202)
async def submit_job(body: SubmitJob) -> JobAccepted:
    return JobAccepted(job_id=await jobs.add(body), status="QUEUED")
