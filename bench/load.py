"""The load, in a process of its own: reads a plan on its input, writes what it saw as JSON.

Every system under load speaks the same two requests: `POST /v1/jobs` and `GET /v1/jobs/{id}`.
(WhatsApp's webhooks, which only ours speaks, are in `webhooks`.)
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from itertools import count
from typing import Any

import uvloop

from bench.connection import Connection, connected
from bench.webhooks import webhooks

Json = dict[str, Any]

#: A job that is not there yet is looked at again after this long.
LOOK_AGAIN_S = 0.1
#: Eyes that walk along the submitted jobs while others submit.
WATCHERS = 4


class Refused(Exception):
    """The system under load did not do what every system here must do."""


async def accept(plan: Json) -> Json:
    """As many submissions as go through in so many seconds."""
    bodies, took = _bodies(), list[float]()
    end = time.perf_counter() + plan["seconds"]

    async def submit_on(connection: Connection) -> None:
        while time.perf_counter() < end:
            began = time.perf_counter()
            await _submit(connection, next(bodies))
            took.append(time.perf_counter() - began)

    async with connected(plan["url"], plan["connections"]) as connections:
        began = time.perf_counter()
        await asyncio.gather(*map(submit_on, connections))
        seconds = time.perf_counter() - began
    took.sort()
    return {"count": len(took), "seconds": seconds, "p99_ms": took[len(took) * 99 // 100] * 1_000}


async def through(plan: Json) -> Json:
    """So many jobs, from the first POST to the last GET that shows an answer."""
    ids: asyncio.Queue[str] = asyncio.Queue()

    async def watch_on(connection: Connection) -> None:
        while True:
            await _ended(connection, await ids.get())
            ids.task_done()

    async with connected(plan["url"], plan["connections"] + WATCHERS) as connections:
        began = time.perf_counter()
        watching = [asyncio.create_task(watch_on(one)) for one in connections[:WATCHERS]]
        await _submit_all(connections[WATCHERS:], plan["jobs"], ids.put_nowait)
        submitted_s = time.perf_counter() - began
        done = asyncio.create_task(ids.join())
        await asyncio.wait({done, *watching}, return_when=asyncio.FIRST_COMPLETED)
        for watcher in watching:
            watcher.cancel()
        await asyncio.gather(done, *(w for w in watching if w.done() and not w.cancelled()))
    return {"seconds": time.perf_counter() - began, "submitted_s": submitted_s}


async def submit(plan: Json) -> Json:
    """So many jobs, without waiting for answers."""
    ids: list[str] = []
    async with connected(plan["url"], plan["connections"]) as connections:
        await _submit_all(connections, plan["jobs"], ids.append)
    return {"ids": ids}


async def watch(plan: Json) -> Json:
    """Until these jobs have ended, or patience has; what they ended as, and when it was stored.

    The last ones are looked at first, and seldom: until they are there, it hardly disturbs.
    """
    began = time.perf_counter()
    jobs: dict[str, Json] = {}
    waiting = reversed(plan["ids"])

    async def watch_on(connection: Connection) -> None:
        for job_id in waiting:
            jobs[job_id] = await _ended(connection, job_id, look_again_s=plan["look_again_s"])

    async with connected(plan["url"], WATCHERS) as connections:
        with suppress(TimeoutError):
            async with asyncio.timeout(plan["patience_s"]):
                await asyncio.gather(*map(watch_on, connections))
    seconds = time.perf_counter() - began
    kept = ("status", "created_at", "updated_at", "result")
    return {
        "seconds": seconds,
        "jobs": {job_id: {name: job[name] for name in kept} for job_id, job in jobs.items()},
    }


async def alone(plan: Json) -> Json:
    """One job after the other on an idle system: milliseconds from POST to the answer."""
    bodies, took = _bodies(), list[float]()
    async with connected(plan["url"], 1) as (connection,):
        for _ in range(plan["jobs"]):
            began = time.perf_counter()
            job_id = await _submit(connection, next(bodies))
            await _ended(connection, job_id, look_again_s=0.004)
            took.append((time.perf_counter() - began) * 1_000)
    return {"milliseconds": took}


async def _submit_all(
    connections: Sequence[Connection], jobs: int, keep: Callable[[str], object]
) -> None:
    bodies, left = _bodies(), iter(range(jobs))

    async def submit_on(connection: Connection) -> None:
        for _ in left:
            keep(await _submit(connection, next(bodies)))

    await asyncio.gather(*map(submit_on, connections))


async def _submit(connection: Connection, body: bytes) -> str:
    answer = await connection.post("/v1/jobs", body)
    if answer.status != 202:
        raise Refused(f"POST answered {answer.status}: {answer.body[:300]!r}")
    job_id: str = json.loads(answer.body)["job_id"]
    return job_id


async def _ended(
    connection: Connection, job_id: str, *, look_again_s: float = LOOK_AGAIN_S
) -> Json:
    while True:
        answer = await connection.get(f"/v1/jobs/{job_id}")
        job: Json = json.loads(answer.body)
        if job.get("status") == "COMPLETED":
            return job
        if answer.status != 200 or job["status"] not in {"QUEUED", "PROCESSING"}:
            raise Refused(f"GET answered {answer.status}: {answer.body[:300]!r}")
        await asyncio.sleep(look_again_s)


def _bodies() -> Iterator[bytes]:
    return (
        b'{"prompt": "Question %d: how long is a piece of string?", "config_name": "offline"}' % n
        for n in count()
    )


LOADS: dict[str, Callable[[Json], Awaitable[Json]]] = {
    load.__name__: load for load in (accept, through, submit, watch, alone, webhooks)
}


async def _main() -> None:
    plan = json.load(sys.stdin)
    async with asyncio.timeout(plan["within_s"]):
        seen = await LOADS[plan["load"]](plan)
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    uvloop.run(_main())
