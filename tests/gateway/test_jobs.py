"""What can be done with jobs, and that each of them ends exactly once."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from gateway.application.jobs import JobService
from gateway.application.ports import IdempotencyKeyReused
from gateway.domain.job import Job, JobCannotMove, JobId, JobNotFound, JobStatus, Request
from shared.contracts import CancelPrompt, ProcessPrompt
from shared.llm.catalogue import ConfigNotFound, TemplateNotFound, TemplateVariables
from tests.gateway.builders import (
    ANSWER,
    FAILURE,
    HOOK,
    NOON,
    OTHER_TENANT,
    PATIENCE,
    SPENT,
    TENANT,
    TRACE,
    a_request,
    completed,
    failed,
    once,
)
from tests.gateway.counted import Counted
from tests.gateway.fakes import MemoryGateway

A_DAY_S = 24 * 3_600.0


async def submitted(jobs: JobService, **request: Any) -> JobId:
    return (await jobs.submit(a_request(**request), owner=TENANT)).job_id


def job_in(memory: MemoryGateway, job_id: JobId) -> Job:
    return memory.stored.jobs[job_id]


# -- submitting


async def test_a_submitted_job_is_stored_and_announced(
    jobs: JobService, memory: MemoryGateway
) -> None:
    accepted = await jobs.submit(a_request("Halo"), owner=TENANT)

    job = job_in(memory, accepted.job_id)
    assert not accepted.is_replay
    assert (job.status, job.owner, job.request) == (JobStatus.QUEUED, TENANT, a_request("Halo"))
    assert (job.created_at, job.deadline_at, job.trace) == (NOON, NOON + PATIENCE, TRACE)
    [announced] = await memory.announced()
    assert isinstance(announced, ProcessPrompt)
    assert announced.job_id == accepted.job_id


async def test_jobs_submitted_at_once_are_all_stored(
    jobs: JobService, memory: MemoryGateway
) -> None:
    accepted = await asyncio.gather(
        *(jobs.submit(a_request(str(n)), owner=TENANT) for n in range(50))
    )

    prompts = [job_in(memory, one.job_id).request.prompt.text for one in accepted]
    assert prompts == [str(n) for n in range(50)]


@pytest.mark.parametrize(
    ("request_", "refusal"),
    [
        (a_request(config_name="nope"), ConfigNotFound),
        (a_request(template_name="nope"), TemplateNotFound),
        (a_request(variables={"name": "Ani"}), TemplateVariables),
    ],
)
async def test_what_cannot_be_answered_is_refused_at_once(
    jobs: JobService, memory: MemoryGateway, request_: Request, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        await jobs.submit(request_, owner=TENANT, once=once())

    assert memory.stored.jobs == {}
    assert memory.stored.keys == {}


async def test_the_same_key_is_the_same_job(jobs: JobService, memory: MemoryGateway) -> None:
    first = await jobs.submit(a_request(), owner=TENANT, once=once())

    again = await jobs.submit(a_request(), owner=TENANT, once=once())

    assert (again.job_id, again.is_replay) == (first.job_id, True)
    assert await jobs.accepted_before(once()) == again
    assert len(memory.stored.jobs) == len(await memory.announced()) == 1


async def test_a_key_that_nobody_used_was_not_accepted_before(jobs: JobService) -> None:
    assert await jobs.accepted_before(once()) is None


async def test_the_same_key_for_another_request_is_refused(jobs: JobService) -> None:
    await jobs.submit(a_request(), owner=TENANT, once=once(request="one"))

    with pytest.raises(IdempotencyKeyReused):
        await jobs.submit(a_request("b"), owner=TENANT, once=once(request="another"))
    with pytest.raises(IdempotencyKeyReused):
        await jobs.accepted_before(once(request="another"))


# -- what becomes of them


async def test_an_answer_completes_its_job(jobs: JobService, memory: MemoryGateway) -> None:
    job_id, finished = await submitted(jobs), Counted("jobs_finished", code="COMPLETED")
    await jobs.started([job_id])

    await jobs.completed([completed(job_id)])

    job = job_in(memory, job_id)
    assert (job.status, job.answer, job.spent) == (JobStatus.COMPLETED, ANSWER, SPENT)
    assert finished.more == 1


async def test_a_failure_fails_its_job_and_says_why(
    jobs: JobService, memory: MemoryGateway
) -> None:
    job_id, finished = await submitted(jobs), Counted("jobs_finished", code=FAILURE.code)

    await jobs.failed([failed(job_id)])

    job = job_in(memory, job_id)
    assert (job.status, job.failure, job.spent) == (JobStatus.FAILED, FAILURE, SPENT)
    assert finished.more == 1


async def test_an_answer_may_overtake_the_report_that_work_began(
    jobs: JobService, memory: MemoryGateway
) -> None:
    job_id = await submitted(jobs)

    await jobs.completed([completed(job_id)])
    await jobs.started([job_id])

    assert job_in(memory, job_id).status is JobStatus.COMPLETED


async def test_what_is_heard_late_or_twice_changes_nothing(
    jobs: JobService, memory: MemoryGateway
) -> None:
    job_id, finished = await submitted(jobs), Counted("jobs_finished", code="COMPLETED")
    await jobs.completed([completed(job_id)])
    await memory.pass_time(60)

    await jobs.completed([completed(job_id, result="another"), completed(job_id)])
    await jobs.failed([failed(job_id)])
    await jobs.started([job_id, job_id])

    job = job_in(memory, job_id)
    assert (job.status, job.answer, job.updated_at) == (JobStatus.COMPLETED, ANSWER, NOON)
    assert finished.more == 1


async def test_one_late_answer_does_not_hold_up_the_others(
    jobs: JobService, memory: MemoryGateway
) -> None:
    late, fresh = await submitted(jobs), await submitted(jobs)
    await jobs.cancel(late, owner=TENANT)

    await jobs.completed([completed(late), completed(uuid7()), completed(fresh)])

    assert job_in(memory, late).status is JobStatus.CANCELLED
    assert job_in(memory, fresh).status is JobStatus.COMPLETED


async def test_what_is_said_of_unknown_jobs_is_counted(jobs: JobService) -> None:
    kinds = ("PromptsStarted", "PromptCompleted", "PromptFailed")
    orphaned = [Counted("messages_orphaned", kind=kind) for kind in kinds]
    nobody = JobId(uuid7())

    await jobs.started([nobody, JobId(uuid7()), nobody])
    await jobs.completed([completed(nobody)])
    await jobs.failed([failed(nobody)])

    assert [counted.more for counted in orphaned] == [2, 1, 1]


# -- cancelling


async def test_a_cancelled_job_stays_cancelled_and_is_called_off(
    jobs: JobService, memory: MemoryGateway
) -> None:
    job_id = await submitted(jobs)
    await jobs.started([job_id])

    job = await jobs.cancel(job_id, owner=TENANT)
    await jobs.completed([completed(job_id)])

    assert job.status is job_in(memory, job_id).status is JobStatus.CANCELLED
    assert (await memory.announced())[1:] == [CancelPrompt(job_id=job_id)]


async def test_what_has_ended_cannot_be_cancelled(jobs: JobService) -> None:
    job_id = await submitted(jobs)
    await jobs.failed([failed(job_id)])

    with pytest.raises(JobCannotMove):
        await jobs.cancel(job_id, owner=TENANT)


async def test_another_tenants_job_cannot_be_cancelled(
    jobs: JobService, memory: MemoryGateway
) -> None:
    job_id = await submitted(jobs)

    with pytest.raises(JobNotFound):
        await jobs.cancel(job_id, owner=OTHER_TENANT)

    assert job_in(memory, job_id).status is JobStatus.QUEUED


# -- sweeping


async def test_a_job_out_of_time_fails(jobs: JobService, memory: MemoryGateway) -> None:
    job_id = await submitted(jobs)
    await jobs.started([job_id])

    await memory.pass_time(PATIENCE.total_seconds() + 6)
    swept = await jobs.sweep()
    await jobs.completed([completed(job_id)])

    failure = job_in(memory, job_id).failure
    assert failure is not None
    assert (swept, failure.code) == (1, "deadline_exceeded")


async def test_a_worker_has_a_moment_to_say_that_time_is_up(
    jobs: JobService, memory: MemoryGateway
) -> None:
    job_id = await submitted(jobs)

    await memory.pass_time(PATIENCE.total_seconds() + 4)
    await jobs.sweep()

    assert job_in(memory, job_id).status is JobStatus.QUEUED


async def test_a_job_unheard_of_is_asked_for_again(jobs: JobService, memory: MemoryGateway) -> None:
    heard, unheard = await submitted(jobs), await submitted(jobs)
    asked = Counted("jobs_asked_again")
    await jobs.completed([completed(heard)])

    await memory.pass_time(16)
    swept = [await jobs.sweep(), await jobs.sweep()]

    [_, _, again] = await memory.announced()
    assert isinstance(again, ProcessPrompt)
    assert (swept, again.job_id, asked.more) == ([1, 0], unheard, 1)


async def test_a_sweep_says_when_there_is_more_to_do(
    jobs: JobService, memory: MemoryGateway
) -> None:
    for _ in range(5):
        await submitted(jobs)

    await memory.pass_time(A_DAY_S)

    assert [await jobs.sweep(most=2) for _ in range(4)] == [2, 2, 1, 0]
    assert {job.status for job in memory.stored.jobs.values()} == {JobStatus.FAILED}


# -- callbacks


@pytest.mark.parametrize("end", ["complete", "fail", "cancel", "time"])
async def test_a_finished_job_owes_its_callback_exactly_once(
    jobs: JobService, memory: MemoryGateway, end: str
) -> None:
    job_id = await submitted(jobs, callback_url=HOOK)
    await jobs.started([job_id])
    assert memory.stored.callbacks == {}

    if end == "complete":
        await jobs.completed([completed(job_id)])
    elif end == "fail":
        await jobs.failed([failed(job_id)])
    elif end == "cancel":
        await jobs.cancel(job_id, owner=TENANT)
    await memory.pass_time(A_DAY_S)
    await jobs.sweep()
    await jobs.completed([completed(job_id)])
    await jobs.failed([failed(job_id)])

    [owed] = memory.stored.callbacks.values()
    assert (owed.job_id, owed.owner, owed.url) == (job_id, TENANT, HOOK)
    assert owed.available_at <= NOON + timedelta(seconds=A_DAY_S)


async def test_a_job_without_a_callback_url_owes_nothing(
    jobs: JobService, memory: MemoryGateway
) -> None:
    await jobs.completed([completed(await submitted(jobs))])

    assert memory.stored.callbacks == {}
