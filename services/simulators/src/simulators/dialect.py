"""What the simulator needs to know of a provider's protocol to speak it."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeGuard

import orjson

from simulators.exchange import Exchange
from simulators.faults import Failure
from simulators.model import Question, Reply

#: every other key that is not empty is accepted
WRONG_KEY = "wrong-key"
NO_QUOTA_KEY = "no-quota-key"


class Unreadable(Exception):
    """The request is not what the protocol asks for."""


class Dialect(Protocol):
    """One provider's way of putting questions, answers and errors."""

    name: str
    request_id_header: bytes

    def refusal(self, exchange: Exchange, /) -> Failure | None:
        """What is wrong with the request's headers, the key above all."""
        ...

    def read(self, body: Mapping[str, Any], /) -> Question:
        """Raises Unreadable."""
        ...

    def whole(self, question: Question, reply: Reply, request_id: str, /) -> bytes: ...

    def stream(self, question: Question, reply: Reply, request_id: str, /) -> list[bytes]:
        """The events, one by one."""
        ...

    def error(self, failure: Failure, request_id: str, /) -> bytes: ...

    def error_event(self, failure: Failure, request_id: str, /) -> bytes:
        """The same within a stream that has begun."""
        ...


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def parse(body: bytes) -> Mapping[str, Any]:
    """Raises Unreadable."""
    try:
        parsed: object = orjson.loads(body)
    except orjson.JSONDecodeError as bad:
        raise Unreadable(f"We could not parse the JSON body of your request: {bad}") from bad
    return mapping(parsed, "the body")


def mapping(value: object, name: str) -> Mapping[str, Any]:
    """Raises Unreadable unless it is a JSON object."""
    if not is_object(value):
        raise Unreadable(f"{name}: must be an object")
    return value


def sequence(value: object, name: str) -> Sequence[Any]:
    """Raises Unreadable unless it is a JSON list with something in it."""
    if not is_list(value) or not value:
        raise Unreadable(f"{name}: must be a list, and not an empty one")
    return value


def words(content: object) -> str:
    """The text in a message's content, which may be a text, a list of parts, or nothing."""
    if isinstance(content, str):
        return content
    if not is_list(content):
        return ""
    return "".join(words_of(part) for part in content if is_object(part))


def words_of(part: Mapping[str, Any]) -> str:
    text = part.get("text") if part.get("type") == "text" else None
    return text if isinstance(text, str) else ""


def model_name(body: Mapping[str, Any]) -> str:
    """Raises Unreadable unless a model is named."""
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise Unreadable("you must provide a model parameter")
    return model


def names(tools: object) -> list[str]:
    """The tools offered, in either provider's shape."""
    if not is_list(tools):
        return []
    offered = [mapping(tool, "tools") for tool in tools]
    return [str(tool.get("name") or tool.get("function", {}).get("name", "")) for tool in offered]
