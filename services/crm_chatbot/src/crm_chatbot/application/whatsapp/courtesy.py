"""Whoever is waited for goes first: an event to be stored, before a turn that may take longer."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager, suppress


class Courtesy:
    """Within one process: those who can wait let those pass who cannot, though not for ever."""

    def __init__(self, *, longest_s: float = 0.1) -> None:
        """`longest_s`: nobody lets others pass for longer than this, seconds."""
        self._longest_s = longest_s
        self._urgent = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    @contextmanager
    def urgent(self) -> Generator[None]:
        """Somebody waits for what happens inside the block."""
        self._urgent += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self._urgent -= 1
            if not self._urgent:
                self._quiet.set()

    async def after_you(self) -> None:
        """Returns when nothing is urgent, or after the longest time that one waits."""
        if self._urgent:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._longest_s):
                    await self._quiet.wait()
