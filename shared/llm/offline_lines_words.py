"""What a customer's words say about goods: which, how many, for how much, and made how."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from shared.llm.offline_variants_words import inherited, is_variant

_NUMBERS: Mapping[str, int] = {
    "satu": 1, "sebuah": 1, "sepasang": 2, "dua": 2, "tiga": 3, "empat": 4, "lima": 5, "enam": 6,
    "tujuh": 7, "delapan": 8, "sembilan": 9, "sepuluh": 10, "selusin": 12, "sekodi": 20,
    "setengah lusin": 6, "half a dozen": 6, "a dozen": 12, "a pair": 2,
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "dozen": 12,
}  # fmt: skip
_TIMES: Mapping[str, int] = {"lusin": 12, "dozen": 12, "kodi": 20, "pasang": 2, "pairs": 2}
NUMBER = rf"-?\d{{1,7}}|{'|'.join(sorted(_NUMBERS, key=len, reverse=True))}"
UNITS = (
    "pcs|pc|biji|buah|bungkus|kotak|porsi|gelas|botol|cup|cups|pack|packs|box|boxes|pieces"
    f"|{'|'.join(_TIMES)}"
)
_QUANTITY = re.compile(
    r"(?<![\w.,/])(?<!size )(?<!ukuran )(?<!jam )"
    rf"(?:x ?)?(?P<number>{NUMBER})(?: ?x(?!\w)| ?(?P<unit>{UNITS})\b)?"
    r"(?! ?(?:gr|gram|g|kg|ml|liter|l|cm|rb|ribu|k|jt|juta|%|:)\b)(?![\w.,/]*\d)(?!\w)",
    re.IGNORECASE,
)
#: "2, not 12": the twelve is none of what they want.
_NOT_SO_MANY = re.compile(rf"\b(?:bukan|not|instead of)\s+(?:{NUMBER})\b(?: tapi)?", re.IGNORECASE)
_MONEY = re.compile(
    r"(?<![\d.,])(?P<number>\d{1,9}(?:[.,]\d{1,3}){0,3}) ?(?P<unit>rb|ribu|k|jt|juta)\b",
    re.IGNORECASE,
)
_THOUSANDS: Mapping[str, int] = {
    "rb": 1_000, "ribu": 1_000, "k": 1_000, "jt": 1_000_000, "juta": 1_000_000,
}  # fmt: skip
_ORDER_NUMBER = re.compile(r"\b[A-Z]{2,5}-\d{2,10}\b")
_PLACES = {
    "pertama": 1, "kedua": 2, "ketiga": 3, "keempat": 4, "first": 1, "second": 2, "third": 3,
    "fourth": 4,
}  # fmt: skip
#: One of a list, by its number.
_REFERENCE = re.compile(
    r"(?:\b(?:nomor|nomer|nmr|no\.?|number|(?:yang|yg) ke-?)|#)\s?(?P<number>\d{1,2})\b(?!\s?x\b)"
    rf"|\b(?:the|yang|yg) (?P<place>{'|'.join(_PLACES)})\b(?: one\b)?",
    re.IGNORECASE,
)
_NOTE = re.compile(
    r"\b(?:(?:less|no|extra|half|without) (?:sugar|ice|sweet|spicy|milk|syrup|salt|onions?)"
    r"|(?:tanpa|extra|ekstra|kurangi|jangan (?:pake|pakai|terlalu)) \w+"
    r"|(?:gula|es)(?:nya)? (?:sedikit|dikit|setengah|dipisah)"
    r"|(?:gak|ga|nggak|tidak) (?:pedas|manis)"
    r"|bungkus kado|gift wrap(?:ped)?|di(?:pisah|bungkus kado))\b",
    re.IGNORECASE,
)
#: A longer list is no chat.
_SEEN = 1_000
#: Between one thing and the next: with "and" both count, behind a comma may be anything.
_AND = re.compile(r"\s+(?:sama|dan|and|plus|terus|trus|[+&])\s+", re.IGNORECASE)
_STOP = re.compile(r"\n|;|,(?!\d)|[.!?](?=\s|$)")

#: What is never part of a product's name.
_NOISE_WORDS = """
    saya aku gue mau mo pengen pingin ingin tolong dong deh sih kok kan ya yah nih kak kakak ka kk
    min mimin admin gan sis bang bu pak mas mba mbak pesan pesen order beli checkout ambil keep
    keepin gas buat aja saja lagi tambah tambahin nambah ada apa apaan punya jual jualan lihat liat
    cari carikan minta daftar produk brp berapa brapa berapaan ready masih msh tinggal kapan restock
    yg yang ga gak nggak ngga kah rekomen rekomendasi paling laris budget an di itu ini tadi halo
    hai pagi siang sore malam bisa boleh jadi jadiin eh salah maksud maksudku bukan kurangi kurangin
    hapus buang nomor nomer ganti tuker tukar kalau kalo kl klo bawah dibawah maaf makasih terima
    kasih oke ok iya udah sudah sdh udh dulu dapet dapat batal batalin pesanan keranjang total
    langsung lanjut bayar kirim sekarang terus trus lalu sampai sm utk untuk stok semua kayak bro
    masing yaudah yasudah jadinya sendiri cek harga permisi tapi sekalian coba
    i i'll i'd i'm like want to buy take of those these them the that it a an please pls do you
    have sell what is are there any some show me how much many for in stock available under below
    and send pics one looking hi hello can could may change make remove add out without with meant
    my your get give more another also then sorry thanks thank yes okay cancel check price so let
    let's would we well actually swap switch instead each
"""
_NOISE = re.compile(
    rf"(?<![\w'])(?:{'|'.join(_NOISE_WORDS.split())}|(?:harga|stok|katalog|menu)\w*)(?![\w'])",
    re.IGNORECASE,
)
#: "without the tea, just the coffee": the coffee is none of what is taken away.
_NOT_NEEDED = re.compile(r"\b(?:gak|ga|nggak|ngga|gk|tidak) usah\b.*", re.IGNORECASE)
_ITS = re.compile(r"(?<=\w{3})nya\b", re.IGNORECASE)
_EACH = re.compile(r"\bmasing[- ]masing\b|\beach\b", re.IGNORECASE)


@dataclass(frozen=True)
class Line:
    """One thing that is wanted, as far as the words say it."""

    #: in the customer's words; empty: whatever was spoken of last
    product: str
    quantity: int | None = None
    note: str = ""
    #: its place in the list that they were shown
    place: int | None = None
    #: said along with the line before, not behind it
    is_joined: bool = False

    @property
    def is_counted(self) -> bool:
        return self.quantity is not None


def lines_of(words: str) -> Sequence[Line]:
    """Everything that is wanted, in order; empty where nothing is named or counted."""
    lines: list[Line] = []
    for one in _pieces(words[:_SEEN]):
        if lines and (joined := _joined(lines[-1], one)):
            lines[-1] = joined
        elif lines and is_variant(one.product):
            lines.append(replace(one, product=inherited(lines[-1].product, one.product)))
        elif one.product or one.is_counted or one.place:
            lines.append(one)
    if not any(line.is_counted or line.place for line in lines):
        return lines
    if _EACH.search(words):
        most = next((line.quantity for line in lines if line.is_counted), None)
        return [replace(line, quantity=line.quantity or most) for line in lines]
    # Once something is counted, what stands behind a comma and is not counted is mere talk.
    first = next(n for n, line in enumerate(lines) if line.is_counted or line.place)
    return [
        line
        for n, line in enumerate(lines)
        if line.is_counted or line.place or line.is_joined or n < first
    ]


def _pieces(words: str) -> Iterator[Line]:
    for sentence in _STOP.split(words):
        for number, piece in enumerate(_AND.split(f" {sentence} ")):
            yield _line(piece, is_joined=number > 0)


def _line(piece: str, *, is_joined: bool) -> Line:
    found = _REFERENCE.search(piece)
    rest = _REFERENCE.sub(" ", piece)
    noted = _NOTE.search(rest)
    rest = _NOTE.sub(" ", rest)
    return Line(
        product=product_of(rest),
        quantity=quantity_of(rest),
        note=noted[0].strip() if noted else "",
        place=_place(found) if found else None,
        is_joined=is_joined,
    )


def _place(found: re.Match[str]) -> int:
    return int(found["number"]) if found["number"] else _PLACES[found["place"].lower()]


def _joined(before: Line, after: Line) -> Line | None:
    """Both as one: a thing, and behind it how many of it, or how it is wanted."""
    if after.product or after.place:
        is_said_late = before.is_counted and not (before.product or before.place)
        if is_said_late and not after.is_counted:
            return replace(after, quantity=before.quantity, note=before.note)
        return None
    if after.is_counted and before.is_counted:
        return None
    return replace(
        before,
        quantity=after.quantity if after.is_counted else before.quantity,
        note=after.note or before.note,
    )


def quantity_of(words: str) -> int | None:
    """How many; None if they do not say."""
    plain = _NOT_SO_MANY.sub(" ", _ORDER_NUMBER.sub(" ", _MONEY.sub(" ", words)))
    if not (found := _QUANTITY.search(plain)):
        return None
    number = found["number"].lower()
    times = _TIMES.get((found["unit"] or "").lower(), 1)
    return times * (_NUMBERS[number] if number in _NUMBERS else int(number))


def rejected_quantity_of(words: str) -> int | None:
    """The twelve of "2, not 12"."""
    found = _NOT_SO_MANY.search(words)
    return quantity_of(re.sub(r"^\S+ (?:of )?", "", found[0])) if found else None


def product_of(words: str) -> str:
    """What is left when everything else is taken away: what they want, in their words."""
    plain = _ITS.sub("", _NOT_NEEDED.sub(" ", _ORDER_NUMBER.sub(" ", _MONEY.sub(" ", words))))
    plain = _QUANTITY.sub(" ", _NOT_SO_MANY.sub(" ", plain))
    return " ".join(re.findall(r"[\w'-]*\w[\w'-]*", _NOISE.sub(" ", plain)))[:80]


def money_of(words: str) -> int | None:
    """An amount in rupiah, where they name one."""
    if not (found := _MONEY.search(words)):
        return None
    number = found["number"]
    # A dot or a comma before exactly three digits marks thousands.
    plain = re.sub(r"[.,](?=\d{3}\b)", "", number).replace(",", ".")
    return round(float(plain) * _THOUSANDS[found["unit"].lower()])


def order_number_of(words: str) -> str:
    found = _ORDER_NUMBER.search(words.upper())
    return found[0] if found else ""
