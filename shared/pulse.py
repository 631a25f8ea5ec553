"""A worker's own heartbeat: while it falters, the silence of the others proves nothing."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Pulse:
    """Remembers whether this worker's beats reached the database, and when."""

    #: how long a worker may be silent before it is taken for dead (seconds)
    dead_after_s: float
    clock: Callable[[], float] = time.monotonic
    _last: float | None = None
    #: since when no beat has failed or come too late
    _steady_since: float = -math.inf

    def beat(self) -> None:
        """One reached it."""
        now = self.clock()
        came_late = self._last is not None and now - self._last > self.dead_after_s
        if came_late or self._steady_since == math.inf:
            self._steady_since = now
        self._last = now

    def miss(self) -> None:
        """One did not."""
        self._steady_since = math.inf

    @property
    def is_steady(self) -> bool:
        """Whether somebody silent is dead: after an outage all get the time to be heard again."""
        now = self.clock()
        is_fresh = self._last is not None and now - self._last <= self.dead_after_s
        return is_fresh and now - self._steady_since >= self.dead_after_s
