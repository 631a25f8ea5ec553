"""The last look at what a model wrote, before a customer reads it: nothing leaks, nobody lures."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from re import Match

#: More than the sender would send anyway: four messages of 3,500 characters.
LONGEST_REPLY = 14_000
#: So many words of our own instructions in a row are no coincidence.
_LEAKED_WORDS = 10

_TLD = "com|net|org|id|io|co|me|link|info|biz|app|dev|shop|store|site|online|xyz|top|ly|gl|cc|ru|tk"
_URL = re.compile(
    r"(?:[a-z][a-z0-9+.-]{1,10}://|www\.)[^\s<>\"'`*«»“”]+"
    rf"|(?<![@\w.-])(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?:{_TLD})\b(?:/[^\s<>\"'`*«»“”]*)?",
    re.IGNORECASE,
)
_URL_END = ".,;:!?)]}_~"

_PHONE = re.compile(r"(?<![\w.,-])(?:\+|00)?\(?\d(?:[\s().-]{0,2}\d){8,15}(?![\w-])")
_CARD = re.compile(r"(?<![\w.,-])\d(?:[ -]?\d){12,18}(?![\w-])")
_MONEY_BEFORE = re.compile(r"(?:rp|idr|usd|\$|€|£)\.?\s*$", re.IGNORECASE)

HIDDEN = "•••"


@dataclass(frozen=True)
class Guarded:
    """What may be sent, and what was found in it and taken out: codes."""

    text: str
    findings: tuple[str, ...] = ()


def guarded(
    text: str, *, urls_from: Sequence[str], numbers_from: Sequence[str], secret: str
) -> Guarded:
    """The reply without what no reply may hold.

    Addresses and phone numbers may be repeated from these texts only. `secret`: our instructions;
    who quotes them says nothing at all.
    """
    if _quotes(text, secret):
        return Guarded("", ("prompt_leak",))
    findings: list[str] = []
    rules: tuple[tuple[str, re.Pattern[str], Callable[[Match[str]], str]], ...] = (
        ("url", _URL, _keep_known_url(urls_from)),
        ("card_number", _CARD, _hide_card),
        ("phone_number", _PHONE, _keep_known_phone(numbers_from)),
    )
    for name, pattern, replace in rules:
        changed = pattern.sub(replace, text)
        if changed != text:
            findings.append(name)
            text = changed
    if len(text) > LONGEST_REPLY:
        text = f"{text[: LONGEST_REPLY - 1].rsplit(maxsplit=1)[0]}…"
        findings.append("too_long")
    return Guarded(re.sub(r"[ \t]{2,}", " ", text).strip(), tuple(findings))


def _keep_known_url(known: Sequence[str]) -> Callable[[Match[str]], str]:
    urls = {_plain_url(found[0]) for text in known for found in _URL.finditer(text)}

    def replace(found: Match[str]) -> str:
        whole = found[0]
        url = whole.rstrip(_URL_END)
        return whole if _plain_url(url) in urls else whole[len(url) :]

    return replace


def _plain_url(url: str) -> str:
    return url.rstrip(_URL_END).rstrip("/").casefold()


def _keep_known_phone(known: Sequence[str]) -> Callable[[Match[str]], str]:
    numbers = {_plain_phone(found[0]) for text in known for found in _PHONE.finditer(text)}

    def replace(found: Match[str]) -> str:
        is_money = _MONEY_BEFORE.search(found.string[: found.start()])
        if is_money or not _looks_like_phone(found[0]) or _plain_phone(found[0]) in numbers:
            return found[0]
        return HIDDEN

    return replace


def _looks_like_phone(number: str) -> bool:
    digits = re.sub(r"\D", "", number)
    return number.startswith(("+", "00")) or digits.startswith(("0", "62", "8"))


def _plain_phone(number: str) -> str:
    digits = re.sub(r"\D", "", number).removeprefix("00")
    return re.sub("^(?:620?|0)", "", digits)


def _hide_card(found: Match[str]) -> str:
    digits = [int(digit) for digit in re.sub(r"\D", "", found[0])]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return HIDDEN if (sum(doubled) + sum(digits[-1::-2])) % 10 == 0 else found[0]


def _quotes(text: str, secret: str) -> bool:
    said, ours = _words(text), _words(secret)
    runs = {tuple(ours[at : at + _LEAKED_WORDS]) for at in range(len(ours) - _LEAKED_WORDS + 1)}
    return any(
        tuple(said[at : at + _LEAKED_WORDS]) in runs for at in range(len(said) - _LEAKED_WORDS + 1)
    )


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())
