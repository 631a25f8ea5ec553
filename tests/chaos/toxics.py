"""What a bad network does to bytes on their way, in toxiproxy's words."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol


class Line(Protocol):
    """One direction of one connection, as a toxic sees it."""

    @property
    def passed(self) -> Counter["Toxic"]:
        """What toxics want to count; a toxic is its own key."""
        ...

    async def wait_until_healed(self) -> None: ...

    def reset(self) -> None:
        """End the connection with a TCP reset."""
        ...

    def close(self) -> None:
        """End the connection in good order."""
        ...


class Toxic(Protocol):
    """Passes data on late, in pieces, in part, or not at all."""

    def __call__(self, data: bytes, line: Line, /) -> AsyncGenerator[bytes]: ...


@dataclass(frozen=True)
class Latency:
    """Each piece is late by `seconds`, give or take `jitter`."""

    seconds: float
    jitter: float = 0.0

    async def __call__(self, data: bytes, line: Line, /) -> AsyncGenerator[bytes]:
        late = self.seconds + self.jitter * (2 * random.random() - 1)  # noqa: S311
        await asyncio.sleep(max(0.0, late))
        yield data


@dataclass(frozen=True)
class Bandwidth:
    """No more than this many bytes a second."""

    bytes_per_s: int

    async def __call__(self, data: bytes, line: Line, /) -> AsyncGenerator[bytes]:
        step = max(1, self.bytes_per_s // 20)
        for start in range(0, len(data), step):
            piece = data[start : start + step]
            await asyncio.sleep(len(piece) / self.bytes_per_s)
            yield piece


@dataclass(frozen=True)
class Slicer:
    """Small pieces, with a pause between them."""

    size: int = 8
    pause: float = 0.0

    async def __call__(self, data: bytes, line: Line, /) -> AsyncGenerator[bytes]:
        for start in range(0, len(data), self.size):
            yield data[start : start + self.size]
            await asyncio.sleep(self.pause)


@dataclass(frozen=True)
class Timeout:
    """Nothing passes. Held back until healed; or, after `seconds`, lost with the connection."""

    seconds: float | None = None

    async def __call__(self, data: bytes, line: Line, /) -> AsyncGenerator[bytes]:
        try:
            async with asyncio.timeout(self.seconds):
                await line.wait_until_healed()
        except TimeoutError:
            line.close()
            return
        yield data


@dataclass(frozen=True)
class ResetPeer:
    """The connection breaks off with a TCP reset as soon as there is something to say."""

    seconds: float = 0.0

    async def __call__(self, data: bytes, line: Line, /) -> AsyncGenerator[bytes]:
        await asyncio.sleep(self.seconds)
        line.reset()
        return
        yield data


@dataclass(frozen=True)
class LimitData:
    """The connection ends after so many bytes."""

    limit: int

    async def __call__(self, data: bytes, line: Line, /) -> AsyncGenerator[bytes]:
        room = self.limit - line.passed[self]
        line.passed[self] += len(data)
        yield data[: max(0, room)]
        if room <= len(data):
            line.close()


@dataclass(frozen=True)
class Flaky:
    """Each piece has this chance to be the connection's last: a TCP reset instead of it."""

    chance: float

    async def __call__(self, data: bytes, line: Line, /) -> AsyncGenerator[bytes]:
        if random.random() < self.chance:  # noqa: S311 - the run's seed decides
            line.reset()
            return
        yield data
