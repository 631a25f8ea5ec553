"""Keeps the last known copy of something small that changes rarely and is asked for often."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from shared import logs
from shared.availability import DatabaseUnavailable

log = logs.get()

Value = TypeVar("Value")


class Recent(Generic[Value]):
    """A copy at most `max_age_s` old; whoever finds it older renews it, for all who wait.

    While PostgreSQL is away or slow, the last known copy is handed out: nobody waits longer than
    `patience_s` for a newer one.
    """

    def __init__(
        self,
        read: Callable[[Value | None], Awaitable[Value]],
        *,
        max_age_s: float = 1.0,
        patience_s: float = 0.5,
    ) -> None:
        """`read` is given the last copy, which it may return when it is still right."""
        self._read = read
        self._max_age_s = max_age_s
        self._patience_s = patience_s
        self._last: Value | None = None
        self._failure: DatabaseUnavailable | None = None
        self._began_at = self._fresh_until = 0.0
        self._reading: asyncio.Task[None] | None = None
        # Readings are counted, so that a caller can wait for one that began after it asked.
        self._begun = self._ended = 0

    async def __call__(self, *, afresh: bool = False) -> Value:
        """Raises DatabaseUnavailable only where nothing was ever read.

        `afresh`: what was committed before this call is in the copy.
        """
        last = self._last
        if last is not None and not afresh and time.monotonic() < self._fresh_until:
            return last
        wanted = self._begun if self._reading and not afresh else self._begun + 1
        try:
            async with asyncio.timeout_at(self._end_of_patience()):
                while self._ended < wanted:
                    await asyncio.shield(self._reading or self._begin())
        except TimeoutError:
            log.warning("copy.old", reason="PostgreSQL is slow to answer")
        if self._last is None:
            raise self._failure or DatabaseUnavailable
        return self._last

    def _end_of_patience(self) -> float | None:
        """On the loop's clock. Patience begins with a reading, not with each caller."""
        if self._last is None:
            return None
        waited = time.monotonic() - self._began_at if self._reading else 0.0
        return asyncio.get_running_loop().time() + self._patience_s - waited

    def _begin(self) -> "asyncio.Task[None]":
        self._begun += 1
        self._began_at = time.monotonic()
        self._reading = asyncio.create_task(self._renew())
        return self._reading

    async def _renew(self) -> None:
        try:
            self._last = await self._read(self._last)
            self._fresh_until = self._began_at + self._max_age_s
        except DatabaseUnavailable as away:
            self._failure = away
            self._fresh_until = time.monotonic() + self._max_age_s
            log.warning("copy.not_renewed", reason=str(away))
        finally:
            self._ended += 1
            self._reading = None
