"""JSON over HTTP to model providers, answers whole or as server-sent events; aiohttp underneath.

LangChain's model classes keep their part (what a request says, what an answer means); the SDKs'
HTTP clients below them are replaced, because they cost five times the rest of a call.
"""

import asyncio
import os
import socket
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Self, cast

import aiohttp
import orjson

from shared.llm.failures import Code, ProviderFailed, bad_answer, refused
from shared.llm.tool_calls import HeardCalls

Json = dict[str, Any]

#: An answer may not be larger than this, nor one event of it larger than the other.
BODY_LIMIT = 16 * 2**20
EVENT_LIMIT = 2**20

_ERROR_BODY_LIMIT = 2**16
_CONNECT_S = 10.0
_LARGE = 2**20


@dataclass(frozen=True, slots=True)
class Form:
    """A form with one file, named `file`."""

    fields: Mapping[str, str]
    filename: str
    mimetype: str
    content: bytes = field(repr=False)

    def written(self) -> aiohttp.payload.Payload:
        form = aiohttp.FormData(self.fields)
        form.add_field("file", self.content, filename=self.filename, content_type=self.mimetype)
        return form()


@dataclass(slots=True)
class Exchange:
    """One request, and what became of it."""

    #: how long the provider may say nothing
    patience_s: float = 60.0
    #: the request may have reached the provider, and may have to be paid for
    is_sent: bool = False
    #: it said no before doing any work
    is_free: bool = False
    request_id: str | None = None
    #: characters of the answer's text so far
    heard: int = 0
    calls: HeardCalls = field(default_factory=HeardCalls)

    @property
    def written(self) -> int:
        """Everything that the model has written so far, in characters."""
        return self.heard + self.calls.size


class Wire:
    """One connection pool for every provider. Give it back with `close`."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def ask(
        self, url: str, headers: Mapping[str, str], payload: Json | Form, exchange: Exchange
    ) -> Json:
        """The whole answer. Raises ProviderFailed."""
        with _in_our_words(exchange):
            async with await self._send(url, headers, payload, exchange) as response:
                body = _parsed(await _read(response, BODY_LIMIT))
                if not isinstance(body, dict):
                    raise bad_answer("the answer is no JSON object")
                answer = cast("Json", body)
                _raise_error_in(answer, response, exchange)
                return answer

    async def stream(
        self,
        url: str,
        headers: Mapping[str, str],
        payload: Json,
        exchange: Exchange,
        is_last: Callable[[Json], bool],
    ) -> "Events":
        """The answer while it is written. Raises ProviderFailed, as does reading the events."""
        with _in_our_words(exchange):
            response = await self._send(url, headers, payload, exchange)
            if response.content_type in {"application/json", "text/html"}:
                async with response:
                    body = _parsed(await _read(response, _ERROR_BODY_LIMIT))
                    _raise_error_in(
                        cast("Json", body) if isinstance(body, dict) else {}, response, exchange
                    )
                    raise bad_answer("the answer is not streamed")
            return Events(response, exchange, is_last)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _send(
        self, url: str, headers: Mapping[str, str], payload: Json | Form, exchange: Exchange
    ) -> aiohttp.ClientResponse:
        body: aiohttp.payload.Payload | bytes | BytesIO
        if isinstance(payload, Form):
            body = payload.written()
            headers = {**headers, "Content-Type": body.content_type}
        else:
            spoken = _spoken(payload)
            body = spoken if len(spoken) < _LARGE else BytesIO(spoken)
        exchange.is_sent, exchange.is_free = True, False
        response = await self._open().post(
            url,
            data=body,
            headers=headers,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(
                sock_connect=min(_CONNECT_S, exchange.patience_s), sock_read=exchange.patience_s
            ),
        )
        exchange.request_id = _request_id(response.headers)
        if response.status >= 300:
            exchange.is_free = True
            async with response:
                raise refused(response.status, response.headers, await _error_body(response))
        return response

    def _open(self) -> aiohttp.ClientSession:
        # Not in __init__: a session belongs to the running loop.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, socket_factory=_socket),
                cookie_jar=aiohttp.DummyCookieJar(),
                # Asking for plain bytes saves unpacking them; answers are small.
                headers={
                    "Accept-Encoding": "identity",
                    "Content-Type": "application/json",
                    "User-Agent": "ai-platform",
                },
                # Looking for a proxy on every request costs; whether there is one is known now.
                trust_env=any(name.lower().endswith("_proxy") for name in os.environ),
            )
        return self._session


class Events:
    """The events of one answer, in order. An answer that ends before its last one is a failure."""

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        exchange: Exchange,
        is_last: Callable[[Json], bool],
    ) -> None:
        self._response = response
        self._exchange = exchange
        self._is_last = is_last
        self._is_complete = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Harmless after the end: the connection has gone back to the pool by then."""
        self._response.close()

    async def __aiter__(self) -> AsyncGenerator[Json]:
        try:
            with _in_our_words(self._exchange):
                async for data in self._data():
                    event = self._event(data)
                    self._is_complete = self._is_complete or self._is_last(event)
                    yield event
                    if event.get("type") == "message_stop":
                        await self._hang_up()
                        return
        except ProviderFailed:
            # What breaks after the last word takes nothing away from the answer.
            if not self._is_complete:
                raise
        finally:
            self.close()
        if not self._is_complete:
            raise ProviderFailed("llm_unavailable", "the answer broke off")

    async def _data(self) -> AsyncGenerator[bytes]:
        async for line in self._lines():
            if not line.startswith(b"data:"):
                continue
            data = line[5:].strip()
            if data == b"[DONE]":
                self._is_complete = True
                await self._hang_up()
                return
            if data:
                yield data

    async def _lines(self) -> AsyncGenerator[bytes]:
        rest, total = b"", 0
        async for chunk in self._response.content.iter_any():
            total += len(chunk)
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield line
            if total > BODY_LIMIT or len(rest) > EVENT_LIMIT:
                raise bad_answer("the answer is too large")
        yield rest

    async def _hang_up(self) -> None:
        # The end of the body is usually here already; having read it, the connection is reusable.
        with suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await self._response.content.readany()

    def _event(self, data: bytes) -> Json:
        event = _parsed(data)
        if not isinstance(event, dict):
            raise bad_answer("an event of the answer is no JSON object")
        found = cast("Json", event)
        _raise_error_in(found, self._response, self._exchange)
        return found


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    parts, total = list[bytes](), 0
    async for chunk in response.content.iter_any():
        total += len(chunk)
        if total > limit:
            raise bad_answer("the answer is too large")
        parts.append(chunk)
    return b"".join(parts)


async def _error_body(response: aiohttp.ClientResponse) -> object:
    # The status is known; a body that cannot be read must not hide it.
    with suppress(ProviderFailed, aiohttp.ClientError, OSError):
        return _parsed(await _read(response, _ERROR_BODY_LIMIT))
    return None


def _request_id(headers: Mapping[str, str]) -> str | None:
    given = headers.get("x-request-id") or headers.get("request-id") or ""
    return given if given.isascii() and 0 < len(given) <= 200 else None


def _raise_error_in(answer: Json, response: aiohttp.ClientResponse, exchange: Exchange) -> None:
    if answer.get("error"):
        exchange.is_free = not exchange.written
        raise refused(response.status, response.headers, answer)


def _spoken(payload: Json) -> bytes:
    try:
        return orjson.dumps(payload)
    except TypeError:  # half a surrogate pair, say
        why = "the request cannot be written as JSON"
        raise ProviderFailed("llm_rejected", why, is_skip=True) from None


def _parsed(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise bad_answer("the answer is no JSON") from None


#: What goes wrong below HTTP: for us, in words, and whether the request may have got through.
#: The first that fits counts.
_TROUBLE: Sequence[tuple[type[Exception], Code, str, bool]] = (
    (aiohttp.ClientConnectorError, "llm_unavailable", "no connection ({kind})", False),
    (aiohttp.ConnectionTimeoutError, "llm_unavailable", "no connection ({kind})", False),
    (aiohttp.InvalidURL, "llm_rejected", "its base URL is none", False),
    (UnicodeError, "llm_rejected", "its base URL is none", False),  # a name like a..b
    (aiohttp.ClientResponseError, "llm_bad_answer", "the answer is no HTTP", True),
    (aiohttp.SocketTimeoutError, "llm_unavailable", "silent for {patience:g} s", True),
    (aiohttp.ClientError, "llm_unavailable", "connection lost ({kind})", True),
    (OSError, "llm_unavailable", "connection lost ({kind})", True),
)


@contextmanager
def _in_our_words(exchange: Exchange) -> Generator[None]:
    try:
        yield
    except (aiohttp.ClientError, OSError, UnicodeError) as error:
        _, code, words, exchange.is_sent = next(
            row for row in _TROUBLE if isinstance(error, row[0])
        )
        detail = words.format(kind=type(error).__name__, patience=exchange.patience_s)
        raise ProviderFailed(code, detail) from None


def _socket(address: Sequence[Any]) -> socket.socket:
    """Keeps silent connections alive through firewalls while a model thinks, and notices death."""
    opened = socket.socket(address[0], address[1], address[2])
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):  # Linux
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10)
    return opened
