"""How the simulated model sees and hears: it finds the words that a file carries at its end."""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Any

from simulators.dialect import is_list, is_object

#: Behind the end of a picture or a recording, where nobody looks who shows or plays it.
_WORDS = re.compile(rb"\nWORDS:([^\n]+)\n?\Z")

NOTHING = "A picture without any words."


def with_words(content: bytes, words: str) -> bytes:
    """The same picture or recording, and what it shows or says."""
    return content + b"\nWORDS:" + words.encode() + b"\n"


def words_in(content: bytes) -> str:
    """Empty where it carries none."""
    found = _WORDS.search(content)
    return found[1].decode(errors="replace").strip() if found else ""


def shown(contents: Sequence[object]) -> str | None:
    """What the pictures in messages show; None where there are none."""
    parts = [part for content in contents if is_list(content) for part in content]
    pictures = [found for part in parts if is_object(part) and (found := _data(part)) is not None]
    if not pictures:
        return None
    return "\n".join(words_in(picture) or NOTHING for picture in pictures)


def _data(part: Mapping[str, Any]) -> bytes | None:
    """A picture's bytes, in either provider's shape; None where the part is something else."""
    match part:
        case {"type": "image_url", "image_url": {"url": str(url)}}:
            return _decoded(url.partition("base64,")[2])
        case {"type": "image", "source": {"type": "base64", "data": str(data)}}:
            return _decoded(data)
        case _:
            return None


def _decoded(data: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error:
        return b""
