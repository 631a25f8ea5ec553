"""What customers are told of payments, in words that code has chosen."""

from collections.abc import Mapping

from crm_chatbot.domain.language import Language
from crm_chatbot.domain.money import Currency, formatted
from crm_chatbot.domain.orders.order import Order
from crm_chatbot.domain.payments.payment import Payment, Provider

_ID, _EN = Language.INDONESIAN, Language.ENGLISH

_LINK: Mapping[Language, str] = {
    _ID: "Silakan bayar pesanan {number} sebesar {amount} di sini:\n{url}\n\n"
    "Kami beri tahu begitu pembayaran diterima.",
    _EN: "Please pay {amount} for order {number} here:\n{url}\n\n"
    "We will tell you as soon as the payment is received.",
}
_TRANSFER: Mapping[Language, str] = {
    _ID: "Silakan transfer tepat {amount} untuk pesanan {number} ke:\n{details}\n\n"
    "Lalu kirim foto bukti transfernya di sini. Staf kami akan memeriksanya.",
    _EN: "Please transfer exactly {amount} for order {number} to:\n{details}\n\n"
    "Then send a photo of the receipt here. One of our staff will check it.",
}
_RECEIVED: Mapping[Language, str] = {
    _ID: "Pembayaran {amount} untuk pesanan {number} sudah kami terima. Terima kasih!",
    _EN: "We have received your payment of {amount} for order {number}. Thank you!",
}
_RECEIVED_ODDLY: Mapping[Language, str] = {
    _ID: "Pembayaran untuk pesanan {number} sudah masuk. Staf kami akan memeriksanya dulu dan "
    "segera mengabari.",
    _EN: "Your payment for order {number} has arrived. One of our staff will look at it first, "
    "and tell you soon.",
}
_REFUNDED: Mapping[Language, str] = {
    _ID: "Dana {amount} untuk pesanan {number} sudah dikembalikan. Waktu masuknya tergantung "
    "bank atau dompet digital Anda.",
    _EN: "{amount} for order {number} has been refunded. When it arrives depends on your bank or "
    "wallet.",
}
_NO_LINK: Mapping[Language, str] = {
    _ID: "Maaf, tautan pembayaran untuk pesanan {number} belum bisa dibuat. Staf kami akan "
    "membantu Anda membayar.",
    _EN: "Sorry, no payment link could be made for order {number}. One of our staff will help "
    "you pay.",
}
_DELAYED: Mapping[Language, str] = {
    _ID: "Tautan pembayaran untuk pesanan {number} sedang dibuat, mohon tunggu sebentar ya.",
    _EN: "The payment link for order {number} is being made, please wait a moment.",
}
_PROOF_KEPT: Mapping[Language, str] = {
    _ID: "Terima kasih, buktinya sudah kami terima. Staf kami akan memeriksa transfernya.",
    _EN: "Thank you, we have your receipt. One of our staff will check the transfer.",
}
_PROOF_REJECTED: Mapping[Language, str] = {
    _ID: "Maaf, transfer untuk pesanan {number} belum bisa kami temukan. Mohon periksa lagi, "
    "atau kirim bukti yang lain.",
    _EN: "Sorry, we could not find the transfer for order {number}. Please check again, or send "
    "another receipt.",
}


def way_to_pay(order: Order, payment: Payment, details: str, language: Language) -> str:
    """How the customer pays: a page of the provider's, or the shop's bank account."""
    is_manual = payment.provider is Provider.MANUAL
    told = (_TRANSFER if is_manual else _LINK)[language]
    return told.format(
        number=order.number,
        amount=_amount(payment.amount, payment, language),
        url=payment.url,
        details=details.strip(),
    )


def received(order: Order, payment: Payment, language: Language, *, is_odd: bool) -> str:
    told = (_RECEIVED_ODDLY if is_odd else _RECEIVED)[language]
    return told.format(number=order.number, amount=_amount(payment.paid_amount, payment, language))


def refunded(order: Order, payment: Payment, back: int, language: Language) -> str:
    """`back`: what went back this time."""
    amount = _amount(back, payment, language)
    return _REFUNDED[language].format(number=order.number, amount=amount)


def no_link(order: Order, language: Language) -> str:
    return _NO_LINK[language].format(number=order.number)


def link_delayed(order: Order, language: Language) -> str:
    return _DELAYED[language].format(number=order.number)


def proof_kept(language: Language) -> str:
    return _PROOF_KEPT[language]


def proof_rejected(order: Order, language: Language) -> str:
    return _PROOF_REJECTED[language].format(number=order.number)


def _amount(amount: int, payment: Payment, language: Language) -> str:
    return formatted(amount, Currency(payment.currency), language)
