"""A provider at one address: how many may ask it at once, and whether to ask it at all."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from shared.llm.breaker import Admission, Breaker
from shared.llm.failures import ProviderFailed


class Endpoint:
    """What fails together is left alone together, whichever model was asked for."""

    def __init__(self, limit: int, now: Callable[[], float]) -> None:
        self._breaker = Breaker(now)
        self._places = asyncio.Semaphore(limit)

    @asynccontextmanager
    async def place(self, deadline: float) -> AsyncGenerator[None]:
        """A place among those who ask now; tells the breaker how the block ended.

        Raises ProviderFailed when there is none before `deadline` (the loop's time), or when the
        endpoint is being left alone.
        """
        admission = self._admission()
        failed: bool | None = None
        try:
            await self._queue(deadline)
            try:
                yield
            finally:
                self._places.release()
            failed = False
        except ProviderFailed as failure:
            failed = None if failure.is_skip else failure.code == "llm_unavailable"
            raise
        finally:
            self._breaker.record(admission, failed=failed)

    def _admission(self) -> Admission:
        admission = self._breaker.admit()
        if admission is None:
            raise ProviderFailed(
                "llm_unavailable",
                "it keeps failing and is left alone for a while",
                retry_after_s=self._breaker.rest_left_s,
                is_skip=True,
            )
        return admission

    async def _queue(self, deadline: float) -> None:
        try:
            async with asyncio.timeout_at(deadline):
                await self._places.acquire()
        except TimeoutError:
            raise ProviderFailed(
                "llm_unavailable", "too many others are asking it", is_skip=True
            ) from None
