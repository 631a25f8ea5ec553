"""The gateway's ports in memory: what contract tests hold against PostgreSQL and Redis."""

import asyncio
import copy
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from gateway.application.announcements import message_about, process_prompt
from gateway.application.ports import IdempotencyKeyReused, Once, Page, Work
from gateway.domain.callback import Callback, CallbackId, CallbackState, Verdict
from gateway.domain.job import Job, JobFilter, JobId, JobNotFound, Owner
from shared.availability import DatabaseUnavailable
from shared.contracts import Message

LONGEST_SILENCE = timedelta(seconds=300)


@dataclass
class Stored:
    """Everything that a transaction may change."""

    jobs: dict[JobId, Job] = field(default_factory=dict[JobId, Job])
    ask_at: dict[JobId, datetime] = field(default_factory=dict[JobId, datetime])
    asks: Counter[JobId] = field(default_factory=Counter[JobId])
    callbacks: dict[CallbackId, Callback] = field(default_factory=dict[CallbackId, Callback])
    keys: dict[tuple[str, str], tuple[str, JobId]] = field(
        default_factory=dict[tuple[str, str], tuple[str, JobId]]
    )
    announced: list[Message] = field(default_factory=list[Message])


@dataclass
class MemoryGateway:
    """`open_work` is a transaction: one at a time, and undone when its block raises."""

    time: datetime
    reask_after: timedelta = timedelta(seconds=15)
    stored: Stored = field(default_factory=Stored)
    is_away: bool = False
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @asynccontextmanager
    async def open_work(self, *, in_one_step: bool = False) -> AsyncGenerator[Work]:
        self.answer()
        async with self._turn:
            before = copy.deepcopy(self.stored)
            try:
                yield Work(
                    jobs=MemoryJobs(self),
                    callbacks=MemoryCallbacks(self),
                    idempotency=MemoryIdempotency(self),
                )
            except BaseException:
                self.stored = before
                raise

    def answer(self) -> None:
        """Raises DatabaseUnavailable while it is away."""
        if self.is_away:
            raise DatabaseUnavailable("away")

    @property
    def read(self) -> "MemoryJobReader":
        return MemoryJobReader(self)

    def clock(self) -> datetime:
        """Fits `shared.domain.Clock`."""
        return self.time

    async def now(self) -> datetime:
        return self.time

    async def pass_time(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    async def announced(self) -> list[Message]:
        """Everything that was announced, in order."""
        return list(self.stored.announced)


@dataclass
class MemoryJobs:
    """Honours gateway.domain.job.Jobs."""

    gateway: MemoryGateway

    @property
    def _stored(self) -> Stored:
        return self.gateway.stored

    async def add(self, jobs: Sequence[Job], /) -> None:
        for job in jobs:
            self._stored.ask_at[job.id] = job.created_at + self.gateway.reask_after
        await self.save(jobs)

    async def lock(self, ids: Sequence[JobId], /) -> Sequence[Job]:
        return [self._copy(job_id) for job_id in sorted(set(ids)) if job_id in self._stored.jobs]

    async def lock_one(self, job_id: JobId, /, *, owner: Owner) -> Job:
        for job in await self.lock([job_id]):
            if owner in {None, job.owner}:
                return job
        raise JobNotFound(job_id=job_id)

    async def save(self, jobs: Sequence[Job], /) -> None:
        for job in jobs:
            happened = job.release_events()
            self._stored.jobs[job.id] = copy.deepcopy(job)
            self._stored.announced += [m for event in happened if (m := message_about(event))]

    async def overdue(self, limit: int, /, *, grace: timedelta) -> Sequence[Job]:
        late = [job for job in self._unfinished() if job.deadline_at < self.gateway.time - grace]
        late.sort(key=lambda job: job.deadline_at)
        return [self._copy(job.id) for job in late[:limit]]

    async def ask_again(self, limit: int, /) -> int:
        stored, now = self._stored, self.gateway.time
        unheard = [job for job in self._unfinished() if stored.ask_at[job.id] < now][:limit]
        for job in unheard:
            stored.asks[job.id] += 1
            silence = self.gateway.reask_after * 2 ** stored.asks[job.id]
            stored.ask_at[job.id] = now + min(silence, LONGEST_SILENCE)
            stored.announced.append(process_prompt(job))
        return len(unheard)

    def _unfinished(self) -> list[Job]:
        return [job for job in self._stored.jobs.values() if not job.status.is_final]

    def _copy(self, job_id: JobId) -> Job:
        return copy.deepcopy(self._stored.jobs[job_id])


@dataclass
class MemoryJobReader:
    """Honours gateway.application.ports.JobReader."""

    gateway: MemoryGateway

    async def find(self, job_id: JobId, /, *, owner: Owner) -> Job:
        self.gateway.answer()
        return await MemoryJobs(self.gateway).lock_one(job_id, owner=owner)

    async def many(self, ids: Sequence[JobId], /) -> Sequence[Job]:
        self.gateway.answer()
        return await MemoryJobs(self.gateway).lock(ids)

    async def page(
        self, wanted: JobFilter, /, *, owner: Owner, after: JobId | None, limit: int
    ) -> Page:
        jobs = self.gateway.stored.jobs
        newest_first = sorted(jobs.values(), key=_age, reverse=True)
        edge = None if after is None else _age(jobs[after])
        found = [
            job
            for job in newest_first
            if _matches(job, wanted, owner) and (edge is None or _age(job) < edge)
        ]
        shown = found[:limit]
        return Page(shown, next_after=shown[-1].id if len(found) > limit else None)

    async def callback(self, job_id: JobId, /) -> Callback | None:
        owed = self.gateway.stored.callbacks.values()
        return next((callback for callback in owed if callback.job_id == job_id), None)


def _age(job: Job) -> tuple[datetime, JobId]:
    return job.created_at, job.id


def _matches(job: Job, wanted: JobFilter, owner: Owner) -> bool:
    return (
        owner in {None, job.owner}
        and wanted.status in {None, job.status}
        and wanted.thread_id in {None, job.request.thread_id}
        and (wanted.created_after is None or job.created_at > wanted.created_after)
        and (wanted.created_before is None or job.created_at < wanted.created_before)
    )


@dataclass
class MemoryCallbacks:
    """Honours gateway.domain.callback.Callbacks."""

    gateway: MemoryGateway

    async def add(self, callbacks: Sequence[Callback], /) -> None:
        stored = self.gateway.stored.callbacks
        stored |= {callback.id: copy.deepcopy(callback) for callback in callbacks}

    async def claim(
        self, limit: int, /, *, lease_s: float, busy: Mapping[str, int], per_host: int
    ) -> Sequence[Callback]:
        taken: list[Callback] = []
        sending = Counter(busy)
        for callback in self._due():
            if len(taken) == limit:
                break
            if sending[callback.host] < per_host:
                sending[callback.host] += 1
                callback.lease_token = uuid4()
                callback.available_at = self.gateway.time + timedelta(seconds=lease_s)
                taken.append(copy.deepcopy(callback))
        return taken

    async def save(self, callback: Callback, /) -> bool:
        stored = self.gateway.stored.callbacks
        if stored[callback.id].lease_token != callback.lease_token:
            return False
        stored[callback.id] = copy.deepcopy(callback)
        stored[callback.id].lease_token = None
        return True

    def _due(self) -> list[Callback]:
        due = [
            callback
            for callback in self.gateway.stored.callbacks.values()
            if callback.state is CallbackState.PENDING
            and callback.available_at <= self.gateway.time
        ]
        return sorted(due, key=lambda callback: callback.available_at)


@dataclass
class MemoryIdempotency:
    """Honours gateway.application.ports.Idempotency."""

    gateway: MemoryGateway

    async def find(self, once: Once, /) -> JobId | None:
        first = self.gateway.stored.keys.get((once.scope, once.key))
        if first is not None and first[0] != once.request_hash:
            raise IdempotencyKeyReused
        return None if first is None else first[1]

    async def claim(self, once: Once, job_id: JobId, /) -> JobId:
        first = await self.find(once)
        if first is None:
            self.gateway.stored.keys[once.scope, once.key] = (once.request_hash, job_id)
        return first or job_id


@dataclass
class ScriptedSender:
    """Honours gateway.application.ports.CallbackSender: gives its verdicts in turn, then 200s.

    While `gate` is closed, everything that is sent stays on its way.
    """

    verdicts: list[Verdict | Exception] = field(default_factory=list[Verdict | Exception])
    sent: list[tuple[Callback, Job]] = field(default_factory=list[tuple[Callback, Job]])
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    on_their_way: Counter[str] = field(default_factory=Counter[str])

    def __post_init__(self) -> None:
        self.gate.set()

    async def send(self, callback: Callback, job: Job, /) -> Verdict:
        self.sent.append((copy.deepcopy(callback), job))
        self.on_their_way[callback.host] += 1
        await self.gate.wait()
        self.on_their_way[callback.host] -= 1
        verdict = self.verdicts.pop(0) if self.verdicts else Verdict(None, 200)
        if isinstance(verdict, Exception):
            raise verdict
        return verdict


@dataclass(frozen=True)
class Words:
    """Fits gateway.application.watching.Piece."""

    position: str
    text: str
    attempt: int


@dataclass
class MemoryTokens:
    """Honours gateway.application.watching.Tokens."""

    pieces: list[tuple[UUID, Words]] = field(default_factory=list[tuple[UUID, Words]])

    async def emit(self, job_id: UUID, attempt: int, text: str) -> None:
        position = f"{len(self.pieces) + 1}-0"
        self.pieces.append((job_id, Words(position, text, attempt)))

    async def read(self, job_id: UUID, after: str, /, *, wait_s: float) -> Sequence[Words]:
        found = self._after(job_id, after)
        if not found and wait_s:
            await asyncio.sleep(wait_s)
            found = self._after(job_id, after)
        return found

    def _after(self, job_id: UUID, after: str) -> list[Words]:
        seen = int(after.partition("-")[0])
        mine = [words for owner, words in self.pieces if owner == job_id]
        return [words for words in mine if int(words.position.partition("-")[0]) > seen]
