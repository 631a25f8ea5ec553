"""P1. A 202 is a promise: the job ends and is never denied, whoever is killed meanwhile."""

import asyncio
import itertools
import random
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from tests.chaos.havoc import (
    Strike,
    havoc,
    kill_an_engine,
    kill_postgresql,
    kill_redis,
    kill_the_broker,
    kill_the_gateway,
    revive_the_broker,
)
from tests.chaos.servers import Servers
from tests.chaos.stack import SIMULATED, Plan, Stack, running
from tests.chaos.toxics import Latency
from tests.chaos.verdict import broken, forgotten
from tests.waiting import until

PER_SECOND = 25
EVERYBODY: list[Strike] = [
    *[kill_the_gateway] * 2,
    *[kill_an_engine] * 2,
    kill_the_broker,
    kill_postgresql,
    kill_redis,
]
#: what a job may end with while workers are killed under it: an answer, or being given up
HONEST = {"COMPLETED", "worker_crashed"}


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("broker_programs")
async def test_what_was_accepted_ends_whoever_is_killed(
    servers: Servers, tmp_path: Path, seed: int
) -> None:
    plan = Plan(engines=2, broker=True, redis=True)
    async with running(servers, tmp_path, plan) as stack:
        await storm(stack, EVERYBODY, seed=seed)
        await revive_the_broker(stack)

        report = await stack.settled(within=60)
        assert report.is_clean, report
        assert report.outcomes.keys() <= HONEST, report
        assert await broken(stack) == {}


@pytest.mark.parametrize("off", [["outbox", "sweeper"], ["durable_accept"]])
async def test_without_the_commit_or_the_outbox_jobs_are_lost(
    servers: Servers, tmp_path: Path, seed: int, off: Sequence[str]
) -> None:
    async with running(servers, tmp_path, Plan(engines=1, off=off)) as stack:
        await storm(stack, [kill_the_gateway] * 2, seed=seed)

        assert await forgotten(stack)
        assert stack.struck == set(off)


async def test_without_take_over_jobs_are_held_by_the_dead(
    servers: Servers, tmp_path: Path, seed: int
) -> None:
    async with running(servers, tmp_path, Plan(engines=1, off=["takeover"])) as stack:
        await storm(stack, [kill_an_engine], seed=seed)

        await until(partial(dead_hold_runs, stack), "three times as long as it may", within=30)
        assert stack.ledger.unfinished
        assert stack.struck == {"takeover"}


async def storm(stack: Stack, strikes: Sequence[Strike], *, seed: int) -> None:
    """A kill every second or so, and jobs as long as there is somebody to be killed."""
    stack.proxies["postgresql"].add(Latency(0.02, 0.01), "up")
    chance = random.Random(seed)  # noqa: S311 - to be repeated
    async with asyncio.TaskGroup() as everything:
        killing = everything.create_task(havoc(stack, strikes, seed=seed, every=(0.5, 1.5)))
        for number in itertools.count():
            if killing.done():
                break
            everything.create_task(ask(stack, f"k{number}", again=bool(number % 2)))
            await asyncio.sleep(chance.expovariate(PER_SECOND))


async def ask(stack: Stack, key: str, *, again: bool) -> None:
    """Submit a job and look at it; every other client gives up when it hears nothing."""
    submit = stack.client.submit if again else stack.client.submit_once
    job_id = await submit(key, prompt="[[delay:0.5]]", config_name=SIMULATED)
    if job_id is not None:
        await stack.client.look(job_id)


async def dead_hold_runs(stack: Stack) -> bool:
    """Whether runs are held by workers that have been silent for very long."""
    [(held,)] = await stack.sql("""
        SELECT count(*) FROM ai_engine.runs JOIN ai_engine.workers ON workers.id = worker_id
         WHERE state = 'RUNNING' AND beat_at < clock_timestamp() - interval '4.5 s'""")
    return bool(held)
