"""The gateway's ports in memory: what contract tests hold against PostgreSQL."""

import copy
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from gateway.application.announcements import message_about, process_prompt
from gateway.application.ports import IdempotencyKeyReused, Once, Page, Work
from gateway.domain.callback import Callback, CallbackState
from gateway.domain.job import Job, JobFilter, JobId, JobNotFound, Owner
from shared.contracts import Message


@dataclass
class MemoryGateway:
    """`open_work` is a transaction: what its block did is undone when it raises."""

    now: datetime
    reask_after: timedelta = timedelta(seconds=15)
    jobs: dict[JobId, Job] = field(default_factory=dict[JobId, Job])
    ask_at: dict[JobId, datetime] = field(default_factory=dict[JobId, datetime])
    callbacks: dict[UUID, Callback] = field(default_factory=dict[UUID, Callback])
    keys: dict[tuple[str, str], tuple[str, JobId]] = field(
        default_factory=dict[tuple[str, str], tuple[str, JobId]]
    )
    announced: list[Message] = field(default_factory=list[Message])

    @asynccontextmanager
    async def open_work(self) -> AsyncGenerator[Work]:
        before = copy.deepcopy(self.__dict__)
        try:
            yield Work(
                jobs=MemoryJobs(self),
                callbacks=MemoryCallbacks(self),
                idempotency=MemoryIdempotency(self),
            )
        except BaseException:
            self.__dict__.update(before)
            raise


@dataclass
class MemoryJobs:
    """Honours gateway.domain.job.Jobs."""

    store: MemoryGateway

    async def add(self, new: Sequence[Job], /) -> None:
        for job in new:
            self.store.ask_at[job.id] = job.created_at + self.store.reask_after
        await self.save(new)

    async def lock(self, ids: Sequence[JobId], /) -> Sequence[Job]:
        return [self._copy(job_id) for job_id in sorted(set(ids)) if job_id in self.store.jobs]

    async def lock_one(self, job_id: JobId, /, *, owner: Owner) -> Job:
        for job in await self.lock([job_id]):
            if owner in {None, job.owner}:
                return job
        raise JobNotFound(job_id=job_id)

    async def save(self, changed: Sequence[Job], /) -> None:
        for job in changed:
            happened = job.release_events()
            self.store.jobs[job.id] = copy.deepcopy(job)
            self.store.announced += [m for event in happened if (m := message_about(event))]

    async def overdue(self, limit: int, /, *, grace: timedelta) -> Sequence[Job]:
        late = [job for job in self._unfinished() if job.deadline_at < self.store.now - grace]
        return [self._copy(job.id) for job in late[:limit]]

    async def ask_again(self, limit: int, /) -> int:
        unheard = [job for job in self._unfinished() if self.store.ask_at[job.id] < self.store.now]
        for job in unheard[:limit]:
            self.store.ask_at[job.id] = self.store.now + 2 * self.store.reask_after
            self.store.announced.append(process_prompt(job))
        return len(unheard[:limit])

    def _unfinished(self) -> list[Job]:
        return [job for job in self.store.jobs.values() if not job.status.is_final]

    def _copy(self, job_id: JobId) -> Job:
        return copy.deepcopy(self.store.jobs[job_id])


@dataclass
class MemoryJobReader:
    """Honours gateway.application.ports.JobReader."""

    store: MemoryGateway

    async def find(self, job_id: JobId, /, *, owner: Owner) -> Job:
        return await MemoryJobs(self.store).lock_one(job_id, owner=owner)

    async def many(self, ids: Sequence[JobId], /) -> Sequence[Job]:
        return await MemoryJobs(self.store).lock(ids)

    async def page(
        self, wanted: JobFilter, /, *, owner: Owner, after: JobId | None, limit: int
    ) -> Page:
        newest_first = sorted(
            self.store.jobs.values(), key=lambda job: (job.created_at, job.id), reverse=True
        )
        edge = self.store.jobs[after] if after else None
        found = [
            job
            for job in newest_first
            if _matches(job, wanted, owner)
            and (edge is None or (job.created_at, job.id) < (edge.created_at, edge.id))
        ]
        shown = found[:limit]
        return Page(shown, next_after=shown[-1].id if len(found) > limit else None)

    async def callback(self, job_id: JobId, /) -> Callback | None:
        return next((c for c in self.store.callbacks.values() if c.job_id == job_id), None)


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

    store: MemoryGateway

    async def add(self, owed: Sequence[Callback], /) -> None:
        self.store.callbacks |= {callback.id: copy.deepcopy(callback) for callback in owed}

    async def claim(
        self, limit: int, /, *, lease_s: float, busy_hosts: Sequence[str], per_host: int
    ) -> Sequence[Callback]:
        taken: list[Callback] = []
        for callback in sorted(self.store.callbacks.values(), key=lambda c: c.available_at):
            is_due = (
                callback.state is CallbackState.PENDING
                and callback.available_at <= self.store.now
                and callback.host not in busy_hosts
            )
            if is_due and sum(one.host == callback.host for one in taken) < per_host:
                callback.lease_token = uuid4()
                callback.available_at = self.store.now + timedelta(seconds=lease_s)
                taken.append(copy.deepcopy(callback))
        return taken[:limit]

    async def save(self, callback: Callback, /) -> bool:
        if self.store.callbacks[callback.id].lease_token != callback.lease_token:
            return False
        stored = copy.deepcopy(callback)
        stored.lease_token = None
        self.store.callbacks[callback.id] = stored
        return True


@dataclass
class MemoryIdempotency:
    """Honours gateway.application.ports.Idempotency."""

    store: MemoryGateway

    async def claim(self, once: Once, job_id: JobId, /) -> JobId:
        first = self.store.keys.setdefault(
            (once.scope, once.key), (once.request_hash, job_id)
        )
        if first[0] != once.request_hash:
            raise IdempotencyKeyReused
        return first[1]
