"""Parameters that many routes take, with one way to be right: ids, pages, Idempotency-Key."""

import base64
import binascii
import hmac
import re
from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

import orjson
from fastapi import Depends, Header, Query
from pydantic import BeforeValidator, WithJsonSchema
from starlette.requests import Request

from shared.interface.problems import Mistake, Problem, not_found

_CANONICAL = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def _canonical(text: object) -> UUID:
    # Raised through Pydantic as it is: a misspelt id is an absent thing, not a bad request.
    if not isinstance(text, str) or not _CANONICAL.fullmatch(text):
        raise not_found()
    return UUID(text)


#: An id in a path. Spelt in any other way than we spell it, it names nothing: 404.
Id = Annotated[
    UUID,
    BeforeValidator(_canonical),
    WithJsonSchema({"type": "string", "format": "uuid"}),
]

#: How many entries a page may have.
Limit = Annotated[int, Query(ge=1, le=100, description="How many entries at most.")]


class Cursors:
    """Places in a list, told to clients as text that only we can make.

    `context` says whose list of what it is: a cursor that was made for another is refused.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def encode(self, place: Sequence[str | int], *, context: str) -> str:
        payload = orjson.dumps(list(place))
        return base64.urlsafe_b64encode(self._sign(payload, context) + payload).decode().rstrip("=")

    def decode(self, cursor: str, *, context: str) -> list[str | int]:
        """Raises Problem (400 invalid_cursor)."""
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise _invalid_cursor() from None
        signature, payload = raw[:16], raw[16:]
        if not hmac.compare_digest(signature, self._sign(payload, context)):
            raise _invalid_cursor()
        place: list[str | int] = orjson.loads(payload)
        return place

    def _sign(self, payload: bytes, context: str) -> bytes:
        return hmac.digest(self._key, context.encode() + b"\0" + payload, "sha256")[:16]


def _invalid_cursor() -> Problem:
    return Problem(400, "invalid_cursor", "This cursor is not ours, or of another list.")


async def idempotency_key(
    request: Request,
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            description="Your own name for this request, 1 to 255 printable ASCII characters: "
            "asking again under it does nothing twice.",
        ),
    ] = None,
) -> str | None:
    """The client's own name for this request, if it gave one. Raises Problem (400)."""
    if key is None:
        return None
    if len(request.headers.getlist("idempotency-key")) > 1:
        raise _bad_key("It was sent more than once.")
    if not 0 < len(key) <= 255 or not (key.isascii() and key.isprintable()):
        raise _bad_key("It must be 1 to 255 printable ASCII characters.")
    return key


IdempotencyKey = Annotated[str | None, Depends(idempotency_key)]


def _bad_key(message: str) -> Problem:
    mistake = Mistake("/header/idempotency-key", "invalid", message)
    return Problem(400, "validation_failed", f"Idempotency-Key: {message}", errors=[mistake])
