"""Runs in PostgreSQL: leased to workers by conditional updates, decided only by their holders."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from ai_engine.domain.run import (
    CRASHED,
    GUILTY_AFTER,
    SUSPECT_AFTER,
    Answered,
    Decision,
    GivenUp,
    JobId,
    Later,
    NewRun,
    Question,
    Run,
    RunState,
    Spent,
)
from ai_engine.infrastructure.tables import SCHEMA
from shared import metrics
from shared.contracts import Message, PromptCompleted, PromptFailed, PromptsStarted, Usage
from shared.infrastructure.database import Sessions, as_json, one_statement
from shared.infrastructure.outbox import Envelope, announce
from shared.messaging import Outgoing

_COLUMNS = (
    "job_id, tenant_id, question, headers, lease_token, attempt, error_attempts, crash_attempts, "
    "deadline_at, spent"
)
_TAKE_NEW = text(f"""
    INSERT INTO ai_engine.runs (
           job_id, tenant_id, thread, question, headers, deadline_at, spent, available_at,
           state, worker_id, lease_token, attempt, error_attempts, crash_attempts)
    SELECT job_id, tenant_id, thread, question, headers, deadline_at, '{{}}', clock_timestamp(),
           CASE WHEN thread IS NULL THEN 'RUNNING' ELSE 'WAITING' END,
           CASE WHEN thread IS NULL THEN CAST(:worker AS uuid) END,
           CASE WHEN thread IS NULL THEN gen_random_uuid() END,
           CASE WHEN thread IS NULL THEN 1 ELSE 0 END, 0, 0
      FROM json_populate_recordset(NULL::ai_engine.runs, CAST(:rows AS json))
     ORDER BY job_id
    ON CONFLICT (job_id) DO NOTHING
    RETURNING state, {_COLUMNS}""")  # noqa: S608 - column names are ours
# Threads are locked by name while their runs are stored, so that `seq` is the order of commits.
_LOCK_THREADS = text("""
    SELECT pg_advisory_xact_lock(hashtextextended(thread, 0))
      FROM unnest(CAST(:threads AS text[])) AS thread ORDER BY thread""")
_TAKE_DUE = f"""
    UPDATE ai_engine.runs AS run
       SET state = 'RUNNING', worker_id = :worker, lease_token = gen_random_uuid(),
           attempt = attempt + 1
     WHERE job_id = ANY(ARRAY(
           SELECT job_id FROM ai_engine.runs AS due
            WHERE state = 'WAITING' AND available_at <= statement_timestamp()
              AND crash_attempts {{suspect}}
              AND (thread IS NULL OR NOT EXISTS (
                   SELECT FROM ai_engine.runs AS earlier
                    WHERE earlier.thread = due.thread AND earlier.state <> 'DONE'
                      AND earlier.seq < due.seq))
            ORDER BY available_at LIMIT :most FOR UPDATE SKIP LOCKED))
    RETURNING {_COLUMNS}"""  # noqa: S608
_DECIDE = text("""
    UPDATE ai_engine.runs AS run
       SET state = new.state, lease_token = NULL, worker_id = NULL, spent = new.spent,
           error_attempts = run.error_attempts + new.error_attempts,
           available_at = clock_timestamp() + make_interval(secs => new.pause),
           answer_kind = new.answer_kind, answer = new.answer
      FROM json_to_recordset(CAST(:rows AS json)) AS new (
           job_id uuid, lease_token uuid, state text, spent jsonb, error_attempts integer,
           pause double precision, answer_kind text, answer bytea)
     WHERE run.job_id = new.job_id AND run.lease_token = new.lease_token
       AND run.state = 'RUNNING'
    RETURNING run.job_id""")
_CANCEL = text("""
    INSERT INTO ai_engine.runs (
           job_id, question, headers, deadline_at, spent, available_at, state, attempt,
           error_attempts, crash_attempts)
    SELECT job_id, '{}', '{}', clock_timestamp(), '{}', clock_timestamp(), 'DONE', 0, 0, 0
      FROM unnest(CAST(:ids AS uuid[])) AS job_id ORDER BY job_id
    ON CONFLICT (job_id) DO UPDATE
       SET state = 'DONE', lease_token = NULL, worker_id = NULL
     WHERE runs.state <> 'DONE'""")
_TAKE_OVER = text("""
    UPDATE ai_engine.runs AS run
       SET state = 'WAITING', worker_id = NULL, lease_token = NULL,
           crash_attempts = crash_attempts + 1, available_at = clock_timestamp()
     WHERE job_id = ANY(ARRAY(
           SELECT job_id FROM ai_engine.runs AS held
            WHERE state = 'RUNNING' AND NOT EXISTS (
                  SELECT FROM ai_engine.workers AS worker
                   WHERE worker.id = held.worker_id
                     AND worker.beat_at > clock_timestamp() - make_interval(secs => :patience))
            ORDER BY job_id FOR UPDATE SKIP LOCKED))
    RETURNING job_id""")

_RELEASE = """
    UPDATE ai_engine.runs
       SET state = 'WAITING', worker_id = NULL, lease_token = NULL,
           available_at = clock_timestamp()
     WHERE worker_id = :me AND state = 'RUNNING'"""


class SqlRuns:
    """Honours ai_engine.domain.run.Runs, on behalf of one worker."""

    def __init__(
        self,
        session: AsyncSession,
        said: list[Outgoing],
        *,
        worker_id: UUID,
        result_queue: str,
        dead_after_s: float,
    ) -> None:
        """`said` takes note of what is announced."""
        self._session = session
        self._said = said
        self._worker_id = worker_id
        self._result_queue = result_queue
        self._dead_after_s = dead_after_s

    async def take_new(self, asked: Sequence[NewRun], /) -> Sequence[Run]:
        rows = [_row_of(run) for run in {run.job_id: run for run in asked}.values()]
        if threads := [row["thread"] for row in rows if row["thread"]]:
            await self._session.execute(_LOCK_THREADS, {"threads": threads})
        stored = await self._session.execute(
            _TAKE_NEW, {"rows": as_json(rows), "worker": self._worker_id}
        )
        return [_run_of(row) for row in stored if row.state == RunState.RUNNING]

    async def tell_begun(self, ids: Sequence[JobId], /) -> None:
        await self._tell([(PromptsStarted(job_ids=list[UUID](ids)), {})])

    async def repeat(self, ids: Sequence[JobId], /) -> None:
        rows = await self._session.execute(
            text("""
                SELECT answer_kind, answer, headers FROM ai_engine.runs
                 WHERE job_id = ANY(:ids) AND state = 'DONE' AND answer IS NOT NULL"""),
            {"ids": list(ids)},
        )
        await self._tell(
            [
                (_KINDS[row.answer_kind].model_validate_json(row.answer), _json(row.headers))
                for row in rows
            ]
        )

    async def take_due(self, most: int, /) -> Sequence[Run]:
        return await self._take(f"< {SUSPECT_AFTER}", most)

    async def any_suspect(self) -> bool:
        return bool(
            await self._session.scalar(
                text(f"""
                    SELECT EXISTS (
                           SELECT FROM ai_engine.runs
                            WHERE state = 'WAITING' AND available_at <= statement_timestamp()
                              AND crash_attempts >= {SUSPECT_AFTER})""")  # noqa: S608
            )
        )

    async def take_suspect(self) -> Run | None:
        taken = await self._take(f">= {SUSPECT_AFTER}", 1)
        return taken[0] if taken else None

    async def decide(self, decisions: Sequence[tuple[Run, Decision, Spent]], /) -> set[JobId]:
        messages = {
            run.job_id: _message(run, decision, spent) for run, decision, spent in decisions
        }
        rows = [
            _decided(run, decision, spent, messages[run.job_id])
            for run, decision, spent in decisions
        ]
        counted = await self._session.scalars(_DECIDE, {"rows": as_json(rows)})
        ours = set(counted)
        await self._tell(
            [
                (message, run.headers)
                for run, _, _ in decisions
                if run.job_id in ours and (message := messages[run.job_id])
            ]
        )
        return ours

    async def cancel(self, ids: Sequence[JobId], /) -> None:
        await self._session.execute(_CANCEL, {"ids": list(ids)})

    async def take_over(self) -> Sequence[JobId]:
        taken = await self._session.scalars(_TAKE_OVER, {"patience": self._dead_after_s})
        ids = list(taken)
        if ids:
            metrics.takeovers.labels("run").inc(len(ids))
            await self._give_up_the_guilty()
        return ids

    async def held(self) -> set[JobId]:
        held = await self._session.scalars(
            text("SELECT job_id FROM ai_engine.runs WHERE worker_id = :me AND state = 'RUNNING'"),
            {"me": self._worker_id},
        )
        return set(held)

    async def give_back(self, ids: Collection[JobId], /) -> None:
        await self._session.execute(
            text(f"{_RELEASE} AND job_id = ANY(:ids)"), {"me": self._worker_id, "ids": list(ids)}
        )

    async def release(self) -> int:
        released = await self._session.execute(
            text(f"{_RELEASE} RETURNING job_id"), {"me": self._worker_id}
        )
        return len(released.all())

    async def _take(self, crashes: str, most: int) -> list[Run]:
        statement = text(_TAKE_DUE.format(suspect=crashes))
        taken = await self._session.execute(statement, {"worker": self._worker_id, "most": most})
        return [_run_of(row) for row in taken]

    async def _give_up_the_guilty(self) -> None:
        rows = await self._session.execute(
            text(f"""
                UPDATE ai_engine.runs
                   SET state = 'RUNNING', lease_token = gen_random_uuid(), worker_id = :me
                 WHERE state = 'WAITING' AND crash_attempts >= {GUILTY_AFTER}
                RETURNING {_COLUMNS}"""),  # noqa: S608
            {"me": self._worker_id},
        )
        guilty = [_run_of(row) for row in rows]
        if guilty:
            await self.decide([(run, CRASHED, run.spent) for run in guilty])

    async def _tell(self, messages: Sequence[tuple[Message, Mapping[str, str]]]) -> None:
        envelopes = [Envelope(self._result_queue, message, trace) for message, trace in messages]
        self._said += await announce(self._session, SCHEMA, envelopes)


class SqlWorkers:
    """Honours ai_engine.domain.run.Workers."""

    def __init__(self, session: AsyncSession, worker_id: UUID) -> None:
        self._session = session
        self._worker_id = worker_id

    async def beat(self) -> None:
        await self._session.execute(
            text("""
                INSERT INTO ai_engine.workers (id, beat_at) VALUES (:me, clock_timestamp())
                ON CONFLICT (id) DO UPDATE SET beat_at = clock_timestamp()"""),
            {"me": self._worker_id},
        )

    async def forget_the_dead(self) -> None:
        await self._session.execute(
            text("DELETE FROM ai_engine.workers WHERE beat_at < now() - interval '1 hour'")
        )

    async def leave(self) -> None:
        await self._session.execute(
            text("DELETE FROM ai_engine.workers WHERE id = :me"), {"me": self._worker_id}
        )


_KINDS: dict[str, type[Message]] = {kind.__name__: kind for kind in (PromptCompleted, PromptFailed)}


def thread_of(tenant_id: UUID | None, thread_id: str) -> str:
    """One word for a tenant's thread."""
    return f"{tenant_id or 'platform'}:{thread_id}"


def _row_of(run: NewRun) -> dict[str, Any]:
    thread_id = run.question.thread_id
    return {
        "job_id": run.job_id,
        "tenant_id": run.tenant_id,
        "thread": thread_id and thread_of(run.tenant_id, thread_id),
        "question": asdict(run.question),
        "headers": run.headers,
        "deadline_at": run.deadline_at,
    }


def _run_of(row: Row[Any]) -> Run:
    return Run(
        job_id=row.job_id,
        tenant_id=row.tenant_id,
        question=Question(**_json(row.question)),
        headers=_json(row.headers),
        deadline_at=row.deadline_at,
        lease_token=row.lease_token,
        attempt=row.attempt,
        error_attempts=row.error_attempts,
        crash_attempts=row.crash_attempts,
        spent=Spent(**_json(row.spent)),
    )


def _json(stored: str | dict[str, Any]) -> dict[str, Any]:
    # A textual statement does not say which columns are JSON, so the driver leaves them as text.
    value: dict[str, Any] = orjson.loads(stored) if isinstance(stored, str) else stored
    return value


def _decided(
    run: Run, decision: Decision, spent: Spent, message: Message | None
) -> Mapping[str, Any]:
    is_later = isinstance(decision, Later)
    return {
        "job_id": run.job_id,
        "lease_token": run.lease_token,
        "state": RunState.WAITING if is_later else RunState.DONE,
        "spent": asdict(spent),
        "error_attempts": 1 if is_later else 0,
        "pause": decision.seconds if isinstance(decision, Later) else 0.0,
        "answer_kind": message and type(message).__name__,
        "answer": message and message.model_dump_json().encode(),
    }


def _message(run: Run, decision: Decision, spent: Spent) -> Message | None:
    usage = Usage(**asdict(spent))
    match decision:
        case Answered():
            return PromptCompleted(
                job_id=run.job_id, usage=usage, attempts=run.attempt, **asdict(decision)
            )
        case GivenUp(code=code, detail=detail):
            return PromptFailed(
                job_id=run.job_id, usage=usage, attempts=run.attempt, code=code, detail=detail
            )
        case Later():
            return None


async def forget_old_runs(sessions: Sessions, older_than: timedelta = timedelta(days=7)) -> None:
    """No gateway asks for an answer any more when its job's deadline is days away."""
    async with one_statement(sessions) as session:
        await session.execute(
            text("""
                DELETE FROM ai_engine.runs
                 WHERE state = 'DONE' AND created_at < now() - CAST(:age AS interval)"""),
            {"age": older_than},
        )
