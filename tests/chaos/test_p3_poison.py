"""P3. A job that kills whoever works on it is given up, and its neighbours are answered."""

import asyncio
from pathlib import Path

import pytest

from shared.infrastructure.rabbitmq import RabbitTransport
from tests.chaos.process import CRASHED
from tests.chaos.sabotage import POISON
from tests.chaos.servers import Servers
from tests.chaos.stack import SIMULATED, Plan, Stack, running
from tests.chaos.verdict import broken
from tests.waiting import until

NORMAL = [f"k{n}" for n in range(200)]
FEW = NORMAL[:20]
MOST_CRASHES = 5
#: so that each crash takes neighbours with it
FEW_AT_ONCE = {"WORKER_CONCURRENCY": "10"}


@pytest.mark.usefixtures("broker_programs")
async def test_a_poisonous_job_is_given_up_and_its_neighbours_are_answered(
    servers: Servers, tmp_path: Path
) -> None:
    plan = Plan(engines=2, broker=True, settings=FEW_AT_ONCE, faults=["poison"])
    async with running(servers, tmp_path, plan) as stack:
        await poisoned_load(stack, NORMAL)

        report = await stack.settled(within=60)
        assert report.is_clean, report
        assert report.outcomes == {"COMPLETED": len(NORMAL), "worker_crashed": 1}
        assert 1 <= crashes(stack) <= MOST_CRASHES
        assert stack.struck == {"poison"}
        assert await dead_letters(stack) == 0
        assert await broken(stack) == {}


async def test_a_poisonous_job_that_nobody_counts_kills_for_ever(
    servers: Servers, tmp_path: Path
) -> None:
    plan = Plan(engines=2, settings=FEW_AT_ONCE, faults=["poison"], off=["crash_count"])
    async with running(servers, tmp_path, plan) as stack:
        await poisoned_load(stack, FEW)

        await until(lambda: crashes(stack) > MOST_CRASHES, "too many crashes", within=60)
        assert stack.ledger.unfinished
        assert stack.struck == {"poison", "crash_count"}


async def poisoned_load(stack: Stack, normal: list[str]) -> None:
    """Jobs, with the poisonous one in their midst."""
    half = len(normal) // 2
    submit = stack.client.submit
    async with asyncio.TaskGroup() as everything:
        everything.create_task(submit("poison", prompt=POISON, config_name=SIMULATED))
        for keys in (normal[:half], normal[half:]):
            everything.create_task(
                stack.client.storm(
                    keys, per_second=100, prompt="[[delay:0.1]]", config_name=SIMULATED
                )
            )


def crashes(stack: Stack) -> int:
    """How often the poison worked so far."""
    return sum(engine.ends.count(CRASHED) for engine in stack.engines)


async def dead_letters(stack: Stack) -> int:
    """What was set aside for a person, on either carrier."""
    rabbit = RabbitTransport(stack.rabbitmq_url, stack.queues)
    on_rabbit = sum(dead for _, dead in (await rabbit.depths()).values())
    await rabbit.close()
    [(on_postgres,)] = await stack.sql(
        "SELECT count(*) FROM platform.messages WHERE dead_at IS NOT NULL"
    )
    return on_rabbit + int(on_postgres)
