"""Waiting for a condition with a deadline, instead of sleeping for a result."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

Found = TypeVar("Found")


class NotInTime(AssertionError):
    """What was waited for did not come true."""


@overload
async def until(
    condition: Callable[[], Awaitable[Found]], what: str, *, within: float, every: float = 0.05
) -> Found: ...


@overload
async def until(
    condition: Callable[[], Found], what: str, *, within: float, every: float = 0.05
) -> Found: ...


async def until(
    condition: Callable[[], object], what: str, *, within: float, every: float = 0.05
) -> object:
    """The first answer of `condition` that is true. Raises NotInTime, which says `what`."""
    deadline = time.monotonic() + within
    while True:
        answer = condition()
        found = await answer if inspect.isawaitable(answer) else answer
        if found:
            return found
        if time.monotonic() > deadline:
            raise NotInTime(f"not within {within:g} s: {what}")
        await asyncio.sleep(every)
