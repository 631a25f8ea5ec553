"""A callback: one finished job on its way to its owner's own server."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType, Protocol
from uuid import UUID

from gateway.domain.job import Job, JobId, Owner

CallbackId = NewType("CallbackId", UUID)


class CallbackState(StrEnum):
    PENDING = "PENDING"  #: not delivered yet; `available_at` says when it is tried next
    DELIVERED = "DELIVERED"  #: the receiver answered 2xx
    FAILED = "FAILED"  #: given up; `last_error` says why


#: Pauses before each further try, in multiples of the first: about a day in all.
PAUSES = (1, 12, 60, 360, 1_440, 3_600, 5_760, 5_760)


@dataclass(frozen=True)
class Verdict:
    """What one try came to. `error` is None after a 2xx."""

    error: str | None
    status: int | None = None
    #: the receiver's own wish (Retry-After), seconds, at most an hour
    retry_after_s: float | None = None

    @property
    def is_final(self) -> bool:
        # 410 Gone: the receiver says that it never wants to hear from us again.
        return self.error is None or self.status == 410 or self.error == "callback_blocked"


@dataclass(kw_only=True)
class Callback:
    """Delivered at least once. Its id is chosen once: the receiver drops what it has seen."""

    id: CallbackId
    job_id: JobId
    owner: Owner
    url: str
    available_at: datetime
    state: CallbackState = CallbackState.PENDING
    attempts: int = 0
    last_status: int | None = None
    last_error: str | None = None
    lease_token: UUID | None = None

    @classmethod
    def owed_for(cls, callback_id: CallbackId, job: Job, now: datetime) -> "Callback":
        """For a finished job that has a `callback_url`."""
        return cls(
            id=callback_id,
            job_id=job.id,
            owner=job.owner,
            url=job.request.callback_url or "",
            available_at=now,
        )

    @property
    def host(self) -> str:
        """Who receives it, with the port: what a sender may not overrun."""
        found = re.search("//([^/?#]*)", self.url)
        return found[1].lower() if found else ""

    def record(
        self, verdict: Verdict, now: datetime, *, first_pause_s: float, jitter: float
    ) -> None:
        """Note what a try came to; `jitter` (0 to 1) spreads the next ones by a fifth."""
        self.attempts += 1
        self.last_status, self.last_error = verdict.status, verdict.error
        if verdict.error is None:
            self.state = CallbackState.DELIVERED
        elif verdict.is_final or self.attempts > len(PAUSES):
            self.state = CallbackState.FAILED
        else:
            pause = PAUSES[self.attempts - 1] * first_pause_s * (0.8 + 0.4 * jitter)
            self.available_at = now + timedelta(seconds=max(pause, verdict.retry_after_s or 0))


class Callbacks(Protocol):
    """Every callback that is or was owed, within one transaction."""

    async def add(self, callbacks: Sequence[Callback], /) -> None: ...

    async def claim(
        self, limit: int, /, *, lease_s: float, busy: Mapping[str, int], per_host: int
    ) -> Sequence[Callback]:
        """Take due ones, so that nobody else sends them for `lease_s` seconds.

        At most `per_host` for one host, less those that `busy` says are on their way to it.
        """
        ...

    async def save(self, callback: Callback, /) -> bool:
        """Store what a try came to; False when the lease was lost meanwhile (nothing is stored)."""
        ...
