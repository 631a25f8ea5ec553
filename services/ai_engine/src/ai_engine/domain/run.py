"""A run: one prompt being answered, over as many attempts as it takes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal, NewType, Protocol
from uuid import UUID

JobId = NewType("JobId", UUID)


class RunState(StrEnum):
    WAITING = "WAITING"  #: to be taken by any worker once `available_at` has come
    RUNNING = "RUNNING"  #: leased to one worker
    DONE = "DONE"  #: its answer is stored, and repeated whenever it is asked for again


#: After this many crashes a run is suspected to be their cause, and runs alone ...
SUSPECT_AFTER = 3
#: ... and after this many it is given up.
GUILTY_AFTER = 4


def company(crashes: int, capacity: int) -> int:
    """How many runs that were in hand in so many crashes one worker may have in hand at once.

    The fewer are put at risk together, the fewer are left to be suspected after the next crash.
    Those that were merely there then end soon, instead of waiting to be run alone.
    """
    share: int = capacity // 4**crashes
    return max(1, share)


@dataclass(frozen=True, kw_only=True)
class Question:
    """What was asked, as the gateway accepted it."""

    prompt: str
    config_name: str
    template_name: str
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    mode: Literal["single", "multi_agent"] = "single"
    needs_moderation: bool = False
    thread_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class NewRun:
    """A question that arrived; `headers` carry its trace."""

    job_id: JobId
    tenant_id: UUID | None
    question: Question
    deadline_at: datetime
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What a run's model calls have cost so far; money in millionths of a US dollar."""

    model_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_micro_usd: int = 0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(
            model_calls=self.model_calls + other.model_calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost_micro_usd=self.cost_micro_usd + other.cost_micro_usd,
        )


@dataclass(frozen=True, kw_only=True)
class Run(NewRun):
    """A run that this worker holds: what it decides counts only while `lease_token` stands."""

    lease_token: UUID
    #: which try this is, counting from 1
    attempt: int
    error_attempts: int
    crash_attempts: int
    #: by earlier attempts
    spent: Spent = Spent()


@dataclass(frozen=True, kw_only=True)
class Answered:
    """The run's final word: an answer."""

    result: str
    agent: str | None
    provider: str
    model: str
    moderation: Literal["passed", "refused"] | None


@dataclass(frozen=True)
class GivenUp:
    """The run's final word: there will be no answer, because of `code`."""

    code: str
    detail: str


@dataclass(frozen=True)
class Later:
    """Not now: try again after so many seconds."""

    seconds: float


Decision = Answered | GivenUp | Later

#: No pause between two tries is longer than this, whatever a provider asks for (seconds).
LONGEST_PAUSE = 60.0


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Why an attempt failed, and whether another may do better."""

    code: str
    detail: str
    may_pass: bool
    #: the provider's own wish
    retry_after_s: float | None = None


def after_trouble(
    trouble: Trouble, run: Run, *, max_attempts: int, base_s: float, jitter: float
) -> Later | GivenUp:
    """Try again after a growing pause with full jitter (0 to 1), or give up."""
    tries = run.error_attempts + 1
    if not trouble.may_pass:
        return GivenUp(trouble.code, trouble.detail)
    if tries >= max_attempts:
        return GivenUp(trouble.code, f"{trouble.detail} (tried {tries} times)")
    pause = min(base_s * 2**run.error_attempts, LONGEST_PAUSE) * jitter
    return Later(min(max(pause, trouble.retry_after_s or 0.0), LONGEST_PAUSE))


CRASHED = GivenUp("worker_crashed", f"The process that ran it died {GUILTY_AFTER} times.")


class Runs(Protocol):
    """Every run, within one transaction. A worker owns what it took until its lease is lost."""

    async def take_new(self, asked: Sequence[NewRun], /) -> Sequence[Run]:
        """Store questions not seen before and lease them to this worker.

        Those on a thread are stored as WAITING instead: a thread's runs go one after the other.
        """
        ...

    async def repeat(self, ids: Sequence[JobId], /) -> None:
        """Announce again the stored answers of those that are DONE."""
        ...

    async def tell_begun(self, ids: Sequence[JobId], /) -> None:
        """Announce that these are being worked on."""
        ...

    async def take_due(self, rooms: Sequence[int], /) -> Sequence[Run]:
        """Lease WAITING runs whose time has come; never suspects, never two of one thread.

        At most `rooms[0]` in all, and of those that were in n crashes at most `rooms[n]`.
        """
        ...

    async def reserve_suspect(self) -> bool:
        """Choose a suspect, to be run by this worker alone; False when there is none.

        No other worker may choose one meanwhile: they go on with what is not suspect.
        """
        ...

    async def take_suspect(self) -> Run | None:
        """Lease the one that was chosen; None when nobody wants it any more."""
        ...

    async def decide(self, decisions: Sequence[tuple[Run, Decision, Spent]], /) -> set[JobId]:
        """Store and announce decisions; returns those that counted.

        The others' leases were lost meanwhile: somebody else decides them now. `Spent` is what
        the run has cost over all its attempts.
        """
        ...

    async def cancel(self, ids: Sequence[JobId], /) -> None:
        """Nobody wants these any more; also those that were not even asked yet."""
        ...

    async def take_over(self) -> Sequence[JobId]:
        """Put the runs of dead workers back; those that crashed once too often are given up."""
        ...

    async def held(self) -> set[JobId]:
        """What this worker still holds."""
        ...

    async def give_back(self, ids: Collection[JobId], /) -> None:
        """Hand back those of them that this worker holds."""
        ...

    async def release(self) -> int:
        """Hand back all that this worker holds, to be taken at once by another."""
        ...


class Workers(Protocol):
    """The worker processes that are alive."""

    async def beat(self) -> None:
        """Say that this worker lives. Whoever is silent too long loses its runs."""
        ...

    async def forget_the_dead(self) -> None:
        """Those whose runs were taken over long ago."""
        ...

    async def leave(self) -> None:
        """Say good-bye, so that nobody waits for the next beat."""
        ...
