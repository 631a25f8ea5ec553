"""How many requests a key may make in a minute: counted here, and shared through Redis."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from shared.infrastructure.redis import Hints

WINDOW_S = 60


@dataclass(frozen=True)
class Quota:
    """What a request found when it was counted."""

    limit: int
    used: int
    resets_in_s: int

    @property
    def is_exceeded(self) -> bool:
        return self.used > self.limit

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        return [
            (b"ratelimit-limit", b"%d" % self.limit),
            (b"ratelimit-remaining", b"%d" % max(0, self.limit - self.used)),
            (b"ratelimit-reset", b"%d" % self.resets_in_s),
        ]


@dataclass
class _Count:
    used: int = 0
    #: counted here, not yet told to the other processes
    untold: int = 0


class RateLimit:
    """Exact within a process; between processes late by `share_every_s`, and no request waits.

    Redis away: each process goes on counting alone, so the limit holds per process.
    """

    def __init__(
        self,
        hints: Hints,
        per_minute: int,
        *,
        share_every_s: float = 0.1,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._hints = hints
        self._per_minute = per_minute
        self._share_every_s = share_every_s
        self._now = now
        self._window = -1
        self._counts: dict[str, _Count] = {}
        self._sharing: asyncio.Task[None] | None = None

    def take(self, key: str) -> Quota | None:
        """Count one request of `key`; None when there is no limit."""
        if not self._per_minute:
            return None
        now = self._now()
        self._begin(int(now) // WINDOW_S)
        count = self._counts.setdefault(key, _Count())
        count.used += 1
        count.untold += 1
        if self._sharing is None:
            self._sharing = asyncio.create_task(self._share())
        return Quota(self._per_minute, count.used, WINDOW_S - int(now) % WINDOW_S)

    async def close(self) -> None:
        """Stop telling the others."""
        if self._sharing is not None:
            self._sharing.cancel()
            await asyncio.gather(self._sharing, return_exceptions=True)

    def _begin(self, window: int) -> None:
        if window != self._window:
            self._window = window
            self._counts = {}

    async def _share(self) -> None:
        try:
            while await self._tell():
                pass
        finally:
            self._sharing = None

    async def _tell(self) -> bool:
        await asyncio.sleep(self._share_every_s)
        window, counts = self._window, self._counts
        untold = {key: count.untold for key, count in counts.items() if count.untold}
        if not untold:
            return False
        for key in untold:
            counts[key].untold = 0
        named = {f"requests:{window}:{key}": amount for key, amount in untold.items()}
        totals = await self._hints.count(named, ttl_s=2 * WINDOW_S)
        for key, name in zip(untold, named, strict=True):
            # What came in while we were asking is not in the answer yet.
            if name in totals:
                counts[key].used = max(counts[key].used, totals[name] + counts[key].untold)
        return True
