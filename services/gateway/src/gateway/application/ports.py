"""What the use cases need from outside, and the transaction that they work in."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import ClassVar, Protocol

from gateway.domain.callback import Callback, Callbacks, Verdict
from gateway.domain.job import Job, JobFilter, JobId, Jobs, Owner
from shared.domain import Conflict, Invalid


class IdempotencyKeyReused(Invalid):
    message = "This Idempotency-Key was used before, for another request."


class IdempotencyInProgress(Conflict):
    message = "The first request with this Idempotency-Key is still being decided."
    retry_after_s: ClassVar[int] = 1


@dataclass(frozen=True)
class Once:
    """A client's own name for a request. `scope` keeps tenants' and routes' names apart."""

    scope: str
    key: str
    #: of the validated request, so that spelling it differently is still the same request
    request_hash: str


class Idempotency(Protocol):
    """Which keys were used, and for what; remembered for a day."""

    async def find(self, once: Once, /) -> JobId | None:
        """Whose the key is, if anybody's. Raises IdempotencyKeyReused."""
        ...

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


class OpenWork(Protocol):
    """Opens a transaction."""

    def __call__(self, *, in_one_step: bool = False) -> AbstractAsyncContextManager[Work]:
        """`in_one_step`: one call inside does it all, and need not wait for a commit of its own."""
        ...


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


class CallbackSender(Protocol):
    """Delivers a signed callback over HTTP, and never into our own network."""

    async def send(self, callback: Callback, job: Job, /) -> Verdict:
        """One try; every failure is a verdict, none is raised."""
        ...


class CallbackSecrets(Protocol):
    """What callbacks are signed with, one current secret for each owner."""

    async def rotate(self, owner: Owner, /) -> str:
        """Replace the secret; the new one is returned here and never again."""
        ...


class Cursors(Protocol):
    """Places in a list, told to clients as text that only we can make."""

    def encode(self, place: Sequence[str | int], *, context: str) -> str: ...

    def decode(self, cursor: str, *, context: str) -> list[str | int]:
        """Raises a refusal for a cursor that is none of ours."""
        ...
