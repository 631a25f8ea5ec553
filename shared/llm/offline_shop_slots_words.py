"""What a customer's words say about themselves: name, email, address."""

import re
from collections.abc import Mapping

_UNTIL = (
    r"(?=\s*(?:[,.;!?\n]|$|\b(?:dan|mau|di|ya|yah|kak|kakak|min|alamat\w*|and|from|here|please|pls|"
    r"yg|yang|tolong|nomor|no|hp|dari|pesan|i|saya|kirim\w*)\b|\d))"
)
_NAME = re.compile(
    r"(?:\b(?:nama (?:saya|aku|gue)|namaku|panggil (?:saya|aku)(?: aja)?|saya bernama"
    r"|my name is|my name's|call me|atas nama|nama(?: penerima(?:nya)?)?\s*:)"
    r"|\ba\.?\s?n\.)\s*:?\s*(?:adalah |itu )?"
    rf"(?P<name>[^\W\d_][\w'.-]*(?: [^\W\d_][\w'.-]*){{0,4}}?){_UNTIL}",
    re.IGNORECASE,
)
_NO_NAMES = {"siapa", "apa", "back", "now", "later", "when", "what", "yang"}

_ADDRESS = re.compile(
    r"\b(?:(?:kirim|antar)(?:in|kan)?(?: aja)?(?: ke)"
    r"|alamat(?:nya|ku| saya| aku| kirim| pengiriman)?(?: (?:di|adalah|itu|jadi|ganti jadi))?"
    r"|my address is|address"
    r"|(?:ship|deliver|send)(?: it| them| this)? to)\s*:?\s*(?P<address>[^\n]{5,300})",
    re.IGNORECASE,
)
_AFTER_ADDRESS = re.compile(
    r"\s*(?:[,;]?\s*\b(?:a\.?\s?n\.|atas nama|penerima|nama saya|nama:|my name is|makasih|thanks)"
    r"|[,;.]\s*(?:langsung|lanjut|terus|checkout|bayar\w*|mau|tolong|bisa|dan|then|and)\b"
    r"|[,;.]?\s*\+?\b0?8\d{8,11}\b|(?:\s+(?:ya|yah|kak|min|dong|pls|please))+\W*$).*$",
    re.IGNORECASE,
)
_STREET = r"(?:jl|jln|jalan|gg|gang|perum\w*|komplek\w*|kompleks|apartemen|ruko|desa|dusun)\b"
#: An address that needs no introduction, perhaps behind a name: `Sari, Jl. Melati 5`.
_STREET_FIRST = re.compile(
    r"^\W*(?:(?P<name>[^\W\d_][\w'.-]*(?: [^\W\d_][\w'.-]*){0,3})\s*[,\n;-]\s*)?"
    rf"(?P<address>{_STREET}[^\n]{{4,300}})",
    re.IGNORECASE,
)
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{2,63}){1,3}(?![\w-])")
_PLACE = re.compile(
    r"\b(?:jl|jln|jalan|gg|gang|rt|rw|blok|perum\w*|komplek|kec|kel|desa|dusun|apartemen|ruko"
    r"|street|st|road|rd|avenue|lane|apt|floor)\b|\d",
    re.IGNORECASE,
)
_SHORTEST_ADDRESS = 3


def profile_of(words: str, *, is_address_due: bool = False) -> Mapping[str, str]:
    """What the customer tells of themselves, as far as they do.

    `is_address_due`: they were asked for it, so that it needs no words around it.
    """
    told: dict[str, str] = {}
    if (found := _NAME.search(words)) and found["name"].split()[0].lower() not in _NO_NAMES:
        told["name"] = _name(found["name"])
    if found := _EMAIL.search(words):
        told["email"] = found[0]
    if found := _ADDRESS.search(words):
        address = _address(found["address"])
        if _PLACE.search(address):
            told["address"] = address
    if "address" not in told:
        told |= _unintroduced(words, told, is_address_due=is_address_due)
    return told


def without_profile(words: str) -> str:
    """The rest, where they say in the same breath who they are and what they want."""
    rest = _EMAIL.sub(" ", _ADDRESS.sub(" ", words))
    rest = _NAME.sub(" ", rest)
    return "" if _STREET_FIRST.search(words) else rest


def _unintroduced(
    words: str, told: Mapping[str, str], *, is_address_due: bool
) -> Mapping[str, str]:
    if found := _STREET_FIRST.search(words):
        name = {"name": _name(found["name"])} if found["name"] and "name" not in told else {}
        return {**name, "address": _address(found["address"])}
    is_long = len(words.split()) >= _SHORTEST_ADDRESS
    if is_address_due and is_long and "?" not in words and _PLACE.search(words):
        return {"address": _address(" ".join(words.split())[:300])}
    return {}


def _name(found: str) -> str:
    return " ".join(found.split()).strip(" .-")[:100]


def _address(found: str) -> str:
    return _AFTER_ADDRESS.sub("", found).strip(" .,;:")
