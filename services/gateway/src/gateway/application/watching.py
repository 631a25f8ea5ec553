"""Watching jobs live: one query for everybody who watches, tokens as they come."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from gateway.application.ports import JobReader
from gateway.domain.job import Job, JobId, JobStatus, Owner


class Piece(Protocol):
    """Some words of an answer that is being written; see shared's token stream."""

    @property
    def position(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def attempt(self) -> int: ...


class Tokens(Protocol):
    """Pieces of answers as models write them: a hint, which may be lost without harm."""

    async def read(self, job_id: UUID, after: str, /, *, wait_s: float) -> Sequence[Piece]:
        """Pieces after `after` (`0-0` is the beginning); waits up to `wait_s` for one."""
        ...


@dataclass(frozen=True)
class StatusSeen:
    """The job's state as it is now; the first event of every watch, and each change after it."""

    job: Job


@dataclass(frozen=True)
class Place:
    """How far a reader has come in a job's words; `attempt` is 0 before the first of them."""

    position: str = "0-0"
    attempt: int = 0


BEGINNING = Place()


@dataclass(frozen=True)
class WordsSeen:
    """Some more words. `is_fresh_start` when an earlier attempt's words no longer count."""

    piece: Piece
    is_fresh_start: bool

    @property
    def place(self) -> Place:
        return Place(self.piece.position, self.piece.attempt)


Seen = StatusSeen | WordsSeen


@dataclass
class Board:
    """Knows the state of every watched job: it asks for all of them at once, again and again."""

    read: JobReader
    every_s: float = 0.2
    _watched: Counter[JobId] = field(default_factory=Counter[JobId])
    _jobs: dict[JobId, Job] = field(default_factory=dict[JobId, Job])

    async def run(self) -> None:
        """Keep the board current until cancelled."""
        while True:
            await asyncio.sleep(self.every_s)
            unfinished = [
                job_id
                for job_id in self._watched
                if (job := self._jobs.get(job_id)) is None or not job.status.is_final
            ]
            if unfinished:
                for job in await self.read.many(unfinished):
                    self._jobs[job.id] = job

    def begin(self, job: Job) -> None:
        self._watched[job.id] += 1
        self._jobs.setdefault(job.id, job)

    def end(self, job_id: JobId) -> None:
        self._watched[job_id] -= 1
        if not self._watched[job_id]:
            del self._watched[job_id]
            self._jobs.pop(job_id, None)

    def job(self, job_id: JobId) -> Job:
        return self._jobs[job_id]


@dataclass(frozen=True)
class Watch:
    """Follows one job until it ends."""

    read: JobReader
    board: Board
    tokens: Tokens

    async def follow(
        self, job_id: JobId, *, owner: Owner, after: Place = BEGINNING
    ) -> AsyncGenerator[Seen]:
        """Everything that happens to a job, ending with its final state. Raises JobNotFound.

        `after` is the place of the last words that the reader has.
        """
        job = await self.read.find(job_id, owner=owner)
        self.board.begin(job)
        try:
            async for seen in self._until_final(job, after):
                yield seen
        finally:
            self.board.end(job_id)

    async def _until_final(self, job: Job, place: Place) -> AsyncGenerator[Seen]:
        status: JobStatus | None = None
        while True:
            # Read before the words: then every word of a finished job has been seen below.
            job = self.board.job(job.id)
            if job.status is not status and not job.status.is_final:
                yield StatusSeen(job)
                status = job.status
            wait_s = 0.0 if job.status.is_final else self.board.every_s
            for piece in await self.tokens.read(job.id, place.position, wait_s=wait_s):
                # A worker that was thought dead may go on for a while: nobody wants its words.
                if piece.attempt >= place.attempt:
                    yield WordsSeen(piece, is_fresh_start=0 < place.attempt < piece.attempt)
                place = Place(piece.position, max(place.attempt, piece.attempt))
            if job.status.is_final:
                yield StatusSeen(job)
                return
