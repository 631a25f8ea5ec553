"""What happens on the pretend phones, live, for whoever looks at them."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import orjson

#: a comment now and then, so that proxies and browsers know that the stream lives
KEEP_ALIVE_S = 15.0
#: somebody who reads slower than this loses the connection, comes back and asks for everything
QUEUE_LIMIT = 10_000


class Feed:
    """Tells everybody who listens at the moment."""

    def __init__(self) -> None:
        self._listeners = set[asyncio.Queue[bytes]]()

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    def hang_up(self) -> None:
        """End everybody's stream, now; they come back by themselves."""
        for queue in self._listeners:
            queue.put_nowait(b": goodbye\n\n")
        self._listeners.clear()

    def publish(self, event: str, facts: dict[str, Any]) -> None:
        frame = b"event: %s\ndata: %s\n\n" % (event.encode(), orjson.dumps(facts))
        for queue in list(self._listeners):
            if queue.qsize() >= QUEUE_LIMIT:
                self._listeners.discard(queue)
            queue.put_nowait(frame)

    async def listen(self) -> AsyncGenerator[bytes]:
        """Server-sent events, from now on."""
        queue = asyncio.Queue[bytes]()
        self._listeners.add(queue)
        try:
            yield b"retry: 1000\nevent: hello\ndata: {}\n\n"
            while queue in self._listeners:
                yield await _next(queue)
        finally:
            self._listeners.discard(queue)


async def _next(queue: "asyncio.Queue[bytes]") -> bytes:
    try:
        async with asyncio.timeout(KEEP_ALIVE_S):
            return await queue.get()
    except TimeoutError:
        return b": still here\n\n"
