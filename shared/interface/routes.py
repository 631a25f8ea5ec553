"""Routes whose callers are known before their bodies are read, and whose bodies are strict JSON."""

import asyncio
import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from shared.interface import strict_json
from shared.interface.access import guard_of
from shared.interface.openapi import PROBLEM_RESPONSES
from shared.interface.problems import Problem

BODY_LIMIT = 1_000_000
BODY_TIMEOUT_S = 30.0


def api_router(prefix: str, *, tag: str) -> APIRouter:
    """Where a service declares its routes."""
    return APIRouter(
        prefix=prefix, tags=[tag], route_class=StrictRoute, responses=PROBLEM_RESPONSES
    )


class StrictRoute(APIRoute):
    """A route that asks its guards first and then reads its body.

    A body may be left out where its parameter has a default.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        # FastAPI reads bodies before it solves dependencies: strangers' too.
        guards = [guard for needed in self.dependant.dependencies if (guard := guard_of(needed))]
        takes_body = self.body_field is not None
        may_lack_body = self.body_field is not None and not self.body_field.field_info.is_required()

        async def handle_strictly(request: Request) -> Response:
            for guard in guards:
                await guard(request)
            strict = StrictRequest(request.scope, request.receive)
            if takes_body and not (may_lack_body and strict.lacks_body()):
                await strict.json()
            return await handle(strict)

        return handle_strictly


class StrictRequest(Request):
    """A request whose body is a JSON object of bounded size, or refused."""

    _raw: bytes | None = None
    _object: dict[str, Any] | None = None

    def lacks_body(self) -> bool:
        """Whether no JSON was even announced; then it is taken to be empty."""
        told = dict(self.scope["headers"])
        length = told.get(b"content-length", b"0")
        # Some clients name a type of their own for nothing at all.
        if (
            length != b"0"
            or b"transfer-encoding" in told
            or _is_of("application/json", told.get(b"content-type", b""))
        ):
            return False
        self._raw = b""
        return True

    async def body(self) -> bytes:
        """The bytes as they came: signatures are made over them. Raises Problem (408, 413, 415)."""
        if self._raw is None:
            limit: int = getattr(self.app.state, "body_limit", BODY_LIMIT)
            self._refuse_by_headers(limit)
            self._raw = await self._read(limit)
        return self._raw

    async def body_of(self, media_type: str, *, limit: int) -> bytes:
        """A body that is no JSON, of this type. Raises Problem (408, 413, 415)."""
        if self._raw is None:
            self._refuse_by_headers(limit, media_type)
            self._raw = await self._read(limit)
        return self._raw

    async def json(self) -> dict[str, Any]:
        """Raises Problem (400, 408, 413, 415, 422)."""
        if self._object is None:
            self._object = strict_json.parse(await self.body())
        return self._object

    def _refuse_by_headers(self, limit: int, media_type: str = "application/json") -> None:
        told = {name: value for name, value in self.scope["headers"] if name in _ABOUT_THE_BODY}
        if not _is_of(media_type, told.get(b"content-type", b"")):
            raise _unsupported(f"The body must be sent as Content-Type: {media_type}.")
        if told.get(b"content-encoding", b"identity").lower() != b"identity":
            raise _unsupported("The body must be sent as it is, without Content-Encoding.")
        length = told.get(b"content-length", b"")
        if length.isdigit() and int(length[:20]) > limit:
            raise _too_large(limit)

    async def _read(self, limit: int) -> bytes:
        body = bytearray()
        is_more = True
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                while is_more:
                    message = await self.receive()
                    if message["type"] == "http.disconnect":
                        raise ClientDisconnect
                    is_more = message.get("more_body", False)
                    body += message.get("body", b"")
                    if len(body) > limit:
                        raise _too_large(limit)
        except TimeoutError:
            detail = f"The body did not arrive within {BODY_TIMEOUT_S:.0f} seconds."
            hang_up = {"Connection": "close"}
            raise Problem(408, "request_timeout", detail, headers=hang_up) from None
        return bytes(body)


_ABOUT_THE_BODY = {b"content-type", b"content-encoding", b"content-length"}
_IN_UTF_8 = re.compile(rb"\s*(;\s*charset=\"?utf-8\"?\s*)?;?", re.IGNORECASE)


def _is_of(media_type: str, told: bytes) -> bool:
    kind, rest = told[: len(media_type)], told[len(media_type) :]
    return kind.lower() == media_type.encode() and _IN_UTF_8.fullmatch(rest) is not None


def _unsupported(detail: str) -> Problem:
    return Problem(415, "unsupported_media_type", detail)


def _too_large(limit: int) -> Problem:
    # The connection stays open: closed while its peer still sends, it would be reset, and the
    # peer would never read this. The server throws the rest away as it comes.
    return Problem(413, "payload_too_large", f"The body is larger than {limit} bytes.")
