"""P8. RabbitMQ may be killed and wiped, may never have been there, and may hang."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.chaos.havoc import kill_the_broker, revive_the_broker
from tests.chaos.servers import Servers
from tests.chaos.stack import SIMULATED, Plan, Stack, running
from tests.chaos.verdict import broken, forgotten
from tests.waiting import NotInTime, until

KEYS = [f"k{n}" for n in range(150)]
LATER_KEYS = [f"later{n}" for n in range(20)]
#: so that most jobs still wait in RabbitMQ when it is wiped
FEW_AT_ONCE = {"WORKER_CONCURRENCY": "10"}


@pytest.mark.usefixtures("broker_programs")
async def test_a_broker_that_lost_everything_loses_no_job(servers: Servers, tmp_path: Path) -> None:
    plan = Plan(engines=1, broker=True, settings=FEW_AT_ONCE)
    async with running(servers, tmp_path, plan) as stack:
        await load_and_wipe(stack)
        await revive_the_broker(stack)
        await until(lambda: carries(stack), "RabbitMQ carries again", within=30)
        await submit(stack, LATER_KEYS)

        report = await stack.settled()
        assert report.is_clean, report
        assert report.outcomes == {"COMPLETED": len(KEYS) + len(LATER_KEYS)}
        assert await broken(stack) == {}


@pytest.mark.usefixtures("broker_programs")
async def test_without_a_sweeper_what_the_broker_lost_is_lost(
    servers: Servers, tmp_path: Path
) -> None:
    plan = Plan(engines=1, broker=True, settings=FEW_AT_ONCE, off=["sweeper"])
    async with running(servers, tmp_path, plan) as stack:
        await load_and_wipe(stack)

        assert await forgotten(stack)
        assert stack.struck == {"sweeper"}


async def test_a_broker_that_was_never_there_is_not_missed(
    servers: Servers, tmp_path: Path
) -> None:
    async with running(servers, tmp_path, Plan(engines=1, broker_is_absent=True)) as stack:
        await submit(stack, KEYS)

        report = await stack.settled()
        assert report.is_clean, report
        assert report.outcomes == {"COMPLETED": len(KEYS)}
        assert sorted(stack.asked()) == sorted(KEYS)
        assert await broken(stack) == {}


async def test_without_another_carrier_it_is_missed(servers: Servers, tmp_path: Path) -> None:
    plan = Plan(engines=1, broker_is_absent=True, off=["fallback"])
    async with running(servers, tmp_path, plan) as stack:
        await submit(stack, KEYS)

        await nothing_has_moved(stack, within=4)
        assert stack.struck == {"fallback"}


@pytest.mark.usefixtures("broker_programs")
async def test_a_broker_that_hangs_delays_jobs_and_no_more(
    servers: Servers, tmp_path: Path
) -> None:
    async with running(servers, tmp_path, Plan(engines=1, broker=True)) as stack:
        async with hanging_broker(stack):
            await submit(stack, KEYS)
            await stack.client.all_ended(within=30)
        await submit(stack, LATER_KEYS)

        report = await stack.settled()
        assert report.is_clean, report
        assert report.outcomes == {"COMPLETED": len(KEYS) + len(LATER_KEYS)}
        assert await broken(stack) == {}


@pytest.mark.usefixtures("broker_programs")
async def test_with_endless_patience_everything_waits_for_a_broker_that_hangs(
    servers: Servers, tmp_path: Path
) -> None:
    async with running(servers, tmp_path, Plan(engines=1, broker=True, off=["patience"])) as stack:
        async with hanging_broker(stack):
            await submit(stack, KEYS)
            await nothing_has_moved(stack, within=8)

        assert stack.struck == {"patience"}


async def submit(stack: Stack, keys: Sequence[str]) -> None:
    await stack.client.storm(keys, per_second=100, prompt="[[delay:0.1]]", config_name=SIMULATED)


async def load_and_wipe(stack: Stack) -> None:
    """Kill -9 the broker while most jobs wait in it, and all that it ever stored is gone."""
    await submit(stack, KEYS)
    await kill_the_broker(stack, wipe=True)
    assert await unheard_of(stack) > len(KEYS) // 4, "there was not much to lose"


@asynccontextmanager
async def hanging_broker(stack: Stack) -> AsyncGenerator[None]:
    """Every connection stays open, and nothing answers."""
    broker = await stack.servers.broker()
    broker.rabbit.freeze()
    try:
        yield
    finally:
        broker.rabbit.thaw()


async def nothing_has_moved(stack: Stack, *, within: float) -> None:
    """For twins: given the time that is enough for all, not one job has ended."""
    with pytest.raises(NotInTime):
        await stack.client.all_ended(within=within)
    assert stack.ledger.unfinished == stack.ledger.job_ids


async def unheard_of(stack: Stack) -> int:
    """Jobs that left the gateway and reached no worker."""
    [(count,)] = await stack.sql("""
        SELECT count(*) FROM gateway.jobs
         WHERE NOT EXISTS (SELECT FROM ai_engine.runs WHERE job_id = jobs.id)
           AND NOT EXISTS (SELECT FROM gateway.outbox
                            WHERE strpos(convert_from(body, 'UTF8'), CAST(jobs.id AS text)) > 0)""")
    return int(count)


async def carries(stack: Stack) -> bool:
    """Whether every process says that RabbitMQ is well."""
    return all([await stack.says(process, "rabbitmq") == "ok" for process in stack.product])
