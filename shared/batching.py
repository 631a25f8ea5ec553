"""Lets callers who wait at the same time share one round trip, without making any of them wait."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from shared.availability import DatabaseUnavailable

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Overloaded(Exception):
    """More callers wait than the process is willing to keep in memory."""


class Gather(Generic[Item, Answer]):
    """Calls `flush` with whatever gathered while the last flush was on its way (no timer).

    A lone caller is flushed at once, alone. When a batch fails, its items are flushed one by
    one, so that each caller gets its own error and nobody else's; an outage is everybody's.
    """

    def __init__(
        self,
        flush: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]],
        *,
        most: int = 200,
        waiting_limit: int = 5_000,
    ) -> None:
        self._flush = flush
        self._most = most
        self._waiting_limit = waiting_limit
        self._waiting: deque[tuple[Item, asyncio.Future[Answer]]] = deque()
        self._pump: asyncio.Task[None] | None = None

    async def __call__(self, item: Item) -> Answer:
        """Raises Overloaded, or whatever `flush` raised for this item."""
        if len(self._waiting) >= self._waiting_limit:
            raise Overloaded
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._pump is None:
            self._pump = asyncio.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        try:
            while self._waiting:
                size = min(self._most, len(self._waiting))
                await self._settle([self._waiting.popleft() for _ in range(size)])
        finally:
            self._pump = None

    async def _settle(self, batch: list[tuple[Item, asyncio.Future[Answer]]]) -> None:
        # A caller who has gone away asked for it all the same: what it asked is still done.
        try:
            answers = await self._flush([item for item, _ in batch])
        except Exception as error:  # noqa: BLE001 - it is handed on, to whoever caused it
            await self._isolate(batch, error)
            return
        except BaseException:
            for _, waiting in batch:
                waiting.cancel()
            raise
        for (_, waiting), answer in zip(batch, answers, strict=True):
            if not waiting.done():
                waiting.set_result(answer)

    async def _isolate(
        self, batch: list[tuple[Item, asyncio.Future[Answer]]], error: Exception
    ) -> None:
        # An outage is nobody's own: to try it on each of them would only keep them all waiting.
        if len(batch) > 1 and not isinstance(error, DatabaseUnavailable):
            for one in batch:
                await self._settle([one])
            return
        for _, waiting in batch:
            if not waiting.done():
                waiting.set_exception(error)
