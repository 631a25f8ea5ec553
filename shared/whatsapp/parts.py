"""Long texts in parts: never torn inside a URL, a formatted phrase or a letter."""

import re
import unicodedata
from collections.abc import Iterator

from shared.whatsapp.text import CODE, URL

#: WhatsApp takes 4,096 characters; this leaves room, and is long enough to read.
LONGEST_PART = 3_500
MOST_PARTS = 4

_PHRASE = re.compile(r"(?<![\w*_~])([*_~])(?=\S)[^\n]*?(?<=\S)\1(?![\w*_~])")

#: Where a text may be cut, best first: at the end of a paragraph, a line, a sentence, a word.
_CUTS = tuple(
    map(
        re.compile,
        (r"\n[ \t]*\n", r"\n", r"(?<=[.!?…])\s|(?<=[.!?…][\"')\]*_~])\s", r"\s"),
    )
)

_JOINER, _SKIN_TONES = "\u200d", range(0x1F3FB, 0x1F400)


def in_parts(text: str, *, longest: int = LONGEST_PART, most: int = MOST_PARTS) -> list[str]:
    """The text as messages of at most `longest` characters; none where there are no words.

    What does not fit into `most` of them is left out, and an ellipsis says so.
    """
    parts: list[str] = []
    rest = text.strip()
    while len(rest) > longest and len(parts) < most - 1:
        cut = _cut(rest, longest)
        parts.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    if len(rest) > longest:
        rest = f"{rest[: _cut(rest, longest - 1)].rstrip()}…"
    return [part for part in (*parts, rest) if part]


def _cut(text: str, longest: int) -> int:
    """How many characters the first part takes: at least one, at most `longest`."""
    window = text[: longest + 1]
    whole = [span for span in _whole(text, longest) if span[1] - span[0] <= longest]
    for least in (longest // 2, 0):
        for pattern in _CUTS:
            ends = [found.start() for found in pattern.finditer(window)]
            for end in reversed(ends):
                if least < end <= longest and not _is_inside(end, whole):
                    return end
    return _hard_cut(text, longest, whole)


def _whole(text: str, longest: int) -> Iterator[tuple[int, int]]:
    """What must stay in one piece: URLs, code, and phrases between two marks."""
    reach = text[: 2 * longest + 1]
    for pattern in (URL, CODE, _PHRASE):
        yield from (found.span() for found in pattern.finditer(reach) if found.start() < longest)


def _is_inside(place: int, spans: list[tuple[int, int]]) -> bool:
    return any(start < place < end for start, end in spans)


def _hard_cut(text: str, longest: int, whole: list[tuple[int, int]]) -> int:
    """There is no white space to cut at: anywhere that is not within a letter or a URL."""
    for cut in range(longest, 0, -1):
        if not _is_inside(cut, whole) and not _joins(text[cut - 1], text[cut]):
            return cut
    return longest


def _joins(before: str, after: str) -> bool:
    """Whether two characters are drawn as one."""
    is_mark = unicodedata.category(after) in {"Mn", "Mc", "Me"}
    return is_mark or ord(after) in _SKIN_TONES or _JOINER in {before, after}
