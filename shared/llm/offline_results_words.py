"""What came of a tool, told to a customer in their language; results are JSON of any shape."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from shared.llm.offline_talk_words import Both, Talk

Result = Mapping[str, Any]

_FAILED = Both(
    "Sorry, that did not work. Shall I call one of our staff?",
    "Maaf, itu belum berhasil. Mau saya panggilkan staf kami?",
)
_NOT_SAVED = Both(
    "Sorry, I could not save that. Could you write it once more?",
    "Maaf, itu belum bisa saya simpan. Boleh ditulis sekali lagi?",
)
_SAVED = Both("Noted: {what}. Anything else?", "Baik, sudah saya catat: {what}. Ada lagi, Kak?")
_LANGUAGE = Both(
    "Of course, from now on in English. How can I help you?",
    "Siap, mulai sekarang pakai bahasa Indonesia. Ada yang bisa saya bantu?",
)
_NAME, _ADDRESS = (
    Both("your name is {it}", "nama {it}"),
    Both("your address is {it}", "alamat {it}"),
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

#: Where a tool has put words that may be said as they are.
_WORDS = ("text", "message", "summary", "rendered")
_LISTS = ("products", "items", "results", "variants")
_COMPLAINT = re.compile(r"^complaint\b", re.IGNORECASE)


def tell(talk: Talk, tool: str, arguments: Mapping[str, Any], said: str) -> str:
    """One tool's result in a sentence."""
    result = _read(said)
    if result.get("error") or result.get("ok") is False or result.get("status") == "error":
        return talk.say(_NOT_SAVED if tool == "update_customer_profile" else _FAILED)
    return _TELLERS.get(tool, _usual)(talk, arguments, result)


def _read(said: str) -> Result:
    try:
        value: object = json.loads(said)
    except ValueError:
        return {"text": said[:1_000]} if said.strip() else {}
    if isinstance(value, list):
        return {"items": cast("list[object]", value)}
    return cast("Result", value) if isinstance(value, dict) else {"text": str(value)}


def _handed_over(talk: Talk, arguments: Mapping[str, Any], _: Result) -> str:
    is_complaint = _COMPLAINT.match(str(arguments.get("reason", "")))
    return talk.say(_SORRY_HANDED_OVER if is_complaint else _HANDED_OVER)


def _saved(talk: Talk, arguments: Mapping[str, Any], _: Result) -> str:
    if (language := arguments.get("language")) in {"en", "id"}:
        return replace(talk, language=language).say(_LANGUAGE)
    return talk.say(_SAVED, what=_profile(talk, arguments))


def _known(talk: Talk, _: Mapping[str, Any], result: Result) -> str:
    inner = result.get("customer") or result.get("profile") or result
    told = _profile(talk, cast("Result", inner) if isinstance(inner, Mapping) else result)
    return talk.say(_KNOWN, what=told) if told else talk.say(_NOTHING_KNOWN)


def _profile(talk: Talk, facts: Mapping[str, Any]) -> str:
    told = (("name", _NAME), ("address", _ADDRESS))
    return ", ".join(talk.say(words, it=facts[name]) for name, words in told if facts.get(name))


def _found(talk: Talk, _: Mapping[str, Any], result: Result) -> str:
    if words := _words_of(result):
        return words
    listed = next((result[name] for name in _LISTS if name in result), [result])
    lines = [_line(talk, one) for one in cast("Sequence[object]", listed)[:10]]
    numbered = [f"{number}. {line}" for number, line in enumerate(filter(None, lines), 1)]
    return talk.say(_FOUND, what="\n".join(numbered)) if numbered else talk.say(_NOTHING_FOUND)


def _usual(talk: Talk, _: Mapping[str, Any], result: Result) -> str:
    links = [one for one in result.values() if isinstance(one, str) and one.startswith("http")]
    return "\n".join([_words_of(result) or talk.say(_DONE), *links])


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


_TELLERS: Mapping[str, Callable[[Talk, Mapping[str, Any], Result], str]] = {
    "handoff_to_human": _handed_over,
    "update_customer_profile": _saved,
    "get_customer_profile": _known,
    "search_products": _found,
    "get_product_details": _found,
    "check_stock": _found,
}
