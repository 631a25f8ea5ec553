"""Starts again what was killed, as systemd or Kubernetes would."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from tests.chaos.process import Process

RESTART_AFTER_S = 0.3


@asynccontextmanager
async def supervised(processes: Sequence[Process]) -> AsyncGenerator[None]:
    """Whatever of these ends without having been told to is started again."""
    watch = asyncio.create_task(_keep_running(processes))
    try:
        yield
    finally:
        watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watch


async def _keep_running(processes: Sequence[Process]) -> None:
    while True:
        for process in processes:
            if process.is_wanted and not process.is_running:
                await asyncio.sleep(RESTART_AFTER_S)
                if process.is_wanted and not process.is_running:
                    process.start()
        await asyncio.sleep(0.05)
