"""What a story or a rehearsal waits for, and what is raised where it does not come."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx

Answer = TypeVar("Answer")

#: Whoever promised something has this long to keep it (seconds).
PATIENCE_S = 30.0


class PromiseBroken(Exception):
    """Something that was promised did not happen."""


async def until(
    find: Callable[[], Awaitable[Answer | None]],
    what: str,
    *,
    within: float = PATIENCE_S,
    every: float = 0.1,
) -> Answer:
    """Ask again until there is an answer. Raises PromiseBroken."""
    deadline = time.monotonic() + within
    while (found := await find()) is None:
        if time.monotonic() > deadline:
            raise PromiseBroken(f"{what}: not within {within:.0f} s")
        await asyncio.sleep(every)
    return found


async def ask(
    http: httpx.AsyncClient, method: str, path: str, body: object = None
) -> dict[str, object]:
    """The answer's JSON object. Raises PromiseBroken for a refusal."""
    answer = await http.request(method, path, json=body)
    if not answer.is_success:
        raise PromiseBroken(f"{method} {path} answered {answer.status_code}: {answer.text[:300]}")
    told: dict[str, object] = answer.json() if answer.content else {}
    return told
