"""What a reply says has happened to an order: each must have happened, or it does not leave."""

import re
from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum

from crm_chatbot.domain.orders.order import OrderStatus


class Assertion(StrEnum):
    """Something that a reply can claim, and that the rows know better."""

    ORDERED = "ordered"
    CONFIRMED = "confirmed"
    LINK_SENT = "link_sent"
    PAID = "paid"
    SHIPPED = "shipped"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"
    FREE = "free"


_S = OrderStatus
_KEPT = frozenset(_S) - {_S.CANCELLED}
_CONFIRMED = _KEPT - {_S.DRAFT, _S.EXPIRED}

#: One of the customer's orders must be in one of these states for it to be true.
TRUE_OF: Mapping[Assertion, Collection[OrderStatus]] = {
    Assertion.ORDERED: _KEPT,
    Assertion.CONFIRMED: _CONFIRMED,
    Assertion.LINK_SENT: _CONFIRMED,
    Assertion.PAID: {_S.PAID, _S.PAID_ATTENTION, _S.FULFILLED},
    Assertion.SHIPPED: {_S.FULFILLED},
    Assertion.CANCELLED: {_S.CANCELLED, _S.EXPIRED},
    Assertion.REFUNDED: {_S.REFUNDED},
    #: nothing is by its status; see `untrue`
    Assertion.FREE: frozenset(),
}

_DID = r"(?:sudah|udah|sdh|telah|berhasil|sukses)"
_BEEN = r"(?:has been|have been|was|were|is now|are now)"
_WE = r"(?:kami|saya|aku|kita)"
_ORDER = r"(?:pesanan\w*|orderan\w*|order|keranjang\w*|cart)"
_MONEY = r"(?:pembayaran\w*|dana\w*|uang\w*|duit\w*|transfer\w*)"
_GOODS = r"(?:pesanan\w*|barang\w*|paket\w*|order|parcel|package|items?)"
_END = r"(?: (?:ya|kak|kakak|yah|min|now|already))*\W*$"


def _like(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_CLAIMS: Mapping[Assertion, re.Pattern[str]] = {
    Assertion.ORDERED: _like(
        rf"\b{_ORDER}\b.{{0,40}}\b(?:{_DID}|{_BEEN}|is|are) .{{0,20}}\b(?:dibuat\w*|dicatat|catat"
        r"|masuk|diproses|terdaftar|placed|created|registered|recorded|added|in)\b",
        rf"\b{_DID} (?:{_WE} )?(?:catat|masukkan|masukin|tambahkan|buatkan|pesankan|proses)\b"
        rf".{{0,60}}\b{_ORDER}\b",
        rf"\b(?:i|we)(?: have|'ve) (?:placed|created|added|recorded)\b.{{0,60}}\b{_ORDER}\b",
    ),
    Assertion.CONFIRMED: _like(
        rf"\b{_ORDER}\b.{{0,40}}\b(?:{_DID}|{_BEEN}|is|are) .{{0,20}}\b(?:dikonfirmasi|konfirmasi"
        r"|terkonfirmasi|confirmed)\b",
        rf"\b{_ORDER} (?:dikonfirmasi|terkonfirmasi|confirmed){_END}",
    ),
    Assertion.LINK_SENT: _like(
        rf"\blink\w*\b.{{0,30}}\b(?:{_DID}|{_BEEN}) .{{0,15}}\b(?:di)?(?:kirim\w*|sent)\b",
        r"\b(?:berikut|ini|here is|here's|this is) (?:adalah )?(?:the |your )?(?:payment )?link\b",
    ),
    Assertion.PAID: _like(
        rf"\b{_MONEY}\b.{{0,40}}\b{_DID}\b.{{0,20}}\b(?:diterima|terima|masuk|lunas|terkonfirmasi)\b",
        rf"\b{_MONEY}(?: \w+){{0,3}}(?<! yang) (?:diterima|masuk|lunas|berhasil){_END}",
        rf"\b{_DID} (?:masuk|diterima|{_WE} terima)\b.{{0,25}}\b{_MONEY}\b",
        rf"\b{_DID} (?:lunas|dibayar|terbayar)\b|\bstatus\w*\b.{{0,20}}\b(?:lunas|paid)\b",
        r"\bpayment\b.{0,25}\b(?:has been|was|been) (?:received|confirmed|verified|completed)\b",
        rf"\bpayment(?: \w+){{0,2}} (?:received|confirmed|successful|complete|verified){_END}",
        r"\bpayment (?:went through|is successful|is complete)\b",
        r"\b(?:received|got) your (?:payment|money|transfer)\b",
        r"\b(?:has been|have been|is|are|was|now|already|as) paid\b(?! (?:by|at|on|separately))",
    ),
    Assertion.SHIPPED: _like(
        rf"\b{_GOODS}\b.{{0,40}}\b(?:{_DID}|sedang) .{{0,15}}\b(?:dikirim|kirim|diantar|antar"
        r"|dalam perjalanan)\b",
        rf"^(?!.*\b(?:link|ringkasan|summary|foto|gambar|katalog|alamat|pesan\b)).*\b{_DID} {_WE} "
        r"(?:kirim|antar)\b",
        rf"\b{_GOODS}\b.{{0,40}}\b(?:{_BEEN}|is being|are being) .{{0,15}}\b(?:shipped|sent"
        r"|delivered|dispatched)\b",
        rf"\b{_GOODS}\b.{{0,40}}\b(?:is|are) on (?:its|their|the) way\b",
    ),
    Assertion.CANCELLED: _like(
        rf"\b{_ORDER}\b.{{0,40}}\b(?:{_DID}|{_BEEN}) .{{0,20}}\b(?:dibatalkan|dibatalin|batalkan"
        r"|batal|cancell?ed)\b",
        rf"\b{_DID} (?:{_WE} )?batalkan\b",
        rf"\b{_ORDER}(?: \w+){{0,2}} (?:dibatalkan|cancell?ed){_END}",
    ),
    Assertion.REFUNDED: _like(
        rf"\b(?:{_MONEY}|refund|money|payment)\b.{{0,40}}\b(?:{_DID}|{_BEEN}) .{{0,15}}"
        r"\b(?:dikembalikan|kembalikan|direfund|refunded|returned|sent back)\b",
    ),
    Assertion.FREE: _like(
        r"\b(?:gratis|cuma-cuma|free of charge|for free|on the house|tanpa bayar|no charge)\b",
        r"\b(?:dapat|diberi|kasih|get|given|gets?|apply|applied|dapatkan)\b.{0,30}"
        r"\b(?:diskon|discount|potongan|cashback)\b",
    ),
}

#: Whatever follows is not so yet, to the end of the sentence.
_CONDITION = _like(
    r"\b(?:jika|jikalau|kalau|kalo|apabila|bila|setelah|sesudah|begitu|apakah|sampai|sebelum|if|once"
    r"|when|after|until|before|whether|unless|every|setiap)\b|\?"
)
#: This clause claims nothing.
_DENIAL = _like(
    r"\b(?:belum|tidak|tak|tdk|gak|ga|nggak|bukan|jangan|akan|nanti|segera|mau|ingin|boleh|bisa"
    r"|maaf|menunggu|otomatis|automatically|not|will|would|shall|cannot|can|could|soon|please"
    r"|sorry|waiting|to be|never|no)\b|n't\b"
)
_OFFERED = _like(r"\b(?:gratis|free|diskon|discount|potongan|cashback)\b")


def assertions_in(text: str) -> set[Assertion]:
    """What it claims, clause by clause."""
    return {
        name for clause in _clauses(text) for name, claim in _CLAIMS.items() if claim.search(clause)
    }


def untrue(
    claimed: Collection[Assertion], statuses: Collection[OrderStatus], *, has_discount: bool = False
) -> list[Assertion]:
    """Those that no order of the customer bears out."""
    borne_out = {one for one in claimed if set(TRUE_OF[one]) & set(statuses)}
    if has_discount:
        borne_out.add(Assertion.FREE)
    return sorted(set(claimed) - borne_out)


def says_free(text: str) -> bool:
    """Whether somebody who may, the shop itself, speaks of free things or discounts it gives."""
    return any(_OFFERED.search(clause) for clause in _clauses(text))


def _clauses(text: str) -> Iterator[str]:
    """Those that say that something is so."""
    # No dot within an amount ends a sentence.
    plain = re.sub(r"(?<=\d)[.,](?=\d)", "", text)
    for sentence in re.findall(r"[^.!?\n]+[.!?]*", plain):
        if _CONDITION.search(sentence):
            continue
        for clause in re.split(r"[,;:()]| tapi | namun | but | sehingga ", sentence):
            if not _DENIAL.search(clause):
                yield clause.strip()
