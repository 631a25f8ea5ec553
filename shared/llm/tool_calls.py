"""Tool calls as a model says them: put together from pieces, read strictly, kept within bounds.

LangChain's reading is not used for them: one call with a list for arguments loses it the whole
answer, and what breaks off in the middle is quietly completed.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import orjson

from shared.llm.chat import ToolCall
from shared.llm.failures import a_name
from shared.llm.storable import storable, storable_json

#: Arguments longer than this many characters are not read, and kept up to here.
RAW_LIMIT = 16_384

#: More calls in one answer than anybody would run.
MOST_CALLS = 128

_NAME_LIMIT = 1_000


@dataclass(slots=True)
class _Dictation:
    id: str
    name: str
    pieces: list[str] = field(default_factory=list[str])
    size: int = 0

    def call(self) -> ToolCall:
        raw = "".join(self.pieces)
        arguments = read_arguments(raw) if self.size <= RAW_LIMIT else None
        return ToolCall(self.id, self.name, arguments, storable(raw[:RAW_LIMIT]))


class HeardCalls:
    """The tool calls of one answer, while the model writes them."""

    __slots__ = ("_at", "_last", "size")

    def __init__(self) -> None:
        self._at = dict[object, _Dictation]()
        self._last: object = None
        #: characters so far, names included
        self.size = 0

    def hear(self, position: object, id: object, name: object, arguments: object) -> None:  # noqa: A002 - the word for it
        """One piece. Any part of it may be missing, or of a kind that nobody expects."""
        call = self._call(position, _word(id), _word(name))
        piece = _text(arguments)
        self.size += len(piece)
        if call is None:
            return
        if call.size <= RAW_LIMIT:
            call.pieces.append(piece)
        call.size += len(piece)

    def finished(self) -> Sequence[ToolCall]:
        """Every call, in the order in which they were begun."""
        return tuple(call.call() for call in self._at.values()) if self._at else ()

    def _call(self, position: object, id_: str, name: str) -> _Dictation | None:
        # Some servers count nothing, others give all calls one number: a new id is a new call.
        where = position if isinstance(position, int) else self._uncounted(id_, name)
        known = self._at.get(where)
        if known and known.id and id_ and known.id != id_:
            where, known = (where, id_), self._at.get((where, id_))
        self._last = where
        if known:
            known.id, known.name = known.id or id_, known.name or name
            return known
        if len(self._at) >= MOST_CALLS:
            return None
        self.size += len(name)
        return self._at.setdefault(where, _Dictation(id_, name))

    def _uncounted(self, id_: str, name: str) -> object:
        return id_ or (object() if name else self._last)


def read_arguments(raw: str) -> Mapping[str, Any] | None:
    """The JSON object in `raw`, after at most one repair; None if there is none."""
    if not raw.strip():
        return {}  # of a tool that takes none
    try:
        value = storable_json(_parsed(raw))
    except ValueError:
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def names_of(calls: Sequence[ToolCall]) -> list[str]:
    """All that a log may say of tool calls: never an argument, nor a name that is none."""
    return [a_name(call.name) or "?" for call in calls]


def _parsed(raw: str) -> object:
    try:
        value: object = orjson.loads(raw)
    except ValueError:
        return orjson.loads(_without_trailing_words(raw))
    return orjson.loads(value) if isinstance(value, str) else value


def _without_trailing_words(raw: str) -> str:
    begun = raw.lstrip()
    try:
        return begun[: json.JSONDecoder().raw_decode(begun)[1]]
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _word(value: object) -> str:
    if isinstance(value, str | int):
        return storable(str(value)[:_NAME_LIMIT])
    return ""


def _text(arguments: object) -> str:
    if arguments is None or isinstance(arguments, str):
        return arguments or ""
    return orjson.dumps(arguments).decode()
