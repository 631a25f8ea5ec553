"""Keeps other people's words, phone numbers and keys out of everything that is written down."""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from traceback import walk_tb
from types import TracebackType
from typing import cast

HIDDEN = "•••"

_LONGEST = 500
_DEEPEST = 4

#: Names whose values never leave the process, whatever they look like.
_SECRET_NAME = re.compile(
    r"(?:^|[-_.])(?:prompt|text|body|content|result|reply|variables|authorization|cookie|password"
    r"|passwd|secret|token|api-?key|apikey|key|dsn|otp|email|address)$",
    re.IGNORECASE,
)
_PHONE_NAME = re.compile(r"(?:^|[-_.])(?:phone|msisdn|chat_?id|wa_?id|recipient)$", re.IGNORECASE)

_KEY = r"\b(?:(?:sk|pk|rk|gsk|hf|xnd|aip|whsec|AKIA|AIza|(?:SB-)?Mid-(?:server|client))[-_]?)"
_LOOKS_SECRET = re.compile(
    rf"(?P<key>{_KEY})[A-Za-z0-9_\-]{{8,}}"
    r"|(?P<scheme>\b(?:Bearer|Basic)\s+)[A-Za-z0-9._~+/=\-]{6,}"
    r"|(?P<login>://)[^\s/@]*:[^\s/]*(?=@)"
    r"|(?P<query>[?&](?:key|token|api_key|secret|password)=)[^&\s]+"
    r"|(?P<jwt>\beyJ)[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]+(?:\.[A-Za-z0-9_\-]*)?"
)
_LOOKS_LIKE_PHONE = re.compile(r"(?<![\w-])(?:\+\d[\d \-]{7,15}\d|62\d{8,13})(?!\w)")


def redact(facts: Mapping[str, object]) -> dict[str, object]:
    """The same facts, fit to be written down: plain values only, secrets hidden."""
    return {str(name): _safe(str(name), value, depth=0) for name, value in facts.items()}


def mask(text: str) -> str:
    """The same text without anything that looks like a key, a login or a phone number."""
    text = _LOOKS_SECRET.sub(lambda found: f"{found[found.lastgroup or 0]}{HIDDEN}", text)
    text = _LOOKS_LIKE_PHONE.sub(lambda found: mask_phone(found[0]), text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def mask_phone(number: str) -> str:
    """+6281234561234 -> +62•••1234; too short to have a secret middle -> all hidden."""
    digits = re.sub(r"\D", "", number.partition("@")[0])
    if len(digits) < 8:
        return HIDDEN
    country = f"+{digits[:2]}" if digits.startswith("62") or number.startswith("+") else ""
    return f"{country}{HIDDEN}{digits[-4:]}"


def describe(error: BaseException) -> str:
    """What went wrong, because of what, and where: never the values that it went wrong with.

    Only the first line of each message is kept: the lines below it are where validators and
    database drivers quote their input.
    """
    return "\n".join(line for cause in islice(_causes(error), 5) for line in _told(cause))


def _safe(name: str, value: object, *, depth: int) -> object:
    if value is None or isinstance(value, bool):
        return value
    if _SECRET_NAME.search(name):
        return HIDDEN
    if _PHONE_NAME.search(name):
        return mask_phone(str(value))
    if isinstance(value, int | float):
        return value
    return _safe_inside(name, value, depth=depth)


def _safe_inside(name: str, value: object, *, depth: int) -> object:
    if depth >= _DEEPEST:
        return HIDDEN
    if isinstance(value, Mapping):
        inner = cast("Mapping[object, object]", value).items()
        return {str(key): _safe(str(key), one, depth=depth + 1) for key, one in inner}
    if isinstance(value, list | tuple | set | frozenset):
        return [_safe(name, one, depth=depth + 1) for one in cast("Iterable[object]", value)]
    if isinstance(value, BaseException):
        return _sentence(value)
    return mask(value) if isinstance(value, str) else _plain(value)


def _plain(value: object) -> str:
    # The repr of a message or a row would quote the prompt inside it: only types whose text is
    # their whole meaning (an id, a time, a path) are spelled out.
    if type(value).__module__ in {"uuid", "uuid_utils", "datetime", "decimal", "pathlib", "enum"}:
        return mask(str(value))
    return f"<{type(value).__name__}>"


def _causes(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    while current is not None:
        yield current
        if isinstance(current, BaseExceptionGroup):
            group = cast("BaseExceptionGroup[BaseException]", current)
            yield from chain.from_iterable(map(_causes, group.exceptions))
        hidden = current.__suppress_context__
        current = current.__cause__ or (None if hidden else current.__context__)


def _told(error: BaseException) -> Iterator[str]:
    yield _sentence(error)
    yield from (f"  at {place}" for place in _places(error.__traceback__))


def _sentence(error: BaseException) -> str:
    first_line = str(error).strip().partition("\n")[0]
    name = type(error).__qualname__
    return f"{name}: {mask(first_line)}" if first_line else name


def _places(traceback: TracebackType | None) -> list[str]:
    frames = [(frame.f_code, line) for frame, line in walk_tb(traceback)]
    return [
        f"{'/'.join(code.co_filename.split('/')[-3:])}:{line} {code.co_name}"
        for code, line in frames[-8:]
    ]
