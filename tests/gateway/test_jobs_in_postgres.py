"""What only the database can promise of jobs: no way back, and announcements that can be sent."""

import itertools

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from uuid_utils.compat import uuid7

from gateway.domain.job import NEXT, JobFilter, JobId, JobStatus, Owner
from gateway.infrastructure.persistence import newest_first
from shared.infrastructure.database import transaction
from tests.gateway.builders import TENANT, TRACE, a_job, a_new_job
from tests.gateway.stores import TASK_QUEUE, SqlGateway

FORWARD = {(before, after) for before, nexts in NEXT.items() for after in nexts}
UNFINISHED = {(status, status) for status in JobStatus if not status.is_final}
EVERY_STEP = set(itertools.product(JobStatus, JobStatus))


async def a_stored_job(postgres: SqlGateway, status: JobStatus) -> JobId:
    job = a_job(status)
    async with postgres.open_work() as work:
        await work.jobs.add([job])
    return job.id


async def overwrite(postgres: SqlGateway, job_id: JobId, status: JobStatus) -> None:
    """As a future version might, that knows nothing of the rules."""
    async with transaction(postgres.sessions) as session:
        await session.execute(
            text("UPDATE gateway.jobs SET status = :status WHERE id = :id"),
            {"status": status, "id": job_id},
        )


@pytest.mark.parametrize(("before", "after"), sorted(EVERY_STEP - FORWARD - UNFINISHED))
async def test_the_database_itself_lets_no_job_go_back(
    postgres: SqlGateway, before: JobStatus, after: JobStatus
) -> None:
    job_id = await a_stored_job(postgres, before)

    with pytest.raises(IntegrityError, match=f"a {before} job cannot become {after}"):
        await overwrite(postgres, job_id, after)

    assert (await postgres.read.find(job_id, owner=None)).status is before


async def test_the_database_itself_lets_every_job_go_forward(postgres: SqlGateway) -> None:
    for before, after in FORWARD | UNFINISHED:
        job_id = await a_stored_job(postgres, before)

        await overwrite(postgres, job_id, after)

        async with transaction(postgres.sessions) as session:
            found = await session.scalar(
                text("SELECT status FROM gateway.jobs WHERE id = :id"), {"id": job_id}
            )
        assert found == after


async def test_announcements_name_their_queue_and_carry_the_trace(postgres: SqlGateway) -> None:
    job = a_new_job()
    job.trace = TRACE

    async with postgres.open_work() as work:
        await work.jobs.add([job])

    async with transaction(postgres.sessions) as session:
        rows = await session.execute(
            text("SELECT queue, kind, headers ->> 'traceparent' AS parent FROM gateway.outbox")
        )
        assert list(rows) == [(TASK_QUEUE, "ProcessPrompt", TRACE["traceparent"])]


@pytest.mark.parametrize("owner", [None, TENANT])
async def test_a_page_is_read_in_the_order_of_an_index(postgres: SqlGateway, owner: Owner) -> None:
    query = newest_first(JobFilter(), owner, JobId(uuid7())).limit(20)

    async with transaction(postgres.sessions) as session:
        dialect = (await session.connection()).dialect
        sql = query.compile(dialect=dialect, compile_kwargs={"literal_binds": True})
        # The table is nearly empty: reading it all would be the fastest.
        await session.execute(text("SET LOCAL enable_seqscan = off"))
        await session.execute(text("SET LOCAL enable_bitmapscan = off"))
        steps = "\n".join(await session.scalars(text(f"EXPLAIN {sql}")))

    assert "Index Scan Backward" in steps
    assert "Sort" not in steps
