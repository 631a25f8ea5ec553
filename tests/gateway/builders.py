"""Jobs as tests speak of them: `a_job(JobStatus.COMPLETED)`."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from gateway.application.ports import Once
from gateway.domain.callback import Callback, CallbackId
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
from shared.contracts import PromptCompleted, PromptFailed, Usage

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(seconds=5)
TENANT = UUID("00000000-0000-4000-8000-00000000000a")
OTHER_TENANT = UUID("00000000-0000-4000-8000-00000000000b")
PATIENCE = timedelta(minutes=10)
HOOK = "https://example.com/hook"

ANSWER = Answer(
    result="Code flows like water",
    agent="main",
    provider="openai",
    model="gpt-4o-mini",
    moderation="passed",
)
SPENT = Spent(attempts=2, model_calls=3, input_tokens=40, output_tokens=50, cost_micro_usd=60)
USAGE = Usage(model_calls=3, input_tokens=40, output_tokens=50, cost_micro_usd=60)
FAILURE = Failure("llm_unavailable", "Nobody answered.")
TRACE = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}


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
        metadata={"order": 7, "tags": ["a", None], "☕": {"nested": 1.5}},
        callback_url=HOOK,
    )


def a_job(
    status: JobStatus = JobStatus.QUEUED,
    *,
    request: Request | None = None,
    owner: Owner = None,
    now: datetime = NOON,
) -> Job:
    """A job that came to its status in the usual way; nothing of it is announced any more."""
    job = a_new_job(request=request, owner=owner, now=now)
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


def a_new_job(*, request: Request | None = None, owner: Owner = None, now: datetime = NOON) -> Job:
    """One that was submitted just now: nobody was told yet."""
    return Job.submit(
        JobId(uuid7()), request or a_request(), owner=owner, now=now, patience=PATIENCE
    )


def a_callback(
    url: str = HOOK, *, job: Job | None = None, available_at: datetime = NOON
) -> Callback:
    job = job or a_job(JobStatus.COMPLETED)
    return Callback(
        id=CallbackId(uuid7()),
        job_id=job.id,
        owner=job.owner,
        url=url,
        available_at=available_at,
    )


def once(key: str = "k", *, scope: str = "platform:POST /v1/jobs", request: str = "r") -> Once:
    return Once(scope, key, request)


def completed(job_id: UUID, **changes: Any) -> PromptCompleted:
    """What ai_engine says when it has ANSWER."""
    facts: dict[str, Any] = {
        "job_id": job_id,
        "result": ANSWER.result,
        "agent": ANSWER.agent,
        "provider": ANSWER.provider,
        "model": ANSWER.model,
        "moderation": ANSWER.moderation,
        "usage": USAGE,
        "attempts": SPENT.attempts,
    }
    return PromptCompleted(**facts | changes)


def failed(job_id: UUID, **changes: Any) -> PromptFailed:
    """What ai_engine says when it has FAILURE."""
    facts: dict[str, Any] = {
        "job_id": job_id,
        "code": FAILURE.code,
        "detail": FAILURE.detail,
        "usage": USAGE,
        "attempts": SPENT.attempts,
    }
    return PromptFailed(**facts | changes)


def state(thing: object) -> dict[str, Any]:
    """Every field: what aggregates consist of, which are only ever equal to themselves."""
    return {name: value for name, value in vars(thing).items() if not name.startswith("_")}
