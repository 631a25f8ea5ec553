"""`/v1/jobs`: submit, look, list, cancel, watch."""

import hashlib
import re
from collections.abc import AsyncGenerator
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import Depends, Header, Query, Request, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

from gateway.application import Application
from gateway.application.jobs import Accepted
from gateway.application.ports import Once
from gateway.application.rendering import as_bytes, job_view
from gateway.application.watching import BEGINNING, Place, WordsSeen
from gateway.domain.job import Job, JobId, Owner
from gateway.interface.views import (
    EVENT_SCHEMA,
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

#: A place in a job's words, as an event's id: position, then attempt.
_EVENT_ID = re.compile(r"([0-9]{1,19}-[0-9]{1,19})\.([0-9]{1,9})")


async def application(request: Request) -> Application:
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
    once = None if key is None else Once(_scope_of(caller), key, _hash_of(body))
    if once is not None and (before := await app.jobs.accepted_before(once)):
        return _accepted(before)
    if body.callback_url is not None:
        app.check_callback_url(body.callback_url)
    if not await app.budgets.has_room(("platform", caller.tenant_id)):
        raise Problem(429, "budget_exceeded", "Today's budget for language models is spent.")
    accepted = await app.jobs.submit(body.request(), owner=owner_of(caller), once=once)
    if not accepted.is_replay:
        metrics.jobs_accepted.labels(body.mode).inc()
    return _accepted(accepted)


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


@router.get(
    "/{job_id}",
    response_model=JobView,
    summary="Look at a job",
    responses={304: {"description": "It is as it was when you got that `ETag`."}},
)
async def get_job(
    job_id: Id,
    app: App,
    caller: AnyCaller,
    if_none_match: Annotated[str | None, Header(description="The `ETag` that you have.")] = None,
) -> Response:
    """A job as it is now; what has ended never changes again."""
    job = await app.read.find(JobId(job_id), owner=owner_of(caller))
    body = as_bytes(await _full_view(app, job))
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    if if_none_match is not None and tag in if_none_match:
        return Response(status_code=304, headers={"ETag": tag})
    return Response(body, headers={"ETag": tag}, media_type="application/json")


@router.post("/{job_id}/cancel", response_model=JobView, summary="Cancel a job")
async def cancel_job(job_id: Id, app: App, caller: WritingCaller) -> Response:
    """Give a job up. One that has ended already stays as it is: 409 `illegal_transition`."""
    job = await app.jobs.cancel(JobId(job_id), owner=owner_of(caller))
    return _json(await _full_view(app, job))


@router.get(
    "/{job_id}/events",
    summary="Watch a job",
    response_class=EventSourceResponse,
    responses={200: {"content": {"text/event-stream": {"schema": EVENT_SCHEMA}}}},
)
async def watch_job(
    job_id: Id,
    app: App,
    caller: AnyCaller,
    last_event_id: Annotated[str | None, Header()] = None,
) -> EventSourceResponse:
    """Server-sent events until the job has ended.

    `status` (each change), `token` (`{"text", "attempt"}`, as the model writes), `restart` (a new
    attempt begins its answer afresh), and last `completed`, `failed` or `cancelled` with the
    whole job. Reconnecting with `Last-Event-ID` continues after those words.
    """
    owner = owner_of(caller)
    await app.read.find(JobId(job_id), owner=owner)
    events = _events(app, JobId(job_id), owner, _place_in(last_event_id or ""))
    return EventSourceResponse(events, ping=15)


async def _events(
    app: Application, job_id: JobId, owner: Owner, after: Place
) -> AsyncGenerator[ServerSentEvent]:
    place = after
    async for seen in app.watch.follow(job_id, owner=owner, after=after):
        if isinstance(seen, WordsSeen):
            if seen.is_fresh_start:
                # Still the old place: whoever hears only this must hear the words after it, too.
                yield _event("restart", {"attempt": seen.piece.attempt}, place)
            place = seen.place
            yield _event("token", {"text": seen.piece.text, "attempt": place.attempt}, place)
        elif seen.job.status.is_final:
            yield _event(seen.job.status.lower(), job_view(seen.job), place)
        else:
            yield _event("status", {"job_id": job_id, "status": seen.job.status}, place)


def _event(name: str, told: dict[str, Any], place: Place) -> ServerSentEvent:
    return ServerSentEvent(
        as_bytes(told).decode(), event=name, id=f"{place.position}.{place.attempt}"
    )


def _place_in(last_event_id: str) -> Place:
    found = _EVENT_ID.fullmatch(last_event_id)
    return Place(found[1], int(found[2])) if found else BEGINNING


def owner_of(caller: Caller) -> Owner:
    """Whose jobs a caller makes and sees; the platform sees all, and its own have no tenant."""
    return caller.tenant_id


async def _full_view(app: Application, job: Job) -> dict[str, Any]:
    wants_callback = job.request.callback_url is not None and job.status.is_final
    return job_view(job, await app.read.callback(job.id) if wants_callback else None)


def _accepted(accepted: Accepted) -> Response:
    body = b'{"job_id":"%b","status":"QUEUED"}' % str(accepted.job_id).encode()
    headers = {"Location": f"/v1/jobs/{accepted.job_id}"}
    if accepted.is_replay:
        headers["Idempotent-Replayed"] = "true"
    return Response(body, 202, headers, media_type="application/json")


def _json(view: object) -> Response:
    return Response(as_bytes(view), media_type="application/json")


def _scope_of(caller: Caller) -> str:
    return f"{caller.tenant_id or 'platform'}:POST /v1/jobs"


def _hash_of(body: SubmitJob) -> str:
    canonical = orjson.dumps(body.model_dump(), option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(canonical).hexdigest()
