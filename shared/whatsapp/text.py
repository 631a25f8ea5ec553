"""Text as WhatsApp shows it: Markdown translated, and nothing in it that could deceive."""

import re
import unicodedata
from collections.abc import Callable
from re import Match

Replace = str | Callable[[Match[str]], str]

#: Controls, what turns the reading direction round, what is invisible, and private characters
#: (ours, while we translate). The joiner of emoji (U+200D) and variation selectors stay.
_UNFIT = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\ue000-\uf8ff\ud800-\udfff\U000f0000-\U0010ffff]"
)
_LINE_END = re.compile("\r\n?|[\x85\u2028\u2029]")

#: What is at the end of a sentence, or the end of a mark, is not the URL's.
URL = re.compile(r"https?://[^\s<>\[\]\"`*]*[^\s<>\[\]\"`*.,;:!?)'_~]")
CODE = re.compile(r"```.+?```|`[^`\n]+`", re.DOTALL)

_FIRST_PLACE, _MOST_PLACES = 0xF0000, 0xFFFF
_PLACE = re.compile("[\U000f0000-\U000fffff]")


def _link(found: Match[str]) -> str:
    label, url = found["label"].strip(), found["url"]
    return url if not label or label == url else f"{label}: {url}"


def _heading(found: Match[str]) -> str:
    title = found["title"].strip(" \t#").replace("*", "")
    return f"*{title}*" if title else ""


def _row(found: Match[str]) -> str:
    return " - ".join(cell.strip() for cell in found["cells"].split("|"))


#: Before code and URLs are put aside.
_LINKS: tuple[tuple[re.Pattern[str], Replace], ...] = (
    # A fence may name its language: WhatsApp would show that as code.
    (re.compile(r"```[^\n`]*\n(?P<code>[^`]*?)\n?```"), lambda found: f"```{found['code']}```"),
    (re.compile(r"!?\[(?P<label>[^\[\]\n]*)\]\((?P<url>[^\s()]+)(?: +\"[^\"\n]*\")?\)"), _link),
    (re.compile(r"<(?P<url>https?://[^\s<>]+)>"), lambda found: found["url"]),
)

#: While they are aside.
_MARKS: tuple[tuple[re.Pattern[str], Replace], ...] = (
    (re.compile(r"<(script|style)\b.*?(?:</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE), ""),
    (re.compile(r"<br ?/?>", re.IGNORECASE), "\n"),
    (re.compile(r"</?(?:b|strong)>", re.IGNORECASE), "*"),
    (re.compile(r"</?(?:i|em)>", re.IGNORECASE), "_"),
    (re.compile(r"</?[a-z][^<>\n]*>", re.IGNORECASE), ""),
    # The rule under a table's head, then its rows.
    (
        re.compile(r"^[ \t]*\|?(?:[ \t]*:?-+:?[ \t]*\|)+(?:[ \t]*:?-+:?)?[ \t]*$\n?", re.MULTILINE),
        "",
    ),
    (re.compile(r"^[ \t]*\|(?P<cells>.+)\|[ \t]*$", re.MULTILINE), _row),
    (re.compile(r"^[ \t]*(?:(?:- ?){3,}|(?:\* ?){3,}|(?:_ ?){3,})$", re.MULTILINE), ""),
    (re.compile(r"\*\*\*(?=\S)([^*\n]+)(?<=\S)\*\*\*"), r"*_\1_*"),
    (re.compile(r"\*\*(?=\S)([^*\n]+)(?<=\S)\*\*"), r"*\1*"),
    (re.compile(r"(?<!\w)__(?=\S)((?:[^_\n]|_(?!_))+)(?<=\S)__(?!\w)"), r"*\1*"),
    (re.compile(r"~~(?=\S)([^~\n]+)(?<=\S)~~"), r"~\1~"),
    (re.compile(r"^ {0,3}#{1,6}[ \t]+(?P<title>.*)$", re.MULTILINE), _heading),
    (re.compile(r"^([ \t]*)[*+][ \t]+(?=\S)", re.MULTILINE), r"\1- "),
)


def fit(text: str) -> str:
    """The same text without control characters and such, one spelling for each letter."""
    text = unicodedata.normalize("NFC", _LINE_END.sub("\n", text))
    return _UNFIT.sub("", text)


def formatted(markdown: str) -> str:
    """What a model wrote, in WhatsApp's own formatting; URLs and code stay as they are."""
    text = fit(markdown)
    for pattern, replace in _LINKS:
        text = pattern.sub(replace, text)
    aside: list[str] = []

    def put_aside(found: Match[str]) -> str:
        if len(aside) == _MOST_PLACES:
            return found[0]
        aside.append(found[0])
        return chr(_FIRST_PLACE + len(aside) - 1)

    text = URL.sub(put_aside, CODE.sub(put_aside, text))
    for pattern, replace in _MARKS:
        text = pattern.sub(replace, text)
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in text.split("\n")))
    return _PLACE.sub(lambda found: aside[ord(found[0]) - _FIRST_PLACE], text).strip()


def inert(value: str) -> str:
    """A value that others wrote (a product's name, say): it cannot format what is around it."""
    return re.sub(r"\s+", " ", re.sub(r"[*_~`]", " ", fit(value))).strip()
