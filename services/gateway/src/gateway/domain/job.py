"""A job: one prompt on its way to an answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Literal, NewType, Protocol
from uuid import UUID

from shared.domain import Aggregate, Conflict, DomainEvent, Invalid, NotFound, says_something

JobId = NewType("JobId", UUID)
#: The tenant that a job belongs to; None is the platform's own.
Owner = UUID | None
Mode = Literal["single", "multi_agent"]


class JobStatus(StrEnum):
    QUEUED = "QUEUED"  #: accepted and stored; nobody works on it
    PROCESSING = "PROCESSING"  #: a worker has begun
    COMPLETED = "COMPLETED"  #: `result` holds the answer
    FAILED = "FAILED"  #: `failure` says why there will be no answer
    CANCELLED = "CANCELLED"  #: its owner no longer wants it

    @property
    def is_final(self) -> bool:
        return not NEXT[self]


# A result may overtake the report that work on it began, so QUEUED can finish directly.
NEXT: dict[JobStatus, set[JobStatus]] = {
    JobStatus.QUEUED: {
        JobStatus.PROCESSING,
        JobStatus.COMPLETED,
        JobStatus.FAILED,
        JobStatus.CANCELLED,
    },
    JobStatus.PROCESSING: {JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED},
    JobStatus.COMPLETED: set(),
    JobStatus.FAILED: set(),
    JobStatus.CANCELLED: set(),
}

#: Every reason for which a job may end without an answer. Clients may switch on these.
FAILURES = {
    "attempts_exhausted": "something that we did not foresee, as often as it may be tried",
    "budget_exceeded": "today's budget is spent",
    "config_not_found": "its LLM config is gone or inactive",
    "deadline_exceeded": "it took longer than a job may take",
    "llm_auth": "the provider refused the key, or its quota is spent",
    "llm_bad_answer": "the model's answer was empty or unreadable",
    "llm_rejected": "the provider will not take this request",
    "llm_unavailable": "no provider could be reached",
    "moderation_unavailable": "moderation was asked for and could not be had",
    "result_too_large": "the answer is larger than a result may be",
    "template_not_found": "its prompt template is gone",
    "template_variables": "its variables no longer fit its template",
    "worker_crashed": "the process that ran it died, every time",
}


class JobNotFound(NotFound, code="not_found"):
    message = "There is no job {job_id}."


class JobCannotMove(Conflict, code="illegal_transition"):
    message = "A {current} job cannot become {wanted}."


class PromptRejected(Invalid):
    message = "A prompt has 1 to {limit} characters, and not only blank ones."
    at = "/prompt"


@dataclass(frozen=True)
class Prompt:
    """What the user asked: never empty, never endless."""

    LIMIT: ClassVar[int] = 32_000
    text: str

    def __post_init__(self) -> None:
        if not 0 < len(self.text) <= self.LIMIT or not says_something(self.text):
            raise PromptRejected(limit=self.LIMIT)


@dataclass(frozen=True, kw_only=True)
class Request:
    """Everything that was asked for, as it was asked; never changes."""

    prompt: Prompt
    config_name: str = "default-smart"
    template_name: str = "default-assistant"
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    mode: Mode = "single"
    needs_moderation: bool = False
    thread_id: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    callback_url: str | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back, who said it, and what it cost (money in millionths of a US dollar)."""

    result: str
    agent: str | None
    provider: str
    model: str
    moderation: Literal["passed", "refused"] | None


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What was spent on a job over all its attempts, whether or not it got an answer."""

    attempts: int = 0
    model_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_micro_usd: int = 0


@dataclass(frozen=True)
class Failure:
    """Why there is no answer; `code` is a key of FAILURES."""

    code: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class JobCreated(DomainEvent):
    job: "Job"


@dataclass(frozen=True, kw_only=True)
class JobStatusChanged(DomainEvent):
    job: "Job"
    before: JobStatus
    after: JobStatus


@dataclass(frozen=True, kw_only=True)
class JobCompleted(DomainEvent):
    job: "Job"


@dataclass(frozen=True, kw_only=True)
class JobFailed(DomainEvent):
    job: "Job"


@dataclass(frozen=True, kw_only=True)
class JobCancelled(DomainEvent):
    job: "Job"


@dataclass(eq=False, kw_only=True)
class Job(Aggregate):
    """Moves forward only; a finished job never changes again."""

    id: JobId
    owner: Owner
    request: Request
    status: JobStatus
    created_at: datetime
    updated_at: datetime
    deadline_at: datetime
    answer: Answer | None = None
    failure: Failure | None = None
    spent: Spent = Spent()
    #: travels with everything that is said about the job, so that one trace shows it all
    trace: Mapping[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def submit(
        cls, job_id: JobId, request: Request, *, owner: Owner, now: datetime, patience: timedelta
    ) -> "Job":
        """A new job that must end, one way or another, within `patience`."""
        job = cls(
            id=job_id,
            owner=owner,
            request=request,
            status=JobStatus.QUEUED,
            created_at=now,
            updated_at=now,
            deadline_at=now + patience,
        )
        job._record(JobCreated(job=job, occurred_at=now))
        return job

    def start(self, now: datetime) -> None:
        """Raises JobCannotMove."""
        self._move_to(JobStatus.PROCESSING, now)

    def complete(self, answer: Answer, spent: Spent, now: datetime) -> None:
        """Raises JobCannotMove."""
        self._move_to(JobStatus.COMPLETED, now)
        self.answer, self.spent = answer, spent
        self._record(JobCompleted(job=self, occurred_at=now))

    def fail(self, failure: Failure, spent: Spent, now: datetime) -> None:
        """Raises JobCannotMove."""
        self._move_to(JobStatus.FAILED, now)
        self.failure, self.spent = failure, spent
        self._record(JobFailed(job=self, occurred_at=now))

    def cancel(self, now: datetime) -> None:
        """Raises JobCannotMove."""
        self._move_to(JobStatus.CANCELLED, now)
        self._record(JobCancelled(job=self, occurred_at=now))

    def _move_to(self, wanted: JobStatus, now: datetime) -> None:
        if wanted not in NEXT[self.status]:
            raise JobCannotMove(current=self.status, wanted=wanted)
        before, self.status, self.updated_at = self.status, wanted, now
        self._record(JobStatusChanged(job=self, before=before, after=wanted, occurred_at=now))


@dataclass(frozen=True, kw_only=True)
class JobFilter:
    """Which jobs a list shows; None means any."""

    status: JobStatus | None = None
    thread_id: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


class Jobs(Protocol):
    """Every job ever submitted, within one transaction."""

    async def add(self, jobs: Sequence[Job], /) -> None:
        """Store new jobs, and announce them."""
        ...

    async def lock(self, ids: Sequence[JobId], /) -> Sequence[Job]:
        """The jobs with these ids, for changing; ids that nobody has are left out."""
        ...

    async def lock_one(self, job_id: JobId, /, *, owner: Owner) -> Job:
        """One job of its owner's, for changing. Raises JobNotFound."""
        ...

    async def save(self, jobs: Sequence[Job], /) -> None:
        """Store changed jobs, and announce what happened to them."""
        ...

    async def overdue(self, limit: int, /, *, grace: timedelta) -> Sequence[Job]:
        """Unfinished jobs whose deadline passed more than `grace` ago, for changing."""
        ...

    async def ask_again(self, limit: int, /) -> int:
        """Announce anew those that were not heard of for too long; returns how many."""
        ...
