"""Rings when messages were committed to a queue in PostgreSQL: listeners need not poll fast."""

import asyncio
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from sqlalchemy import URL, NullPool
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from shared.infrastructure.patience import Backoff

CHANNEL = "platform_messages"
#: how often a connection on which nothing happens is asked for a sign of life
CHECK_EVERY_S = 30.0


class Bell:
    """One connection of its own, only to hear `NOTIFY`; without it, listeners poll."""

    def __init__(self, url: URL) -> None:
        self._engine = create_async_engine(
            url, poolclass=NullPool, connect_args={"timeout": 5, "command_timeout": 10}
        )
        self._listeners = defaultdict[str, set[asyncio.Event]](set)
        self._hearing: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start to hear; harmless the second time."""
        if self._hearing is None:
            self._hearing = asyncio.create_task(self._hear())

    async def stop(self) -> None:
        if self._hearing is not None:
            self._hearing.cancel()
            await asyncio.gather(self._hearing, return_exceptions=True)
            self._hearing = None

    @contextmanager
    def heard_by(self, queue: str) -> Generator[asyncio.Event]:
        """An event that is set whenever something was committed to the queue."""
        rung = asyncio.Event()
        self._listeners[queue].add(rung)
        try:
            yield rung
        finally:
            self._listeners[queue].discard(rung)

    async def _hear(self) -> None:
        backoff = Backoff()
        while True:
            with suppress(SQLAlchemyError, OSError):
                async with self._engine.connect() as connection:
                    backoff.reset()
                    await self._attend((await connection.get_raw_connection()).driver_connection)
            await asyncio.sleep(backoff.next())

    def _ring(self, _connection: object, _pid: int, _channel: str, queue: str) -> None:
        for rung in self._listeners[queue]:
            rung.set()

    async def _attend(self, driver: Any) -> None:  # noqa: ANN401 - asyncpg has no types
        gone = asyncio.Event()
        try:
            driver.add_termination_listener(partial(_set, gone))
            await driver.add_listener(CHANNEL, self._ring)
            for queue in list(self._listeners):
                self._ring(driver, 0, CHANNEL, queue)  # nobody told us while we were away
            while not gone.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(CHECK_EVERY_S):
                        await gone.wait()
                if not gone.is_set():
                    await driver.execute("SELECT 1")
        finally:
            driver.terminate()


def _set(event: asyncio.Event, _connection: object) -> None:
    event.set()
