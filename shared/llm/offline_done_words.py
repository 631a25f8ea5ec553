"""What the offline shop assistant has done in this turn, and what came of it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from shared.llm.chat import ChatMessage

Result = Mapping[str, Any]


@dataclass(frozen=True)
class Done:
    """A tool that was called, and what it said: JSON of any shape, or mere words."""

    tool: str
    arguments: Mapping[str, Any]
    result: Result
    #: which round of the turn it belongs to, from 0
    step: int

    @property
    def error(self) -> str:
        """Why it came to nothing: a code; empty if it did what it was to do."""
        error = self.result.get("error")
        if isinstance(error, Mapping):
            error = cast("Result", error).get("code") or "failed"
        if not error and (self.result.get("ok") is False or self.result.get("status") == "error"):
            error = "failed"
        return str(error or "")

    @property
    def status(self) -> str:
        """Of what was to be confirmed or paid."""
        return str(self.result.get("status", ""))

    @property
    def order(self) -> Result:
        """The order as it is now; empty where the tool tells of none."""
        order = self.result.get("order")
        return cast("Result", order) if isinstance(order, Mapping) and not self.error else {}

    @property
    def lines(self) -> Sequence[Result]:
        """What is in the order."""
        return _mappings(self.order.get("lines"))

    @property
    def products(self) -> Sequence[Result]:
        """What was found, or what may have been meant."""
        return _mappings(self.result.get("products") or self.result.get("choices"))


def done_in(messages: Sequence[ChatMessage]) -> list[Done]:
    """Everything since the customer's last words, oldest first."""
    return list(_done(messages[_last_words(messages) + 1 :]))


def _done(messages: Sequence[ChatMessage]) -> Iterator[Done]:
    calls = {call.id: call for message in messages for call in message.tool_calls}
    step = -1
    for message in messages:
        step += bool(message.tool_calls)
        if message.role == "tool":
            call = calls.get(message.tool_call_id or "")
            name = message.name or (call.name if call else "")
            arguments = (call.arguments if call else None) or {}
            yield Done(name, arguments, _read(message.text), max(step, 0))


def _last_words(messages: Sequence[ChatMessage]) -> int:
    return max((n for n, message in enumerate(messages) if message.role == "user"), default=-1)


def _read(said: str) -> Result:
    try:
        value: object = json.loads(said)
    except ValueError:
        return {"text": said[:1_000]} if said.strip() else {}
    if isinstance(value, list):
        return {"items": cast("list[object]", value)}
    return cast("Result", value) if isinstance(value, dict) else {"text": str(value)}


def _mappings(value: object) -> Sequence[Result]:
    many = cast("Sequence[object]", value) if isinstance(value, list) else ()
    return [cast("Result", one) for one in many if isinstance(one, Mapping)]
