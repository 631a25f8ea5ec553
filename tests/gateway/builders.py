"""Jobs as tests speak of them: `a_job(JobStatus.COMPLETED)`."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from gateway.domain.job import (
    Answer,
    Failure,
    Job,
    JobId,
    JobStatus,
    Owner,
    Prompt,
    Request,
    Spent,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(seconds=5)
TENANT = UUID("00000000-0000-4000-8000-00000000000a")
OTHER_TENANT = UUID("00000000-0000-4000-8000-00000000000b")

ANSWER = Answer(
    result="Code flows like water",
    agent="main",
    provider="openai",
    model="gpt-4o-mini",
    moderation="passed",
)
SPENT = Spent(attempts=2, model_calls=3, input_tokens=40, output_tokens=50, cost_micro_usd=60)
FAILURE = Failure("llm_unavailable", "Nobody answered.")


def a_request(prompt: str = "Write a haiku about programming", **changes: Any) -> Request:
    return Request(prompt=Prompt(prompt), **changes)


def a_full_request() -> Request:
    """Every field differs from its default."""
    return a_request(
        config_name="a-config",
        template_name="a-template",
        variables={"name": "Ani"},
        mode="multi_agent",
        needs_moderation=True,
        thread_id="thread-1",
        metadata={"order": 7, "tags": ["a", None]},
        callback_url="https://example.com/hook",
    )


def a_job(
    status: JobStatus = JobStatus.QUEUED,
    *,
    request: Request | None = None,
    owner: Owner = None,
    now: datetime = NOON,
) -> Job:
    """A job that came to its status in the usual way; nothing of it is announced any more."""
    job = Job.submit(
        JobId(uuid7()), request or a_request(), owner=owner, now=now, patience=timedelta(minutes=10)
    )
    if status in {JobStatus.PROCESSING, JobStatus.COMPLETED, JobStatus.FAILED}:
        job.start(LATER)
    if status is JobStatus.COMPLETED:
        job.complete(ANSWER, SPENT, LATER)
    if status is JobStatus.FAILED:
        job.fail(FAILURE, SPENT, LATER)
    if status is JobStatus.CANCELLED:
        job.cancel(LATER)
    job.release_events()
    return job
