"""One worker process: takes runs on, answers many at once, and loses none when it must stop."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from ai_engine.application.ports import Processing, ThreadHistory, TokenSink
from ai_engine.application.processing import (
    Meter,
    ModerationUnavailable,
    ProcessingRequest,
    ProcessingResult,
)
from ai_engine.application.runs import Attempt, RunService
from ai_engine.domain.run import (
    SUSPECT_AFTER,
    Answered,
    JobId,
    NewRun,
    Run,
    Trouble,
    company,
)
from shared import logs, metrics, tracing
from shared.availability import DatabaseUnavailable
from shared.crash_points import crash_point
from shared.domain import Clock, DomainError
from shared.llm.budgets import BudgetExceeded
from shared.llm.chat import ModelFailed

log = logs.get()


@dataclass
class Worker:
    """At most `capacity` runs at once. A suspect runs alone: the worker empties itself first."""

    runs: RunService
    processing: Processing
    history: ThreadHistory
    tokens: TokenSink
    now: Clock
    capacity: int
    _busy: dict[JobId, asyncio.Task[None]] = field(default_factory=dict[JobId, asyncio.Task[None]])
    #: how many crashes each of them was in
    _crashes: dict[JobId, int] = field(default_factory=dict[JobId, int])
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    #: before its first beat the others take it for dead
    _has_beaten: bool = False
    _due: asyncio.Event = field(default_factory=asyncio.Event)
    #: at the last beat: worked on but not held any more, and held but not worked on
    _missing: set[JobId] = field(default_factory=set[JobId])
    _strays: set[JobId] = field(default_factory=set[JobId])
    #: taken for the first time, and not announced
    _begun: list[JobId] = field(default_factory=list[JobId])
    _is_closed: bool = False
    _is_leaving: bool = False
    _telling: asyncio.Future[None] | None = None

    async def room(self) -> int:
        """How many more runs may be taken now; waits while there is no place."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._free() > 0)
            return self._free()

    async def take(self, asked: Sequence[NewRun]) -> None:
        """Take questions on and begin at once; those on a thread when it is their turn."""
        self._begin(await self.runs.take_new(asked))
        if any(run.question.thread_id for run in asked):
            self._due.set()

    async def cancel(self, ids: Sequence[JobId]) -> None:
        """Stop working on these."""
        await self.runs.cancel(ids)
        self._drop(set(ids))

    async def take_what_is_due(self, every_s: float) -> None:
        """Take up waiting runs, as far as there is room, until cancelled.

        Looks when it knows of one, and every `every_s` seconds for those it does not know of.
        """
        while True:
            if self._free() > 0:
                self._begin(await self.runs.take_due(self._rooms()))
            with suppress(TimeoutError):
                async with asyncio.timeout(every_s):
                    await self._due.wait()
            self._due.clear()

    async def tell_what_takes_long(self, every_s: float = 0.1) -> None:
        """Announce that work began, until cancelled; a quick answer is news enough by itself."""
        while True:
            earlier, self._begun = self._begun, []
            await asyncio.sleep(every_s)
            if unfinished := [job_id for job_id in earlier if job_id in self._busy]:
                await self.runs.tell_begun(unfinished)

    async def take_a_suspect(self) -> None:
        """Run one suspect with nobody else in the process, so that a crash proves its guilt."""
        if self._is_closed or not await self.runs.reserve_suspect():
            return
        self._is_closed = True
        try:
            await self._until_empty()
            if suspect := await self.runs.take_suspect():
                log.warning("run.suspect", job_id=str(suspect.job_id))
                self._begin([suspect])
                await self._until_empty()
        finally:
            self._is_closed = self._is_leaving
            await self._notify()

    async def beat(self) -> None:
        """Say that this worker lives, and settle where it and the tables disagree."""
        before = set(self._busy)
        held = await self.runs.beat()
        if not self._has_beaten:
            self._has_beaten = True
            await self._notify()
        self._stop_what_is_lost(before - held)
        await self._give_back_strays(held - before)

    async def drain(self, patience_s: float) -> None:
        """Take nothing more, finish what can be finished in time, hand the rest back."""
        self._is_closed = self._is_leaving = True
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self._until_empty()
        self._drop(set(self._busy))
        released = await self.runs.leave()
        log.info("worker.left", released=released)

    def _stop_what_is_lost(self, missing: set[JobId]) -> None:
        # Twice missing: once may be one that was just decided, and is about to leave by itself.
        for job_id in missing & self._missing & self._busy.keys():
            metrics.fenced.labels("run").inc()
            log.warning("run.lost", job_id=str(job_id))
            self._drop({job_id})
        self._missing = missing

    async def _give_back_strays(self, strays: set[JobId]) -> None:
        # Taken in a commit whose outcome we were never told. Once may be one about to begin.
        ours = (strays & self._strays) - self._busy.keys()
        self._strays = strays
        if ours:
            log.warning("run.strayed", job_ids=sorted(map(str, ours)))
            await self.runs.give_back(ours)

    def _free(self) -> int:
        is_open = self._has_beaten and not self._is_closed
        return self.capacity - len(self._busy) if is_open else 0

    def _rooms(self) -> list[int]:
        """How many may be taken now of those that were in no crash, in one, and so on."""
        in_hand = self._crashes.values()
        return [
            min(
                self._free(),
                company(crashes, self.capacity) - sum(known >= crashes for known in in_hand),
            )
            for crashes in range(SUSPECT_AFTER)
        ]

    def _begin(self, runs: Sequence[Run]) -> None:
        for run in runs:
            task = asyncio.create_task(self._work_on(run), name=f"run-{run.job_id}")
            self._busy[run.job_id] = task
            self._crashes[run.job_id] = run.crash_attempts
            if run.attempt == 1:
                self._begun.append(run.job_id)
            task.add_done_callback(partial(self._ended, run.job_id))

    def _ended(self, job_id: JobId, _: asyncio.Task[None]) -> None:
        self._busy.pop(job_id, None)
        self._crashes.pop(job_id, None)
        if self._free() == 1 or not self._busy:
            # Kept, because a task that nobody refers to may be collected before it has run.
            self._telling = asyncio.ensure_future(self._notify())

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _drop(self, ids: set[JobId]) -> None:
        for job_id in ids:
            if task := self._busy.get(job_id):
                task.cancel()

    async def _until_empty(self) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: not self._busy)

    async def _work_on(self, run: Run) -> None:
        meter = Meter()
        with tracing.span("run", headers=run.headers):
            outcome = await self._attempt(run, meter)
        self.tokens.forget(run.job_id, run.attempt)
        crash_point("run.answered")
        if not await self._until_stored(Attempt(run, outcome, meter)):
            metrics.fenced.labels("run").inc()
            log.warning("run.fenced", job_id=str(run.job_id), attempt=run.attempt)
        if run.question.thread_id:
            self._due.set()  # the next one of its thread

    async def _attempt(self, run: Run, meter: Meter) -> Answered | Trouble:
        left = (run.deadline_at - self.now()).total_seconds()
        try:
            async with asyncio.timeout(max(left, 0)):
                result = await self._answer(run, meter)
        except Exception as error:
            trouble = trouble_of(error)
            if trouble.code == UNFORESEEN:
                log.exception("run.failed", job_id=str(run.job_id), attempt=run.attempt)
            return trouble
        return Answered(
            result=storable(result.text),
            agent=result.agent,
            provider=result.provider,
            model=result.model,
            moderation=result.moderation,
        )

    async def _answer(self, run: Run, meter: Meter) -> ProcessingResult:
        asked = run.question

        async def on_token(text: str) -> None:
            self.tokens.emit(run.job_id, run.attempt, text)

        history = await self.history(run.tenant_id, asked.thread_id) if asked.thread_id else ()
        request = ProcessingRequest(
            prompt=asked.prompt,
            config_name=asked.config_name,
            template_name=asked.template_name,
            variables=asked.variables,
            tenant_id=run.tenant_id,
            history=history,
            on_token=on_token,
            meter=meter,
        )
        # Moderation is a pipeline's business: a prompt that needs it never takes the short way.
        if asked.mode == "single" and not asked.needs_moderation:
            return await self.processing.process(request)
        return await self.processing.process_multi_agent(
            request,
            {"is_followup": bool(history)},
            needs_moderation=asked.needs_moderation,
        )

    async def _until_stored(self, attempt: Attempt) -> bool:
        """An answer that was paid for is worth waiting for the database; a lost lease ends this."""
        while True:
            try:
                return await self.runs.finish(attempt)
            except DatabaseUnavailable:
                await asyncio.sleep(0.5)
            except Exception as error:
                if isinstance(attempt.outcome, Trouble):
                    raise
                # An answer that cannot be stored must not leave its run in our hands for ever.
                log.exception("run.unstorable", job_id=str(attempt.run.job_id))
                attempt = Attempt(attempt.run, trouble_of(error), attempt.meter)


UNFORESEEN = "attempts_exhausted"


def trouble_of(error: Exception) -> Trouble:
    """What an attempt's exception means for its run."""
    match error:
        case TimeoutError():
            return Trouble(code="deadline_exceeded", detail="It took too long.", may_pass=False)
        case ModelFailed():
            return Trouble(
                code=error.code,
                detail=error.detail,
                may_pass=error.may_pass,
                retry_after_s=error.retry_after_s,
            )
        case ModerationUnavailable():
            return Trouble(
                code="moderation_unavailable",
                detail=str(error),
                may_pass=error.may_pass,
                retry_after_s=error.retry_after_s,
            )
        case BudgetExceeded() | DomainError():
            return Trouble(code=error.code, detail=str(error), may_pass=False)
        case _:
            return Trouble(
                code=UNFORESEEN, detail=f"It failed with {type(error).__name__}.", may_pass=True
            )


def storable(text: str) -> str:
    """What PostgreSQL's text can hold: no NUL, and nothing that is not Unicode."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()
