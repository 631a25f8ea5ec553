"""What customers want of a shop's goods, to see and to have: the offline assistant's rules."""

import re
from collections.abc import Sequence

from shared.llm import offline_cart_words as cart
from shared.llm import offline_checkout_words as checkout
from shared.llm import offline_order_patterns_words as heard
from shared.llm.offline_intents import BY_STAFF, OFFER, Intent, Wanted, said_like
from shared.llm.offline_lines_words import Line, lines_of, money_of, product_of
from shared.llm.offline_memory_words import is_address_due, listed, meant
from shared.llm.offline_shop_patterns_words import GREETING, SALAM
from shared.llm.offline_talk_words import Both, Talk

WHICH = Both("Which product do you mean?", "Produk yang mana, Kak?")
WHAT = Both("What would you like to order, and how many?", "Mau pesan apa, Kak, dan berapa?")
NO_ORDERS = Both(
    "With pleasure! I cannot take orders by myself yet. Shall I call one of our staff?",
    "Siap, Kak! Pesanan belum bisa saya catat sendiri. Mau saya panggilkan staf kami?",
)
_MENU = Both("This is what we have: {it}.", "Yang kami punya: {it}.")
_NO_MENU = Both(
    "I cannot look into the catalogue here.", "Maaf, saya belum bisa melihat katalog di sini."
)
#: Names nothing: then a search tells of everything.
_EVERYTHING = "menu"
_RECOMMEND = re.compile(
    r"\b(?:laris|rekomen\w*|recommend\w*|kado|gift|best ?sellers?)\b", re.IGNORECASE
)
_HOW_TO_ORDER = re.compile(
    r"\b(?:cara(?:nya)?|gimana|bagaimana|how (?:do|can) i)\b.{0,15}"
    r"\b(?:pesan|order|beli|buy)(?:nya)?\b|\b(?:pesan|order|beli)\w*\b.{0,10}\b(?:gimana|bagaimana|caranya)\b",
    re.IGNORECASE,
)
_NO_GOODS = re.compile(
    r"\b(?:hari|jam|menit|minggu|bulan|tahun|orang|kali|days?|hours?|minutes?|weeks?|people|times)\b",
    re.IGNORECASE,
)
_LONGEST_LIST = 15


def _menu(talk: Talk) -> str:
    if menu := talk.fact("menu", "products", "catalogue", "catalog", "produk", "katalog"):
        return talk.say(_MENU, it=menu)
    return f"{talk.say(_NO_MENU)} {talk.say(OFFER)}"


def _product(talk: Talk) -> str:
    """What they ask about: what they name, or what was spoken of last."""
    return meant(talk, next(iter(lines_of(talk.words)), Line(product_of(talk.words))))


def _searched(talk: Talk) -> Sequence[Wanted]:
    budget = money_of(talk.words)
    limit = {} if budget is None else {"budget": budget, "max_price": budget}
    is_general = _RECOMMEND.search(talk.words) or budget is not None
    product = product_of(talk.words) if is_general else _product(talk)
    if not talk.done and not is_general and product in listed(talk):
        # It has been shown: no need to find it once more.
        return _in_stock(talk)
    if not talk.done:
        return [("search_products", {"query": product or _EVERYTHING, **limit})]
    is_vain = len(talk.done) == 1 and not talk.done[0].products
    return [("search_products", {"query": _EVERYTHING, **limit})] if is_vain and is_general else ()


def _in_stock(talk: Talk) -> Sequence[Wanted]:
    product = _product(talk)
    if talk.done:
        return ()
    if product and "check_stock" in talk.tools:
        return [("check_stock", {"product": product})]
    return [("search_products", {"query": product or _EVERYTHING})]


def _details(talk: Talk) -> Sequence[Wanted]:
    product = _product(talk)
    return [("get_product_details", {"product": product})] if product and not talk.done else ()


def _is_about_one(talk: Talk) -> bool:
    return bool(
        heard.DETAILS.search(talk.words) and "get_product_details" in talk.tools and _product(talk)
    )


def _is_list(talk: Talk) -> bool:
    """Goods and numbers and nothing else, to somebody whom we are talking with."""
    lines = lines_of(talk.words)
    is_short = len(talk.words.split()) <= _LONGEST_LIST and not _NO_GOODS.search(talk.words)
    is_whole = all(line.is_counted and line.product for line in lines)
    return bool(lines) and not talk.is_first and is_short and is_whole and "?" not in talk.words


_ADD = ("add_to_order", "search_products")
_LOOKING: Sequence[Intent] = (
    Intent(
        said_like(_HOW_TO_ORDER),
        Both(
            "Just tell me what you would like, and how many.",
            "Sebut saja produk dan jumlahnya di sini ya, Kak.",
        ),
    ),
    Intent(
        said_like(heard.HYPOTHETICAL),
        Both("Which product is it about?", "Soal produk yang mana, Kak?"),
        ("check_stock",),
        steps=lambda talk: _in_stock(talk) if _product(talk) else (),
        asks=WHICH,
    ),
    Intent(said_like(heard.STOCK), _menu, ("check_stock", "search_products"), steps=_in_stock),
    Intent(_is_about_one, _menu, ("get_product_details",), steps=_details),
    Intent(said_like(heard.BROWSE), _menu, ("search_products",), steps=_searched),
)
_ORDERING: Sequence[Intent] = (
    Intent(cart.is_choice, NO_ORDERS, _ADD, steps=cart.choose, asks=WHICH),
    Intent(
        lambda talk: heard.ORDER.search(talk.words) or _is_list(talk),
        NO_ORDERS,
        _ADD,
        steps=cart.ordered,
        asks=WHAT,
    ),
)

#: The first that fits is it; behind what is wanted of orders.
INTENTS: Sequence[Intent] = (*_LOOKING, *_ORDERING)

_CHATTER = re.compile(
    r"^\W*(?:(?:ha|he|wk)+h?|mantap\w*|keren|nice|cool|great|asik|wow|h+m+|o+h?|gitu|begitu|noted"
    r"|paham|good|perfect|sounds good)\b",
    re.IGNORECASE,
)
_LONGEST_NAME = 5


def _is_name(talk: Talk) -> bool:
    """Perhaps a product: a few words in answer to a question."""
    words = product_of(talk.words).split()
    is_asked = "?" in talk.last_answer and "?" not in talk.words
    is_talk = any(one.search(talk.words) for one in (_CHATTER, SALAM, GREETING))
    return is_asked and not is_talk and 0 < len(words) <= _LONGEST_NAME


#: What is left when nothing else fits.
LEFT: Sequence[Intent] = (
    Intent(
        is_address_due,
        Both("May I have the whole address: street, number and city?",
             "Boleh tulis alamat lengkapnya, Kak: jalan, nomor, dan kota?"),
    ),
    Intent(_is_name, _menu, ("search_products",), steps=_searched),
)  # fmt: skip
#: What may still help when a call came to nothing.
MENDING = Intent(lambda _: True, BY_STAFF, steps=checkout.mended)
