"""What every `Jobs` knows of time: who is late, and who was not heard of."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from gateway.domain.job import Job, JobId, JobStatus
from shared.contracts import Message, ProcessPrompt
from tests.gateway.builders import LATER, a_job
from tests.gateway.stores import Gateway

REASK_AFTER_S = 15.0
A_MOMENT = 1.0


async def unfinished_jobs(gateway: Gateway, count: int) -> list[Job]:
    """Submitted now, a second apart, oldest first; nobody was told of them."""
    now = await gateway.now()
    jobs = [a_job(now=now + timedelta(seconds=n - count)) for n in range(count)]
    async with gateway.open_work() as work:
        await work.jobs.add(jobs)
    return jobs


async def ask_again(gateway: Gateway, most: int = 10) -> int:
    async with gateway.open_work() as work:
        return await work.jobs.ask_again(most)


async def overdue(gateway: Gateway, most: int = 10, *, grace_s: float = 0.0) -> list[JobId]:
    async with gateway.open_work() as work:
        return [job.id for job in await work.jobs.overdue(most, grace=timedelta(seconds=grace_s))]


def asked_for(announced: Sequence[Message]) -> list[object]:
    return [one.job_id for one in announced if isinstance(one, ProcessPrompt)]


async def test_jobs_are_overdue_after_their_deadline_and_the_grace(gateway: Gateway) -> None:
    jobs = await unfinished_jobs(gateway, 2)

    await gateway.pass_time(590)
    assert await overdue(gateway) == []
    await gateway.pass_time(15)

    assert await overdue(gateway) == [job.id for job in jobs]
    assert await overdue(gateway, most=1) == [jobs[0].id]
    assert await overdue(gateway, grace_s=60) == []


@pytest.mark.parametrize("status", [JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED])
async def test_a_finished_job_is_never_late(gateway: Gateway, status: JobStatus) -> None:
    job = a_job(status, now=await gateway.now() - timedelta(hours=1))

    async with gateway.open_work() as work:
        await work.jobs.add([job])

    assert await overdue(gateway) == []
    assert await ask_again(gateway) == 0


async def test_a_job_unheard_of_is_asked_for_again_word_for_word(gateway: Gateway) -> None:
    [job] = await unfinished_jobs(gateway, 1)

    assert await ask_again(gateway) == 0
    await gateway.pass_time(REASK_AFTER_S + A_MOMENT)
    assert await ask_again(gateway) == 1

    [asked] = await gateway.announced()
    assert isinstance(asked, ProcessPrompt)
    assert (asked.job_id, asked.prompt) == (job.id, job.request.prompt.text)
    assert asked.deadline_at == (await gateway.read.find(job.id, owner=None)).deadline_at


async def test_only_as_many_are_asked_for_as_may_be(gateway: Gateway) -> None:
    jobs = await unfinished_jobs(gateway, 3)
    await gateway.pass_time(REASK_AFTER_S + A_MOMENT)

    assert [await ask_again(gateway, most=2) for _ in range(3)] == [2, 1, 0]

    asked = asked_for(await gateway.announced())
    assert sorted(map(str, asked)) == sorted(str(job.id) for job in jobs)


async def test_each_silence_is_twice_as_long_up_to_five_minutes(gateway: Gateway) -> None:
    await unfinished_jobs(gateway, 1)
    await gateway.pass_time(REASK_AFTER_S + A_MOMENT)
    assert await ask_again(gateway) == 1

    for silence in (30, 60, 120, 240, 300, 300):
        await gateway.pass_time(silence - A_MOMENT)
        assert await ask_again(gateway) == 0
        await gateway.pass_time(2 * A_MOMENT)
        assert await ask_again(gateway) == 1


async def test_work_that_began_is_asked_about_too(gateway: Gateway) -> None:
    [job] = await unfinished_jobs(gateway, 1)
    async with gateway.open_work() as work:
        job.start(LATER)
        await work.jobs.save([job])

    await gateway.pass_time(REASK_AFTER_S + A_MOMENT)

    assert await ask_again(gateway) == 1
