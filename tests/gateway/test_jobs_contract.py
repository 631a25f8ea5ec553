"""What every `Jobs` keeps: whole jobs, one writer at a time, and announcements with the change."""

import asyncio

import pytest
from uuid_utils.compat import uuid7

from gateway.domain.job import JobId, JobNotFound, Jobs, JobStatus, Request
from shared.contracts import CancelPrompt, ProcessPrompt
from tests.gateway.builders import (
    FAILURE,
    LATER,
    OTHER_TENANT,
    SPENT,
    TENANT,
    TRACE,
    a_full_request,
    a_job,
    a_new_job,
    a_request,
    state,
)
from tests.gateway.stores import Gateway

CONTRACT_OF = Jobs


class Undone(Exception):
    """Raised inside a transaction, so that it is rolled back."""


async def kept(gateway: Gateway, job_id: JobId) -> dict[str, object]:
    return state(await gateway.read.find(job_id, owner=None))


def test_a_full_request_differs_from_the_defaults_in_every_field() -> None:
    full, plain = state(a_full_request()), state(a_request())

    same = {name for name in full if full[name] == plain[name]}

    assert same == {"prompt"}
    assert len(full) == len(state(Request(prompt=a_request().prompt)))


@pytest.mark.parametrize("status", JobStatus)
async def test_a_job_comes_back_exactly_as_it_was_added(
    gateway: Gateway, status: JobStatus
) -> None:
    job = a_job(status, request=a_full_request(), owner=TENANT)
    job.trace = TRACE

    async with gateway.open_work() as work:
        await work.jobs.add([job])

    async with gateway.open_work() as work:
        [found] = await work.jobs.lock([job.id])
    assert state(found) == state(job)
    assert await kept(gateway, job.id) == state(job)


@pytest.mark.parametrize("status", [JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED])
async def test_a_job_comes_back_exactly_as_it_was_saved(
    gateway: Gateway, status: JobStatus
) -> None:
    before, after = a_job(), a_job(status)
    after.id = before.id
    async with gateway.open_work() as work:
        await work.jobs.add([before])

    async with gateway.open_work() as work:
        await work.jobs.save([after])

    assert await kept(gateway, before.id) == state(after)


async def test_what_is_done_in_a_work_that_fails_is_undone(gateway: Gateway) -> None:
    old, new = a_job(), a_new_job()
    async with gateway.open_work() as work:
        await work.jobs.add([old])

    with pytest.raises(Undone):
        async with gateway.open_work() as work:
            await work.jobs.add([new])
            [locked] = await work.jobs.lock([old.id])
            locked.cancel(LATER)
            await work.jobs.save([locked])
            raise Undone

    assert await kept(gateway, old.id) == state(old)
    with pytest.raises(JobNotFound):
        await gateway.read.find(new.id, owner=None)
    assert await gateway.announced() == []


async def test_the_second_writer_waits_and_sees_what_the_first_did(gateway: Gateway) -> None:
    job = a_job()
    async with gateway.open_work() as work:
        await work.jobs.add([job])

    async def second() -> JobStatus:
        async with gateway.open_work() as work:
            [found] = await work.jobs.lock([job.id])
            return found.status

    async with gateway.open_work() as work:
        [locked] = await work.jobs.lock([job.id])
        waiting = asyncio.create_task(second())
        await asyncio.wait([waiting], timeout=0.1)
        is_waiting = not waiting.done()
        locked.start(LATER)
        await work.jobs.save([locked])

    assert is_waiting
    assert await asyncio.wait_for(waiting, 5) is JobStatus.PROCESSING


async def test_ids_that_nobody_has_are_left_out(gateway: Gateway) -> None:
    job = a_job()

    async with gateway.open_work() as work:
        await work.jobs.add([job])
        found = await work.jobs.lock([JobId(uuid7()), job.id, job.id])

    assert [one.id for one in found] == [job.id]


async def test_more_ids_may_be_locked_than_the_driver_takes_parameters(gateway: Gateway) -> None:
    job = a_job()

    async with gateway.open_work() as work:
        await work.jobs.add([job])
        found = await work.jobs.lock([job.id, *(JobId(uuid7()) for _ in range(40_000))])

    assert [one.id for one in found] == [job.id]


async def test_nothing_to_store_is_no_mistake(gateway: Gateway) -> None:
    async with gateway.open_work() as work:
        await work.jobs.add([])
        await work.jobs.save([])
        assert await work.jobs.lock([]) == []


async def test_another_tenants_job_is_not_there_for_changing(gateway: Gateway) -> None:
    job = a_job(owner=TENANT)

    async with gateway.open_work() as work:
        await work.jobs.add([job])
        assert (await work.jobs.lock_one(job.id, owner=TENANT)).id == job.id
        assert (await work.jobs.lock_one(job.id, owner=None)).id == job.id
        with pytest.raises(JobNotFound):
            await work.jobs.lock_one(job.id, owner=OTHER_TENANT)


async def test_a_new_job_is_announced_whole(gateway: Gateway) -> None:
    job = a_new_job(request=a_full_request(), owner=TENANT)

    async with gateway.open_work() as work:
        await work.jobs.add([job])

    assert await gateway.announced() == [
        ProcessPrompt(
            job_id=job.id,
            tenant_id=TENANT,
            prompt=job.request.prompt.text,
            config_name="a-config",
            template_name="a-template",
            variables={"name": "Ani"},
            mode="multi_agent",
            needs_moderation=True,
            thread_id="thread-1",
            deadline_at=job.deadline_at,
        )
    ]


async def test_a_cancelled_job_is_announced_and_a_finished_one_is_not(gateway: Gateway) -> None:
    cancelled, finished = a_job(), a_job(JobStatus.PROCESSING)
    async with gateway.open_work() as work:
        await work.jobs.add([cancelled, finished])

    async with gateway.open_work() as work:
        cancelled.cancel(LATER)
        finished.fail(FAILURE, SPENT, LATER)
        await work.jobs.save([cancelled, finished])

    assert await gateway.announced() == [CancelPrompt(job_id=cancelled.id)]
