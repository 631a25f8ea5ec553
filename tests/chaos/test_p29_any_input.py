"""P29. Any input gets a defined answer, soon, and leaves nothing behind in memory."""

import asyncio
import itertools
import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import aiohttp
import psutil
from yarl import URL

from tests.chaos.hostile import Hostile, Whom, hostile
from tests.chaos.servers import Servers
from tests.chaos.stack import Plan, Stack, running
from tests.chaos.verdict import broken

#: until everything is loaded, and pools and caches are as full as they get
WARMING_UP = 700
MEASURED = 2_500
AT_ONCE = 8

SLOWEST_S = 2.0
MOST_GROWTH = 50_000_000

#: whatever is accepted is answered by the model that needs nobody
OFFLINE = {"OPENAI_API_KEY": ""}


@dataclass
class Heard:
    """What came of the requests that nobody means."""

    statuses: set[int] = field(default_factory=set[int])
    #: answers that no documentation promises
    odd: list[tuple[Hostile, int, str]] = field(default_factory=list[tuple[Hostile, int, str]])
    #: answered too late, even when asked alone
    slow: list[Hostile] = field(default_factory=list[Hostile])
    #: bytes that each process is larger by than after warming up
    growth: Mapping[str, int] = field(default_factory=dict[str, int])


async def test_any_input_is_answered_soon_and_forgotten(
    servers: Servers, tmp_path: Path, seed: int
) -> None:
    async with running(servers, tmp_path, Plan(engines=1, settings=OFFLINE)) as stack:
        heard = await assailed(stack, seed)

        assert heard.odd == []
        assert {202, 400, 404, 413, 415, 422} <= heard.statuses, "not much of a variety"
        assert heard.slow == []
        assert max(heard.growth.values()) < MOST_GROWTH, heard.growth
        assert stack.gateways[0].ends == stack.engines[0].ends == []
        assert await broken(stack) == {}


async def test_whoever_keeps_what_was_sent_is_found_out(
    servers: Servers, tmp_path: Path, seed: int
) -> None:
    plan = Plan(engines=1, settings=OFFLINE, faults=["hoard"])
    async with running(servers, tmp_path, plan) as stack:
        heard = await assailed(stack, seed)

        assert max(heard.growth.values()) > MOST_GROWTH, heard.growth
        assert stack.struck == {"hoard"}


async def assailed(stack: Stack, seed: int) -> Heard:
    chance = random.Random(seed)  # noqa: S311 - to be repeated
    requests = (hostile(chance) for _ in itertools.count())
    await send(stack, itertools.islice(requests, WARMING_UP), Heard())
    before = sizes(stack)
    heard = Heard()
    await send(stack, itertools.islice(requests, MEASURED), heard)
    heard.growth = {name: size - before[name] for name, size in sizes(stack).items()}
    # A machine that is busy is slow with everything: what matters is what is slow by itself.
    late, heard.slow = heard.slow, []
    for request in late:
        await send(stack, iter([request]), heard)
    return heard


def sizes(stack: Stack) -> dict[str, int]:
    """What each process of ours takes of the machine's memory."""
    return {one.name: psutil.Process(one.pid).memory_info().rss for one in stack.product}


async def send(stack: Stack, requests: Iterator[Hostile], heard: Heard) -> None:
    urls: dict[Whom, str] = {
        "gateway": stack.url(stack.gateways[0]),
        "engine": stack.url(stack.engines[0]),
    }

    async def one_after_the_other() -> None:
        for request in requests:
            await ask(http, urls[request.whom], request, heard)

    # As anybody may: nothing is retried, and an answer that takes too long is an answer too few.
    timeout = aiohttp.ClientTimeout(total=SLOWEST_S * 5)
    async with aiohttp.ClientSession(timeout=timeout) as http, asyncio.TaskGroup() as askers:
        for _ in range(AT_ONCE):
            askers.create_task(one_after_the_other())


async def ask(http: aiohttp.ClientSession, url: str, asked: Hostile, heard: Heard) -> None:
    place = URL(url + asked.path, encoded=True)
    began = time.monotonic()
    async with http.request(
        asked.method, place, data=BytesIO(asked.body), headers=asked.headers
    ) as answer:
        said = await answer.text()
    if time.monotonic() - began > SLOWEST_S:
        heard.slow.append(asked)
    heard.statuses.add(answer.status)
    is_refusal = answer.content_type == "application/problem+json"
    if answer.status >= 500 or (answer.status >= 400) is not is_refusal:
        heard.odd.append((asked, answer.status, said[:200]))
