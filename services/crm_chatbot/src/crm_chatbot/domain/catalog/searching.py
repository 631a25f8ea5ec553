"""Searching a catalog: which words say what is looked for, and how well each is met.

Text becomes words without case and accents; what only makes it a sentence is dropped. A word that
the catalog does not have stands for those that look like it.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from crm_chatbot.domain.catalog.product import Product, ProductId, Variant
from crm_chatbot.domain.catalog.search_words import ENDINGS, NOISE, SAME
from shared.domain import Invalid

QUERY_LIMIT = 500
#: looked for at once; what comes after them is left out
MOST_WORDS = 12
MOST_GROUPS = 500
MOST_SYNONYMS = 20
SYNONYM_LIMIT = 60
#: what is longer is cut: no index takes words of any length
WORD_LIMIT = 40

_WORD = re.compile(r"[^\W\d_]+|\d+")
#: "kopiii": nobody spells so, and many write so
_DRAWN_OUT = re.compile(r"([^\W\d_])\1{2,}")
#: words of this length or more are met by those that begin with them
SHORTEST_BEGINNING = 3
#: how much less a synonym says than the word itself
_SYNONYM = 0.9
#: what is less alike than this is another word
_LEAST_ALIKE = 0.62

#: How much a word says, by where it stands; in hundredths.
NAME, CATEGORY, DESCRIPTION = 100, 85, 40

Groups = Sequence[tuple[str, ...]]
#: Words that say one thing, and how well each says it: 1 is best.
Term = Mapping[str, float]


@dataclass(frozen=True)
class Found:
    """A product that somebody may have looked for, in the variants that are for sale."""

    product_id: ProductId
    name: str
    category: str | None
    variants: tuple[Variant, ...]


@dataclass(frozen=True)
class Known:
    """A word of the catalog that `asked` may stand for; `is_begun`: begins with it."""

    asked: str
    word: str
    is_begun: bool


class CatalogSearch(Protocol):
    """What is for sale, by whatever customers write of it."""

    async def find(
        self, query: str, limit: int, /, *, category: str | None = None
    ) -> Sequence[Found]:
        """The best first, and only what is active. Of a query that names nothing: the newest."""
        ...

    async def synonyms(self) -> Groups:
        """Groups of words that mean the same in this shop."""
        ...

    async def agree_on(self, groups: Groups, /) -> None:
        """These, and no others."""
        ...


class SynonymsRejected(Invalid):
    message = "{field}: {reason}"
    at = "/{field}"


def refuse_bad_groups(groups: Groups) -> None:
    """Raises SynonymsRejected."""
    if len(groups) > MOST_GROUPS:
        raise SynonymsRejected(field="groups", reason=f"at most {MOST_GROUPS}")
    for place, group in enumerate(groups):
        if not 2 <= len(group) <= MOST_SYNONYMS:
            reason = f"2 to {MOST_SYNONYMS} words that mean the same"
            raise SynonymsRejected(field=f"groups/{place}", reason=reason)
        for number, word in enumerate(group):
            if len(word) > SYNONYM_LIMIT or not words_in(word) or not word.isprintable():
                reason = f"a word, or a few, of at most {SYNONYM_LIMIT} characters"
                raise SynonymsRejected(field=f"groups/{place}/{number}", reason=reason)


def words_in(text: str) -> list[str]:
    """In order, without case and accents; letters and digits are words of their own."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(one for one in plain if not unicodedata.combining(one))
    return [word[:WORD_LIMIT] for word in _WORD.findall(_DRAWN_OUT.sub(r"\1", bare))]


def words_of(product: Product) -> dict[str, int]:
    """The words that a product is found by, and how much each says; none, where it is not sold."""
    variants = [one for one in product.variants if one.is_active]
    if not (product.is_active and variants):
        return {}
    found = dict.fromkeys(_telling(words_in(product.description)), DESCRIPTION)
    for text in (product.category or "", *(one.name for one in variants)):
        found |= dict.fromkeys(_telling(words_in(text)), CATEGORY)
    found |= dict.fromkeys(_telling(words_in(product.name)), NAME)
    return found | dict.fromkeys((whole(one.sku) for one in variants), NAME)


def may_be_misspelt(word: str) -> bool:
    """Of numbers, and of a letter or two, each is right."""
    return len(word) >= SHORTEST_BEGINNING and word.isalpha()


def doubtful_in(terms: Iterable[Term]) -> list[str]:
    """What was written, and may be misspelt; synonyms are spelt as they should be."""
    said = {word for term in terms for word, weight in term.items() if weight > _SYNONYM}
    return [*filter(may_be_misspelt, sorted(said))]


def whole(text: str) -> str:
    """A SKU as one word, however it is spelt."""
    return "".join(words_in(text))


def terms_in(query: str, groups: Groups) -> list[Term]:
    """What is looked for, each with all words that say it; none: nothing was named."""
    said = words_in(query[:QUERY_LIMIT])
    telling = [*dict.fromkeys(_telling(said))][:MOST_WORDS]
    spelt = [[*map(_spelt, group)] for group in groups]
    terms = [_term(word, spelt) for word in telling]
    phrases = [_meant(group, said, telling) for group in spelt]
    skus = [whole(chunk) for chunk in query.split() if len(words_in(chunk)) > 1]
    return [*terms, *filter(None, phrases), *({sku: 1.0} for sku in skus[:MOST_WORDS])]


def meant_by(term: Term, known: Iterable[Known]) -> dict[str, float]:
    """The catalog's words that say it, and how well."""
    found = dict(term)
    by_word: dict[str, list[Known]] = {}
    for one in known:
        by_word.setdefault(one.asked, []).append(one)
    for asked, weight in term.items():
        alike = {one.word: likeness(asked, one) for one in by_word.get(asked, ())}
        best = max(alike.values(), default=0.0)
        for word, likely in alike.items():
            if likely >= max(_LEAST_ALIKE, 0.8 * best):
                found[word] = max(found.get(word, 0.0), weight * likely)
    return found


def likeness(asked: str, known: Known) -> float:
    """How probably a word of the catalog was meant by what was written: 0 to 1."""
    if asked == known.word:
        return 1.0
    longer = max(len(asked), len(known.word))
    if known.is_begun:
        return 0.6 + 0.4 * len(asked) / longer
    if len(known.word) > SHORTEST_BEGINNING and known.word in asked:  # "kopigayo"
        return 0.5 + 0.4 * len(known.word) / longer
    return 0.9 * (1 - edits(asked, known.word) / longer)


def edits(one: str, other: str) -> int:
    """How many letters to add, drop, change or swap with their neighbour."""
    before, last = list[int](), list(range(len(other) + 1))
    for row, letter in enumerate(one, start=1):
        current = [row]
        for column, wanted in enumerate(other, start=1):
            cost = min(
                last[column] + 1,
                current[column - 1] + 1,
                last[column - 1] + (letter != wanted),
            )
            is_swap = (
                row > 1
                and column > 1
                and (one[row - 2], letter)
                == (
                    wanted,
                    other[column - 2],
                )
            )
            current.append(min(cost, before[column - 2] + 1) if is_swap else cost)
        before, last = last, current
    return last[-1]


def _telling(words: Sequence[str]) -> list[str]:
    return [word for word in words if word not in NOISE]


@lru_cache(maxsize=20_000)
def _spelt(synonym: str) -> tuple[str, ...]:
    """Every search meets the same ones."""
    return tuple(words_in(synonym))


def _term(word: str, groups: Iterable[Sequence[tuple[str, ...]]]) -> Term:
    """The word, what it is without an ending, and its synonyms."""
    stems = [word[: -len(one)] for one in ENDINGS if word.endswith(one)]
    bare = [stem for stem in stems if len(stem) >= SHORTEST_BEGINNING]
    term = dict.fromkeys(bare, 0.95) | {word: 1.0}
    for one in (word, *bare):
        term = dict.fromkeys(SAME.get(one, ()), _SYNONYM) | term
    for spelt in groups:
        if any((one,) in spelt for one in (word, *bare)):
            for other in spelt:
                term = dict.fromkeys(other, _SYNONYM / max(1, len(other))) | term
    return term


def _meant(
    spelt: Sequence[tuple[str, ...]], said: Sequence[str], telling: Sequence[str]
) -> Term | None:
    """What else a phrase means that was said; None where no phrase of the group was."""
    text = f" {' '.join(said)} "
    if not any(len(one) > 1 and f" {' '.join(one)} " in text for one in spelt):
        return None
    term: dict[str, float] = {}
    for one in spelt:
        term |= dict.fromkeys(set(one) - set(telling), 1 / max(1, len(one)))
    return term or None
