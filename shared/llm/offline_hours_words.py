"""When a shop is open, as the offline model tells it: the days translated, and today's hours."""

import re
from collections.abc import Sequence

from shared.llm.offline_talk_words import Both, Talk

_DAYS: Sequence[tuple[str, str, str]] = (
    ("mon", "Monday", "Senin"),
    ("tue", "Tuesday", "Selasa"),
    ("wed", "Wednesday", "Rabu"),
    ("thu", "Thursday", "Kamis"),
    ("fri", "Friday", "Jumat"),
    ("sat", "Saturday", "Sabtu"),
    ("sun", "Sunday", "Minggu"),
)
_DAY = "|".join(rf"{english}|{short}|{indonesian}" for short, english, indonesian in _DAYS)
_PART = re.compile(
    rf"\b(?P<first>{_DAY})\b(?:\s?[-\u2013]\s?(?P<last>{_DAY})\b)?\s*(?P<hours>[^;a-z]*\d[^;a-z]*"
    r"|\s*(?:closed|tutup))",
    re.IGNORECASE,
)

UNKNOWN = Both(
    "I do not know our opening hours, I am afraid. Shall I call one of our staff?",
    "Maaf, saya belum tahu jam bukanya. Mau saya panggilkan staf kami?",
)
_HOURS = Both("Our opening hours: {hours}.", "Jam buka kami: {hours}.")
_OPEN = Both("{day} we are open {hours}.", "{day} kami buka {hours}.")
_CLOSED = Both("{day} we are closed.", "{day} kami tutup.")
_NAMED_DAY = Both("On {day}", "Hari {day}")
_TODAY = Both("Today ({day})", "Hari ini ({day})")
_TOMORROW = Both("Tomorrow ({day})", "Besok ({day})")
_ABOUT_TOMORROW = re.compile(r"\b(?:besok|tomorrow)\b", re.IGNORECASE)


def opening_hours(talk: Talk) -> str:
    told = talk.fact("business hours", "opening hours", "hours", "jam buka", "jam operasional")
    if not told:
        return talk.say(UNKNOWN)
    return " ".join(filter(None, (_that_day(talk, told), talk.say(_HOURS, hours=_in(talk, told)))))


def _that_day(talk: Talk, told: str) -> str:
    """What the customer most likely wants to know, if the hours can be read."""
    today = re.search(rf"\b({_DAY})\b", talk.fact("now", "today", "sekarang"), re.IGNORECASE)
    parts = list(_PART.finditer(told))
    if not today or not parts:
        return ""
    number, when = _asked_about(talk, _number(today[1]))
    day = talk.say(when, day=_DAYS[number][1 if talk.language == "en" else 2])
    hours = [part["hours"].strip(" ,.") for part in parts if number in _days(part)]
    if not hours or re.match("closed|tutup", hours[0], re.IGNORECASE):
        return talk.say(_CLOSED, day=day)
    return talk.say(_OPEN, day=day, hours=_in(talk, ", ".join(hours)))


def _asked_about(talk: Talk, today: int) -> tuple[int, Both]:
    if named := re.search(rf"\b({_DAY})\b", talk.words, re.IGNORECASE):
        return _number(named[1]), _NAMED_DAY
    if _ABOUT_TOMORROW.search(talk.words):
        return (today + 1) % 7, _TOMORROW
    return today, _TODAY


def _days(part: re.Match[str]) -> Sequence[int]:
    first = _number(part["first"])
    last = _number(part["last"]) if part["last"] else first
    return [(first + more) % 7 for more in range((last - first) % 7 + 1)]


def _number(day: str) -> int:
    return next(n for n, names in enumerate(_DAYS) if day.lower() in map(str.lower, names))


def _in(talk: Talk, hours: str) -> str:
    """The hours in the customer's language: Senin-Sabtu 08.00-20.00."""
    wanted = 1 if talk.language == "en" else 2
    named = re.sub(
        rf"\b(?:{_DAY})\b", lambda day: _DAYS[_number(day[0])][wanted], hours, flags=re.IGNORECASE
    )
    pairs = (("tutup", "closed"), (r"buka setiap saat", "always open"))
    for indonesian, english in pairs if talk.language == "en" else [(e, i) for i, e in pairs]:
        named = re.sub(indonesian, english, named, flags=re.IGNORECASE)
    point = ":" if talk.language == "en" else "."
    return re.sub(r"\b(\d\d)[.:](\d\d)\b", rf"\1{point}\2", named).strip(" .")
