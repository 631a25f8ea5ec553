"""One HTTP request, and every way to answer it: whole, in pieces, never, or by cutting the wire."""

import asyncio
import socket
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

#: the ASGI extension through which `simulators.serving` shows the connection beneath a request
CONNECTION = "simulators.connection"
#: a client that waits longer than this for a hanging answer is cut off
HANG_LIMIT_S = 600.0
#: lets a client read what was sent before the reset overtakes it
BEFORE_RESET_S = 0.05

Header = tuple[bytes, bytes]


class ClientGone(Exception):
    """The client closed the connection before it had its answer."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An HTTP answer, in the pieces that it may be sent in."""

    pieces: Sequence[bytes]
    status: int = 200
    content_type: bytes = b"application/json"
    headers: Sequence[Header] = ()
    #: an open-ended answer has no length, and may stop anywhere
    is_stream: bool = False
    #: what the journal says of it
    outcome: str = "answered"


class Exchange:
    """One request and the means to answer it."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send

    def header(self, name: bytes) -> str:
        """Empty when absent; `name` in lower case."""
        return next((v.decode("latin-1") for k, v in self._scope["headers"] if k == name), "")

    @property
    def path(self) -> str:
        return str(self._scope["path"])

    @property
    def query(self) -> dict[str, str]:
        """The last of each name."""
        return dict(
            parse_qsl(self._scope["query_string"].decode("latin-1"), keep_blank_values=True)
        )

    async def body(self) -> bytes:
        """Raises ClientGone."""
        pieces: list[bytes] = []
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            pieces.append(message.get("body", b""))
            if not message.get("more_body", False):
                return b"".join(pieces)

    async def start(self, answer: Answer) -> None:
        """Send the status and the headers."""
        headers = [(b"content-type", answer.content_type), *answer.headers]
        if not answer.is_stream:
            length = sum(len(piece) for piece in answer.pieces)
            headers.append((b"content-length", b"%d" % length))
        await self._send(
            {"type": "http.response.start", "status": answer.status, "headers": headers}
        )

    async def write(self, pieces: Iterable[bytes], *, pause_s: float = 0.0) -> None:
        """Send pieces of the body: one by one with a pause between them, or all at once."""
        if not pause_s:
            pieces = [b"".join(pieces)]
        for i, piece in enumerate(pieces):
            if i:
                await self.pause(pause_s)
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})

    async def end(self) -> None:
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def answer(self, answer: Answer) -> str:
        """Send all of it at once; gives the outcome."""
        await self.start(answer)
        body = b"".join(answer.pieces)
        await self._send({"type": "http.response.body", "body": body, "more_body": False})
        return answer.outcome

    async def pause(self, seconds: float) -> None:
        """Raises ClientGone as soon as nobody waits any more."""
        if not seconds:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._gone()
        except TimeoutError:
            return
        raise ClientGone

    async def hang(self) -> None:
        """Say nothing more until the client gives up."""
        try:
            async with asyncio.timeout(HANG_LIMIT_S):
                await self._gone()
        except TimeoutError:
            await self.drop()

    async def drop(self) -> None:
        """Break the connection with a TCP reset, as a crashed machine or a firewall would."""
        transport = self._transport()
        wire = transport.get_extra_info("socket")
        # A linger of nought seconds makes the kernel send RST instead of FIN.
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
        await self._gone()

    def _transport(self) -> asyncio.WriteTransport:
        try:
            transport: asyncio.WriteTransport = self._scope["extensions"][CONNECTION]["transport"]
        except KeyError:
            raise RuntimeError(
                "only a server of simulators.serving can break connections"
            ) from None
        return transport

    async def _gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
