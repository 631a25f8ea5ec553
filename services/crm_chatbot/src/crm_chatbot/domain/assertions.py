"""What a reply says has happened to an order: each must have happened, or it does not leave."""

import re
from collections.abc import Collection, Mapping
from enum import StrEnum

from crm_chatbot.domain.order import OrderStatus


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
_PAID = frozenset({_S.PAID, _S.PAID_ATTENTION, _S.FULFILLED})

#: One of the customer's orders must be in one of these states for it to be true.
TRUE_OF: Mapping[Assertion, Collection[OrderStatus]] = {
    Assertion.ORDERED: _KEPT,
    Assertion.CONFIRMED: _CONFIRMED,
    Assertion.LINK_SENT: _CONFIRMED,
    Assertion.PAID: _PAID,
    Assertion.SHIPPED: {_S.FULFILLED},
    Assertion.CANCELLED: {_S.CANCELLED, _S.EXPIRED},
    Assertion.REFUNDED: {_S.REFUNDED},
    #: nothing is, unless the shop itself says so
    Assertion.FREE: frozenset(),
}

_DONE = r"(?:sudah|udah|telah|berhasil|sukses|has been|have been|was|were|is now|are now|is|are)"
_ORDER = r"(?:pesanan\w*|orderan\w*|order|keranjang\w*|cart)"


def _like(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_CLAIMS: Mapping[Assertion, re.Pattern[str]] = {
    Assertion.ORDERED: _like(
        rf"\b{_ORDER}\b.{{0,40}}\b{_DONE} .{{0,20}}\b(?:dibuat\w*|dicatat|catat|masuk|diproses"
        r"|terdaftar|placed|created|registered|recorded|added|in)\b"
        rf"|\b(?:sudah|udah|telah) (?:saya |kami |aku )?(?:catat|masukkan|masukin|tambahkan"
        rf"|buatkan|pesankan|proses)\b.{{0,60}}\b{_ORDER}\b"
        r"|\b(?:i have|i've|we have|we've) (?:placed|created|added|recorded)\b"
        rf".{{0,60}}\b{_ORDER}\b"
    ),
    Assertion.CONFIRMED: _like(
        rf"\b{_ORDER}\b.{{0,40}}\b{_DONE} .{{0,20}}\b(?:dikonfirmasi|terkonfirmasi|confirmed)\b"
        rf"|\b{_ORDER} (?:dikonfirmasi|terkonfirmasi|confirmed)\b"
    ),
    Assertion.LINK_SENT: _like(
        r"\blink\w*\b.{0,30}\b(?:sudah|udah|telah|has been|was) .{0,15}\b(?:di)?(?:kirim\w*|sent)\b"
        r"|\b(?:berikut|ini|here is|here's|this is) (?:adalah )?(?:the |your )?(?:payment )?link\b"
    ),
    Assertion.PAID: _like(
        r"\b(?:pembayaran\w*|dana\w*|uang\w*|transfer\w*)\b.{0,40}\b(?:diterima|masuk|lunas"
        r"|terkonfirmasi|berhasil)\b"
        r"|\b(?:sudah|udah|telah|berhasil) (?:lunas|dibayar|terbayar)\b"
        r"|\bstatus\w*\b.{0,20}\b(?:lunas|paid)\b"
        r"|\bpayment\b.{0,40}\b(?:received|confirmed|successful|complete\w*|went through"
        r"|verified)\b"
        r"|\b(?:has been|have been|is|are|was|now|already|as) paid\b|\breceived your payment\b"
    ),
    Assertion.SHIPPED: _like(
        r"\b(?:pesanan\w*|barang\w*|paket\w*|order|parcel|package|items?)\b.{0,40}"
        r"\b(?:sudah|udah|telah|sedang|has been|have been|is|was) .{0,15}\b(?:dikirim|diantar"
        r"|dalam perjalanan|shipped|sent|delivered|dispatched|on its way)\b"
    ),
    Assertion.CANCELLED: _like(
        rf"\b{_ORDER}\b.{{0,40}}\b{_DONE} .{{0,20}}\b(?:dibatalkan|dibatalin|batal|cancell?ed)\b"
        rf"|\b(?:sudah|telah) (?:saya |kami )?batalkan\b|\b{_ORDER} (?:dibatalkan|cancell?ed)\b"
    ),
    Assertion.REFUNDED: _like(
        r"\b(?:dana|uang|pembayaran|refund|money|payment)\w*\b.{0,40}"
        r"\b(?:sudah|telah|has been|was) .{0,15}\b(?:dikembalikan|direfund|refunded|returned"
        r"|sent back)\b"
    ),
    Assertion.FREE: _like(
        r"\b(?:gratis|cuma-cuma|free of charge|for free|on the house|tanpa bayar|no charge)\b"
        r"|\b(?:dapat|diberi|kasih|get|given|gets?|apply|applied|dapatkan)\b.{0,30}"
        r"\b(?:diskon|discount|potongan|cashback)\b"
    ),
}

#: Who speaks of what is not so, or not yet, claims nothing.
_HEDGED = _like(
    r"\b(?:belum|tidak|tak|tdk|gak|ga|nggak|bukan|jika|jikalau|kalau|kalo|apabila|bila|setelah"
    r"|sesudah|begitu|apakah|akan|nanti|segera|mau|ingin|boleh|bisa|sampai|sebelum|maaf"
    r"|not|n't|if|once|when|after|will|would|shall|until|before|whether|cannot|can|could|unless"
    r"|soon|please|sorry)\b|n't\b|\?"
)


def assertions_in(text: str) -> set[Assertion]:
    """What it claims, sentence by sentence."""
    claimed = set[Assertion]()
    for sentence in re.findall(r"[^.!?\n]+[.!?]*", text):
        if not _HEDGED.search(sentence):
            claimed |= {name for name, claim in _CLAIMS.items() if claim.search(sentence)}
    return claimed


def untrue(claimed: Collection[Assertion], statuses: Collection[OrderStatus]) -> list[Assertion]:
    """Those that no order of the customer bears out."""
    return sorted(one for one in claimed if not set(TRUE_OF[one]) & set(statuses))


_OFFERED = _like(r"\b(?:gratis|free|diskon|discount|potongan|cashback)\b")


def says_free(text: str) -> bool:
    """Whether somebody who may, the shop itself, speaks of free things or discounts."""
    return _OFFERED.search(text) is not None
