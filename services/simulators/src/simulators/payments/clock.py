"""A provider's own clock: it may run fast, stand still or be put forward, and payments expire."""

import asyncio
import contextlib
import heapq
import itertools
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Act = Callable[[], None]


class Clock:
    """Tells the time, and does things when it has come."""

    def __init__(self) -> None:
        self.pace = 1.0
        self._base = time.time()
        self._since = time.monotonic()
        self._alarms: list[tuple[datetime, int, Act]] = []
        self._numbers = itertools.count()
        self._changed = asyncio.Event()

    def now(self) -> datetime:
        passed = (time.monotonic() - self._since) * self.pace
        return datetime.fromtimestamp(self._base + passed, tz=UTC)

    def change(
        self, *, pace: float | None = None, now: datetime | None = None, ahead_s: float = 0.0
    ) -> None:
        """Let it go so many times as fast, put it to a time, or put it forward."""
        self._base = (now or self.now()).timestamp() + ahead_s
        self._since = time.monotonic()
        if pace is not None:
            self.pace = pace
        self.ring()
        self._changed.set()

    def at(self, when: datetime, act: Act) -> None:
        heapq.heappush(self._alarms, (when, next(self._numbers), act))
        self._changed.set()

    def after(self, seconds: float, act: Act) -> None:
        """Of this clock's seconds."""
        if seconds:
            self.at(self.now() + timedelta(seconds=seconds), act)
        else:
            act()

    def ring(self) -> None:
        """Do what is due; whoever is about to look at something rings first."""
        while self._alarms and self._alarms[0][0] <= self.now():
            _, _, act = heapq.heappop(self._alarms)
            act()

    async def run(self) -> None:
        """Do what becomes due, until cancelled."""
        while True:
            self.ring()
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._wait_s()):
                    await self._changed.wait()

    def _wait_s(self) -> float | None:
        if not self._alarms or not self.pace:
            return None
        left = (self._alarms[0][0] - self.now()).total_seconds()
        return max(left / self.pace, 0.0)
