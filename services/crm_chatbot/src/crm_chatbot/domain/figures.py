"""Amounts of money in a text, as people write them: so that none leaves that nobody has set."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

_NUMBER = r"\d{1,3}(?:[.,]\d{3})+(?:[.,]\d{1,2})?(?!\d)|\d+(?:[.,]\d{1,2})?(?!\d)"
_UNIT = r"rb|ribu|k|jt|juta|rupiah|perak"
_SIGN = r"rp|idr|usd|sgd|myr|php|thb|vnd|eur|gbp|\$|€|£|¥"

_WRITTEN = re.compile(
    rf"(?<![\w.,])(?P<sign>{_SIGN})?\.?\s{{0,2}}(?P<number>{_NUMBER})"
    rf"(?:\s?(?P<unit>{_UNIT})(?![^\W\d_]))?(?P<tail>,-|\s?%)?",
    re.IGNORECASE,
)
_DIGITS: Mapping[str, int] = {
    "nol": 0, "satu": 1, "dua": 2, "tiga": 3, "empat": 4, "lima": 5, "enam": 6, "tujuh": 7,
    "delapan": 8, "sembilan": 9,
}  # fmt: skip
_TIMES: Mapping[str, int] = {"ribu": 1_000, "juta": 1_000_000}
_SPOKEN_WORDS = "|".join((*_DIGITS, "se", "puluh", "belas", "ratus", "setengah"))
_SPOKEN = re.compile(
    rf"\b(?:(?:{_SPOKEN_WORDS}|sepuluh|sebelas|seratus) ?)*(?:seribu|sejuta|ribu|juta)\b"
    rf"|\b(?:(?:{_SPOKEN_WORDS}|sepuluh|sebelas|seratus) )+rupiah\b",
    re.IGNORECASE,
)
#: The unit multiplies what stands before it.
_MULTIPLIED: Mapping[str, int] = {
    "rb": 1_000, "ribu": 1_000, "k": 1_000, "jt": 1_000_000, "juta": 1_000_000,
}  # fmt: skip
#: A plain number after one of these is meant as money, however it is written.
_MEANT = re.compile(
    r"(?:harga\w*|total\w*|bayar\w*|seharga|senilai|cuma|hanya|jadi|price\w*|costs?|pays?|only|just"
    r"|for|at)\W{1,3}(?:(?:aja|saja|ya|kak|jadi|cuma|hanya|nya|is|only|just)\W{1,3})*$",
    re.IGNORECASE,
)
_PLAIN = re.compile(r"(?<![\d.,])\d{4,15}(?!\d)")
_PERCENT = re.compile(r"(?<![\w.,])(\d{1,3})(?:[.,]\d+)?\s?(?:%|persen\b|percent\b)", re.IGNORECASE)


@dataclass(frozen=True)
class Figure:
    """A number that may be money, in the currency's smallest unit."""

    text: str
    #: None: it names money, and nobody can tell how much
    value: int | None
    #: it is written as money is; else it may as well be a year or a street number
    is_money: bool


def figures_in(text: str, *, scale: int = 0) -> Iterator[Figure]:
    """Every one of them; small plain numbers (quantities, hours) are none."""
    for found in _WRITTEN.finditer(text):
        if (figure := _figure(found, scale)) is not None:
            yield figure
    for found in _SPOKEN.finditer(text):
        words = found[0].strip()
        if words.casefold() not in _TIMES:
            yield Figure(words, _spoken(words.casefold(), scale), is_money=True)


def unknown_figures(
    text: str, *, facts: Iterable[str], plain_from: Iterable[str] = (), scale: int = 0
) -> list[str]:
    """What in it looks like money, or a discount, and is in none of the facts.

    Numbers that are not written as money (years, house numbers) may be repeated from `plain_from`,
    too: what a customer says is no price.
    """
    known, percents, plain = set[int](), set[str](), set[int]()
    for fact in facts:
        known |= {one.value for one in figures_in(fact, scale=scale) if one.value is not None}
        known |= {int(number) for number in _PLAIN.findall(fact)}
        percents |= set(_PERCENT.findall(fact))
    for words in plain_from:
        plain |= {int(number) for number in _PLAIN.findall(words)}
    strange = [
        one.text
        for one in figures_in(text, scale=scale)
        if one.value not in known and (one.is_money or int(one.text) not in known | plain)
    ]
    return strange + [f"{one}%" for one in _PERCENT.findall(text) if one not in percents]


def _figure(found: re.Match[str], scale: int) -> Figure | None:
    sign, number, unit, tail = found["sign"], found["number"], found["unit"], found["tail"] or ""
    if "%" in tail:
        return None
    is_grouped = re.fullmatch(r"\d{1,3}(?:[.,]\d{3})+(?:[.,]\d{1,2})?", number) is not None
    is_meant = _MEANT.search(found.string[max(0, found.start() - 40) : found.start()])
    is_money = bool(sign or unit or is_grouped or tail == ",-" or is_meant)
    if not (sign or unit or is_grouped) and not re.fullmatch(r"\d{4,8}", number):
        return None
    factor = _MULTIPLIED.get((unit or "").casefold(), 1)
    return Figure(found[0].strip(), _value(number, factor, scale), is_money=is_money)


def _value(number: str, factor: int, scale: int) -> int | None:
    """In the smallest unit; None where there is a part of it that does not exist."""
    plain = re.sub(r"[.,](?=\d{3}(?!\d))", "", number) if factor == 1 else number
    whole, _, part = plain.replace(",", ".").partition(".")
    if "." in part:
        return None
    value: int = int(whole + part) * factor * 10**scale
    divisor: int = 10 ** len(part)
    cents, rest = divmod(value, divisor)
    return None if rest else cents


def _spoken(words: str, scale: int) -> int | None:
    """`delapan puluh lima ribu`: 85000; None where it is no number that anybody knows."""
    total, part, digit = 0, 0, 0
    unit: int = 10**scale
    spread = re.sub(r"\bse(?=puluh|belas|ratus|ribu|juta)", "satu ", words)
    for word in spread.split():
        if word in _DIGITS:
            digit = _DIGITS[word]
        elif word == "belas":
            part, digit = part + 10 + digit, 0
        elif word in {"puluh", "ratus"}:
            part, digit = part + (digit or 1) * (10 if word == "puluh" else 100), 0
        elif word in _TIMES:
            total, part, digit = total + (part + digit or 1) * _TIMES[word], 0, 0
        elif word != "rupiah":
            return None
    return (total + part + digit) * unit
