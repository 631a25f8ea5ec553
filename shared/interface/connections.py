"""uvicorn's HTTP connection, with an end to how long and how large a request's head may be.

By itself it reads on for ever. Use: `uvicorn.Config(app, http=BoundedConnection)`, or
`uvicorn --http shared.interface.connections:BoundedConnection ...`.
"""

import asyncio
from typing import ClassVar, cast

from uuid_utils import uuid7
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.interface import problems


class BoundedConnection(HttpToolsProtocol):
    """Hangs up on heads that do not come to an end. Bodies are bounded where they are read."""

    HEAD_TIMEOUT_S: ClassVar[float] = 30.0
    #: beyond the packet that a head began in; what comes in fewer packets is the application's
    HEAD_LIMIT: ClassVar[int] = 64 * 1_024
    #: closed while its peer still sends, a connection is reset, and its peer never reads why
    LINGER_S: ClassVar[float] = 1.0

    _is_refused = False
    _is_in_head = False
    _head_size = 0
    _packet_size = 0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast("asyncio.Transport", transport))
        self._start_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        self._packet_size = len(data)
        super().data_received(data)
        if not self._is_in_head or self.transport.is_closing():
            return
        self._head_size += len(data)
        if self._head_size > self.HEAD_LIMIT:
            self._refuse()
        elif self._deadline is None:
            self._start_waiting()

    def on_message_begin(self) -> None:
        self._is_in_head = True
        self._head_size = -self._packet_size
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._stop_waiting()
        super().on_headers_complete()

    def _start_waiting(self) -> None:
        self._deadline = self.loop.call_later(self.HEAD_TIMEOUT_S, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self) -> None:
        body = problems.rendered(problems.headers_too_large(), str(uuid7()))
        head = (
            "HTTP/1.1 431 Request Header Fields Too Large\r\n"
            f"content-type: {problems.MEDIA_TYPE}\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self._is_refused = True
        self.transport.write(head.encode() + body)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._stop_waiting()
        self._deadline = self.loop.call_later(self.LINGER_S, self.transport.close)
