"""FastAPI + Taskiq on RabbitMQ, as its documentation has it; queue and exchange are durable.

The API is `uvicorn bench.reference.queued:app`, the worker `taskiq worker
bench.reference.queued:broker`. A message is acknowledged once its task has run (the default).
"""

# pyright: basic
# (Taskiq is installed for the bench only)

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import UUID

from fastapi import FastAPI, HTTPException
from taskiq import TaskiqEvents, TaskiqState
from taskiq_aio_pika import AioPikaBroker
from taskiq_aio_pika.exchange import Exchange
from taskiq_aio_pika.queue import Queue

from bench.reference.jobs import JobAccepted, Jobs, JobView, SubmitJob
from bench.reference.orm import OrmJobs

QUEUE = os.environ["BENCH_QUEUE"]
MODEL_DELAY_S = float(os.environ.get("BENCH_MODEL_DELAY_S", "0"))

STORES: dict[str, type[Jobs | OrmJobs]] = {"asyncpg": Jobs, "orm": OrmJobs}

jobs = STORES[os.environ["BENCH_STORE"]]()
broker = AioPikaBroker(
    os.environ["BENCH_RABBITMQ_URL"],
    # As many as may run at once: with its default of 10, no more than 10 ever would.
    qos=int(os.environ["BENCH_CONCURRENCY"]),
    exchange=Exchange(name=QUEUE),
    task_queues=[Queue(name=QUEUE)],
    dead_letter_queue=Queue(name=f"{QUEUE}.dead"),
)


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def open_store(_: TaskiqState) -> None:
    await jobs.open()


@broker.on_event(TaskiqEvents.WORKER_SHUTDOWN)
async def close_store(_: TaskiqState) -> None:
    await jobs.close()


@broker.task
async def answer(job_id: UUID, prompt: str) -> None:
    await asyncio.sleep(MODEL_DELAY_S)
    await jobs.finish(job_id, f"You said: {prompt}")


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
    await jobs.open()
    await broker.startup()
    yield
    await broker.shutdown()
    await jobs.close()


app = FastAPI(lifespan=lifespan)


@app.get("/health/ready")
async def look_at_readiness() -> dict[str, str]:
    return {"status": "ready"}


@app.post("/v1/jobs", status_code=202)
async def submit_job(body: SubmitJob) -> JobAccepted:
    job_id = await jobs.add(body)
    await answer.kiq(job_id, body.prompt)
    return JobAccepted(job_id=job_id, status="QUEUED")


@app.get("/v1/jobs/{job_id}")
async def get_job(job_id: UUID) -> JobView:
    if job := await jobs.find(job_id):
        return job
    raise HTTPException(404)
