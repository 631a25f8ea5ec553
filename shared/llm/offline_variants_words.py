"""Sizes, weights and colours: what makes a variant of a product, and no product by itself."""

import re
from collections.abc import Mapping, Sequence

_KINDS: Mapping[str, re.Pattern[str]] = {
    name: re.compile(rf"(?:{pattern})", re.IGNORECASE)
    for name, pattern in (
        ("size", r"(?:xs|s|m|l|xl|xxl|xxxl|[2-5]xl|small|medium|large|kecil|sedang|besar)"),
        ("measure", r"\d+(?:[.,]\d+)?(?:gr?|gram|grams|kg|kilo|ml|cl|liter|cm|oz)|\d{2,4}"),
        (
            "colour",
            (
                "merah|hitam|item|putih|biru|hijau|kuning|abu(?:-abu)?|ungu|red|black|white|blue"
                "|green|yellow|grey|gray"
            ),
        ),
        ("warmth", "panas|dingin|hot|iced|cold"),
    )
}
#: They only introduce a variant.
_AROUND = frozenset({"size", "ukuran", "warna", "colour", "color", "varian", "yang", "yg", "one"})
_UNIT = r"(?:grams|gram|gr|g|kg|kilo|ml|cl|liter|cm|oz)"
_APART = re.compile(rf"\b(\d+(?:[.,]\d+)?) ({_UNIT})\b", re.IGNORECASE)
_GRAMS = re.compile(r"^(\d+(?:[.,]\d+)?)(?:grams|gram|gr)$")


def words_in(name: str) -> Sequence[str]:
    """In lower case; a measure is one word, with one name for its unit."""
    found = re.findall(r"[\w.,'-]*\w", _APART.sub(r"\1\2", name.lower()))
    plain = (re.sub(r"(?<=\w{3})nya$", "", word.strip(",.")) for word in found)
    return [_GRAMS.sub(r"\1g", word) for word in plain]


def is_variant(product: str) -> bool:
    """Whether it names no product, only what kind of one."""
    words = words_in(product)
    return bool(words) and all(_kind(word) or word in _AROUND for word in words)


def inherited(product: str, variant: str) -> str:
    """The product in that variant: "kaos hitam L" as "M" is "kaos hitam M"."""
    wanted = [w for w in _APART.sub(r"\1\2", variant).split() if w.lower() not in _AROUND]
    kinds = {_kind(word) for word in wanted}
    kept = [word for word in _APART.sub(r"\1\2", product).split() if _kind(word) not in kinds]
    return " ".join([*(word.rstrip(",") for word in kept), *wanted])


def the_one(words: str, names: Sequence[str]) -> str:
    """The one of the names that all the words occur in; empty where it is none, or several."""
    wanted = {word for word in words_in(words) if word not in _AROUND}
    fitting = [name for name in names if wanted and all(_is_in(word, name) for word in wanted)]
    exact = [name for name in fitting if wanted == set(words_in(name))]
    chosen = exact or fitting
    return chosen[0] if len(chosen) == 1 else ""


def _is_in(word: str, name: str) -> bool:
    """A number may leave out its unit."""
    known = words_in(name)
    bare = [re.sub(rf"(?<=\d){_UNIT}$", "", one) for one in known]
    return word in known or (word.isdigit() and word in bare)


def _kind(word: str) -> str:
    plain = word.strip(",.")
    return next((name for name, kind in _KINDS.items() if kind.fullmatch(plain)), "")
