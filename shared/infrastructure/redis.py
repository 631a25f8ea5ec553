"""Redis, which only ever knows hints: whatever goes wrong with it is a miss, never an error."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import orjson
from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import MaxConnectionsError, RedisError, ResponseError

from shared import logs

log = logs.get()

Answer = TypeVar("Answer")

#: What a stream holds under one id.
Fields = Mapping[str, str]

Json = Any
#: redis-py's own types are only partly known.
Client = Any

_PREFIX = "aip:"


class Hints:
    """Small values that may vanish at any moment, and streams for those who like to watch.

    Every call answers within `timeout_s`, and at once for `pause_s` after Redis failed to.
    """

    def __init__(self, url: str | None, *, timeout_s: float = 0.1, pause_s: float = 5.0) -> None:
        """Opens nothing yet. Without a URL everything is a miss."""
        self._timeout_s = timeout_s
        self._pause_s = pause_s
        self._resumes_at = 0.0
        self._client: Client = None
        self._watcher: Client = None
        if url:
            self._client = client_of(BlockingConnectionPool, url, max_connections=20, timeout=1)
            # Each reader that waits holds a connection: they must not take them from the others.
            self._watcher = client_of(ConnectionPool, url, max_connections=500)

    @property
    def is_configured(self) -> bool:
        return self._client is not None

    async def get(self, key: str) -> Json | None:
        """The value put there, or None."""
        return (await self.get_many([key])).get(key)

    async def get_many(self, keys: Sequence[str]) -> dict[str, Json]:
        """Those of the values that are there."""
        if not keys:
            return {}
        nothing: list[bytes | None] = []
        texts = await self._try(lambda redis: redis.mget([_PREFIX + key for key in keys]), nothing)
        found: dict[str, Json] = {}
        for key, text in zip(keys, texts, strict=False):
            if text is None:
                continue
            try:
                found[key] = orjson.loads(text)
            except orjson.JSONDecodeError:
                await self.forget(key)
        return found

    async def put(self, values: Mapping[str, Json], *, ttl_s: float) -> None:
        """Remember values that JSON can spell, for a while."""

        async def put_all(redis: Client) -> None:
            pipe = redis.pipeline(transaction=False)
            for key, value in values.items():
                pipe.set(_PREFIX + key, orjson.dumps(value), px=round(ttl_s * 1_000))
            await pipe.execute()

        if values:
            await self._try(put_all, None)

    async def forget(self, *keys: str) -> None:
        if keys:
            await self._try(lambda redis: redis.delete(*(_PREFIX + key for key in keys)), 0)

    async def count(self, amounts: Mapping[str, int], *, ttl_s: int) -> dict[str, int]:
        """Add to counters shared by all processes; their new values, or {} on a miss."""

        async def add_all(redis: Client) -> list[int]:
            pipe = redis.pipeline(transaction=False)
            for key, amount in amounts.items():
                pipe.incrby(_PREFIX + key, amount)
                pipe.expire(_PREFIX + key, ttl_s)
            answers: list[int] = await pipe.execute()
            return answers[::2]

        nothing: list[int] = []
        totals = await self._try(add_all, nothing) if amounts else nothing
        return dict(zip(amounts, totals, strict=False))

    async def append(
        self, entries: Iterable[tuple[str, Fields]], *, most: int = 2_000, ttl_s: int = 600
    ) -> None:
        """Append to streams, many at once. A stream keeps its last `most` entries, for a while."""
        entries = list(entries)

        async def append_all(redis: Client) -> None:
            pipe = redis.pipeline(transaction=False)
            for stream, fields in entries:
                pipe.xadd(_PREFIX + stream, dict(fields), maxlen=most, approximate=True)
            for stream in {stream for stream, _ in entries}:
                pipe.expire(_PREFIX + stream, ttl_s)
            await pipe.execute()

        if entries:
            await self._try(append_all, None)

    async def read(
        self, stream: str, after: str = "0-0", *, wait_s: float = 0.0, most: int = 500
    ) -> list[tuple[str, dict[str, str]]]:
        """Entries after an id, oldest first; waits up to `wait_s` for one.

        A miss takes `wait_s` too, so that a caller who asks in a loop does not spin.
        """
        block = max(1, round(wait_s * 1_000)) if wait_s > 0 else None
        began = time.monotonic()
        nothing: list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]] = []
        found = await self._try(
            lambda redis: redis.xread({_PREFIX + stream: after}, count=most, block=block),
            nothing,
            wait_s=wait_s,
        )
        if not found:
            await asyncio.sleep(max(0.0, began + wait_s - time.monotonic()))
            return []
        return [
            (_text(id_), {_text(name): _text(value) for name, value in fields.items()})
            for id_, fields in found[0][1]
        ]

    async def shout(self, notes: Iterable[tuple[str, bytes]]) -> bool:
        """Publish on channels, many notes at once; False where Redis did not take them."""
        notes = list(notes)

        async def shout_all(redis: Client) -> bool:
            pipe = redis.pipeline(transaction=False)
            for channel, note in notes:
                pipe.publish(channel_name(redis, channel), note)
            await pipe.execute()
            return True

        return await self._try(shout_all, otherwise=False)

    async def is_reachable(self) -> bool:
        """Asks even while others are spared."""
        self._resumes_at = 0.0
        return bool(await self._try(lambda redis: redis.ping(), otherwise=False))

    async def close(self) -> None:
        for client in (self._client, self._watcher):
            if client is not None:
                await client.aclose()

    async def _try(
        self, ask: Callable[[Client], Awaitable[Answer]], otherwise: Answer, *, wait_s: float = 0.0
    ) -> Answer:
        if self._client is None or time.monotonic() < self._resumes_at:
            return otherwise
        client = self._watcher if wait_s else self._client
        try:
            async with asyncio.timeout(self._timeout_s + wait_s):
                return await ask(client)
        except (ResponseError, MaxConnectionsError) as refused:
            # It answers, only not this: a wrong type, a full memory, no connection left.
            log.debug("redis.refused", error=type(refused).__name__)
        except (RedisError, OSError) as away:
            self._resumes_at = time.monotonic() + self._pause_s
            log.warning("redis.away", error=type(away).__name__, pause_s=self._pause_s)
        return otherwise


def client_of(pool: Client, url: str, **settings: float) -> Client:
    """A client that tries once, and waits for ever: whoever asks it bounds the call as a whole."""
    return Redis.from_pool(
        pool.from_url(
            url,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=None,
            protocol=2,  # one round trip less to connect
            **settings,
        )
    )


def channel_name(redis: Client, channel: str) -> str:
    """Unlike keys, channels are one server's: those of its databases would hear each other."""
    database: int = redis.connection_pool.connection_kwargs.get("db") or 0
    return f"{_PREFIX}{database}:{channel}"


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")
