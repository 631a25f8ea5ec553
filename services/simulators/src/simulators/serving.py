"""uvicorn, with connections that a simulator can break, and a server for a test's own loop."""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from typing import cast

import uvicorn
import uvloop
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from simulators.exchange import CONNECTION

#: a server on the loopback that takes longer to start or stop is broken
PATIENCE_S = 10.0


class BreakableProtocol(HttpToolsProtocol):
    """Shows each request the connection beneath it, as an ASGI extension."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {CONNECTION: {"transport": self.transport}}


class _Server(uvicorn.Server):
    """A guest in another process: leaves its signals alone, and is gone at once when told."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()
        self.stop = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def main_loop(self) -> None:
        await self.on_tick(0)  # writes the Date header
        self.up.set()
        await self.stop.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 - closed by their servers
        # No grace: a request that hangs on purpose would use up all of it.
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            cast("BreakableProtocol", connection).transport.abort()
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=1)
        for task in self.server_state.tasks:
            task.cancel()
        await self.lifespan.shutdown()


@asynccontextmanager
async def serve(app: ASGIApp, *, host: str = "127.0.0.1", port: int = 0) -> AsyncGenerator[str]:
    """Serve `app` in the running loop while the block lasts; gives its URL.

    Port 0 takes any free one. Requests still running at the end are cut off.
    """
    listener = socket.create_server((host, port), backlog=2048)
    # Inherited by every connection; without it a body waits 40 ms for its header to be confirmed.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    bound_to: int = listener.getsockname()[1]
    server = _Server(_config(app))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await _up(server, serving)
    try:
        yield f"http://{host}:{bound_to}"
    finally:
        server.stop.set()
        async with asyncio.timeout(PATIENCE_S):
            await serving


def run(app: ASGIApp, *, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; says where on the first line of the output."""

    async def until_told() -> None:
        told = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, told.set)
        async with serve(app, host=host, port=port) as url:
            sys.stdout.write(f"simulators listen on {url}\n")
            sys.stdout.flush()
            await told.wait()

    uvloop.run(until_told())


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=BreakableProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        timeout_keep_alive=75,
    )


async def _up(server: _Server, serving: "asyncio.Task[None]") -> None:
    up = asyncio.create_task(server.up.wait())
    await asyncio.wait({up, serving}, timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
    up.cancel()
    if server.up.is_set():
        return
    serving.cancel()
    await serving  # says why, if it knows
    raise RuntimeError("the server did not start")
