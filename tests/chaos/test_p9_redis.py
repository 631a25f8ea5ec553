"""P9. Redis may be flushed, slow or dead: every result is the same, and so is what is watched."""

import asyncio
from pathlib import Path

from tests.chaos.havoc import kill_redis
from tests.chaos.ledger import Report
from tests.chaos.servers import Servers
from tests.chaos.stack import SIMULATED, Plan, Stack, running
from tests.chaos.stream import Watcher
from tests.chaos.toxics import Latency
from tests.chaos.verdict import broken

KEYS = [f"k{n}" for n in range(60)]
#: written for about a second, so that there are words to watch
SLOWLY = "[[chunk-delay:0.2]]"


async def test_a_redis_that_forgets_dawdles_and_dies_changes_no_result(
    servers: Servers, tmp_path: Path
) -> None:
    async with running(servers, tmp_path, Plan(engines=1, redis=True)) as stack:
        watchers, report = await watched_while_redis_ails(stack)

        results = {sight.key: sight.result for sight in stack.ledger.seen.values()}
        assert report.is_clean, report
        assert results == {key: f"You said: {key} {SLOWLY}" for key in KEYS}
        assert sorted(stack.asked()) == sorted(KEYS)
        assert {watcher.heard[-1] for watcher in watchers} == {"completed"}
        assert sum(watcher.breaks for watcher in watchers) == 0
        assert await broken(stack) == {}


async def test_without_care_for_redis_watchers_are_cut_off(
    servers: Servers, tmp_path: Path
) -> None:
    async with running(servers, tmp_path, Plan(engines=1, redis=True, off=["hints"])) as stack:
        watchers, _ = await watched_while_redis_ails(stack)

        assert sum(watcher.breaks for watcher in watchers) > 0
        assert stack.struck == {"hints"}


async def watched_while_redis_ails(stack: Stack) -> tuple[list[Watcher], Report]:
    """Jobs, each asked for twice under one key and watched to its end; and Redis falling ill."""
    watchers: list[Watcher] = []
    async with asyncio.timeout(60), asyncio.TaskGroup() as everything:
        illness = everything.create_task(ail(stack))
        for key in KEYS:
            watchers.append(watcher := Watcher(""))
            everything.create_task(ask_twice_and_watch(stack, key, watcher))
            await asyncio.sleep(0.1)
        await illness
    return watchers, await stack.settled()


async def ail(stack: Stack) -> None:
    """Flushed each second; slow for a while; killed, twice."""
    flushing = asyncio.create_task(flush_for_ever(stack))
    await asyncio.sleep(1.5)
    await kill_redis(stack)
    await asyncio.sleep(1)
    stack.proxies["redis"].blackhole(Latency(2.5))  # up and down: 5 s in all
    await asyncio.sleep(1.5)
    stack.proxies["redis"].heal()
    await kill_redis(stack)
    await asyncio.sleep(1)
    flushing.cancel()


async def flush_for_ever(stack: Stack) -> None:
    assert stack.redis is not None
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", stack.redis.port)
        except OSError:
            await asyncio.sleep(0.1)  # dead just now
            continue
        writer.write(b"FLUSHALL\r\n")
        writer.close()
        await asyncio.sleep(0.5)


async def ask_twice_and_watch(stack: Stack, key: str, watcher: Watcher) -> None:
    submit = stack.client.submit
    first, second = await asyncio.gather(
        *(submit(key, prompt=SLOWLY, config_name=SIMULATED) for _ in range(2))
    )
    assert first == second
    watcher.url = f"{stack.url(stack.gateways[0])}/v1/jobs/{first}/events"
    await watcher.watch()
