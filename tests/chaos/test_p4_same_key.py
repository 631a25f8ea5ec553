"""P4. One key, one job: however often it is asked, by however many, and whoever dies meanwhile."""

import asyncio
from pathlib import Path

import pytest

from tests.chaos.client import Refused
from tests.chaos.ledger import Report
from tests.chaos.process import Process
from tests.chaos.servers import Servers
from tests.chaos.stack import SIMULATED, Plan, Stack, running
from tests.chaos.toxics import Latency
from tests.chaos.verdict import broken
from tests.waiting import until

KEYS = [f"k{n}" for n in range(20)]


async def test_a_key_makes_one_job_whoever_asks_and_whoever_dies(
    servers: Servers, tmp_path: Path
) -> None:
    async with running(servers, tmp_path, Plan(gateways=2, engines=1)) as stack:
        report = await everybody_asks_for_everything(stack, clients=10)

        assert report.is_clean, report
        assert report.acknowledged == len(KEYS)
        assert report.outcomes == {"COMPLETED": len(KEYS)}
        assert sorted(stack.asked()) == sorted(KEYS)
        assert [gateway.ends for gateway in stack.gateways] == [[-9], [-9]]
        with pytest.raises(Refused, match="idempotency_key_reused"):
            await stack.client.submit("k0", prompt="another one", config_name=SIMULATED)
        assert await broken(stack) == {}


async def test_without_keys_each_asking_makes_a_job(servers: Servers, tmp_path: Path) -> None:
    plan = Plan(engines=1, off=["idempotency"])
    async with running(servers, tmp_path, plan) as stack:
        report = await everybody_asks_for_everything(stack, clients=3)

        assert report.doubled == set(KEYS)
        assert stack.struck == {"idempotency"}


async def everybody_asks_for_everything(stack: Stack, *, clients: int) -> Report:
    """They all ask for the same twenty things at once; every gateway is killed meanwhile."""
    stack.proxies["postgresql"].add(Latency(0.02, 0.02), "up")
    async with asyncio.TaskGroup() as asking:
        for key in KEYS * clients:
            asking.create_task(stack.client.submit(key, config_name=SIMULATED))
        for gateway in stack.gateways:
            await kill_after_a_promise(stack, gateway)
    return await stack.settled()


async def kill_after_a_promise(stack: Stack, gateway: Process) -> None:
    """While others still wait for theirs."""
    told = len(stack.ledger.job_ids)
    await until(lambda: len(stack.ledger.job_ids) > told, "a promise", within=20, every=0.001)
    gateway.kill()
