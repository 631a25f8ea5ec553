"""An HTTP/1.1 client that costs next to nothing: keep-alive, one request at a time."""

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

PATIENCE_S = 30.0

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes


class Connection(asyncio.Protocol):
    """Understands what the measured servers say (a status and a length), and no more."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._received = b""
        self._waiting: asyncio.Future[Answer] | None = None
        self._transport: asyncio.Transport

    async def get(self, path: str) -> Answer:
        return await self._ask(f"GET {path} HTTP/1.1\r\nhost: {self._host}\r\n\r\n".encode())

    async def post(self, path: str, body: bytes, *, headers: str = "") -> Answer:
        """`headers` are whole lines, each with its end."""
        head = (
            f"POST {path} HTTP/1.1\r\nhost: {self._host}\r\n{headers}"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        return await self._ask(head.encode() + body)

    def close(self) -> None:
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(exc or ConnectionResetError("the server hung up"))

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, blank, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not blank or self._waiting is None or (length and len(body) < int(length[1])):
            return
        self._received = b""
        self._waiting.set_result(Answer(int(head[9:12]), body))

    async def _ask(self, request: bytes) -> Answer:
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        async with asyncio.timeout(PATIENCE_S):
            return await self._waiting


@asynccontextmanager
async def connected(url: str, connections: int) -> AsyncGenerator[Sequence[Connection]]:
    """That many connections to one server."""
    parts = urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    loop = asyncio.get_running_loop()
    opened = [
        (await loop.create_connection(lambda: Connection(parts.netloc), host, port))[1]
        for _ in range(connections)
    ]
    try:
        yield opened
    finally:
        for connection in opened:
            connection.close()
