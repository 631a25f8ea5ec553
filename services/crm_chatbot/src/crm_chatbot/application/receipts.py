"""What customers read of their orders: every number in it is the order's, written by code alone."""

import re
from collections.abc import Iterator, Mapping

from crm_chatbot.domain.language import Language
from crm_chatbot.domain.money import formatted
from crm_chatbot.domain.orders.delivery import PICKUP
from crm_chatbot.domain.orders.order import Order, OrderStatus

_ID, _EN = Language.INDONESIAN, Language.ENGLISH
_S = OrderStatus

#: What WhatsApp takes for formatting, wherever a shop's own words may have it.
_MARKS = re.compile(r"[*_~`\s]+")

_WORDS: Mapping[str, Mapping[Language, str]] = {
    "order": {_ID: "Pesanan {number}", _EN: "Order {number}"},
    "summary": {_ID: "Ringkasan pesanan {number}", _EN: "Summary of order {number}"},
    "line": {_ID: "{quantity} x {name} @ {price} = {amount}"},
    "empty": {_ID: "(belum ada isinya)", _EN: "(nothing in it yet)"},
    "discount": {_ID: "Diskon {name}: -{amount}", _EN: "Discount {name}: -{amount}"},
    "delivery": {_ID: "Ongkir ke {place}: {amount}", _EN: "Delivery to {place}: {amount}"},
    "pickup": {_ID: "Ambil di {place}", _EN: "To be picked up at {place}"},
    "total": {_ID: "Total: {amount}"},
    "status": {_ID: "Status: {status}"},
    "confirm": {
        _ID: "Balas YA untuk konfirmasi, atau tulis apa yang mau diubah.",
        _EN: "Reply YES to confirm, or write what is to be changed.",
    },
    "expired": {
        _ID: "Waktu pembayaran pesanan {number} sudah habis, jadi barangnya tidak kami simpan "
        "lagi. Kalau masih mau, balas saja pesan ini.",
        _EN: "The time to pay for order {number} has run out, so we do not hold it any longer. "
        "If you still want it, just reply to this message.",
    },
}

_STATUS: Mapping[OrderStatus, Mapping[Language, str]] = {
    _S.DRAFT: {_ID: "belum dikonfirmasi", _EN: "not confirmed yet"},
    _S.AWAITING_PAYMENT: {_ID: "menunggu pembayaran", _EN: "waiting to be paid"},
    _S.PAID: {_ID: "sudah dibayar", _EN: "paid"},
    _S.PAID_ATTENTION: {_ID: "sedang diperiksa staf kami", _EN: "being looked at by our staff"},
    _S.FULFILLED: {_ID: "sudah dikirim atau diserahkan", _EN: "sent, or handed over"},
    _S.EXPIRED: {_ID: "waktu pembayaran habis", _EN: "not paid in time"},
    _S.CANCELLED: {_ID: "dibatalkan", _EN: "cancelled"},
    _S.REFUNDED: {_ID: "dana dikembalikan", _EN: "refunded"},
}


def plain(text: str) -> str:
    """A shop's or customer's own words on one line, with nothing that WhatsApp would format."""
    return _MARKS.sub(" ", text).strip()


def order_text(order: Order, language: Language) -> str:
    """What is in it, what it comes to, and how it stands."""
    status = _say("status", language, status=status_text(order, language))
    head = f"*{_say('order', language, number=order.number)}*"
    return "\n".join((head, *_body(order, language), status))


def status_text(order: Order, language: Language) -> str:
    """How it stands, in a few words."""
    return _STATUS[order.status][language]


def summary_text(order: Order, language: Language) -> str:
    """What the customer is to say yes to, all of it."""
    head = f"*{_say('summary', language, number=order.number)}*"
    return "\n".join((head, *_body(order, language), "", _say("confirm", language)))


def expired_text(order: Order, language: Language) -> str:
    return _say("expired", language, number=order.number)


def _body(order: Order, language: Language) -> Iterator[str]:
    def money(amount: int) -> str:
        return formatted(amount, order.currency, language)

    for line in order.lines:
        price, amount = money(line.unit_price), money(line.amount)
        name = plain(line.name)
        yield _say("line", language, quantity=line.quantity, name=name, price=price, amount=amount)
    if not order.lines:
        yield _say("empty", language)
    for discount in order.discounts:
        name = plain(discount.name)
        yield _say("discount", language, name=name, amount=money(discount.amount))
    if order.delivery:
        place = plain(order.delivery.address)
        what = "pickup" if order.delivery.zone == PICKUP else "delivery"
        yield _say(what, language, place=place, amount=money(order.delivery.fee))
    yield f"*{_say('total', language, amount=money(order.total))}*"


def _say(what: str, language: Language, **facts: object) -> str:
    """Both languages say it alike where there is one wording only."""
    words = _WORDS[what]
    return words.get(language, words[_ID]).format(**facts)
