"""What customers want of their orders and payments: the offline assistant's rules for them."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.llm import offline_cart_words as cart
from shared.llm import offline_checkout_words as checkout
from shared.llm import offline_order_patterns_words as heard
from shared.llm.offline_goods_words import NO_ORDERS, WHAT, WHICH
from shared.llm.offline_intents import BY_STAFF, OFFER, Intent, is_yes_to, said_like
from shared.llm.offline_lines_words import (
    lines_of,
    order_number_of,
    product_of,
    quantity_of,
)
from shared.llm.offline_memory_words import HOW_MANY, asked_how_many
from shared.llm.offline_talk_words import Both, Talk

_BY_LINK = Both(
    "You will get a payment link once the order is confirmed; it lists the methods.",
    "Setelah pesanan dikonfirmasi ada link pembayaran, Kak; pilihan caranya ada di sana.",
)
_ASK_STAFF_HOW = Both(
    "Our staff know how you can pay. Shall I call one of our staff?",
    "Soal cara bayar, staf kami yang tahu. Mau saya panggilkan staf kami?",
)
_NO_LESS = Both(
    "How many would you like? At least one, please.", "Mau berapa, Kak? Minimal satu ya."
)
_NO_MORE = Both(
    "That is more than I may take down. Shall I call one of our staff?",
    "Jumlah itu terlalu banyak untuk saya catat, Kak. Mau saya panggilkan staf kami?",
)
_NO_DISCOUNT = Both(
    "I cannot change prices or give discounts.", "Maaf, harga dan diskon tidak bisa saya ubah."
)
#: More than this is no order, whatever a shop allows.
_MOST = 10_000


def _which_order(talk: Talk) -> Mapping[str, Any]:
    number = order_number_of(talk.words)
    return {"order": number, "order_number": number, "order_id": number} if number else {}


def _is_bad_quantity(talk: Talk) -> bool:
    is_order = any(
        one.search(talk.words) for one in (heard.ORDER, heard.NEW_QUANTITY, heard.MORE)
    ) or cart.says_how_many(talk)  # fmt: skip
    return bool(is_order) and not 1 <= _quantity(talk) <= _MOST


def _bad_quantity(talk: Talk) -> str:
    return talk.say(_NO_LESS if _quantity(talk) < 1 else _NO_MORE)


def _quantity(talk: Talk) -> int:
    quantity = quantity_of(talk.words)
    return 1 if quantity is None else quantity


def _is_more(talk: Talk) -> bool:
    """Of what is in the cart: that is named with "the", if at all."""
    is_known = not product_of(talk.words) or heard.KNOWN_THING.search(talk.words)
    return bool(heard.MORE.search(talk.words) and is_known)


def _is_new_quantity(talk: Talk) -> bool:
    return bool(heard.NEW_QUANTITY.search(talk.words)) and quantity_of(talk.words) is not None


def _no_discount(talk: Talk) -> str:
    """Politely no; and back to what was being bought."""
    product = asked_how_many(talk)
    question = talk.say(HOW_MANY, product=product) if product else talk.say(OFFER)
    return f"{talk.say(_NO_DISCOUNT)} {question}"


def _ways_to_pay(talk: Talk) -> str:
    return talk.say(_BY_LINK if "initiate_payment" in talk.tools else _ASK_STAFF_HOW)


def _is_checkout(talk: Talk) -> bool:
    """Nothing is to be added before."""
    return bool(heard.CHECKOUT.search(talk.words)) and not any(
        line.is_counted and line.product for line in lines_of(talk.words)
    )


def _is_thumb(talk: Talk) -> bool:
    return bool(is_yes_to(heard.THUMB, heard.ASKED_TO_CONFIRM)(talk))


_PAYING: Sequence[Intent] = (
    Intent(
        said_like(heard.PAYING_FAILS),
        Both(
            "I am sorry that the payment fails. Another method may work: QRIS or a bank transfer. "
            "Shall I call one of our staff?",
            "Maaf pembayarannya gagal. Coba cara lain: QRIS atau transfer bank. Mau saya "
            "panggilkan staf kami?",
        ),
    ),
    Intent(
        said_like(heard.PAID),
        Both(
            "Thank you! Every payment is checked first. Shall I call one of our staff?",
            "Terima kasih, Kak! Pembayaran dicek dulu ya. Mau saya panggilkan staf kami?",
        ),
        ("get_order_status",),
        _which_order,
    ),
    Intent(
        said_like(heard.SHIPPING),
        Both(
            "The cost of shipping depends on the address. What is it?",
            "Ongkirnya tergantung alamat, Kak. Boleh kirim alamat lengkapnya?",
        ),
    ),
    Intent(
        said_like(heard.PROMO),
        _no_discount,
    ),
)
_ENDING: Sequence[Intent] = (
    Intent(
        said_like(heard.CANCEL_ONE),
        BY_STAFF,
        ("remove_from_order",),
        steps=cart.remove,
        asks=WHICH,
    ),
    Intent(said_like(heard.CANCEL), BY_STAFF, ("cancel_order",)),
    Intent(
        said_like(heard.PICKUP),
        Both(
            "Our staff arrange that. Shall I call one of our staff?",
            "Itu diatur staf kami, Kak. Mau saya panggilkan staf kami?",
        ),
        ("pick_up_order",),
    ),
    Intent(
        said_like(heard.LATER),
        Both("No hurry. Write whenever you like!", "Siap, santai saja Kak. Kabari kapan saja ya!"),
    ),
    Intent(_is_bad_quantity, _bad_quantity),
    Intent(
        said_like(heard.SAME_AGAIN),
        NO_ORDERS,
        ("get_order_status",),
        steps=cart.same_again,
        asks=WHAT,
    ),
    Intent(said_like(heard.STATUS), BY_STAFF, ("get_order_status",), _which_order),
    Intent(said_like(heard.PAY_LINK), BY_STAFF, ("initiate_payment",), steps=checkout.pay),
    Intent(
        lambda talk: _is_checkout(talk) or _is_thumb(talk),
        BY_STAFF,
        ("confirm_order",),
        steps=checkout.confirm,
    ),
    Intent(said_like(heard.PAY_HOW), _ways_to_pay),
    Intent(
        is_yes_to(heard.YES, heard.OFFERED_THE_LINK),
        BY_STAFF,
        ("initiate_payment",),
        steps=checkout.pay,
    ),
    Intent(
        is_yes_to(heard.YES, heard.ASKED_TO_CONFIRM),
        BY_STAFF,
        ("confirm_order",),
        steps=checkout.confirm,
    ),
    Intent(
        is_yes_to(heard.NO, heard.ASKED_TO_CONFIRM),
        Both(
            "All right, nothing is ordered. What shall I change?",
            "Baik, belum saya lanjutkan. Apa yang mau diubah, Kak?",
        ),
    ),
    Intent(said_like(heard.CONFIRM), BY_STAFF, ("confirm_order",), steps=checkout.confirm),
    Intent(said_like(heard.SHOW_CART), BY_STAFF, ("get_order_status",), _which_order),
)
_CHANGING: Sequence[Intent] = (
    Intent(cart.says_how_many, NO_ORDERS, ("add_to_order",), steps=cart.counted),
    Intent(
        said_like(heard.REMOVE), BY_STAFF, ("remove_from_order",), steps=cart.remove, asks=WHICH
    ),
    Intent(_is_new_quantity, BY_STAFF, ("set_quantity",), steps=cart.set_to, asks=WHICH),
    Intent(
        lambda talk: heard.REPLACE.search(talk.words) and product_of(talk.words),
        BY_STAFF,
        ("add_to_order",),
        steps=cart.with_cart(cart.replace_line),
        asks=WHICH,
    ),
    Intent(
        said_like(heard.LESS),
        BY_STAFF,
        ("set_quantity",),
        steps=cart.with_cart(cart.fewer),
        asks=WHICH,
    ),
    Intent(_is_more, NO_ORDERS, ("add_to_order",), steps=cart.more, asks=WHAT),
    Intent(
        said_like(heard.BOTH_OF_THEM), NO_ORDERS, ("add_to_order",), steps=cart.both, asks=WHICH
    ),
)
#: The first that fits is it.
INTENTS: Sequence[Intent] = (*_PAYING, *_ENDING, *_CHANGING)
