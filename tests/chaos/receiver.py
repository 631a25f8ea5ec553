"""A place that callbacks go to: remembers every request and misbehaves as told."""

import asyncio
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
from aiohttp import web

from tests.background import BackgroundLoop

LINGER_0 = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Received:
    """One request, as it came."""

    at: float
    path: str
    headers: Mapping[str, str]
    body: bytes
    #: what the receiver did about it: a status, `hang` or `reset`
    answered: str

    @property
    def webhook_id(self) -> str:
        return self.headers.get("webhook-id", "")


@dataclass(frozen=True)
class Redirect:
    """302 to somewhere; nobody should go there."""

    location: str


Answer = int | str | Redirect
HANG = "hang"
RESET = "reset"


class Receiver:
    """Listens on a free loopback port; the journal is a file that outlives everything.

    Each path has a script of its own: the answers in order, the last one for ever after. A path
    without a script is answered with 200.
    """

    def __init__(self, loop: BackgroundLoop, journal: Path) -> None:
        self._loop = loop
        self._journal = journal
        self._scripts: dict[str, list[Answer]] = {}
        self._received: list[Received] = []
        self._runner, self.port = loop.run(self._start())

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path.lstrip('/')}"

    def script(self, path: str, *answers: Answer) -> str:
        """Say what is answered there; returns its URL."""
        self._scripts[f"/{path.lstrip('/')}"] = list(answers)
        return self.url(path)

    def received(self, path: str | None = None) -> Sequence[Received]:
        """What came, in order; at that path, or anywhere."""
        wanted = None if path is None else f"/{path.lstrip('/')}"
        return [one for one in tuple(self._received) if wanted in {None, one.path}]

    def close(self) -> None:
        self._loop.run(self._runner.cleanup())

    async def _start(self) -> tuple[web.AppRunner, int]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        await web.SockSite(runner, listener).start()
        return runner, int(listener.getsockname()[1])

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        answer = self._next(request.path)
        told = "302" if isinstance(answer, Redirect) else str(answer)
        self._note(Received(time.time(), request.path, dict(request.headers), body, told))
        if answer == HANG:
            await asyncio.sleep(3_600)
        if answer == RESET:
            self._reset(request)
        if isinstance(answer, Redirect):
            return web.Response(status=302, headers={"Location": answer.location})
        return web.Response(status=answer if isinstance(answer, int) else 500)

    def _next(self, path: str) -> Answer:
        script = self._scripts.get(path) or [200]
        return script.pop(0) if len(script) > 1 else script[0]

    def _note(self, one: Received) -> None:
        self._received.append(one)
        line = orjson.dumps(
            {"at": one.at, "path": one.path, "id": one.webhook_id, "answered": one.answered}
        )
        with self._journal.open("ab") as file:
            file.write(line + b"\n")

    @staticmethod
    def _reset(request: web.Request) -> None:
        transport = request.transport
        assert transport is not None
        end: socket.socket = transport.get_extra_info("socket")
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_0)
        transport.abort()
