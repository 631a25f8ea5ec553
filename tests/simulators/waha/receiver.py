"""A receiver of webhooks: keeps what it was sent, and refuses as often as it is told."""

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import orjson
from aiohttp import web

from tests.waiting import until

#: a status, and headers
Answer = tuple[int, dict[str, str]]


@dataclass(frozen=True)
class Heard:
    """One request as it came."""

    headers: dict[str, str]
    body: bytes

    @property
    def envelope(self) -> dict[str, Any]:
        return cast("dict[str, Any]", orjson.loads(self.body))

    @property
    def event(self) -> str:
        return str(self.envelope["event"])

    @property
    def payload(self) -> dict[str, Any]:
        return cast("dict[str, Any]", self.envelope["payload"])


@dataclass
class Receiver:
    """Answers 200, but for the statuses (and headers) that wait to be said first."""

    url: str = ""
    heard: list[Heard] = field(default_factory=list[Heard])
    answers: list[Answer] = field(default_factory=list[Answer])

    def of(self, event: str) -> list[Heard]:
        return [one for one in self.heard if one.event == event]

    def events(self) -> list[str]:
        return [one.event for one in self.heard]

    async def hears(self, event: str, *, times: int = 1) -> list[Heard]:
        """What was heard of this event, once it is as much as that."""

        def enough() -> list[Heard]:
            found = self.of(event)
            return found if len(found) >= times else []

        return await until(enough, f"{times} x {event}", within=5, every=0.01)

    async def hear(self, request: web.Request) -> web.Response:
        self.heard.append(Heard(dict(request.headers), await request.read()))
        status, headers = self.answers.pop(0) if self.answers else (200, {})
        return web.Response(status=status, headers=headers)


@asynccontextmanager
async def receiving() -> AsyncGenerator[Receiver]:
    """A receiver on a free port, while the block lasts."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.hear)
    runner = web.AppRunner(app)
    await runner.setup()
    listener = socket.create_server(("127.0.0.1", 0))
    receiver.url = f"http://127.0.0.1:{listener.getsockname()[1]}/hook"
    await web.SockSite(runner, listener).start()
    yield receiver
    await runner.cleanup()
