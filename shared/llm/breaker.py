"""Leaves a provider alone that keeps failing, and tries it again now and then."""

from collections import deque
from collections.abc import Callable

#: Handed out with each permission to ask, and given back with the outcome.
Admission = int


class Breaker:
    """Closed while most requests succeed; open for `rest_s` once too many of the last failed.

    After the rest one request goes through as a probe: its success closes the breaker, its
    failure begins the next rest. A probe that never reports costs one more rest, not a standstill.
    """

    def __init__(
        self,
        now: Callable[[], float],
        *,
        window: int = 20,
        least: int = 10,
        share: float = 0.5,
        rest_s: float = 15.0,
    ) -> None:
        self._now = now
        self._least = least
        self._share = share
        self._rest_s = rest_s
        self._failures = deque[bool](maxlen=window)
        self._probe_at: float | None = None
        self._era: Admission = 0

    @property
    def is_open(self) -> bool:
        return self._probe_at is not None

    @property
    def rest_left_s(self) -> float:
        """Until the next probe; 0 while closed."""
        return 0.0 if self._probe_at is None else max(0.0, self._probe_at - self._now())

    def admit(self) -> Admission | None:
        """Permission to ask, or None."""
        if self._probe_at is not None:
            if self._now() < self._probe_at:
                return None
            self._probe_at = self._now() + self._rest_s
        return self._era

    def record(self, admission: Admission, *, failed: bool | None) -> None:
        """How the request ended; None: it never reached the provider, so nothing was learned."""
        if admission != self._era:
            return  # it began before the breaker opened, and says nothing about now
        if self._probe_at is None:
            self._count(failed)
        elif failed is None:
            self._probe_at = self._now()
        elif failed:
            self._probe_at = self._now() + self._rest_s
        else:
            self._probe_at = None

    def _count(self, failed: bool | None) -> None:  # noqa: FBT001 - private, and called once
        if failed is None:
            return
        self._failures.append(failed)
        if len(self._failures) >= self._least and sum(self._failures) >= self._share * len(
            self._failures
        ):
            self._failures.clear()
            self._era += 1
            self._probe_at = self._now() + self._rest_s
