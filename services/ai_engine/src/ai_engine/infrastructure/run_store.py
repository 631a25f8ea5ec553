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
from ai_engine.infrastructure import run_sql as sql
from ai_engine.infrastructure.tables import SCHEMA
from shared import metrics
from shared.contracts import Message, PromptCompleted, PromptFailed, PromptsStarted, Usage
from shared.infrastructure.database import Sessions, as_json, one_statement
from shared.infrastructure.outbox import Envelope, announce, outgoing
from shared.messaging import Outgoing


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
        threads = [row["thread"] for row in rows if row["thread"]]
        facts = {"rows": as_json(rows), "threads": threads, "worker": self._worker_id}
        stored = await self._session.execute(sql.TAKE_NEW, facts)
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

    async def take_due(self, rooms: Sequence[int], /) -> Sequence[Run]:
        facts = {"me": self._worker_id, "most": rooms[0], "rooms": list(rooms)}
        return [_run_of(row) for row in await self._session.execute(sql.TAKE_DUE, facts)]

    async def reserve_suspect(self) -> bool:
        if not await self._session.scalar(sql.ANY_SUSPECT):
            return False
        await self._session.execute(sql.ONE_AT_A_TIME)
        facts = {"me": self._worker_id, "patience": self._dead_after_s}
        return await self._session.scalar(sql.RESERVE_SUSPECT, facts) is not None

    async def take_suspect(self) -> Run | None:
        taken = await self._session.execute(sql.TAKE_SUSPECT, {"me": self._worker_id})
        return next((_run_of(row) for row in taken), None)

    async def decide(self, decisions: Sequence[tuple[Run, Decision, Spent]], /) -> set[JobId]:
        told = {run.job_id: self._told(run, decision, spent) for run, decision, spent in decisions}
        rows = [
            _decided(run, decision, spent, told[run.job_id]) for run, decision, spent in decisions
        ]
        facts = {"rows": as_json(rows), "queue": self._result_queue}
        ours = set[JobId](await self._session.scalars(sql.DECIDE, facts))
        self._said += [
            message for job_id, message in told.items() if message is not None and job_id in ours
        ]
        return ours

    def _told(self, run: Run, decision: Decision, spent: Spent) -> Outgoing | None:
        """What the gateway hears of a decision, if it counts."""
        message = _message(run, decision, spent)
        if message is None:
            return None
        [told] = outgoing([Envelope(self._result_queue, message, run.headers)])
        return told

    async def cancel(self, ids: Sequence[JobId], /) -> None:
        await self._session.execute(sql.CANCEL, {"ids": list(ids)})

    async def take_over(self) -> Sequence[JobId]:
        taken = await self._session.scalars(sql.TAKE_OVER, {"patience": self._dead_after_s})
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
            text(f"{sql.RELEASE} AND job_id = ANY(:ids)"), {"me": self._worker_id, "ids": list(ids)}
        )

    async def release(self) -> int:
        released = await self._session.execute(
            text(f"{sql.RELEASE} RETURNING job_id"), {"me": self._worker_id}
        )
        return len(released.all())

    async def _give_up_the_guilty(self) -> None:
        rows = await self._session.execute(sql.GIVE_UP_THE_GUILTY, {"me": self._worker_id})
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
    run: Run, decision: Decision, spent: Spent, told: Outgoing | None
) -> Mapping[str, Any]:
    is_later = isinstance(decision, Later)
    return {
        "job_id": run.job_id,
        "lease_token": run.lease_token,
        "state": RunState.WAITING if is_later else RunState.DONE,
        "spent": asdict(spent),
        "error_attempts": 1 if is_later else 0,
        "pause": decision.seconds if isinstance(decision, Later) else 0.0,
        "message_id": told and told.id,
        "answer_kind": told and told.kind,
        "answer": told and told.body,
        "headers": run.headers,
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
