"""What a customer's words say about themselves and their order: names, addresses, amounts."""

import re
from collections.abc import Mapping
from typing import Any

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
    r"|[,;.]?\s*\+?\b0?8\d{8,11}\b|(?:\s+(?:ya|yah|kak|min|dong|pls|please))+\W*$).*$",
    re.IGNORECASE,
)
_PLACE = re.compile(
    r"\b(?:jl|jln|jalan|gg|gang|rt|rw|blok|perum\w*|komplek|kec|kel|desa|dusun|apartemen|ruko"
    r"|street|st|road|rd|avenue|lane|apt|floor)\b|\d",
    re.IGNORECASE,
)

_NUMBERS: Mapping[str, int] = {
    "satu": 1, "sebuah": 1, "sepasang": 2, "dua": 2, "tiga": 3, "empat": 4, "lima": 5, "enam": 6,
    "tujuh": 7, "delapan": 8, "sembilan": 9, "sepuluh": 10, "selusin": 12, "sekodi": 20,
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "dozen": 12,
}  # fmt: skip
_UNITS = "pcs|pc|biji|buah|bungkus|kotak|porsi|gelas|cup|cups|pack|packs|box|lusin"
_QUANTITY = re.compile(
    rf"(?<![\w.,])(?:x ?)?(?P<number>-?\d{{1,7}}|{'|'.join(_NUMBERS)})(?: ?x| ?(?:{_UNITS}))?"
    r"(?! ?(?:gr|gram|g|kg|ml|liter|l|cm|rb|ribu|k|jt|juta|%|:)\b)(?![\w.,]*\d)(?!\w)",
    re.IGNORECASE,
)
_MONEY = re.compile(
    r"(?<![\d.,])(?P<number>\d{1,9}(?:[.,]\d{1,3}){0,3}) ?(?P<unit>rb|ribu|k|jt|juta)\b",
    re.IGNORECASE,
)
_THOUSANDS: Mapping[str, int] = {
    "rb": 1_000, "ribu": 1_000, "k": 1_000, "jt": 1_000_000, "juta": 1_000_000,
}  # fmt: skip

#: What is never part of a product's name.
_NOISE_WORDS = """
    saya aku gue mau mo pengen ingin tolong dong deh sih kok kan ya yah nih kak kakak ka min mimin
    admin gan sis bang bu pak mas mba mbak pesan pesen order beli checkout ambil keep keepin gas
    buat aja saja lagi tambah ada apa punya jual jualan lihat liat cari carikan minta daftar
    produk brp berapa brapa berapaan ready masih msh tinggal kapan restock yg yang ga gak nggak
    ngga kah rekomen rekomendasi paling laris budget an di itu ini tadi halo hai pagi siang sore
    malam bisa boleh jadi jadiin eh salah maksud maksudku bukan kurangi kurangin hapus buang
    nomor ganti kalau kalo kl klo bawah dibawah
    i i'll i'd i'm like want to buy take of those these them the that it a an please pls do you
    have sell what is are there any show me how much for in stock available under below and send
    pics one looking hi hello can could may change make remove add out without with meant my
"""
_NOISE = re.compile(
    rf"(?<![\w'])(?:{'|'.join(_NOISE_WORDS.split())}|(?:harga|stok|katalog|menu)\w*"
    r"|less sugar)(?![\w'])",
    re.IGNORECASE,
)
#: "without the tea, just the coffee": the coffee is none of what is taken away.
_NOT_NEEDED = re.compile(r"\b(?:gak|ga|nggak|ngga|gk|tidak) usah\b.*", re.IGNORECASE)
_ITS = re.compile(r"(?<=\w{3})nya\b", re.IGNORECASE)


def profile_of(words: str) -> Mapping[str, str]:
    """The name and the address that the customer gives, as far as they do."""
    told: dict[str, str] = {}
    if (found := _NAME.search(words)) and found["name"].split()[0].lower() not in _NO_NAMES:
        told["name"] = " ".join(found["name"].split()).strip(" .-")[:100]
    if found := _ADDRESS.search(words):
        address = _AFTER_ADDRESS.sub("", found["address"]).strip(" .,;:")
        if _PLACE.search(address):
            told["address"] = address
    return told


def quantity_of(words: str) -> int | None:
    """How many; None if they do not say."""
    plain = _MONEY.sub(" ", words)
    if not (found := _QUANTITY.search(plain)):
        return None
    number = found["number"].lower()
    return _NUMBERS[number] if number in _NUMBERS else int(number)


def product_of(words: str) -> str:
    """What is left when everything else is taken away: what they want, in their words."""
    plain = _ITS.sub("", _NOT_NEEDED.sub(" ", _MONEY.sub(" ", words)))
    plain = _NOISE.sub(" ", _QUANTITY.sub(" ", plain))
    return " ".join(re.findall(r"[\w'-]+", plain))[:80]


def money_of(words: str) -> int | None:
    """An amount in rupiah, where they name one."""
    if not (found := _MONEY.search(words)):
        return None
    number = found["number"]
    # A dot or a comma before exactly three digits marks thousands.
    plain = re.sub(r"[.,](?=\d{3}\b)", "", number).replace(",", ".")
    return round(float(plain) * _THOUSANDS[found["unit"].lower()])


def order_of(words: str) -> Mapping[str, Any]:
    """Everything that a tool about products or orders may want to know, under its usual names."""
    product, quantity, money = product_of(words), quantity_of(words), money_of(words)
    values: dict[str, Any] = {}
    if product:
        values |= {"product": product, "product_name": product, "item": product}
    if quantity is not None:
        values |= {"quantity": quantity, "qty": quantity}
    if money is not None:
        values["max_price"] = money
    if found := re.search(r"\b[A-Z]{2,5}-\d{2,10}\b", words):
        values |= {"order_id": found[0], "order_number": found[0], "order": found[0]}
    return values
