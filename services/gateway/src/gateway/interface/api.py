"""`/v1/jobs`: submit, look, list, cancel, watch."""

import hashlib
from collections.abc import AsyncGenerator
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import Depends, Header, Query, Request, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

from gateway.application import Application
from gateway.application.ports import Once
from gateway.application.rendering import as_bytes, job_view
from gateway.application.watching import Seen, StatusSeen
from gateway.domain.job import Job, JobId, Owner
from gateway.interface.views import (
    JobAccepted,
    JobListQuery,
    JobPage,
    JobView,
    SubmitJob,
)
from shared import metrics
from shared.interface.access import AnyCaller, Caller, WritingCaller
from shared.interface.parameters import Id, IdempotencyKey
from shared.interface.problems import Problem
from shared.interface.routes import api_router

router = api_router("/v1/jobs", tag="jobs")


def application(request: Request) -> Application:
    app: Application = request.app.state.gateway
    return app


App = Annotated[Application, Depends(application)]


@router.post(
    "",
    status_code=202,
    response_model=JobAccepted,
    summary="Submit a job",
)
async def submit_job(
    body: SubmitJob, app: App, caller: WritingCaller, key: IdempotencyKey
) -> Response:
    """Store a prompt for good and return at once; the job will end, one way or another.

    With an `Idempotency-Key`, asking again within 24 hours returns the first answer
    (`Idempotent-Replayed: true`) instead of making a second job.
    """
    if body.callback_url is not None:
        app.check_callback_url(body.callback_url)
    if not await app.budgets.has_room(("platform", caller.tenant_id)):
        raise Problem(429, "budget_exceeded", "Today's budget for language models is spent.")
    once = key and Once(f"{caller.tenant_id or 'platform'}:POST /v1/jobs", key, _hash_of(body))
    accepted = await app.jobs.submit(body.request(), owner=owner_of(caller), once=once or None)
    if accepted.is_replay:
        return _accepted(accepted.job_id, {"Idempotent-Replayed": "true"})
    metrics.jobs_accepted.labels(body.mode).inc()
    return _accepted(accepted.job_id, {"Location": f"/v1/jobs/{accepted.job_id}"})


@router.get("", response_model=JobPage, summary="List jobs")
async def list_jobs(
    app: App,
    caller: AnyCaller,
    wanted: Annotated[JobListQuery, Query()],
) -> Response:
    """The newest first. `next_cursor` leads to older ones; it is null on the last page."""
    context = f"jobs:{caller.tenant_id or 'platform'}"
    after: JobId | None = None
    if wanted.cursor is not None:
        after = JobId(UUID(str(app.cursors.decode(wanted.cursor, context=context)[0])))
    page = await app.read.page(
        wanted.filter(), owner=owner_of(caller), after=after, limit=wanted.limit
    )
    last = page.next_after
    return _json(
        {
            "jobs": [job_view(job) for job in page.jobs],
            "next_cursor": last and app.cursors.encode([str(last)], context=context),
        }
    )


@router.get("/{job_id}", response_model=JobView, summary="Look at a job")
async def get_job(job_id: Id, app: App, caller: AnyCaller) -> Response:
    """A job as it is now; what has ended never changes again."""
    job = await app.read.find(JobId(job_id), owner=owner_of(caller))
    return _json(await _full_view(app, job))


@router.post("/{job_id}/cancel", response_model=JobView, summary="Cancel a job")
async def cancel_job(job_id: Id, app: App, caller: WritingCaller) -> Response:
    """Give a job up. One that has ended already stays as it is: 409 `illegal_transition`."""
    return _json(job_view(await app.jobs.cancel(JobId(job_id), owner=owner_of(caller))))


@router.get(
    "/{job_id}/events",
    summary="Watch a job",
    response_class=EventSourceResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def watch_job(
    job_id: Id,
    app: App,
    caller: AnyCaller,
    last_event_id: Annotated[str | None, Header(max_length=64)] = None,
) -> EventSourceResponse:
    """Server-sent events until the job has ended.

    `status` (each change), `token` (`{"text", "attempt"}`, as the model writes), `restart` (a new
    attempt begins its answer afresh), and last `completed`, `failed` or `cancelled` with the
    whole job. Reconnecting with `Last-Event-ID` continues after those words.
    """
    owner = owner_of(caller)
    await app.read.find(JobId(job_id), owner=owner)
    after = last_event_id if last_event_id and _is_position(last_event_id) else "0-0"
    return EventSourceResponse(_events(app, JobId(job_id), owner, after), ping=15)


async def _events(
    app: Application, job_id: JobId, owner: Owner, after: str
) -> AsyncGenerator[ServerSentEvent]:
    position = after
    async for seen in app.watch.follow(job_id, owner=owner, after=after):
        position = position if isinstance(seen, StatusSeen) else seen.piece.position
        for name, data in _told(seen):
            yield ServerSentEvent(as_bytes(data).decode(), event=name, id=position)


def _told(seen: Seen) -> list[tuple[str, dict[str, Any]]]:
    if isinstance(seen, StatusSeen):
        job = seen.job
        if job.status.is_final:
            return [(job.status.lower(), job_view(job))]
        return [("status", {"job_id": job.id, "status": job.status})]
    piece = seen.piece
    words = ("token", {"text": piece.text, "attempt": piece.attempt})
    return [("restart", {"attempt": piece.attempt}), words] if seen.is_fresh_start else [words]


def owner_of(caller: Caller) -> Owner:
    """Whose jobs a caller makes and sees; the platform sees all, and its own have no tenant."""
    return caller.tenant_id


async def _full_view(app: Application, job: Job) -> dict[str, Any]:
    wants_callback = job.request.callback_url is not None and job.status.is_final
    return job_view(job, await app.read.callback(job.id) if wants_callback else None)


def _accepted(job_id: JobId, headers: dict[str, str]) -> Response:
    body = b'{"job_id":"%b","status":"QUEUED"}' % str(job_id).encode()
    return Response(body, 202, headers, media_type="application/json")


def _json(view: object) -> Response:
    return Response(as_bytes(view), media_type="application/json")


def _hash_of(body: SubmitJob) -> str:
    canonical = orjson.dumps(body.model_dump(), option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(canonical).hexdigest()


def _is_position(text: str) -> bool:
    parts = text.split("-")
    return len(parts) == 2 and all(part.isascii() and part.isdecimal() for part in parts)
