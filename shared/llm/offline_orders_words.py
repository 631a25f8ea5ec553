"""What customers want of products, orders and payments: the offline assistant's rules for them."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.llm import offline_shop_patterns_words as heard
from shared.llm.offline_intents import BY_STAFF, OFFER, Intent, is_yes_to, said_like
from shared.llm.offline_shop_slots_words import order_of, product_of
from shared.llm.offline_talk_words import Both, Talk

_MENU = Both("This is what we have: {it}.", "Yang kami punya: {it}.")
_NO_MENU = Both(
    "I cannot look into the catalogue here.", "Maaf, saya belum bisa melihat katalog di sini."
)
_BY_LINK = Both(
    "You will get a payment link once the order is confirmed; it lists the methods.",
    "Setelah pesanan dikonfirmasi ada link pembayaran, Kak; pilihan caranya ada di sana.",
)
_ASK_STAFF_HOW = Both(
    "Our staff know how you can pay. Shall I call one of our staff?",
    "Soal cara bayar, staf kami yang tahu. Mau saya panggilkan staf kami?",
)
_WHICH = Both("Which product do you mean?", "Produk yang mana, Kak?")
_WHAT = Both("What would you like to order, and how many?", "Mau pesan apa, Kak, dan berapa?")


def _menu(talk: Talk) -> str:
    if menu := talk.fact("menu", "products", "catalogue", "catalog", "produk", "katalog"):
        return talk.say(_MENU, it=menu)
    return f"{talk.say(_NO_MENU)} {talk.say(OFFER)}"


def _search(talk: Talk) -> Mapping[str, Any]:
    return {**order_of(talk.words), "query": product_of(talk.words)}


def _order(talk: Talk) -> Mapping[str, Any]:
    product = product_of(talk.words)
    return {**order_of(talk.words), **({"query": product} if product else {})}


def _is_bad_quantity(talk: Talk) -> bool:
    is_order = heard.ORDER.search(talk.words) or heard.NEW_QUANTITY.search(talk.words)
    return bool(is_order) and order_of(talk.words).get("quantity", 1) < 1


def _ways_to_pay(talk: Talk) -> str:
    return talk.say(_BY_LINK if "initiate_payment" in talk.tools else _ASK_STAFF_HOW)


#: The first that fits is it.
INTENTS: Sequence[Intent] = (
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
        _order,
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
        Both(
            "I cannot change prices or give discounts. Shall I call one of our staff?",
            "Maaf, harga dan diskon tidak bisa saya ubah. Mau saya panggilkan staf kami?",
        ),
    ),
    Intent(said_like(heard.CANCEL), BY_STAFF, ("cancel_order",), _order),
    Intent(
        said_like(heard.LATER),
        Both("No hurry. Write whenever you like!", "Siap, santai saja Kak. Kabari kapan saja ya!"),
    ),
    Intent(
        _is_bad_quantity,
        Both("How many would you like? At least one, please.", "Mau berapa, Kak? Minimal satu ya."),
    ),
    Intent(said_like(heard.STATUS), BY_STAFF, ("get_order_status",), _order),
    Intent(said_like(heard.PAY_LINK), BY_STAFF, ("initiate_payment",), _order),
    Intent(said_like(heard.PAY_HOW), _ways_to_pay),
    Intent(is_yes_to(heard.YES, heard.ASKED_TO_CONFIRM), BY_STAFF, ("confirm_order",), _order),
    Intent(said_like(heard.CONFIRM), BY_STAFF, ("confirm_order",), _order),
    Intent(said_like(heard.CHECKOUT), BY_STAFF, ("get_order_status",), _order),
    Intent(said_like(heard.REMOVE), BY_STAFF, ("remove_from_order",), _order, _WHICH),
    Intent(said_like(heard.NEW_QUANTITY), BY_STAFF, ("set_quantity",), _order, _WHICH),
    Intent(said_like(heard.LESS), BY_STAFF, ("remove_from_order",), _order, _WHICH),
    Intent(said_like(heard.STOCK), _menu, ("check_stock", "search_products"), _search, _WHICH),
    Intent(said_like(heard.BROWSE), _menu, ("search_products",), _search),
    Intent(
        said_like(heard.ORDER),
        Both(
            "With pleasure! I cannot take orders by myself yet. Shall I call one of our staff?",
            "Siap, Kak! Pesanan belum bisa saya catat sendiri. Mau saya panggilkan staf kami?",
        ),
        ("add_to_order", "search_products"),
        _order,
        _WHAT,
    ),
)
