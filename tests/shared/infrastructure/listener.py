"""A web server on one loopback address that counts who connects and does as it is told."""

import asyncio
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nretry-after: 7\r\n\r\nok"


@dataclass
class Listener:
    """Answers once it has read `ends_with`; then hangs up, unless it hangs or never ends."""

    answer: bytes = OK
    ends_with: bytes = b"\r\n\r\n"
    endless: bool = False
    hangs: bool = False
    port: int = 0
    connections: int = 0
    heads: list[str] = field(default_factory=list[str])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            self.heads.append((await reader.readuntil(self.ends_with)).decode())
            if self.hangs:
                await reader.read()
                return
            writer.write(self.answer)
            while self.endless:
                writer.write(b"x" * 10_000)
                await writer.drain()
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def listening(
    listener: Listener, address: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncGenerator[Listener]:
    server = await asyncio.start_server(listener.serve, address, listener.port, ssl=tls)
    listener.port = server.sockets[0].getsockname()[1]
    try:
        yield listener
    finally:
        server.close()
