"""P31. A process that is told to stop loses nothing, hands on what it holds, and is gone soon."""

import asyncio
import itertools
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from simulators.journal import Entry
from tests.chaos.process import Process, answers
from tests.chaos.servers import Servers
from tests.chaos.stack import SIMULATED, Plan, Stack, running
from tests.chaos.stream import Watcher
from tests.chaos.verdict import broken
from tests.waiting import NotInTime, until

#: Whoever is silent is taken for dead long after this test: what is not handed back is lost to it.
HANDED_BACK_OR_LOST = {"DRAIN_S": "0.5", "WORKER_DEAD_AFTER_S": "60"}
GONE_WITHIN_S = 30.0
#: the promise is 2 s
TAKEN_UP_WITHIN_S = 3 * 2.0


async def test_nothing_is_lost_while_processes_are_told_to_stop(
    servers: Servers, tmp_path: Path
) -> None:
    plan = Plan(engines=2, settings=HANDED_BACK_OR_LOST)
    async with running(servers, tmp_path, plan) as stack:
        await stop_under_load(stack, [*stack.gateways, *stack.engines] * 2)

        report = await stack.settled(within=20)
        idle = idle_times(stack.calls())
        assert report.is_clean, report
        assert report.outcomes.keys() == {"COMPLETED"}
        assert [process.ends for process in stack.product] == [[0, 0]] * 3
        assert idle, "no run was handed on"
        assert max(idle) < TAKEN_UP_WITHIN_S, idle
        assert await broken(stack) == {}


async def test_without_handing_back_runs_wait_for_the_dead(
    servers: Servers, tmp_path: Path
) -> None:
    # The only worker: whatever is under way when it is told to stop is its own.
    plan = Plan(engines=1, settings=HANDED_BACK_OR_LOST, off=["drain"])
    async with running(servers, tmp_path, plan) as stack:
        await stop_under_load(stack, stack.engines)

        with pytest.raises(NotInTime, match="every accepted job has ended"):
            await stack.settled(within=TAKEN_UP_WITHIN_S)
        assert stack.struck == {"drain"}


async def test_open_streams_do_not_hold_the_gateway(servers: Servers, tmp_path: Path) -> None:
    async with running(servers, tmp_path, Plan(engines=1)) as stack:
        gateway = stack.gateways[0]
        job_id = await stack.client.submit("k1", prompt="[[delay:4]]", config_name=SIMULATED)
        watchers = [Watcher(f"{stack.url(gateway)}/v1/jobs/{job_id}/events") for _ in range(20)]
        async with asyncio.TaskGroup() as everybody:
            for watcher in watchers:
                everybody.create_task(watcher.watch())
            await until(lambda: all(one.heard for one in watchers), "all watch", within=10)
            await told_to_stop(stack, gateway)

        assert gateway.ends == [0]
        assert "graceful shutdown exceeded" not in gateway.tail()
        assert {(one.breaks, one.heard[-1]) for one in watchers} == {(1, "completed")}
        assert await broken(stack) == {}


async def test_a_second_signal_ends_a_process_at_once(servers: Servers, tmp_path: Path) -> None:
    plan = Plan(engines=1, settings={"DRAIN_S": "25"})
    async with running(servers, tmp_path, plan, supervise=False) as stack:
        await stack.client.submit("k1", prompt="[[hang]]", config_name=SIMULATED)
        await until(stack.asked, "the model is asked", within=10)
        async with half_a_request(stack, stack.gateways[0]):
            for process in stack.product:
                port = port_of(stack, process)
                process.terminate()
                await until(lambda: not answers(port), "nothing new is taken", within=10)  # noqa: B023
                assert process.is_running
                process.terminate()

                assert await process.ended(within=3) == 128 + 15
        assert await broken(stack) == {}


async def stop_under_load(stack: Stack, processes: Sequence[Process]) -> None:
    """One after the other is told to stop and starts anew, while four jobs a second come in."""

    async def stop_them() -> None:
        for process in processes:
            await until(lambda: any(map(is_open, stack.calls())), "work", within=20)
            await told_to_stop(stack, process)

    async with asyncio.TaskGroup() as everything:
        stopping = everything.create_task(stop_them())
        await stack.client.storm_during(
            stopping, per_second=4, prompt="[[delay:1]]", config_name=SIMULATED
        )


async def told_to_stop(stack: Stack, process: Process) -> None:
    """SIGTERM; returns once its successor is ready."""
    lives = len(process.ends)
    process.terminate()
    await until(
        lambda: not process.is_running or len(process.ends) > lives,
        f"{process.name} is gone",
        within=GONE_WITHIN_S,
    )
    await stack.ready(process)


def is_open(call: Entry) -> bool:
    return call.outcome is None


def idle_times(calls: Iterable[Entry]) -> list[float]:
    """How long nobody worked on a prompt between two attempts at it."""
    of_one = defaultdict[str, list[Entry]](list)
    for call in calls:
        of_one[call.text].append(call)
    return [
        later.arrived_at - (earlier.finished_at or earlier.arrived_at)
        for tries in of_one.values()
        for earlier, later in itertools.pairwise(tries)
    ]


@asynccontextmanager
async def half_a_request(stack: Stack, process: Process) -> AsyncGenerator[None]:
    """The service waits for the rest of it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(stack, process))
    try:
        writer.write(
            b"POST /v1/jobs HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            b"content-length: 1000\r\nexpect: 100-continue\r\n\r\n"
        )
        async with asyncio.timeout(10):
            assert (await reader.readline()).startswith(b"HTTP/1.1 100")
        yield
    finally:
        writer.close()


def port_of(stack: Stack, process: Process) -> int:
    return int(stack.url(process).rpartition(":")[2])
