"""Jobs in PostgreSQL: whole batches in one statement each, announced in the same transaction."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    RowMapping,
    Select,
    Uuid,
    any_,
    bindparam,
    literal,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.application.announcements import message_about, process_prompt
from gateway.application.ports import OpenWork, Page, Work
from gateway.domain.callback import Callback
from gateway.domain.job import (
    Answer,
    Failure,
    Job,
    JobFilter,
    JobId,
    JobNotFound,
    JobStatus,
    Owner,
    Prompt,
    Request,
    Spent,
)
from gateway.infrastructure.callback_store import SqlCallbacks, callback_of
from gateway.infrastructure.idempotency import SqlIdempotency
from gateway.infrastructure.tables import SCHEMA, callbacks, jobs
from shared.batching import Gather
from shared.contracts import Message
from shared.infrastructure.database import (
    Sessions,
    as_json,
    one_statement,
    reading,
    transaction,
)
from shared.infrastructure.outbox import (
    Envelope,
    HandOver,
    announce,
    as_told,
    into_outbox,
    outgoing,
)
from shared.messaging import Outgoing

Columns = RowMapping

_CHANGES = (
    *("status", "result", "agent", "provider", "model", "moderation"),
    *("failure_code", "failure_detail", "attempts", "model_calls"),
    *("input_tokens", "output_tokens", "cost_micro_usd", "updated_at"),
)
_ADDED = (
    *("id", "tenant_id", "prompt", "config_name", "template_name", "variables", "mode"),
    *("needs_moderation", "thread_id", "metadata", "callback_url"),
    *("created_at", "deadline_at", "trace", "ask_at", "asks"),
    *_CHANGES,
)
_ADD = text(f"""
    WITH told AS ({into_outbox(SCHEMA)})
    INSERT INTO gateway.jobs ({", ".join(_ADDED)}) SELECT {", ".join(_ADDED)}
      FROM json_populate_recordset(NULL::gateway.jobs, CAST(:rows AS json))""")  # noqa: S608 - the column names above
_SAVE = text(f"""
    UPDATE gateway.jobs AS job SET {", ".join(f"{column} = new.{column}" for column in _CHANGES)}
      FROM json_populate_recordset(NULL::gateway.jobs, CAST(:rows AS json)) AS new
     WHERE job.id = new.id""")  # noqa: S608 - the column names above
_OVERDUE = text("""
    status IN ('QUEUED', 'PROCESSING')
    AND deadline_at < statement_timestamp() - CAST(:grace AS interval)""")
_ASK_AGAIN = text("""
    UPDATE gateway.jobs
       SET asks = asks + 1,
           ask_at = clock_timestamp()
                  + make_interval(secs => least(:patience * power(2, asks + 1), 300))
     WHERE id = ANY(ARRAY(
           SELECT id FROM gateway.jobs
            WHERE status IN ('QUEUED', 'PROCESSING') AND ask_at < statement_timestamp()
            ORDER BY ask_at LIMIT :most FOR UPDATE SKIP LOCKED))
    RETURNING id""")


class SqlJobs:
    """Honours gateway.domain.job.Jobs."""

    def __init__(
        self,
        session: AsyncSession,
        task_queue: str,
        reask_after: timedelta,
        said: list[Outgoing],
    ) -> None:
        """`said` takes note of what is announced."""
        self._session = session
        self._said = said
        self._task_queue = task_queue
        self._reask_after = reask_after

    async def add(self, new: Sequence[Job], /) -> None:
        if not new:
            return
        rows = [
            {**row_of(job), "ask_at": job.created_at + self._reask_after, "asks": 0} for job in new
        ]
        told = outgoing(self._envelopes(_news_of(new)))
        await self._session.execute(_ADD, {"rows": as_json(rows), "told": as_told(told)})
        self._said += told

    async def lock(self, ids: Sequence[JobId], /) -> Sequence[Job]:
        # Always in the order of ids: two batches that share jobs then wait instead of deadlocking.
        return await self._select(_every().where(_among(ids)).order_by(jobs.c.id))

    async def lock_one(self, job_id: JobId, /, *, owner: Owner) -> Job:
        for job in await self.lock([job_id]):
            if owner in {None, job.owner}:
                return job
        raise JobNotFound(job_id=job_id)

    async def save(self, changed: Sequence[Job], /) -> None:
        if changed:
            await self._session.execute(_SAVE, {"rows": as_json([row_of(job) for job in changed])})
            await self._tell(_news_of(changed))

    async def overdue(self, limit: int, /, *, grace: timedelta) -> Sequence[Job]:
        late = _every().where(_OVERDUE.bindparams(grace=grace)).order_by(jobs.c.deadline_at)
        return await self._select(late.limit(limit), skip_locked=True)

    async def ask_again(self, limit: int, /) -> int:
        patience = self._reask_after.total_seconds()
        rows = await self._session.execute(_ASK_AGAIN, {"patience": patience, "most": limit})
        unheard = await self._select(_every().where(_among([row.id for row in rows])))
        await self._tell([(process_prompt(job), job) for job in unheard])
        return len(unheard)

    async def _select(
        self, query: Select[tuple[Any, ...]], *, skip_locked: bool = False
    ) -> list[Job]:
        rows = await self._session.execute(query.with_for_update(skip_locked=skip_locked))
        return [job_of(row) for row in rows]

    async def _tell(self, news: Sequence[tuple[Message, Job]]) -> None:
        self._said += await announce(self._session, SCHEMA, self._envelopes(news))

    def _envelopes(self, news: Sequence[tuple[Message, Job]]) -> list[Envelope]:
        return [Envelope(self._task_queue, message, job.trace) for message, job in news]


def _news_of(changed: Sequence[Job]) -> list[tuple[Message, Job]]:
    """What ai_engine must hear of what has happened to these, once."""
    happened = [(event, job) for job in changed for event in job.release_events()]
    return [(message, job) for event, job in happened if (message := message_about(event))]


class SqlJobReader:
    """Honours gateway.application.ports.JobReader."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._together = Gather(self._look_up)

    async def find(self, job_id: JobId, /, *, owner: Owner) -> Job:
        job = await self._together(job_id)
        if job is None or owner not in {None, job.owner}:
            raise JobNotFound(job_id=job_id)
        return job

    async def many(self, ids: Sequence[JobId], /) -> Sequence[Job]:
        async with reading(self._sessions) as connection:
            return [job_of(row) for row in await connection.execute(_MANY, {"ids": list(ids)})]

    async def _look_up(self, ids: Sequence[JobId]) -> Sequence[Job | None]:
        """Jobs that are asked for at the same time share one query."""
        found = {job.id: job for job in await self.many(ids)}
        return [found.get(job_id) for job_id in ids]

    async def page(
        self, wanted: JobFilter, /, *, owner: Owner, after: JobId | None, limit: int
    ) -> Page:
        found = await self._read(newest_first(wanted, owner, after).limit(limit + 1))
        shown = found[:limit]
        return Page(shown, next_after=shown[-1].id if len(found) > limit else None)

    async def callback(self, job_id: JobId, /) -> Callback | None:
        async with reading(self._sessions) as connection:
            rows = await connection.execute(select(callbacks).where(callbacks.c.job_id == job_id))
            return next((callback_of(row) for row in rows), None)

    async def _read(self, query: Select[tuple[Any, ...]]) -> list[Job]:
        async with reading(self._sessions) as connection:
            return [job_of(row) for row in await connection.execute(query)]


def sql_work(
    sessions: Sessions,
    *,
    task_queue: str,
    reask_after_s: float,
    hand_over: HandOver = lambda _: None,
) -> OpenWork:
    """Transactions on PostgreSQL. `hand_over` gets what was announced, once it is committed."""

    @asynccontextmanager
    async def open_work(*, in_one_step: bool = False) -> AsyncGenerator[Work]:
        said: list[Outgoing] = []
        begin = one_statement if in_one_step else transaction
        async with begin(sessions) as session:
            yield Work(
                jobs=SqlJobs(session, task_queue, timedelta(seconds=reask_after_s), said),
                callbacks=SqlCallbacks(session),
                idempotency=SqlIdempotency(session),
            )
        hand_over(said)

    return open_work


_MANY = select(jobs).where(jobs.c.id == any_(bindparam("ids", type_=ARRAY(Uuid))))


def _every() -> Select[tuple[Any, ...]]:
    return select(jobs)


def _among(ids: Sequence[JobId]) -> ColumnElement[bool]:
    # One parameter for all of them: the driver takes 32,767, and a batch may hold more.
    return jobs.c.id == any_(literal(list(ids), ARRAY(Uuid)))


def newest_first(wanted: JobFilter, owner: Owner, after: JobId | None) -> Select[tuple[Any, ...]]:
    """The query behind a page, without its limit; a test reads its plan."""
    query = _matching(wanted, owner)
    if after is not None:
        edge = select(jobs.c.created_at, jobs.c.id).where(jobs.c.id == after)
        query = query.where(tuple_(jobs.c.created_at, jobs.c.id) < edge.scalar_subquery())
    return query.order_by(jobs.c.created_at.desc(), jobs.c.id.desc())


def _matching(wanted: JobFilter, owner: Owner) -> Select[tuple[Any, ...]]:
    query = _every()
    if owner is not None:
        query = query.where(jobs.c.tenant_id == owner)
    if wanted.status is not None:
        query = query.where(jobs.c.status == wanted.status)
    if wanted.thread_id is not None:
        query = query.where(jobs.c.thread_id == wanted.thread_id)
    if wanted.created_after is not None:
        query = query.where(jobs.c.created_at > wanted.created_after)
    if wanted.created_before is not None:
        query = query.where(jobs.c.created_at < wanted.created_before)
    return query


def row_of(job: Job) -> dict[str, Any]:
    """A job as its row; `job_of` is the way back, and a test holds the two together."""
    asked, answer, failure = job.request, job.answer, job.failure
    return {
        "id": job.id,
        "tenant_id": job.owner,
        "status": job.status,
        "prompt": asked.prompt.text,
        "config_name": asked.config_name,
        "template_name": asked.template_name,
        "variables": asked.variables,
        "mode": asked.mode,
        "needs_moderation": asked.needs_moderation,
        "thread_id": asked.thread_id,
        "metadata": asked.metadata,
        "callback_url": asked.callback_url,
        "result": answer and answer.result,
        "agent": answer and answer.agent,
        "provider": answer and answer.provider,
        "model": answer and answer.model,
        "moderation": answer and answer.moderation,
        "failure_code": failure and failure.code,
        "failure_detail": failure and failure.detail,
        "attempts": job.spent.attempts,
        "model_calls": job.spent.model_calls,
        "input_tokens": job.spent.input_tokens,
        "output_tokens": job.spent.output_tokens,
        "cost_micro_usd": job.spent.cost_micro_usd,
        "created_at": job.created_at,
        "updated_at": job.updated_at,
        "deadline_at": job.deadline_at,
        "trace": job.trace,
    }


def job_of(row: Row[Any]) -> Job:
    """A row as the job that it was."""
    columns: Columns = row._mapping  # noqa: SLF001 - SQLAlchemy's public spelling
    status = JobStatus(columns["status"])
    return Job(
        id=columns["id"],
        owner=columns["tenant_id"],
        request=_request_of(columns),
        status=status,
        created_at=columns["created_at"],
        updated_at=columns["updated_at"],
        deadline_at=columns["deadline_at"],
        answer=_answer_of(columns) if status is JobStatus.COMPLETED else None,
        failure=(
            Failure(columns["failure_code"], columns["failure_detail"])
            if status is JobStatus.FAILED
            else None
        ),
        spent=Spent(
            attempts=columns["attempts"],
            model_calls=columns["model_calls"],
            input_tokens=columns["input_tokens"],
            output_tokens=columns["output_tokens"],
            cost_micro_usd=columns["cost_micro_usd"],
        ),
        trace=columns["trace"],
    )


def _request_of(columns: Columns) -> Request:
    return Request(
        prompt=Prompt(columns["prompt"]),
        config_name=columns["config_name"],
        template_name=columns["template_name"],
        variables=columns["variables"],
        mode=columns["mode"],
        needs_moderation=columns["needs_moderation"],
        thread_id=columns["thread_id"],
        metadata=columns["metadata"],
        callback_url=columns["callback_url"],
    )


def _answer_of(columns: Columns) -> Answer:
    return Answer(
        result=columns["result"],
        agent=columns["agent"],
        provider=columns["provider"],
        model=columns["model"],
        moderation=columns["moderation"],
    )
