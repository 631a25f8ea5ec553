"""Amounts of money in a text, as people write them: so that none leaves that nobody has set."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

_NUMBER = r"\d{1,3}(?:[.,]\d{3}){1,5}(?:[.,]\d{1,2})?(?!\d)|\d{1,15}(?:[.,]\d{1,2})?(?!\d)"
_SIGN = r"rp|idr|usd|sgd|myr|php|thb|vnd|eur|gbp|\$|€|£|¥"

_WRITTEN = re.compile(
    rf"(?<![\w.,])(?P<sign>{_SIGN})?\.?\s{{0,2}}(?P<number>{_NUMBER})"
    r"(?:\s?(?P<unit>rb|ribu|k|jt|juta|rupiah)(?![^\W\d_]))?(?P<tail>,-)?",
    re.IGNORECASE,
)
_GROUPED = re.compile(r"\d{1,3}(?:[.,]\d{3})+(?:[.,]\d{1,2})?")
#: A number before one of these counts or measures something.
_MEASURED = re.compile(
    r"\s?(?:mah|ml|l|liter|gr|gram|g|kg|mg|cm|mm|m|km|pcs|pc|biji|buah|orang|pelanggan|lebih|watt"
    r"|w|volt|v|kkal|kcal|gb|mb|tb|rpm|hari|jam|menit|tahun|karat|people|customers|hours|days"
    r"|pieces|cups|gelas|bungkus|lembar|meter)\b",
    re.IGNORECASE,
)
#: A number after one of these is meant as money, however it is written.
_MEANT = re.compile(
    r"(?:harga\w*|total\w*|bayar\w*|seharga|senilai|cuma|hanya|jadi|price\w*|costs?|pays?|only|just"
    r"|deal)\W{1,3}(?:(?:aja|saja|ya|kak|jadi|cuma|hanya|nya|is|only|just|at|for)\W{1,3}){0,3}$",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?:sejak|tahun|since|year|est|berdiri|pada|in)\W{1,3}$", re.IGNORECASE)
_DISCOUNT = r"(?:diskon|discount|potongan|hemat|cashback|promo|off|lebih murah|cheaper|sale)"
_PERCENT = re.compile(
    r"(?<![\w.,])(\d{1,3})(?:[.,]\d{1,2})?\s?(?:%|persen\b|percent\b)", re.IGNORECASE
)

_DIGITS: Mapping[str, int] = {
    "nol": 0, "satu": 1, "dua": 2, "tiga": 3, "empat": 4, "lima": 5, "enam": 6, "tujuh": 7,
    "delapan": 8, "sembilan": 9,
}  # fmt: skip
_TIMES: Mapping[str, int] = {"ribu": 1_000, "juta": 1_000_000}
_THOUSANDS = frozenset({"ribu", "juta", "seribu", "sejuta"})
_PARTS = _THOUSANDS.union(
    _DIGITS, ("puluh", "belas", "ratus", "setengah", "sepuluh", "sebelas", "seratus")
)
#: No amount that anybody means has more words.
_MOST_WORDS = 12
_WORD = re.compile(r"[^\W\d_]+")
#: The unit multiplies what stands before it.
_MULTIPLIED: Mapping[str, int] = {
    "rb": 1_000, "ribu": 1_000, "k": 1_000, "jt": 1_000_000, "juta": 1_000_000,
}  # fmt: skip
_PLAIN = re.compile(r"(?<![\d.,])\d{4,15}(?!\d)")
#: Who repeats a number after one of these haggles.
_HAGGLING = re.compile(
    r"aja|bayar|buat|cuma|deal|dengan|for|harga|jadi|kalau|kalo|kl|mau|nego|oke|okay|only|saja"
    r"|total|tawar|yah"
)


@dataclass(frozen=True)
class Figure:
    """A number that may be money, in the currency's smallest unit."""

    text: str
    #: None: it names money, and nobody can tell how much
    value: int | None
    #: it is written, or meant, as money; else it may as well be a size or a street number
    is_money: bool
    #: the word that it follows
    after: str = ""


def figures_in(text: str, *, scale: int = 0) -> Iterator[Figure]:
    """Every one of them; small plain numbers (quantities, hours) are none."""
    for found in _WRITTEN.finditer(text):
        if (figure := _figure(found, scale)) is not None:
            yield figure
    for words in _spoken_in(text):
        yield Figure(" ".join(words), _spoken(words, scale), is_money=True)


def unknown_figures(
    text: str,
    *,
    facts: Iterable[str],
    told: Iterable[str] = (),
    plain_from: Iterable[str] = (),
    scale: int = 0,
) -> list[str]:
    """What in it looks like money, or a discount, and is in none of the facts.

    Numbers that are not written as money (sizes, order numbers) may stand as the shop itself has
    `told` them; numbers of addresses may be repeated from `plain_from`, what customers say, behind
    the same word. A price that a customer names is none.
    """
    known, percents = set[int](), set[str]()
    for fact in facts:
        known |= {one.value for one in figures_in(fact, scale=scale) if one.value is not None}
        known |= {int(number) for number in _PLAIN.findall(fact)}
        percents |= set(_PERCENT.findall(fact))
    sources = "\n".join(told).casefold()
    addresses = {pair for words in plain_from for pair in _pairs(words, scale)}
    strange = [
        one.text
        for one in figures_in(text, scale=scale)
        if one.value not in known and (one.is_money or not _is_repeated(one, sources, addresses))
    ]
    return strange + [f"{one}%" for one in _taken_off(text) if one not in percents]


def _is_repeated(one: Figure, sources: str, addresses: set[tuple[str, str]]) -> bool:
    is_told = re.search(rf"(?<![\w.,]){re.escape(one.text.casefold())}(?!\w)", sources)
    return is_told is not None or (one.after, one.text) in addresses


def _pairs(words: str, scale: int) -> Iterator[tuple[str, str]]:
    for one in figures_in(words, scale=scale):
        if one.text.isdigit() and one.after and not _HAGGLING.fullmatch(one.after):
            yield one.after, one.text


def _taken_off(text: str) -> Iterator[str]:
    """Percentages that are discounts, and not what a cloth is made of."""
    for found in _PERCENT.finditer(text):
        around = text[max(0, found.start() - 30) : found.end() + 30]
        if re.search(rf"\b{_DISCOUNT}", around, re.IGNORECASE):
            yield found[1]


def _figure(found: re.Match[str], scale: int) -> Figure | None:
    sign, number, unit = found["sign"], found["number"], (found["unit"] or "").casefold()
    before = found.string[max(0, found.start() - 40) : found.start()]
    is_grouped = _GROUPED.fullmatch(number) is not None
    is_plain = not (sign or unit or is_grouped)
    if is_plain and _is_harmless(number, before, found):
        return None
    is_strong = bool(sign) or unit in {"rb", "ribu", "jt", "juta", "rupiah"} or bool(found["tail"])
    is_money = is_strong or _MEANT.search(before) is not None
    if not is_money and _MEASURED.match(found.string, found.end()):
        return None
    words = _WORD.findall(before)
    value = _value(number, _MULTIPLIED.get(unit, 1), scale)
    after = words[-1].casefold() if words else ""
    return Figure(found[0].strip(), value, is_money=is_money, after=after)


def _is_harmless(number: str, before: str, found: re.Match[str]) -> bool:
    """A quantity, an hour, a part of a phone or order number, a percentage, a year."""
    is_part = before.endswith("-") or found.string.startswith("-", found.end())
    is_share = re.match(r"\s?(?:%|persen\b|percent\b)", found.string[found.end() : found.end() + 9])
    is_year = number[:2] in {"19", "20"} and len(number) == 4 and _YEAR.search(before)
    return not re.fullmatch(r"\d{4,8}", number) or is_part or bool(is_share) or bool(is_year)


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


def _spoken_in(text: str) -> Iterator[Sequence[str]]:
    """Runs of number words that name thousands, or rupiah."""
    run, end = list[str](), -1
    for found in _WORD.finditer(text):
        word = found[0].casefold()
        if run and text[end : found.start()].strip(" "):
            yield from _whole(run, "")
            run = []
        if word in _PARTS and len(run) < _MOST_WORDS:
            run.append(word)
        elif run:
            yield from _whole(run, word)
            run = [word] if word in _PARTS else []
        end = found.end()
    yield from _whole(run, "")


def _whole(run: list[str], following: str) -> Iterator[Sequence[str]]:
    is_bare = len(run) == 1 and run[0] in _TIMES
    if run and not is_bare and (following == "rupiah" or _THOUSANDS & set(run)):
        yield tuple(run)


def _spoken(words: Sequence[str], scale: int) -> int | None:
    """`delapan puluh lima ribu`: 85000; None where it is no number that anybody knows."""
    total, part, digit = 0, 0, 0
    unit: int = 10**scale
    for word in re.sub(r"\bse(?=puluh|belas|ratus|ribu|juta)", "satu ", " ".join(words)).split():
        if word in _DIGITS:
            digit = _DIGITS[word]
        elif word == "belas":
            part, digit = part + 10 + digit, 0
        elif word in {"puluh", "ratus"}:
            part, digit = part + (digit or 1) * (10 if word == "puluh" else 100), 0
        elif word in _TIMES:
            total, part, digit = total + (part + digit or 1) * _TIMES[word], 0, 0
        else:
            return None
    return (total + part + digit) * unit
