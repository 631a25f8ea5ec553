"""What the offline shop assistant remembers: lists it showed, questions it asked, goods named."""

import re
from collections.abc import Iterator, Sequence

from shared.llm.offline_lines_words import Line, lines_of
from shared.llm.offline_shop_slots_words import without_profile
from shared.llm.offline_talk_words import Both, Talk
from shared.llm.offline_variants_words import inherited, is_variant, the_one, words_in
from shared.llm.offline_words import PREFIX

#: So far back a list is still the one that is spoken of.
_RECENT = 6
#: These questions carry in their words what the next answer is about: a chat remembers only text.
HOW_MANY = Both("How many {product} would you like?", "Mau pesan {product} berapa, Kak?")
HOW_MANY_IN_ALL = Both(
    "How many {product} would you like in all?", "Jadinya mau {product} berapa, Kak?"
)
WHICH_ONE = Both("Which one would you like, and how many?", "Mau yang mana, Kak, dan berapa?")
ADDRESS_PLEASE = Both(
    "Before we go on: may I have your name and full delivery address?",
    "Sebelum lanjut, boleh minta nama dan alamat lengkap pengirimannya, Kak?",
)

_ASKED = re.compile(
    r"(?:^|[\n.!?]\s*)(?:How many (?P<en>[^\n?]+?) would you like(?P<en_all> in all)?\?"
    r"|(?:Mau pesan|(?P<id_all>Jadinya mau)) (?P<id>[^\n?]+?) berapa, Kak\?)",
)
_WHICH = re.compile(r"\bwhich one\b[^?\n]*\?|\bmau yang mana\b[^?\n]*\?", re.IGNORECASE)
_WANTS_ADDRESS = re.compile(
    f"{re.escape(ADDRESS_PLEASE.english)}|{re.escape(ADDRESS_PLEASE.indonesian)}"
)
_UNWANTED = re.compile(
    r"\b(?:gak|ga|nggak|ngga|gk|tidak) (?:usah|jadi)\b"
    r"|\b(?:batal\w*|cancel|hapus|remove|without)\b",
    re.IGNORECASE,
)
_ENTRY = re.compile(r"^\W{0,3}(?P<number>\d{1,2})[.)] (?P<said>\S[^\n]*)$", re.MULTILINE)
_PRICE = re.compile(r"\s*(?:[-\u2013\u2014:,=|@(]\s*)?(?:Rp|IDR)\.? ?\d.*$", re.IGNORECASE)
_COUNT = re.compile(r"^\d+ ?x |\s+x ?\d+\b.*$", re.IGNORECASE)


def listed(talk: Talk) -> Sequence[str]:
    """The names of the list that was shown last, in its order."""
    for answer in _answers(talk)[:_RECENT]:
        if names := [_name(found["said"]) for found in _ENTRY.finditer(answer)]:
            return names
    return ()


def is_list_open(talk: Talk) -> bool:
    """Whether they were just asked which of a list they want."""
    newest = next(iter(_answers(talk)), "")
    return bool(_WHICH.search(newest) and _ENTRY.search(newest))


def asked_how_many(talk: Talk) -> str:
    """Of what they were just asked how many they want; empty if they were not."""
    return _asked_in(next(iter(_answers(talk)), ""))


def is_total_asked(talk: Talk) -> bool:
    """Whether the number that they were asked for is that of all, not of more."""
    found = _ASKED.search(next(iter(_answers(talk)), ""))
    return bool(found and (found["en_all"] or found["id_all"]))


def is_address_due(talk: Talk) -> bool:
    """Whether they were asked where to deliver, not long ago."""
    return any(_WANTS_ADDRESS.search(answer) for answer in _answers(talk)[:2])


def last_product(talk: Talk) -> str:
    """What was spoken of last: shown, asked about, or named by the customer; empty if nothing."""
    for message in reversed(talk.before[-2 * _RECENT :]):
        if message.role == "assistant":
            answer = message.text.replace(PREFIX, "")
            names = [_name(found["said"]) for found in _ENTRY.finditer(answer)]
            product = _asked_in(answer) or (names[0] if len(names) == 1 else "")
        else:
            product = _named_in(message.text, listed(talk))
        if product:
            return product
    return ""


def meant(talk: Talk, line: Line) -> str:
    """What to call it when a tool asks; empty where nobody can know."""
    names = listed(talk)
    if line.place is not None:
        return names[line.place - 1] if 0 < line.place <= len(names) else ""
    if not line.product:
        return last_product(talk)
    if chosen := the_one(line.product, names):
        return chosen
    if is_variant(line.product) and (last := last_product(talk)):
        return inherited(last, line.product)
    return line.product


def still_wanted(talk: Talk) -> Line | None:
    """What they had ordered when they were asked which one they meant."""
    prompt = next((one.text for one in reversed(talk.before) if one.role == "user"), "")
    counted = [line for line in lines_of(prompt) if line.is_counted]
    if not counted or not is_list_open(talk):
        return None
    known = {word for name in listed(talk) for word in words_in(name)}
    fitting = [line for line in counted if set(words_in(line.product)) & known]
    return (fitting or counted)[0]


def _named_in(words: str, names: Sequence[str]) -> str:
    """What a customer named last in these words, but not what they did not want."""
    if _UNWANTED.search(words):
        return ""
    lines = lines_of(without_profile(words))
    named = [line for line in lines if line.product and not is_variant(line.product)]
    if not named or not _is_about_goods(named):
        return ""
    return the_one(named[-1].product, names) or named[-1].product


def _is_about_goods(lines: Sequence[Line]) -> bool:
    """Chatter has many words and counts nothing."""
    return any(line.is_counted for line in lines) or all(
        len(line.product.split()) <= 5 for line in lines
    )


def _answers(talk: Talk) -> list[str]:
    """Newest first."""
    return list(_ours(talk))[::-1]


def _ours(talk: Talk) -> Iterator[str]:
    for message in talk.before:
        if message.role == "assistant" and not message.text.startswith("[a colleague]"):
            yield message.text.replace(PREFIX, "")


def _asked_in(answer: str) -> str:
    found = _ASKED.search(answer)
    return (found["en"] or found["id"]).strip() if found else ""


def _name(said: str) -> str:
    plain = _COUNT.sub("", _PRICE.sub("", said))
    return re.sub(r"[*_~`]", "", plain).strip(" -,:(")
