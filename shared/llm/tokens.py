"""Counting tokens where a provider does not, or counts nonsense."""

from collections.abc import Mapping
from typing import Any, cast

#: More than any provider's answer can hold; what claims more is a fault, not a bill.
_MOST = 1_000_000_000


#: What a picture costs where the provider does not count: as much as so many characters.
PICTURE_SIZE = 6_400
#: A voice message has some 2,000 bytes a second, and costs some 17 tokens a second.
_RECORDED_PER_CHARACTER = 30


def estimate(characters: int) -> int:
    """About four characters make a token; an exact count would need each model's own tables."""
    return -(-characters // 4)


def recorded(recording: bytes) -> int:
    """How long a recording is, in characters."""
    return len(recording) // _RECORDED_PER_CHARACTER


def plausible(count: object) -> bool:
    return type(count) is int and 0 <= count < _MOST


def counts(usage: object) -> dict[str, Any] | None:
    """A provider's usage report without what is no number of tokens; None if nothing is left."""
    if not isinstance(usage, Mapping):
        return None
    kept: dict[str, Any] = {}
    for name, value in cast("Mapping[str, Any]", usage).items():
        if isinstance(value, Mapping):
            kept[name] = counts(cast("object", value)) or {}
        elif plausible(value):
            kept[name] = value
    return kept or None


def believable(answer: dict[str, Any]) -> dict[str, Any]:
    """The same answer, its usage report freed of what LangChain could not add up.

    It would lose the whole answer over one such number.
    """
    if "usage" in answer:
        answer["usage"] = counts(answer["usage"])
    return answer
