"""Every window in which a crash might lose or repeat something, tried one by one."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.chaos.crashpoints import (
    CrashPoint,
    crash_points,
    order,
    processes_at,
    ready_for_orders,
)
from tests.chaos.process import CRASHED
from tests.chaos.receiver import Receiver
from tests.chaos.servers import Servers
from tests.chaos.stack import Plan, Stack, running
from tests.chaos.verdict import broken
from tests.waiting import until

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.usefixtures("broker_programs"),
]

#: No provider's library is loaded: two seconds less for each life of an engine.
SETTINGS = {
    "OPENAI_API_KEY": "",
    "OFFLINE_DELAY_S": "0.05",
    "CALLBACK_TIMEOUT_S": "0.5",
    "WORKER_DEAD_AFTER_S": "1",
}
PLAN = Plan(engines=1, broker=True, settings=SETTINGS)
JOBS = 4
#: Where nobody gets unless a process died somewhere else before.
LED_TO_BY = {"outbox.claimed": "outbox.handed_over", "run.taken_up": "run.taken"}


@dataclass(frozen=True)
class Scene:
    """One stack for all points: each may only leave it as it found it."""

    stack: Stack
    receiver: Receiver


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Scene]:
    directory = tmp_path_factory.mktemp("crash-points")
    receiver = Receiver(servers.network, directory / "callbacks.jsonl")
    async with running(servers, directory, ready_for_orders(PLAN, directory)) as stack:
        yield Scene(stack, receiver)
    receiver.close()


@pytest.mark.parametrize("point", crash_points(), ids=str)
async def test_a_crash_there_loses_and_doubles_nothing(scene: Scene, point: CrashPoint) -> None:
    stack, received = scene.stack, scene.receiver.received
    way = [CrashPoint(LED_TO_BY[point.name], point.process)] if point.name in LED_TO_BY else []
    keys = [f"{point}-{n}" for n in range(JOBS)]

    async with asyncio.TaskGroup() as clients:
        clients.create_task(ask(scene, keys))
        for place in (*way, point):
            await die_at(stack, place)

    report = await stack.settled()
    await until(lambda: all(map(received, keys)), "every callback came", within=15)
    assert report.is_clean, report
    assert report.outcomes.keys() == {"COMPLETED"}
    assert await most_attempts(stack, keys) <= len(way) + 2
    assert [len({one.webhook_id for one in received(key)}) for key in keys] == [1] * JOBS
    assert await broken(stack) == {}


async def ask(scene: Scene, keys: Sequence[str]) -> None:
    """One job for each key, all at once; each is to be called back about."""
    client, url = scene.stack.client, scene.receiver.url
    async with asyncio.TaskGroup() as clients:
        for key in keys:
            clients.create_task(client.submit(key, config_name="offline", callback_url=url(key)))


async def die_at(stack: Stack, point: CrashPoint) -> None:
    """Raises NotInTime: a point that is never hit proves nothing."""
    process = processes_at(stack, point)[0]
    lives = len(process.ends)
    order(process, point)
    await until(
        lambda: process.is_running and len(process.ends) > lives,
        f"{process.name} dies at {point.name} and starts anew",
        within=20,
    )
    assert process.ends[lives:] == [CRASHED]


async def most_attempts(stack: Stack, keys: Sequence[str]) -> int:
    """How often the one was begun that was begun most often."""
    ids = [job_id for key in keys for job_id in stack.ledger.acknowledged[key]]
    [(most,)] = await stack.sql(
        "SELECT max(attempt) FROM ai_engine.runs WHERE CAST(job_id AS text) = ANY(:ids)", ids=ids
    )
    return int(most)
