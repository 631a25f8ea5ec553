"""What runs beside a service's requests: named loops, restarted when they fail, ended on time."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from shared import logs

log = logs.get()

Loop = Callable[[], Awaitable[None]]


@asynccontextmanager
async def running(loops: Mapping[str, Loop]) -> AsyncGenerator[None]:
    """Run every loop until the block ends; then cancel them all and wait for them."""
    tasks = [
        asyncio.create_task(_keep_running(name, loop), name=name) for name, loop in loops.items()
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def every(seconds: float, step: Callable[[], Awaitable[object]]) -> None:
    """Take `step` again and again, with a pause between; a step that fails is logged, not fatal."""
    while True:
        await step()
        await asyncio.sleep(seconds)


async def once(step: Callable[[], Awaitable[object]]) -> None:
    """Take `step`, and be done: a loop that fails is begun again, one that rests is not."""
    await step()
    await asyncio.Event().wait()


async def _keep_running(name: str, loop: Loop) -> None:
    pause = 0.2
    while True:
        try:
            await loop()
        except Exception as error:
            log.warning("loop.failed", loop=name, error=type(error).__name__, exc_info=True)
        await asyncio.sleep(pause)
        pause = min(pause * 2, 5.0)
