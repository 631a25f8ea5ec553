"""What is published on Redis, heard over one connection for all channels; made anew if it breaks.

A hint all the way: what is published while the connection is away is gone, and `missed` says so.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from redis.asyncio import ConnectionPool
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import RedisError

from shared.infrastructure.patience import Backoff, Complaints
from shared.infrastructure.redis import channel_name, client_of

#: How often a connection on which nothing happens is asked for a sign of life.
CHECK_EVERY_S = 10.0
#: How long whoever begins to listen waits for Redis's word that it hears.
CONFIRMED_WITHIN_S = 2.0

#: redis-py's own types are only partly known.
PubSub = Any


class Channels:
    """Calls `heard` with each note on a channel that somebody here listens to.

    Calls `missed` with a channel on which notes may have been published that were not heard.
    """

    def __init__(
        self, url: str, *, heard: Callable[[str, bytes], None], missed: Callable[[str], None]
    ) -> None:
        """Opens nothing yet."""
        self._client = client_of(ConnectionPool, url)
        self._heard = heard
        self._missed = missed
        self._wanted = Counter[str]()
        self._changed = asyncio.Event()
        self._open: dict[str, asyncio.Event] = {}
        # Those whose listeners believe to hear, and do not.
        self._deaf = set[str]()
        self._complaints = Complaints("redis.channels_away")
        # By what they are called on the server.
        self._names: dict[str, str] = {}

    @asynccontextmanager
    async def listening(self, channel: str) -> AsyncGenerator[None]:
        """While the block lasts, `heard` is called; it begins late rather than never."""
        self._wanted[channel] += 1
        self._changed.set()
        try:
            try:
                async with asyncio.timeout(CONFIRMED_WITHIN_S):
                    await self._word_of(channel).wait()
            except TimeoutError:
                self._deaf.add(channel)
            yield
        finally:
            self._wanted[channel] -= 1
            if not self._wanted[channel]:
                del self._wanted[channel]
                self._deaf.discard(channel)
            self._changed.set()

    async def run(self) -> None:
        """Hear until cancelled. Connects when somebody listens for the first time."""
        backoff = Backoff()
        await self._changed.wait()
        while True:
            began = time.monotonic()
            try:
                await self._hear()
            except* (RedisError, OSError) as away:
                self._complaints.about(type(away.exceptions[0]).__name__)
            finally:
                self._deaf.update(self._wanted)
                self._open.clear()
            if time.monotonic() - began > CHECK_EVERY_S:
                backoff.reset()
            await asyncio.sleep(backoff.next())

    async def close(self) -> None:
        await self._client.aclose()

    async def _hear(self) -> None:
        async with self._client.pubsub() as pubsub:
            # A channel of its own, so that it stays a connection that hears. Redis may accept, and
            # then say nothing.
            async with asyncio.timeout(CHECK_EVERY_S):
                await pubsub.subscribe(channel_name(self._client, "channels"))
            async with asyncio.TaskGroup() as both:
                both.create_task(self._read(pubsub))
                both.create_task(self._keep_up(pubsub))

    async def _read(self, pubsub: PubSub) -> None:
        while True:
            told = await pubsub.get_message(timeout=2 * CHECK_EVERY_S)
            if told is None:
                raise NotConnected("Redis is silent")
            self._complaints.over()
            channel = self._names.get((told["channel"] or b"").decode(errors="replace"))
            if channel is None or channel not in self._wanted:
                continue
            if told["type"] == "message":
                self._heard(channel, told["data"])
            elif told["type"] == "subscribe":
                self._opened(channel)

    async def _keep_up(self, pubsub: PubSub) -> None:
        held, pinged_at = set[str](), time.monotonic()
        while True:
            self._changed.clear()
            wanted = set(self._wanted)
            for channel in held - wanted:
                self._open.pop(channel, None)
            names = {channel: channel_name(self._client, channel) for channel in held | wanted}
            self._names = {name: channel for channel, name in names.items()}
            if held - wanted:
                await pubsub.unsubscribe(*(names[one] for one in held - wanted))
            if wanted - held:
                await pubsub.subscribe(*(names[one] for one in wanted - held))
            held = wanted
            with suppress(TimeoutError):
                rest_s = CHECK_EVERY_S - (time.monotonic() - pinged_at)
                async with asyncio.timeout(max(0.0, rest_s)):
                    await self._changed.wait()
            # However often somebody comes or goes meanwhile.
            if time.monotonic() - pinged_at >= CHECK_EVERY_S:
                await pubsub.ping()
                pinged_at = time.monotonic()

    def _opened(self, channel: str) -> None:
        word = self._word_of(channel)
        # Confirmed a second time: the connection was made anew without our knowing.
        if word.is_set() or channel in self._deaf:
            self._deaf.discard(channel)
            self._missed(channel)
        word.set()

    def _word_of(self, channel: str) -> asyncio.Event:
        return self._open.setdefault(channel, asyncio.Event())
