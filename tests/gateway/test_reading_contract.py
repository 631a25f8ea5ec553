"""What every `JobReader` keeps: each owner's jobs only, newest first, page by page."""

from datetime import timedelta
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from gateway.application.ports import JobReader
from gateway.domain.job import Job, JobFilter, JobId, JobNotFound, JobStatus, Owner
from tests.gateway.builders import (
    NOON,
    OTHER_TENANT,
    TENANT,
    a_callback,
    a_job,
    a_request,
    state,
)
from tests.gateway.stores import Gateway

CONTRACT_OF = JobReader

EVERYTHING = JobFilter()


async def stored(gateway: Gateway, *jobs: Job) -> list[JobId]:
    async with gateway.open_work() as work:
        await work.jobs.add(jobs)
    return [job.id for job in jobs]


async def pages(
    gateway: Gateway, wanted: JobFilter = EVERYTHING, *, owner: Owner = None, limit: int = 100
) -> list[list[JobId]]:
    """Every page, from the newest to the last."""
    read: list[list[JobId]] = []
    after: JobId | None = None
    while not read or after is not None:
        page = await gateway.read.page(wanted, owner=owner, after=after, limit=limit)
        read.append([job.id for job in page.jobs])
        after = page.next_after
    return read


async def test_a_job_is_found_by_its_owner_and_by_the_platform(gateway: Gateway) -> None:
    [job_id] = await stored(gateway, a_job(owner=TENANT))

    assert (await gateway.read.find(job_id, owner=TENANT)).id == job_id
    assert (await gateway.read.find(job_id, owner=None)).id == job_id


@pytest.mark.parametrize("owner", [TENANT, None])
async def test_another_tenants_job_looks_like_none_at_all(gateway: Gateway, owner: Owner) -> None:
    [job_id], absent = await stored(gateway, a_job(owner=owner)), JobId(uuid7())

    messages: list[str] = []
    for wanted in (job_id, absent):
        with pytest.raises(JobNotFound) as refusal:
            await gateway.read.find(wanted, owner=OTHER_TENANT)
        messages.append(str(refusal.value).replace(str(wanted), "it"))

    assert messages[0] == messages[1]


async def test_many_are_read_whoever_owns_them(gateway: Gateway) -> None:
    ids = await stored(gateway, a_job(), a_job(owner=TENANT), a_job(owner=OTHER_TENANT))

    found = await gateway.read.many([*ids[:2], JobId(uuid7())])

    assert {job.id for job in found} == set(ids[:2])
    assert await gateway.read.many([]) == []


async def test_pages_hold_every_job_once_newest_first(gateway: Gateway) -> None:
    jobs = [a_job(now=NOON + timedelta(seconds=n)) for n in range(5)]
    newest_first = (await stored(gateway, *jobs))[::-1]

    assert await pages(gateway, limit=2) == [newest_first[:2], newest_first[2:4], newest_first[4:]]
    assert await pages(gateway, limit=5) == [newest_first]


async def test_jobs_of_the_same_moment_are_told_apart(gateway: Gateway) -> None:
    ids = await stored(gateway, *(a_job() for _ in range(5)))

    read = await pages(gateway, limit=1)

    assert sorted(job_id for page in read for job_id in page) == sorted(ids)


async def test_a_page_of_nothing_is_the_last(gateway: Gateway) -> None:
    assert await pages(gateway) == [[]]


async def test_what_is_submitted_meanwhile_does_not_move_the_pages(gateway: Gateway) -> None:
    ids = await stored(gateway, *(a_job(now=NOON + timedelta(seconds=n)) for n in range(3)))
    first = await gateway.read.page(EVERYTHING, owner=None, after=None, limit=1)
    await stored(gateway, a_job(now=NOON + timedelta(seconds=9)))

    second = await gateway.read.page(EVERYTHING, owner=None, after=first.next_after, limit=2)

    assert [job.id for job in second.jobs] == [ids[1], ids[0]]


async def test_each_tenant_lists_its_own_and_the_platform_all(gateway: Gateway) -> None:
    ids = await stored(gateway, a_job(), a_job(owner=TENANT), a_job(owner=OTHER_TENANT))

    assert await pages(gateway, owner=TENANT) == [[ids[1]]]
    assert await pages(gateway, owner=OTHER_TENANT) == [[ids[2]]]
    assert sorted((await pages(gateway))[0]) == sorted(ids)


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        ({"status": JobStatus.FAILED}, [2]),
        ({"thread_id": "a"}, [1, 0]),
        ({"thread_id": "b"}, []),
        ({"created_after": NOON + timedelta(hours=1)}, [2]),
        ({"created_before": NOON + timedelta(hours=1)}, [0]),
        ({"created_after": NOON, "created_before": NOON + timedelta(hours=2)}, [1]),
        ({"thread_id": "a", "status": JobStatus.COMPLETED}, [1]),
    ],
)
async def test_a_list_shows_what_fits_every_condition(
    gateway: Gateway, wanted: dict[str, Any], shown: list[int]
) -> None:
    ids = await stored(
        gateway,
        a_job(request=a_request(thread_id="a")),
        a_job(
            JobStatus.COMPLETED,
            request=a_request(thread_id="a"),
            now=NOON + timedelta(hours=1),
        ),
        a_job(JobStatus.FAILED, now=NOON + timedelta(hours=2)),
    )

    assert await pages(gateway, JobFilter(**wanted)) == [[ids[n] for n in shown]]


async def test_the_callback_of_a_job_can_be_looked_at(gateway: Gateway) -> None:
    job, other = a_job(JobStatus.COMPLETED, owner=TENANT), a_job(JobStatus.COMPLETED)
    callback = a_callback(job=job)

    async with gateway.open_work() as work:
        await work.jobs.add([job, other])
        await work.callbacks.add([callback])

    found = await gateway.read.callback(job.id)
    assert found is not None
    assert state(found) == state(callback)
    assert await gateway.read.callback(other.id) is None
