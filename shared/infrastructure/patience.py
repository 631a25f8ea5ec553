"""How to behave while something stays away: pauses that grow, and one log line a minute."""

import random
import time
from dataclasses import dataclass, field

from shared import logs

log = logs.get()

SAY_AGAIN_AFTER_S = 60.0


@dataclass
class Backoff:
    """Pauses that double up to a limit, never quite alike, until `reset`."""

    first_s: float = 0.1
    longest_s: float = 5.0
    _last_s: float = 0.0

    def next(self) -> float:
        self._last_s = min(max(self._last_s * 2, self.first_s), self.longest_s)
        # Listeners that lost the same server must not all come back at the same moment.
        return self._last_s * random.uniform(0.7, 1.0)  # noqa: S311 - no secret

    def reset(self) -> None:
        self._last_s = 0.0


@dataclass
class Complaints:
    """Says the same trouble once a minute at most, and says once when it is over."""

    action: str
    _said: dict[str, float] = field(default_factory=dict[str, float])

    def about(self, reason: str, **facts: object) -> None:
        now = time.monotonic()
        if now - self._said.get(reason, -SAY_AGAIN_AFTER_S) >= SAY_AGAIN_AFTER_S:
            self._said[reason] = now
            log.warning(self.action, reason=reason, **facts)

    def over(self, **facts: object) -> None:
        if self._said:
            self._said.clear()
            log.info(self.action, reason="over", **facts)
