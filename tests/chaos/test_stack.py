"""The stack itself: the product runs on it, whatever carries its messages, and can be broken."""

from pathlib import Path

import pytest

from tests.chaos.crashpoints import CrashPoint, arm, struck
from tests.chaos.servers import Servers
from tests.chaos.stack import SIMULATED, Plan, running

KEYS = [f"k{n}" for n in range(10)]


@pytest.mark.parametrize("plan", [Plan(engines=1), Plan(engines=1, broker_is_absent=True)])
async def test_jobs_pass_through_without_a_broker(
    servers: Servers, tmp_path: Path, plan: Plan
) -> None:
    async with running(servers, tmp_path, plan) as stack:
        await stack.client.storm(KEYS, per_second=100, config_name=SIMULATED)

        report = await stack.settled()

    assert report.is_clean, report
    assert sorted(stack.asked()) == KEYS


@pytest.mark.usefixtures("broker_programs")
async def test_jobs_pass_through_servers_that_fail_and_come_back(
    servers: Servers, tmp_path: Path
) -> None:
    async with running(servers, tmp_path, Plan(broker=True, redis=True)) as stack:
        for proxy in stack.proxies.values():
            proxy.cut()
        stack.engines[0].kill()
        async with stack.client.watching():
            await stack.client.storm(KEYS, per_second=100, config_name=SIMULATED)
            report = await stack.settled()

    assert report.is_clean, report
    assert stack.engines[0].ends[0] == -9


async def test_a_process_dies_where_it_is_told_to(servers: Servers, tmp_path: Path) -> None:
    point = CrashPoint("run.taken", "engine")
    async with running(servers, tmp_path, Plan(engines=1)) as stack:
        process = await arm(stack, point)
        await stack.client.submit("k1", config_name=SIMULATED)

        await struck(process, point)
        report = await stack.settled()

    assert report.is_clean, report


async def test_a_plan_may_change_the_product(servers: Servers, tmp_path: Path) -> None:
    async with running(servers, tmp_path, Plan(engines=1, off=["sweeper", "fencing"])) as stack:
        await stack.client.submit("k1", config_name=SIMULATED)
        report = await stack.settled()

        assert report.is_clean, report
        assert stack.struck == {"sweeper", "fencing"}
