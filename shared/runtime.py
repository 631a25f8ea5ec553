"""What runs beside a service's requests: named loops, restarted when they fail, ended on time."""

import asyncio
import gc
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from shared import logs

log = logs.get()

Loop = Callable[[], Awaitable[None]]

#: A loop that fails is started again after this long, then after twice as long, and so on.
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0
#: One that ran for so long was well: its next failure is a new story.
WELL_AFTER_S = 10.0


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


def spare_the_collector() -> None:
    """Let the garbage collector pass over what was loaded for good; call it once all is set up.

    Libraries leave hundreds of thousands of objects that never die: looking at them again and
    again is a good part of what a request costs.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


async def every(seconds: float, step: Callable[[], Awaitable[object]]) -> None:
    """Take `step` again and again, with a pause between; one that fails is no reason to be late."""
    has_failed = False
    while True:
        try:
            await step()
        except Exception as error:
            if not has_failed:  # said once: the rest of an outage is no news
                name = getattr(step, "__qualname__", "step")
                log.warning("step.failed", step=name, error=type(error).__name__, exc_info=True)
            has_failed = True
        else:
            has_failed = False
        await asyncio.sleep(seconds)


async def once(step: Callable[[], Awaitable[object]]) -> None:
    """Take `step`, and be done: a loop that fails is begun again, one that rests is not."""
    await step()
    await asyncio.Event().wait()


async def _keep_running(name: str, loop: Loop) -> None:
    pause = FIRST_PAUSE_S
    while True:
        began = time.monotonic()
        try:
            await loop()
        except Exception as error:
            log.warning("loop.failed", loop=name, error=type(error).__name__, exc_info=True)
        if time.monotonic() - began > WELL_AFTER_S:
            pause = FIRST_PAUSE_S
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_S)
