"""What can be done with jobs: submit, cancel, hear what became of them, and never lose one."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from gateway.application.ports import Once, OpenWork, Work
from gateway.domain.callback import Callback, CallbackId
from gateway.domain.job import (
    Answer,
    Failure,
    Job,
    JobCannotMove,
    JobId,
    Owner,
    Request,
    Spent,
)
from shared import metrics
from shared.batching import Gather
from shared.contracts import PromptCompleted, PromptFailed, Usage
from shared.crash_points import crash_point
from shared.domain import Clock
from shared.llm.catalogue import ReadCatalogue

#: A deadline is the worker's to keep; this long after it, the gateway stops waiting for the worker.
GRACE = timedelta(seconds=5)


@dataclass(frozen=True)
class Accepted:
    """A job that is stored; `is_replay` when an earlier request with the same key stored it."""

    job_id: JobId
    is_replay: bool


@dataclass
class JobService:
    """Every job that it accepts ends: COMPLETED, FAILED with a reason, or CANCELLED."""

    open_work: OpenWork
    catalogue: ReadCatalogue
    now: Clock
    new_id: Callable[[], UUID]
    #: the trace that the caller is in, as headers
    trace: Callable[[], Mapping[str, str]]
    #: how long a job may take, seconds
    patience_s: float
    _together: Gather[Job, Job] = field(init=False)

    def __post_init__(self) -> None:
        self._together = Gather(self._store)

    async def submit(self, request: Request, *, owner: Owner, once: Once | None = None) -> Accepted:
        """Accept a job for good: it is stored when this returns.

        With `once`, asking again returns the first request's job. Raises ConfigNotFound,
        TemplateNotFound, TemplateVariables, IdempotencyKeyReused, IdempotencyInProgress.
        """
        await self._check(request)
        job = Job.submit(
            JobId(self.new_id()),
            request,
            owner=owner,
            now=self.now(),
            patience=timedelta(seconds=self.patience_s),
        )
        job.trace = self.trace()
        if once is None:
            await self._together(job)
            return Accepted(job.id, is_replay=False)
        async with self.open_work() as work:
            first = await work.idempotency.claim(once, job.id)
            if first == job.id:
                await work.jobs.add([job])
        crash_point("job.stored")
        return Accepted(first, is_replay=first != job.id)

    async def accepted_before(self, once: Once) -> Accepted | None:
        """What this key's first request came to, whatever has changed since.

        Raises IdempotencyKeyReused.
        """
        async with self.open_work() as work:
            first = await work.idempotency.find(once)
        return None if first is None else Accepted(first, is_replay=True)

    async def cancel(self, job_id: JobId, *, owner: Owner) -> Job:
        """Give a job up. Raises JobNotFound, JobCannotMove."""
        async with self.open_work() as work:
            job = await work.jobs.lock_one(job_id, owner=owner)
            job.cancel(self.now())
            await self._save(work, [job])
        _count([job])
        return job

    async def started(self, ids: Sequence[JobId]) -> None:
        """Work on these began."""
        await self._change("PromptsStarted", ids, lambda job: job.start(self.now()))

    async def completed(self, answers: Sequence[PromptCompleted]) -> None:
        """The answers arrived; one that comes late or twice changes nothing."""
        by_id = {JobId(answer.job_id): answer for answer in answers}

        def complete(job: Job) -> None:
            heard = by_id[job.id]
            answer = Answer(
                result=_storable(heard.result),
                agent=heard.agent,
                provider=heard.provider,
                model=heard.model,
                moderation=heard.moderation,
            )
            job.complete(answer, _spent(heard.usage, heard.attempts), self.now())

        await self._change("PromptCompleted", by_id, complete)

    async def failed(self, failures: Sequence[PromptFailed]) -> None:
        """There will be no answers to these."""
        by_id = {JobId(failure.job_id): failure for failure in failures}

        def fail(job: Job) -> None:
            heard = by_id[job.id]
            spent = _spent(heard.usage, heard.attempts)
            job.fail(Failure(heard.code, _storable(heard.detail)), spent, self.now())

        await self._change("PromptFailed", by_id, fail)

    async def sweep(self, most: int = 200) -> int:
        """Ask again about jobs unheard of, and end those that are out of time.

        Returns how many were touched; call again at once when it is `most`.
        """
        async with self.open_work() as work:
            overdue = await work.jobs.overdue(most, grace=GRACE)
            for job in overdue:
                late = Failure("deadline_exceeded", f"No answer within {self.patience_s:g} s.")
                job.fail(late, job.spent, self.now())
            await self._save(work, overdue)
        _count(overdue)
        async with self.open_work() as work:
            asked = await work.jobs.ask_again(most)
        metrics.jobs_asked_again.inc(asked)
        return max(len(overdue), asked)

    async def _check(self, request: Request) -> None:
        names = (request.config_name, request.template_name)
        catalogue = await self.catalogue(at_least=names)
        catalogue.config(request.config_name)
        catalogue.template(request.template_name).check(request.variables)

    async def _store(self, jobs: Sequence[Job]) -> Sequence[Job]:
        """Jobs that were submitted at the same time share one commit."""
        async with self.open_work(in_one_step=True) as work:
            await work.jobs.add(jobs)
        return jobs

    async def _change(
        self, heard: str, ids: Iterable[JobId], change: Callable[[Job], None]
    ) -> None:
        wanted = set(ids)
        async with self.open_work() as work:
            found = await work.jobs.lock(list(wanted))
            changed = [job for job in found if _could(change, job)]
            await self._save(work, changed)
        _count(changed)
        # After a restore from a backup the queue may speak of jobs that are not there.
        metrics.messages_orphaned.labels(heard).inc(len(wanted) - len(found))

    async def _save(self, work: Work, jobs: Sequence[Job]) -> None:
        await work.jobs.save(jobs)
        await work.callbacks.add(
            [
                Callback.owed_for(CallbackId(self.new_id()), job, self.now())
                for job in jobs
                if job.status.is_final and job.request.callback_url is not None
            ]
        )


def _could(change: Callable[[Job], None], job: Job) -> bool:
    try:
        change(job)
    except JobCannotMove:
        return False  # heard late, or twice
    return True


def _count(changed: Iterable[Job]) -> None:
    for job in changed:
        if job.status.is_final:
            metrics.jobs_finished.labels(job.failure.code if job.failure else job.status).inc()


def _storable(text: str) -> str:
    # Models can be made to say it; it means nothing, and PostgreSQL cannot hold it.
    return text.replace("\0", "")


def _spent(usage: Usage, attempts: int) -> Spent:
    return Spent(
        attempts=attempts,
        model_calls=usage.model_calls,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cost_micro_usd=usage.cost_micro_usd,
    )
