"""Rules that stand in the prompt itself, such as `[[delay:2]]`: no control channel needed."""

import re
from collections import Counter
from typing import Any

import orjson

from simulators.model import ModelRule, Question

#: `[[name]]`, `[[name:value]]`; `[[moderation.name]]` is for moderation requests alone,
#: `[[answer.name]]` for all others
DIRECTIVE = re.compile(r"\[\[(?:(moderation|answer)\.)?([a-z][a-z-]*)(?::(.*?))?\]\]", re.DOTALL)

#: name -> the rule's field, and its value when none is given
PLAIN: dict[str, tuple[str, Any]] = {
    "delay": ("delay_s", 1),
    "chunk-delay": ("chunk_delay_s", 0.1),
    "chunks": ("chunks", 10),
    "status": ("status", 500),
    "error-code": ("error_code", None),
    "retry-after": ("retry_after", "1"),
    "break": ("break_with", 529),
    "hang": ("hang", True),
    "reset": ("reset", "before"),
    "garbage": ("garbage", "text"),
    "huge": ("huge_mb", 10),
    "say": ("text", ""),
    "finish": ("finish_reason", "length"),
}
#: what the model says; a moderation request asks it for something else
WORDS = {"say", "tool"}


class Directives:
    """Reads the rules in prompts, and remembers how often each prompt was seen."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def forget(self) -> None:
        """Take every prompt for a new one."""
        self._seen.clear()

    def read(self, question: Question) -> ModelRule | None:
        """The rule in the prompt, if there is one. Raises ValueError for a bad value.

        What looks like a directive but has another name is ordinary text.
        """
        if "[[" not in question.user:
            return None
        told = _told(question)
        first = told.pop("fail-first", None)
        if first is not None:
            told = self._while_failing(question.user, int(first or 1), told)
        fields = _fields(told, question)
        return ModelRule.model_validate(fields) if fields else None

    def _while_failing(
        self, prompt: str, first: int, told: dict[str, str | None]
    ) -> dict[str, str | None]:
        # The other directives say how the first calls fail (by default with a status 500), but
        # for the words, which are kept for the answer.
        words = {name: value for name, value in told.items() if name in WORDS}
        self._seen[prompt] += 1
        if self._seen[prompt] > first:
            return words
        return {name: told[name] for name in told.keys() - words.keys()} or {"status": None}


def _told(question: Question) -> dict[str, str | None]:
    others = "answer" if question.is_moderation else "moderation"
    found = DIRECTIVE.finditer(question.user)
    told: dict[str, str | None] = {match[2]: match[3] for match in found if match[1] != others}
    if question.is_moderation:
        return {name: value for name, value in told.items() if name not in WORDS}
    return told


def _fields(told: dict[str, str | None], question: Question) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in told.items():
        if name in PLAIN:
            known, usual = PLAIN[name]
            fields[known] = usual if value is None else value
    if "trickle" in told:
        # The smallest pieces there are, this many seconds apart.
        fields |= {"chunk_delay_s": told["trickle"] or 1, "chunks": 100_000}
    if "no-usage" in told:
        fields["usage"] = False
    if "tool" in told and question.tool_result is None:
        fields["tool_calls"] = [_tool(told["tool"] or "")]
    return fields


def _tool(value: str) -> dict[str, Any]:
    name, _, arguments = value.strip().partition(" ")
    return {"name": name, "arguments": orjson.loads(arguments or "{}")}
