"""How often a key may call each endpoint within a minute, and how Xendit tells it."""

import time
from collections.abc import Sequence

from simulators.exchange import Header

_WINDOW_S = 60.0
_TEST, _LIVE = 60, 600

Caller = tuple[str, str]


class Limits:
    """Counts calls by key and endpoint, in minutes of the real clock."""

    def __init__(self) -> None:
        self._counts: dict[Caller, tuple[float, int]] = {}

    def count(self, caller: Caller) -> int:
        """One more call; gives how many that makes in this minute."""
        now = time.monotonic()
        since, calls = self._counts.get(caller, (now, 0))
        if now - since >= _WINDOW_S:
            since, calls = now, 0
        self._counts[caller] = (since, calls + 1)
        return calls + 1

    def headers(self, caller: Caller, limit: int) -> Sequence[Header]:
        since, calls = self._counts.get(caller, (time.monotonic(), 0))
        reset_s = max(0.0, since + _WINDOW_S - time.monotonic())
        return [
            (b"rate-limit-limit", b"%d" % limit),
            (b"rate-limit-remaining", b"%d" % max(0, limit - calls)),
            (b"rate-limit-reset", f"{reset_s:.3f}".encode()),
        ]


def usual(key: str) -> int:
    """Calls in a minute, of a test key or of a live one."""
    return _LIVE if key.startswith("xnd_production_") else _TEST
