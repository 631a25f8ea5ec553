"""What must not get out, in every spelling, and the places where it might be found."""

import base64
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from urllib.parse import quote, quote_plus

import aiohttp

from tests.chaos.toxics import Line

#: by what it is called: what must be found nowhere
Canaries = Mapping[str, str]
#: by where it was: all that was written there
Told = dict[str, str]


def spellings(canary: str) -> set[str]:
    """As it is, in an address, and in base64 whatever stands before and behind it."""
    encoders = (base64.b64encode, base64.urlsafe_b64encode)
    encoded = {text for encode in encoders for text in _in_base64(canary.encode(), encode)}
    return {canary, quote(canary, safe=""), quote_plus(canary)} | encoded


def leaks(told: Told, canaries: Canaries) -> set[tuple[str, str]]:
    """Which of them was found, and where."""
    spelt = {name: spellings(canary) for name, canary in canaries.items()}
    return {
        (name, place)
        for place, text in told.items()
        for name, ways in spelt.items()
        if any(way in text for way in ways)
    }


def _in_base64(raw: bytes, encode: Callable[[bytes], bytes]) -> Iterator[str]:
    for before in range(3):
        ours_alone = slice(-(-before * 8 // 6), (before + len(raw)) * 8 // 6)
        yield encode(bytes(before) + raw).decode()[ours_alone]


class Tap:
    """A toxic that spoils nothing: it listens."""

    def __init__(self) -> None:
        self._heard: dict[Line, bytearray] = defaultdict(bytearray)

    async def __call__(self, data: bytes, line: Line, /) -> AsyncGenerator[bytes]:
        self._heard[line] += data
        yield data

    @property
    def heard(self) -> str:
        return "\n".join(one.decode(errors="replace") for one in self._heard.values())


class Ear:
    """Hears whatever is answered to a client that it is given to, by method and path."""

    def __init__(self) -> None:
        self._heard: dict[str, bytearray] = defaultdict(bytearray)
        self.trace = aiohttp.TraceConfig()
        self.trace.on_response_chunk_received.append(self._hear)

    @property
    def heard(self) -> Told:
        return {name: one.decode(errors="replace") for name, one in self._heard.items()}

    async def _hear(
        self, _session: object, _context: object, told: aiohttp.TraceResponseChunkReceivedParams
    ) -> None:
        self._heard[f"{told.method} {told.url.port} {told.url.path}"] += told.chunk
