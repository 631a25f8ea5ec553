"""A pretend payment provider as its tests see it: API, control channel, and a shop that listens."""

import asyncio
import base64
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import orjson
from aiohttp import ClientResponse, ClientSession

from simulators.journal import Entry
from simulators.payments.provider import Provider
from tests.simulators.waha.receiver import Heard, Receiver
from tests.waiting import until

FIXTURES = Path(__file__).parents[1] / "fixtures"


def fixture(provider: str, name: str) -> dict[str, Any]:
    return cast("dict[str, Any]", orjson.loads((FIXTURES / provider / name).read_bytes()))


def shape(content: object) -> object:
    """Names and nothing else, at every depth; of a list's entries the first."""
    if isinstance(content, dict):
        parts = cast("dict[str, object]", content)
        return {name: shape(part) for name, part in sorted(parts.items())}
    if isinstance(content, list):
        return [shape(part) for part in cast("list[object]", content)[:1]]
    return None


@dataclass(frozen=True)
class Till:
    """Everything that a test needs of a provider."""

    url: str
    provider: Provider[Any, Any]
    http: ClientSession
    receiver: Receiver
    key: str

    async def call(
        self, method: str, path: str, body: object = None, *, key: str | None = None, **more: Any
    ) -> ClientResponse:
        """Of the provider's API; the whole answer has been read."""
        coded = base64.b64encode(f"{self.key if key is None else key}:".encode()).decode()
        headers = {"Authorization": f"Basic {coded}", **more.pop("headers", {})}
        content: dict[str, Any] = {} if body is None else {"json": body}
        answer = await self.http.request(
            method, f"{self.url}/{self.provider.name}{path}", headers=headers, **content, **more
        )
        await answer.read()
        return answer

    async def control(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """Of the control channel, which has to agree."""
        answer = await self.refused_control(method, path, body)
        assert answer.status < 300, await answer.text()
        return await answer.json() if answer.status != 204 else None

    async def page(self, url: str) -> ClientResponse:
        """As a browser gets it, read to the end."""
        answer = await self.http.get(url)
        await answer.read()
        return answer

    async def refused_control(self, method: str, path: str, body: object = None) -> ClientResponse:
        path = f"{self.url}/{self.provider.name}/control{path}"
        answer = await self.http.request(method, path, json={} if body is None else body)
        await answer.read()
        return answer

    async def hears(self, times: int = 1) -> list[Heard]:
        """What the shop was posted, once it is as much as that."""
        heard = self.receiver.heard
        await until(lambda: len(heard) >= times, f"{times} posts", within=5, every=0.01)
        return heard

    async def quiet(self) -> None:
        """Nothing is on its way any more."""
        await until(
            lambda: not self.provider.deliveries.on_the_way, "nothing is left", within=5, every=0.01
        )

    def journal(self, call: str) -> list[Entry]:
        return [one for one in self.provider.journal.recent() if one.facts.get("call") == call]


@asynccontextmanager
async def silent() -> AsyncGenerator[tuple[str, list[bytes]]]:
    """A receiver that takes everything and answers nothing."""
    got: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await reader.read(65_536))
        await reader.read()
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook", got
