"""JSON with one meaning: what parsers disagree about, and what no database can hold, is refused."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from shared.interface.problems import Problem, invalid, pointer_of

#: Nothing that an API of ours takes is deeper; far below any parser's or serialiser's own limit.
DEEPEST = 64
_NUMBERS = range(-(2**63), 2**63)

_MEANINGS = {
    "duplicate_key": "The key appears twice in its object.",
    "number_too_large": "The number does not fit into 64 bits.",
    "nul_character": "The character U+0000 cannot be stored.",
    "invalid_unicode": "Half of a surrogate pair is no character.",
    "too_deep": f"Nested deeper than {DEEPEST} levels.",
}


def parse(raw: bytes) -> dict[str, Any]:
    """The object that `raw` spells out. Raises Problem: 400 if it is no JSON, 422 if it is odd."""
    value = _decoded(raw)
    if not isinstance(value, dict):
        raise invalid("", "wrong_type", "The body must be a JSON object.")
    return cast("dict[str, Any]", value)


def _decoded(raw: bytes) -> object:
    try:
        text = raw.decode()
        try:
            value: object = _FAST.decode(text)
            is_odd = _may_hide_something(text)
        except _Odd:
            value, is_odd = None, True
        if is_odd:
            _look_closer(text)
    except UnicodeDecodeError:
        raise _malformed("it is not UTF-8") from None
    except RecursionError:
        raise _malformed("it is nested too deeply") from None
    except ValueError as broken:
        raise _malformed(str(broken)) from None
    return value


class _Odd(Exception):
    """Something is there that only the slow way can point at."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Odd
    return found


def _in_64_bits(digits: str) -> int:
    # Thousands of digits would cost time, and Python refuses to read them.
    if len(digits) > 20 or (number := int(digits)) not in _NUMBERS:
        raise _Odd
    return number


def _finite(digits: str) -> float:
    number = float(digits)
    if number in {float("inf"), float("-inf")}:
        raise ValueError("not a finite number")
    return number


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_FAST = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_in_64_bits, parse_float=_finite, parse_constant=_constant
)


def _may_hide_something(text: str) -> bool:
    """Control characters and half characters can only come in escaped, depth only with brackets."""
    return (
        "\\u0000" in text
        or "\\ud" in text
        or "\\uD" in text
        or text.count("[") + text.count("{") > DEEPEST
    )


@dataclass(frozen=True)
class _Flaw:
    """Stands in the parsed body where something odd was."""

    code: str


def _with_flaws(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        found[key] = _Flaw("duplicate_key") if key in found else value
    return found


def _number_or_flaw(digits: str) -> int | _Flaw:
    try:
        return _in_64_bits(digits)
    except _Odd:
        return _Flaw("number_too_large")


_SLOW = json.JSONDecoder(
    object_pairs_hook=_with_flaws,
    parse_int=_number_or_flaw,
    parse_float=_finite,
    parse_constant=_constant,
)


def _look_closer(text: str) -> None:
    """Raises Problem for the first odd thing, with its place; returns if there is none."""
    for steps, code in _flaws(_SLOW.decode(text)):
        raise invalid(pointer_of(steps), code, _MEANINGS[code])


def _flaws(root: object) -> Iterator[tuple[tuple[object, ...], str]]:
    """Without recursion: whatever the parser survived, this does too."""
    waiting: list[tuple[tuple[object, ...], object]] = [((), root)]
    while waiting:
        steps, value = waiting.pop()
        if code := _flaw_of(value):
            yield steps, code
        inside = _inside(value)
        if inside and len(steps) >= DEEPEST:
            yield steps, "too_deep"
        for key, inner in reversed(inside):
            waiting += [((*steps, key), inner), ((*steps, key), key)]


def _inside(value: object) -> Sequence[tuple[object, object]]:
    if isinstance(value, dict):
        return list(cast("dict[object, object]", value).items())
    return list(enumerate(cast("list[object]", value))) if isinstance(value, list) else ()


def _flaw_of(value: object) -> str | None:
    if isinstance(value, _Flaw):
        return value.code
    if not isinstance(value, str):
        return None
    if "\0" in value:
        return "nul_character"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "invalid_unicode"
    return None


def _malformed(reason: str) -> Problem:
    return Problem(400, "malformed_json", f"The body is not JSON: {reason}.")
