"""Which variant a customer means: one, or several that their words fit equally well."""

from collections.abc import Sequence
from dataclasses import dataclass

from crm_chatbot.domain.catalog.product import Variant
from crm_chatbot.domain.catalog.search_words import NOISE
from crm_chatbot.domain.catalog.searching import Found, edits, whole, words_in

#: One letter in four may be wrong; two words that differ more are two words.
_MOST_WRONG = 4


@dataclass(frozen=True)
class Choice:
    """A variant that is for sale, with the name that customers read."""

    product: Found
    variant: Variant

    @property
    def name(self) -> str:
        return ", ".join(filter(None, (self.product.name, self.variant.name)))


def choices(found: Sequence[Found]) -> list[Choice]:
    return [Choice(product, variant) for product in found for variant in product.variants]


def meant(words: str, found: Sequence[Found]) -> list[Choice]:
    """Those that fit best; empty, where nothing fits at all. A SKU fits one, and only that."""
    offered = choices(found)
    named = [one for one in offered if whole(one.variant.sku) == whole(words)]
    if named:
        return named
    said = [word for word in words_in(words) if word not in NOISE]
    fits = {place: _fit(said, one) for place, one in enumerate(offered)}
    best = max(fits.values(), default=(0, False))
    return [offered[place] for place, fit in fits.items() if fit == best and fit[0] > 0]


def _fit(said: Sequence[str], choice: Choice) -> tuple[int, bool]:
    """How many words fit, and whether they are all that the product is called."""
    name = words_in(choice.product.name)
    known = [*name, *words_in(choice.variant.name), *words_in(choice.product.category or "")]
    fitting = sum(any(_is_like(word, one) for one in known) for word in said)
    is_whole = all(any(_is_like(word, one) for word in said) for one in name)
    return fitting, is_whole


def _is_like(said: str, known: str) -> bool:
    if said == known or (len(said) > 3 and known.startswith(said)):
        return True
    longer = max(len(said), len(known))
    return said.isalpha() and edits(said, known) <= longer // _MOST_WRONG
