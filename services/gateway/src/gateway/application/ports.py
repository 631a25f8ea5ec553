"""What the use cases need from outside, and the transaction that they work in."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from gateway.domain.callback import Callback, Callbacks, Verdict
from gateway.domain.job import Job, JobFilter, JobId, Jobs, Owner
from shared.domain import Conflict, Invalid


class IdempotencyKeyReused(Invalid):
    message = "This Idempotency-Key was used before, for another request."


class IdempotencyInProgress(Conflict):
    message = "The first request with this Idempotency-Key is still being decided."


@dataclass(frozen=True)
class Once:
    """A client's own name for a request. `scope` keeps tenants' and routes' names apart."""

    scope: str
    key: str
    #: of the validated request, so that spelling it differently is still the same request
    request_hash: str


class Idempotency(Protocol):
    """Which keys were used, and for what; remembered for a day."""

    async def claim(self, once: Once, job_id: JobId, /) -> JobId:
        """Take the key for `job_id`, or learn whose it is: the first claim's job id.

        Raises IdempotencyKeyReused when the first request was another one, IdempotencyInProgress
        when it has not been decided within two seconds.
        """
        ...


@dataclass(frozen=True)
class Work:
    """One transaction: commits when its block ends, rolls back when it raises."""

    jobs: Jobs
    callbacks: Callbacks
    idempotency: Idempotency


OpenWork = Callable[[], AbstractAsyncContextManager[Work]]


@dataclass(frozen=True)
class Page:
    """Jobs, newest first; `next_after` is where the next page begins, None at the end."""

    jobs: Sequence[Job]
    next_after: JobId | None


class JobReader(Protocol):
    """Jobs for looking at; changes nothing."""

    async def find(self, job_id: JobId, /, *, owner: Owner) -> Job:
        """Raises JobNotFound; another tenant's job is not found either."""
        ...

    async def many(self, ids: Sequence[JobId], /) -> Sequence[Job]:
        """Those that exist, whoever owns them, in any order."""
        ...

    async def page(
        self, wanted: JobFilter, /, *, owner: Owner, after: JobId | None, limit: int
    ) -> Page:
        """The newest first; with `after`, those older than that job."""
        ...

    async def callback(self, job_id: JobId, /) -> Callback | None:
        """The callback that is or was owed for a job."""
        ...


@dataclass(frozen=True)
class Token:
    """A piece of an answer while it is being written. `position` orders them; it may be resumed."""

    position: str
    text: str
    #: a new attempt begins its answer afresh
    attempt: int


class TokenStream(Protocol):
    """Pieces of answers as models write them: a hint, which may be lost without harm."""

    async def read(self, job_id: JobId, after: str, /, *, wait_s: float) -> Sequence[Token]:
        """Pieces after `after`; waits up to `wait_s` for one. Empty when there is none."""
        ...


class CallbackSender(Protocol):
    """Delivers a signed callback over HTTP, and never into our own network."""

    async def send(self, callback: Callback, job: Job, /) -> Verdict:
        """One try; every failure is a verdict, none is raised."""
        ...
