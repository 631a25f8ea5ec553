"""Every window of a job in which a crash might lose or repeat something, tried one by one."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.chaos.crashpoints import CrashPoint, crash_points, die_at, ready_for_orders, way_to
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
POINTS = [point for point in crash_points() if point.process in {"gateway", "engine"}]


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


@pytest.mark.parametrize("point", POINTS, ids=str)
async def test_a_crash_there_loses_and_doubles_nothing(scene: Scene, point: CrashPoint) -> None:
    stack, received = scene.stack, scene.receiver.received
    way = way_to(point)
    keys = [f"{point}-{n}" for n in range(JOBS)]

    async with asyncio.TaskGroup() as clients:
        clients.create_task(ask(scene, keys))
        for place in way:
            await die_at(stack, place)

    report = await stack.settled()
    await until(lambda: all(map(received, keys)), "every callback came", within=15)
    assert report.is_clean, report
    assert report.outcomes.keys() == {"COMPLETED"}
    assert await most_attempts(stack, keys) <= len(way) + 1
    assert [len({one.webhook_id for one in received(key)}) for key in keys] == [1] * JOBS
    assert await broken(stack) == {}


async def ask(scene: Scene, keys: Sequence[str]) -> None:
    """One job for each key, all at once; each is to be called back about."""
    client, url = scene.stack.client, scene.receiver.url
    async with asyncio.TaskGroup() as clients:
        for key in keys:
            clients.create_task(client.submit(key, config_name="offline", callback_url=url(key)))


async def most_attempts(stack: Stack, keys: Sequence[str]) -> int:
    """How often the one was begun that was begun most often."""
    ids = [job_id for key in keys for job_id in stack.ledger.acknowledged[key]]
    [(most,)] = await stack.sql(
        "SELECT max(attempt) FROM ai_engine.runs WHERE CAST(job_id AS text) = ANY(:ids)", ids=ids
    )
    return int(most)
