"""One call of a payment API as the simulator reads it, and what an operation answers."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from simulators.exchange import Header
from simulators.script import Rule

BodyT = TypeVar("BodyT", bound=BaseModel)
#: what is wrong with a body: where, and in which words
Complaint = tuple[str, str]

_SAID = {
    "missing": "is required",
    "int_type": "must be an integer",
    "float_type": "must be a number",
    "int_from_float": "must be an integer",
    "greater_than": "is too small",
    "greater_than_equal": "is too small",
    "less_than_equal": "is too large",
    "string_too_long": "is too long",
    "string_too_short": "is too short",
    "string_pattern_mismatch": "has characters that are not allowed",
    "too_long": "has too many entries",
}


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


class PaymentRule(Rule):
    """How to treat a call of the API; what is left out stays as it would have been."""

    #: the call's name, such as create; `refund*` is every call that begins so
    call: str | None = None
    #: the order id, the external id, or the provider's own id, as it stands in the call
    reference: str | None = None
    #: a merchant's id or user id
    merchant: str | None = None
    #: `status` and `hang` strike when the work is done, but the caller cannot know
    #: (`reset: after` does that by itself)
    in_effect: bool = False

    def fits(self, facts: Mapping[str, Any]) -> bool:
        return (
            self._names(str(facts["call"]))
            and self.reference in {None, facts["reference"]}
            and self.merchant in {None, facts["merchant"]}
        )

    def _names(self, call: str) -> bool:
        if self.call is not None and self.call.endswith("*"):
            return call.startswith(self.call[:-1])
        return self.call in {None, call}


@dataclass(frozen=True, kw_only=True)
class Call:
    """What was asked, wherever it stood."""

    name: str
    parameters: Mapping[str, str]
    query: Mapping[str, str]
    content: bytes
    #: a header's value, empty when absent; asked for in lower case
    header: Callable[[bytes], str]

    @property
    def key(self) -> str:
        """The user of the basic authorisation; empty if there is none that can be read."""
        scheme, _, coded = self.header(b"authorization").partition(" ")
        if scheme.lower() != "basic":
            return ""
        try:
            return base64.b64decode(coded, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""

    @property
    def id(self) -> str:
        """The one in the path."""
        return self.parameters.get("id", "")

    @property
    def body(self) -> Any:  # noqa: ANN401 - whatever the caller sent
        """Raises ValueError if it is no JSON."""
        return orjson.loads(self.content or b"{}")

    @property
    def asked(self) -> Any:  # noqa: ANN401 - as above
        """The body, or None if there is none that can be read."""
        try:
            return orjson.loads(self.content)
        except ValueError:
            return None


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What an operation answers, as JSON."""

    content: Any
    status: int = 200


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One entry of the API."""

    #: what a script and the journal call it
    name: str
    method: str
    path: str
    #: does it, and raises Refused
    act: Callable[[Call], Reply]
    #: where the call names what it is about: a path into the body
    names_its: Sequence[str] = field(default=())

    def reference(self, call: Call) -> str:
        """What the call is about, as far as it says so."""
        if call.id:
            return call.id
        found = call.asked
        for step in self.names_its:
            found = found.get(step, "") if isinstance(found, dict) else ""  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - it is JSON
        return found if isinstance(found, str) else ""


def read(kind: type[BodyT], content: object) -> BodyT | list[Complaint]:
    """The body as a call needs it, or everything that is wrong with it."""
    try:
        return kind.model_validate(content)
    except ValidationError as invalid:
        return [
            (
                ".".join(map(str, error["loc"])),
                _SAID.get(error["type"], error["msg"][:1].lower() + error["msg"][1:]),
            )
            for error in invalid.errors()
        ]


def refused_header(retry_after: float | str | None) -> Sequence[Header]:
    return [] if retry_after is None else [(b"retry-after", str(retry_after).encode())]
