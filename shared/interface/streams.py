"""Answers that do not end by themselves: how many of them one tenant may keep open."""

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from uuid import UUID

from shared import metrics
from shared.interface.problems import Problem


class Streams:
    """Counted in this process; each holds a connection and a little memory for as long as it is."""

    def __init__(self, most: int = 100) -> None:
        """`most`: a tenant's, at a time."""
        self._most = most
        self._open = Counter[UUID]()

    @contextmanager
    def room(self, tenant_id: UUID) -> Generator[None]:
        """A place for one more while the block lasts. Raises Problem (429)."""
        if self._open[tenant_id] >= self._most:
            detail = f"{self._most} streams are open already."
            raise Problem(429, "too_many_streams", detail, headers={"Retry-After": "5"})
        self._open[tenant_id] += 1
        metrics.live_streams.inc()
        try:
            yield
        finally:
            metrics.live_streams.dec()
            self._open[tenant_id] -= 1
            if not self._open[tenant_id]:
                del self._open[tenant_id]
