"""What becomes of runs: taken, decided once, retried, taken over; each in one transaction."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import reduce
from operator import add

from ai_engine.application.ports import OpenWork
from ai_engine.application.processing import Meter
from ai_engine.domain.run import (
    Answered,
    Decision,
    GivenUp,
    JobId,
    NewRun,
    Run,
    Spent,
    Trouble,
    after_trouble,
)
from shared.availability import DatabaseUnavailable
from shared.batching import Gather
from shared.crash_points import crash_point
from shared.llm.chat import ModelCall
from shared.pulse import Pulse


@dataclass(frozen=True)
class Attempt:
    """A finished attempt: what came of it, and what it used."""

    run: Run
    outcome: Answered | Trouble
    meter: Meter


@dataclass
class RunService:
    """The bookkeeping of runs. Knows nothing of models."""

    open_work: OpenWork
    #: a number between 0 and 1, for spreading retries
    jitter: Callable[[], float]
    max_attempts: int
    retry_base_s: float
    result_limit_bytes: int
    pulse: Pulse
    _together: Gather[Attempt, bool] = field(init=False)

    def __post_init__(self) -> None:
        self._together = Gather(self._decide)

    async def take_new(self, asked: Sequence[NewRun]) -> Sequence[Run]:
        """Take questions on; those that were asked before are answered again, if they have been."""
        async with self.open_work(in_one_step=True) as work:
            taken = await work.runs.take_new(asked)
        if seen := {run.job_id for run in asked} - {run.job_id for run in taken}:
            async with self.open_work() as work:
                await work.runs.repeat(sorted(seen))
        crash_point("run.taken")
        return taken

    async def tell_begun(self, ids: Sequence[JobId]) -> None:
        async with self.open_work(in_one_step=True) as work:
            await work.runs.tell_begun(ids)

    async def take_due(self, rooms: Sequence[int]) -> Sequence[Run]:
        async with self.open_work(in_one_step=True) as work:
            taken = await work.runs.take_due(rooms)
        if taken:
            crash_point("run.taken_up")
        return taken

    async def reserve_suspect(self) -> bool:
        async with self.open_work() as work:
            return await work.runs.reserve_suspect()

    async def take_suspect(self) -> Run | None:
        async with self.open_work(in_one_step=True) as work:
            return await work.runs.take_suspect()

    async def finish(self, attempt: Attempt) -> bool:
        """Store what an attempt came to; False when its lease was lost (then nothing counts)."""
        return await self._together(attempt)

    async def cancel(self, ids: Sequence[JobId]) -> None:
        async with self.open_work(in_one_step=True) as work:
            await work.runs.cancel(ids)

    async def take_over(self) -> int:
        """Put back what dead workers held; returns how many runs that was."""
        if not self.pulse.is_steady:
            return 0
        # What hung in an outage must not be done after it, when nobody has been heard again yet.
        async with _within(self.pulse.dead_after_s / 2), self.open_work() as work:
            taken = await work.runs.take_over()
            if taken:
                await work.workers.forget_the_dead()
            return len(taken)

    async def beat(self) -> set[JobId]:
        """Say that this worker lives; returns the runs that it still holds."""
        try:
            async with _within(self.pulse.dead_after_s), self.open_work() as work:
                await work.workers.beat()
                held = await work.runs.held()
        except DatabaseUnavailable:
            self.pulse.miss()
            raise
        self.pulse.beat()
        return held

    async def give_back(self, ids: Collection[JobId]) -> None:
        """Let others take up what this worker holds, but does not work on."""
        async with self.open_work(in_one_step=True) as work:
            await work.runs.give_back(ids)

    async def leave(self) -> int:
        """Hand back what is held, and say good-bye; returns how many runs others take up."""
        async with self.open_work() as work:
            released = await work.runs.release()
            await work.workers.leave()
        return released

    async def _decide(self, attempts: Sequence[Attempt]) -> Sequence[bool]:
        """Attempts that end at the same time share one commit."""
        decisions = {attempt.run.job_id: self._decision(attempt) for attempt in attempts}
        crash_point("run.before_decision")
        async with self.open_work() as work:
            counted = await work.runs.decide(
                [
                    (attempt.run, decisions[attempt.run.job_id], _spent(attempt))
                    for attempt in attempts
                ]
            )
            # Calls that were paid for are recorded even when their answer no longer counts.
            await work.ledger.record([(attempt.run, attempt.meter) for attempt in attempts])
            await work.threads.append(
                [
                    (attempt.run, decision.result)
                    for attempt in attempts
                    if attempt.run.job_id in counted
                    and isinstance(decision := decisions[attempt.run.job_id], Answered)
                ]
            )
        crash_point("run.decided")
        return [attempt.run.job_id in counted for attempt in attempts]

    def _decision(self, attempt: Attempt) -> Decision:
        match attempt.outcome:
            case Trouble() as trouble:
                return after_trouble(
                    trouble,
                    attempt.run,
                    max_attempts=self.max_attempts,
                    base_s=self.retry_base_s,
                    jitter=self.jitter(),
                )
            case answered if len(answered.result.encode()) > self.result_limit_bytes:
                limit = self.result_limit_bytes
                return GivenUp("result_too_large", f"The answer is larger than {limit} bytes.")
            case answered:
                return answered


@asynccontextmanager
async def _within(seconds: float) -> AsyncGenerator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as late:
        raise DatabaseUnavailable("too slow") from late


def _spent(attempt: Attempt) -> Spent:
    return reduce(add, (_cost(call) for call in attempt.meter.calls), attempt.run.spent)


def _cost(call: ModelCall) -> Spent:
    return Spent(
        model_calls=1,
        input_tokens=call.input_tokens,
        output_tokens=call.output_tokens,
        cost_micro_usd=call.cost_micro_usd,
    )
