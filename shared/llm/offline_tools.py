"""How the offline model calls tools: rules that fill a tool's parameters from a few words."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from shared.llm.chat import ChatMessage, ToolCall, ToolSpec
from shared.llm.offline_words import PREFIX, count_words
from shared.llm.storable import storable_json

#: The arguments to call the tool with for these words, or None: then it is not called.
ToolRule = Callable[[str, ToolSpec], Mapping[str, Any] | None]


@dataclass(frozen=True)
class Said:
    """What the offline model replies: words, or (then without words) calls."""

    text: str
    tool_calls: Sequence[ToolCall] = ()

    @property
    def tokens(self) -> int:
        return count_words(self.text) + len(self.tool_calls)


def calling(calls: Sequence[tuple[str, Mapping[str, Any]]], position: int) -> Said:
    """Calls whose ids tell their place in the conversation."""
    return Said("", tuple(_call(f"{position}_{n}", *call) for n, call in enumerate(calls)))


def _call(place: str, name: str, arguments: Mapping[str, Any]) -> ToolCall:
    kept = cast("dict[str, Any]", storable_json(dict(arguments)))
    raw = json.dumps(kept, ensure_ascii=False)
    return ToolCall(f"call_{place}_{name}", name, kept, raw)


def filled(tool: ToolSpec, values: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Those of the values that the tool has a parameter for; None if it needs others too."""
    arguments = {name: values[name] for name in _properties(tool) if name in values}
    needed = cast("Sequence[str]", tool.parameters.get("required", ()))
    return arguments if set(needed) <= arguments.keys() else None


def call_by_name(words: str, tool: ToolSpec) -> Mapping[str, Any] | None:
    """Called when every word of its name occurs; quoted texts and numbers fill its parameters."""
    spoken = {_stem(word) for word in re.findall(r"[a-z]+", words.lower())}
    if not {_stem(part) for part in tool.name.lower().split("_")} <= spoken:
        return None
    texts = [first or second for first, second in re.findall(r'"([^"]*)"|“([^”]*)”', words)]
    numbers = re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.]*\w)", re.sub(r'"[^"]*"', "", words))
    values: dict[str, Any] = {}
    for name, schema in _properties(tool).items():
        kind = schema.get("type")
        if kind == "string" and texts:
            values[name] = texts.pop(0)
        elif kind == "integer" and numbers:
            values[name] = int(float(numbers.pop(0)))
        elif kind == "number" and numbers:
            values[name] = float(numbers.pop(0))
    return filled(tool, values)


def first_call(
    messages: Sequence[ChatMessage], tools: Sequence[ToolSpec], rules: Sequence[ToolRule]
) -> Said | None:
    """What the first rule that fits calls after the last message."""
    words = messages[-1].text if messages else ""
    for rule in rules:
        for tool in tools:
            if (arguments := rule(words, tool)) is not None:
                return calling([(tool.name, arguments)], len(messages))
    return None


def told(message: ChatMessage) -> Said:
    """What a tool said, in the offline model's mouth."""
    return Said(f"{PREFIX}{message.name or 'tool'}: {message.text[:1_000]}")


def _properties(tool: ToolSpec) -> Mapping[str, Mapping[str, Any]]:
    return cast("Mapping[str, Mapping[str, Any]]", tool.parameters.get("properties", {}))


def _stem(word: str) -> str:
    return word.removesuffix("s")
