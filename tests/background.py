"""A loop in a thread of its own, for helpers that must go on while the test's loop is busy."""

import asyncio
from collections.abc import Coroutine
from threading import Thread
from typing import Any, TypeVar

Result = TypeVar("Result")


class BackgroundLoop:
    """Runs coroutines for callers on any thread; every call is bounded."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Result], *, within: float = 60.0) -> Result:
        """Blocks the caller; raises TimeoutError, or what `work` raised."""
        future = asyncio.run_coroutine_threadsafe(_bounded(work, within), self._loop)
        return future.result(within + 5)

    async def awaited(self, work: Coroutine[Any, Any, Result], *, within: float = 60.0) -> Result:
        """As `run`, for callers on another loop, which goes on meanwhile."""
        future = asyncio.run_coroutine_threadsafe(_bounded(work, within), self._loop)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Cancel what still runs, then end the thread."""
        if self._loop.is_closed():
            return
        self.run(self._cancel_the_rest(), within=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _cancel_the_rest(self) -> None:
        mine = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not mine]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._loop.shutdown_asyncgens()


async def _bounded(work: Coroutine[Any, Any, Result], within: float) -> Result:
    async with asyncio.timeout(within):
        return await work
