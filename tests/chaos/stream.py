"""A client that watches a job's events, and comes again whenever the stream breaks off."""

import asyncio
import contextlib
from dataclasses import dataclass, field

import aiohttp

from tests.chaos.client import UNHEARD

ENDS = {"completed", "failed", "cancelled"}
COME_AGAIN_AFTER_S = 0.1


@dataclass
class Watcher:
    """Hears everything that happens to one job, through as many streams as it takes."""

    url: str
    #: the names of the events, in the order in which they came
    heard: list[str] = field(default_factory=list[str])
    #: how often a stream broke off before the job had ended
    breaks: int = 0
    _last_id: str = ""

    @property
    def has_heard_the_end(self) -> bool:
        return bool(self.heard) and self.heard[-1] in ENDS

    async def watch(self) -> None:
        """Until the job has ended."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(sock_read=20)) as http:
            while True:
                with contextlib.suppress(*UNHEARD):
                    await self._listen(http)
                if self.has_heard_the_end:
                    return
                await asyncio.sleep(COME_AGAIN_AFTER_S)

    async def _listen(self, http: aiohttp.ClientSession) -> None:
        headers = {"Last-Event-ID": self._last_id} if self._last_id else {}
        async with http.get(self.url, headers=headers) as answer:
            try:
                async for line in answer.content:
                    self._hear(line.decode().strip())
            finally:
                self.breaks += not self.has_heard_the_end

    def _hear(self, line: str) -> None:
        name, _, value = line.partition(": ")
        if name == "event":
            self.heard.append(value)
        elif name == "id":
            self._last_id = value
