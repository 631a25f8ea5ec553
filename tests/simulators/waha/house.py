"""A running WAHA as its tests see it: the API, the phones, the control channel, a receiver."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import orjson
from aiohttp import ClientResponse, ClientSession

from simulators.journal import Entry
from simulators.waha.config import a_webhook
from simulators.waha.engines import EngineName
from simulators.waha.rules import WahaRule
from simulators.waha.server import Waha
from simulators.waha.sessions import Session
from tests.simulators.waha.receiver import Receiver

FIXTURES = Path(__file__).parents[2] / "fixtures" / "waha"
HMAC_KEY = "test-waha-hmac-key"
EVENTS = (
    "message",
    "message.any",
    "message.ack",
    "message.reaction",
    "message.edited",
    "message.revoked",
    "session.status",
    "presence.update",
    "call.received",
)

#: the people of the fixtures
BUDI = "6281200000002"
BUDI_CHAT = f"{BUDI}@c.us"
BUDI_LID = "111222333444555"
SHOP = "6281100000001"

#: what a phone was told: the event, and its facts
Heard = list[tuple[str, dict[str, Any]]]


def fixture(name: str) -> dict[str, Any]:
    return cast("dict[str, Any]", orjson.loads((FIXTURES / name).read_bytes()))


@dataclass(frozen=True)
class House:
    """Everything a test needs of it."""

    url: str
    waha: Waha
    http: ClientSession
    receiver: Receiver

    def session(
        self, engine: EngineName = "GOWS", *, is_paired: bool = True, **retries: Any
    ) -> Session:
        """The session of the fixtures."""
        webhook = a_webhook(self.receiver.url, events=EVENTS, key=HMAC_KEY, **retries)
        return self.waha.add_session(
            "toko-contoh",
            engine=engine,
            webhooks=[webhook],
            metadata={"tenant_id": "11111111-1111-4111-8111-111111111111"},
            phone=SHOP,
            shop="Toko Contoh",
            is_paired=is_paired,
        )

    def told(self, *rules: WahaRule) -> None:
        self.waha.script.set(rules)

    async def call(
        self, method: str, path: str, body: object = None, **more: Any
    ) -> ClientResponse:
        """Of WAHA's API, with the right key; the whole answer has been read."""
        headers = {"X-Api-Key": self.waha.api_key, **more.pop("headers", {})}
        return await self.ask(method, path, body, headers=headers, **more)

    async def ask(self, method: str, path: str, body: object = None, **more: Any) -> ClientResponse:
        content: dict[str, Any] = {} if body is None else {"json": body}
        answer = await self.http.request(method, self.url + path, **content, **more)
        await answer.read()
        return answer

    async def text(self, text: str, chat: str = BUDI_CHAT, **more: Any) -> ClientResponse:
        """Send one through the API."""
        body = {"session": "toko-contoh", "chatId": chat, "text": text, **more}
        return await self.call("POST", "/api/sendText", body)

    async def customer(self, phone: str = BUDI, name: str = "Budi", **more: Any) -> dict[str, Any]:
        body = {"phone": phone, "name": name, **more}
        return cast("dict[str, Any]", await self._phone("POST", "customers", body))

    async def says(self, text: str, phone: str = BUDI, **more: Any) -> dict[str, Any]:
        """A customer (or with `writer="shop"` the owner's phone) sends a message."""
        body = {"text": text, **more}
        path = f"customers/{phone}/messages"
        return cast("dict[str, Any]", await self._phone("POST", path, body))

    async def does(self, what: str, phone: str = BUDI, **body: Any) -> object:
        """Read, typing, call."""
        return await self._phone("POST", f"customers/{phone}/{what}", body)

    async def changes(
        self, method: str, message: dict[str, Any], what: str = "", **body: Any
    ) -> object:
        """Of a message that was said."""
        return await self._phone(method, f"messages/{message['plain_id']}{what}", body or None)

    async def chat(self, phone: str = BUDI) -> list[dict[str, Any]]:
        """As the customer's phone shows it."""
        return cast("list[dict[str, Any]]", await self._phone("GET", f"customers/{phone}/messages"))

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[Heard]:
        """What the phones are told, while the block lasts."""
        heard: Heard = []
        async with self.http.get(f"{self.url}/phone/api/toko-contoh/events") as stream:
            await stream.content.readuntil(b"\n\n")  # hello
            reading = asyncio.create_task(_read(stream, heard))
            yield heard
            reading.cancel()

    def journal(self, call: str) -> list[Entry]:
        return [entry for entry in self.waha.journal.recent() if entry.facts["call"] == call]

    async def _phone(self, method: str, path: str, body: object = None) -> object:
        answer = await self.ask(method, f"/phone/api/toko-contoh/{path}", body)
        assert answer.status < 300, await answer.text()
        return await answer.json() if answer.status != 204 else None


async def _read(stream: ClientResponse, heard: Heard) -> None:
    while True:
        frame = await stream.content.readuntil(b"\n\n")
        event, _, data = frame.decode().strip().partition("\ndata: ")
        heard.append((event.removeprefix("event: "), orjson.loads(data)))
