"""What came of the tools of a turn, told to a customer in their language, and what comes next."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from shared.llm import offline_order_patterns_words as heard
from shared.llm.offline_done_words import Done, Result
from shared.llm.offline_memory_words import HOW_MANY, WHICH_ONE
from shared.llm.offline_refusals_words import refusal
from shared.llm.offline_talk_words import Both, Talk

_SAVED, _SAVED_BY_THE_WAY = (
    Both("Noted: {what}. Anything else?", "Baik, sudah saya catat: {what}. Ada lagi, Kak?"),
    Both("Noted: {what}.", "Baik, sudah saya catat: {what}."),
)
_LANGUAGE = Both(
    "Of course, from now on in English. How can I help you?",
    "Siap, mulai sekarang pakai bahasa Indonesia. Ada yang bisa saya bantu?",
)
_NAME, _ADDRESS, _EMAIL = (
    Both("your name is {it}", "nama {it}"),
    Both("your address is {it}", "alamat {it}"),
    Both("your email is {it}", "email {it}"),
)
_KNOWN = Both("This is what I have: {what}.", "Ini data yang kami simpan: {what}.")
_NOTHING_KNOWN = Both(
    "I have nothing about you yet. What is your name?",
    "Kami belum menyimpan data Kakak. Boleh tahu namanya?",
)
_HANDED_OVER = Both(
    "All right, I am connecting you with our staff. Please wait a moment.",
    "Baik, saya sambungkan dengan staf kami. Mohon tunggu sebentar, ya.",
)
_SORRY_HANDED_OVER = Both(
    "I am sorry about that. I am passing it to our staff, please wait a moment.",
    "Mohon maaf atas kejadian ini, Kak. Saya teruskan ke staf kami, mohon tunggu sebentar ya.",
)
_FOUND = Both(
    "This is what I found:\n{what}\nWhich one would you like?",
    "Ini yang saya temukan:\n{what}\nMau yang mana, Kak?",
)
_NOTHING_FOUND = Both(
    "Sorry, I found nothing like that. Are you looking for something else?",
    "Maaf, saya tidak menemukannya. Ada yang lain yang dicari, Kak?",
)
_DONE = Both("Done. Anything else?", "Sudah saya proses. Ada lagi, Kak?")
_SUMMARY = Both(
    "Please check the summary: if all of it is right, reply YES.",
    "Mohon dicek ringkasannya ya, Kak: kalau semuanya benar, balas YA.",
)
_LINK = Both(
    "The payment link comes in a message of its own.",
    "Link pembayarannya kami kirim di pesan tersendiri ya, Kak.",
)
_GO_ON = Both("Anything else, or shall I go on to the checkout?",
              "Ada tambahan, Kak, atau lanjut checkout?")  # fmt: skip
_CHECKED = Both(
    "Payments are checked automatically; if yours comes in, we will tell you at once.",
    "Pembayaran dicek otomatis, Kak; kalau nanti masuk, langsung kami kabari.",
)
_LINK_AGAIN = Both(
    "Shall I send the payment link again?", "Mau saya kirim lagi link pembayarannya?"
)
_ONCE_MORE = Both(
    "Shall I go on with it once more?", "Mau dilanjutkan lagi pesanannya, Kak? Lanjut?"
)
_EMPTY = Both("What would you like instead?", "Mau pesan yang lain, Kak?")
_WELCOME_BACK = Both("Write whenever you like.", "Kabari kapan saja ya, Kak.")
_AFTER: Mapping[str, Both] = {
    "AWAITING_PAYMENT": _LINK_AGAIN,
    "EXPIRED": _ONCE_MORE,
    "CANCELLED": _WELCOME_BACK,
}

#: Where a tool has put words that may be said as they are.
_WORDS = ("text", "message", "summary", "rendered")
_LISTS = ("products", "items", "results", "variants")
_COMPLAINT = re.compile(r"^complaint\b", re.IGNORECASE)
#: A description is anybody's words: no amount is told from it, nor what may look like one.
_FIGURES = re.compile(
    r"\d{4}|%|\d[.,]\d{3}|\b(?:rp|idr)\b|\d ?(?:rb|ribu|k|jt|juta)\b", re.IGNORECASE
)
#: So much of it is said.
_LONGEST_DESCRIPTION = 300


def told(talk: Talk) -> str:
    """Everything that came of the turn, and at most one sentence of what may come next."""
    tellings = sorted(_worth_telling(talk.done), key=lambda done: bool(done.error))
    return "\n".join(_tell(talk, done, is_last=done is tellings[-1]) for done in tellings)


def _worth_telling(all_done: Sequence[Done]) -> Iterator[Done]:
    """Not what was a step on the way: an order as it was before, or what was mended since."""
    for number, done in enumerate(all_done):
        later = all_done[number + 1 :]
        next_rounds = [one for one in later if one.step > done.step]
        is_step = done.tool in {"get_order_status", "get_customer_profile", "create_order"}
        is_old = bool(done.order) and any(one.order for one in later)
        is_link_next = done.status == "confirmed" and any(_is_link(one) for one in later)
        is_past = next_rounds if done.error else later if is_step else is_old and not is_link_next
        if not is_past:
            yield done


def _tell(talk: Talk, done: Done, *, is_last: bool) -> str:
    if done.error:
        return refusal(talk, done)
    said = _TELLERS.get(done.tool, _usual)(talk, done)
    return "\n".join(filter(None, (said, _next_step(talk, done) if is_last else "")))


def _handed_over(talk: Talk, done: Done) -> str:
    is_complaint = _COMPLAINT.match(str(done.arguments.get("reason", "")))
    return talk.say(_SORRY_HANDED_OVER if is_complaint else _HANDED_OVER)


def _saved(talk: Talk, done: Done) -> str:
    if (language := done.arguments.get("language")) in {"en", "id"}:
        return replace(talk, language=language).say(_LANGUAGE)
    is_last = done is talk.done[-1]
    what = _profile(talk, done.arguments)
    return talk.say(_SAVED if is_last else _SAVED_BY_THE_WAY, what=what)


def _known(talk: Talk, done: Done) -> str:
    inner = done.result.get("customer") or done.result.get("profile") or done.result
    told = _profile(talk, cast("Result", inner) if isinstance(inner, Mapping) else done.result)
    return talk.say(_KNOWN, what=told) if told else talk.say(_NOTHING_KNOWN)


def _profile(talk: Talk, facts: Mapping[str, Any]) -> str:
    told = (("name", _NAME), ("address", _ADDRESS), ("email", _EMAIL))
    return ", ".join(talk.say(words, it=facts[name]) for name, words in told if facts.get(name))


def _found(talk: Talk, done: Done) -> str:
    if "products" in done.result and not done.products:
        return talk.say(_NOTHING_FOUND)
    if words := _words_of(done.result):
        return "\n".join(filter(None, (_described(done), words, _which(talk, done.products))))
    listed = next((done.result[name] for name in _LISTS if name in done.result), [done.result])
    lines = [_line(talk, one) for one in cast("Sequence[object]", listed)[:10]]
    numbered = [f"{number}. {line}" for number, line in enumerate(filter(None, lines), 1)]
    return talk.say(_FOUND, what="\n".join(numbered)) if numbered else talk.say(_NOTHING_FOUND)


def _described(done: Done) -> str:
    if done.tool != "get_product_details":
        return ""
    words = str(done.result.get("description") or "").strip()
    if _FIGURES.search(words):
        return ""
    return words if len(words) <= _LONGEST_DESCRIPTION else f"{words[:_LONGEST_DESCRIPTION]}…"


def _which(talk: Talk, products: Sequence[Result]) -> str:
    if len(products) != 1:
        return talk.say(WHICH_ONE) if products else ""
    (only,) = products
    is_sold_out = only.get("stock") == 0
    return talk.say(_EMPTY) if is_sold_out else talk.say(HOW_MANY, product=only.get("name"))


def _next_step(talk: Talk, done: Done) -> str:
    """What may be done about the order that was just told of."""
    if not done.order or done.status == "summary_sent":
        return ""
    if heard.PAID.search(talk.words):
        return talk.say(_CHECKED)
    status = str(done.order.get("status"))
    if status == "DRAFT":
        return talk.say(_GO_ON if done.lines else _EMPTY)
    return talk.say(_AFTER[status]) if status in _AFTER else ""


def _confirmed(talk: Talk, done: Done) -> str:
    return talk.say(_SUMMARY) if done.status == "summary_sent" else _usual(talk, done)


def _paying(talk: Talk, done: Done) -> str:
    return talk.say(_LINK) if _is_link(done) else _usual(talk, done)


def _is_link(done: Done) -> bool:
    return done.status == "link_follows"


def _usual(talk: Talk, done: Done) -> str:
    values = done.result.values()
    links = [one for one in values if isinstance(one, str) and one.startswith("http")]
    return "\n".join([_words_of(done.result) or talk.say(_DONE), *links])


def _words_of(result: Result) -> str:
    return next((str(result[name]) for name in _WORDS if result.get(name)), "")


def _line(talk: Talk, product: object) -> str:
    if not isinstance(product, Mapping):
        return str(product)
    facts = cast("Result", product)
    name = facts.get("name") or facts.get("title") or facts.get("product")
    price = facts.get("price")
    return ", ".join(str(one) for one in (name, _money(talk, price)) if one) if name else ""


def _money(talk: Talk, price: object) -> str:
    if not isinstance(price, int | float):
        return str(price or "")
    number = f"{price:,.0f}"
    return f"IDR {number}" if talk.language == "en" else "Rp" + number.replace(",", ".")


_TELLERS: Mapping[str, Callable[[Talk, Done], str]] = {
    "handoff_to_human": _handed_over,
    "update_customer_profile": _saved,
    "get_customer_profile": _known,
    "search_products": _found,
    "get_product_details": _found,
    "check_stock": _found,
    "confirm_order": _confirmed,
    "initiate_payment": _paying,
}
