"""A TCP proxy that makes the way to a server bad: slow, torn, silent or gone."""

import asyncio
import contextlib
import socket
import struct
from collections import Counter
from collections.abc import AsyncGenerator
from typing import Literal

from tests.background import BackgroundLoop
from tests.chaos.process import free_port
from tests.chaos.toxics import Toxic

Direction = Literal["up", "down"]

CHUNK = 65_536
LINGER_0 = struct.pack("ii", 1, 0)


class Proxy:
    """Listens on a port of its own for as long as it lives; every method is for any thread.

    `up` is the way from the client to the server, `down` the way back.
    """

    def __init__(self, target_port: int, loop: BackgroundLoop, *, name: str = "proxy") -> None:
        self.port = free_port()
        self.name = name
        self._target_port = target_port
        self._loop = loop
        self._toxics: dict[Direction, list[Toxic]] = {"up": [], "down": []}
        self._connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None
        self._healed = asyncio.Event()
        self.up()

    def up(self) -> None:
        """Take connections (again)."""
        self._loop.run(self._listen())

    def down(self) -> None:
        """Refuse connections, and break off those that there are."""
        self._loop.run(self._stop_listening())

    def cut(self) -> None:
        """Break off every connection with a TCP reset; new ones are welcome."""
        self._loop.run(self._reset_all())

    def add(self, toxic: Toxic, direction: Direction = "down") -> None:
        """Spoil that way, for connections old and new."""
        self._loop.run(self._add(toxic, direction))

    def blackhole(self, toxic: Toxic) -> None:
        """Spoil both ways alike."""
        self.add(toxic, "up")
        self.add(toxic, "down")

    def heal(self) -> None:
        """No toxics; what was held back passes."""
        self._loop.run(self._heal())

    def close(self) -> None:
        self.down()

    @property
    def connection_count(self) -> int:
        return len(self._connections)

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._reset_all()

    async def _reset_all(self) -> None:
        for connection in tuple(self._connections):
            connection.reset()

    async def _add(self, toxic: Toxic, direction: Direction) -> None:
        self._toxics[direction].append(toxic)

    async def _heal(self) -> None:
        self._toxics = {"up": [], "down": []}
        self._healed.set()
        self._healed = asyncio.Event()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(writer)
        self._connections.add(connection)
        try:
            server_reader, server_writer = await asyncio.open_connection(
                "127.0.0.1", self._target_port
            )
            connection.writers.append(server_writer)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump("up", connection, reader, server_writer))
                both.create_task(self._pump("down", connection, server_reader, writer))
        except (OSError, ExceptionGroup):
            connection.reset()
        finally:
            self._connections.discard(connection)
            connection.close()

    async def _pump(
        self,
        direction: Direction,
        connection: "_Connection",
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        line = _Line(self, connection)
        while data := await reader.read(CHUNK):
            async for piece in self._spoilt(data, line, self._toxics[direction]):
                writer.write(piece)
                await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

    async def _spoilt(
        self, data: bytes, line: "_Line", toxics: list[Toxic]
    ) -> AsyncGenerator[bytes]:
        if not toxics:
            yield data
            return
        first, *others = toxics
        async for piece in first(data, line):
            async for spoilt in self._spoilt(piece, line, others):
                yield spoilt

    async def wait_until_healed(self) -> None:
        await self._healed.wait()


class _Connection:
    """Both ends of what passes through."""

    def __init__(self, client: asyncio.StreamWriter) -> None:
        self.writers = [client]

    def reset(self) -> None:
        for writer in self.writers:
            end: socket.socket = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_0)
            writer.transport.abort()

    def close(self) -> None:
        for writer in self.writers:
            writer.close()


class _Line:
    """Fits `tests.chaos.toxics.Line`."""

    def __init__(self, proxy: Proxy, connection: _Connection) -> None:
        self.passed = Counter[Toxic]()
        self._proxy = proxy
        self._connection = connection

    async def wait_until_healed(self) -> None:
        await self._proxy.wait_until_healed()

    def reset(self) -> None:
        self._connection.reset()

    def close(self) -> None:
        self._connection.close()
