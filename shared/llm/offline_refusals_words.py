"""Why a tool did nothing, told to a customer: one sentence for each code that a shop may give."""

import re
from collections.abc import Mapping

from shared.llm.offline_done_words import Done
from shared.llm.offline_memory_words import (
    ADDRESS_PLEASE,
    HOW_MANY,
    HOW_MANY_IN_ALL,
    WHICH_ONE,
)
from shared.llm.offline_talk_words import Both, Talk

_FAILED = Both(
    "Sorry, that did not work. Shall I call one of our staff?",
    "Maaf, itu belum berhasil. Mau saya panggilkan staf kami?",
)
_NOT_SAVED = Both(
    "Sorry, I could not save that. Could you write it once more?",
    "Maaf, itu belum bisa saya simpan. Boleh ditulis sekali lagi?",
)
_NOTHING_FOUND = Both(
    "Sorry, I found nothing like that. Are you looking for something else?",
    "Maaf, saya tidak menemukannya. Ada yang lain yang dicari, Kak?",
)
_NO_ORDER = Both(
    "There is no order yet. What would you like to order?",
    "Belum ada pesanan, Kak. Mau pesan apa?",
)
_NOT_POSSIBLE = Both(
    "That cannot be done with the order as it stands. Shall I call one of our staff?",
    "Itu tidak bisa dilakukan pada pesanan ini, Kak. Mau saya panggilkan staf kami?",
)
_PAID_TO_STAFF = Both(
    "Our staff will tell you how to pay. Shall I call one of our staff?",
    "Cara bayarnya diatur staf kami, Kak. Mau saya panggilkan staf kami?",
)
_TOO_MANY = Both(
    "Sorry, there are orders that are not paid yet. Shall I call one of our staff?",
    "Maaf, masih ada pesanan yang belum dibayar. Mau saya panggilkan staf kami?",
)
_NOTHING_TO_CANCEL = Both(
    "There is no order that could still be cancelled. Shall I call one of our staff?",
    "Tidak ada pesanan yang masih bisa dibatalkan, Kak. Mau saya panggilkan staf kami?",
)
_SOLD_OUT = Both(
    "Sorry, {product} cannot be had at the moment. Would you like something else?",
    "Maaf, {product} sedang tidak ada stoknya. Mau yang lain, Kak?",
)
_ONLY = Both(
    "Sorry, there are only {count} left. {question}", "Maaf, stoknya tinggal {count}. {question}"
)
_BAD_QUANTITY = Both(
    "Sorry, that quantity is not possible. {question}", "Maaf, jumlah itu belum bisa. {question}"
)

_SAID: Mapping[str, Both] = {
    "order_not_found": _NO_ORDER,
    "order_is_empty": Both(
        "The cart is still empty. What would you like, and how many?",
        "Keranjangnya masih kosong, Kak. Mau pesan apa, dan berapa?",
    ),
    "address_missing": ADDRESS_PLEASE,
    "confirmation_required": Both(
        "If the summary is right, please reply YES.",
        "Kalau ringkasannya benar, mohon ketik YA ya, Kak.",
    ),
    "product_not_found": _NOTHING_FOUND,
    "not_in_order": Both(
        "That is not in your cart. Which one do you mean?",
        "Itu tidak ada di keranjang, Kak. Maksudnya yang mana?",
    ),
    "order_changed": Both(
        "Prices or stock have changed meanwhile. Shall I go on with the new summary?",
        "Harga atau stoknya berubah barusan, Kak. Mau lanjut dengan ringkasan baru?",
    ),
    "no_way_to_pay": _PAID_TO_STAFF,
    "nothing_to_pay": _PAID_TO_STAFF,
    "delivery_unknown": Both(
        "What delivery to that address costs, our staff know. Shall I call one of our staff?",
        "Ongkir ke alamat itu harus ditanyakan ke staf kami, Kak. Mau saya panggilkan staf kami?",
    ),
    "pickup_not_offered": Both(
        "Orders cannot be picked up here, we deliver. What is your address?",
        "Maaf Kak, di sini belum bisa ambil sendiri. Boleh kirim alamat lengkapnya?",
    ),
    "nothing_awaits_payment": _NOT_POSSIBLE,
    "order_not_open": _NOT_POSSIBLE,
    "illegal_state": _NOT_POSSIBLE,
    "illegal_transition": _NOT_POSSIBLE,
    "too_many_orders": _TOO_MANY,
    "too_many_unpaid": _TOO_MANY,
}


def refusal(talk: Talk, done: Done) -> str:
    """In the customer's language, with a way on."""
    if done.tool == "update_customer_profile":
        return talk.say(_NOT_SAVED)
    if done.tool == "cancel_order" and done.error == "order_not_found":
        return talk.say(_NOTHING_TO_CANCEL)
    if done.error == "ambiguous_product":
        return _choices(talk, done)
    if done.error == "insufficient_stock":
        return _short(talk, done)
    if done.error in {"bad_quantity", "quantity_limit"}:
        return talk.say(_BAD_QUANTITY, question=how_many(talk, done))
    return talk.say(_SAID.get(done.error, _FAILED))


def how_many(talk: Talk, done: Done) -> str:
    """The question for a number, in words that still tell of what when the answer comes."""
    detail = str(done.result.get("detail", ""))
    named = re.search(r"\bof (.+?) \(", detail)
    product = named[1] if named else str(done.arguments.get("product", ""))
    is_total = done.tool == "set_quantity"
    return talk.say(HOW_MANY_IN_ALL if is_total else HOW_MANY, product=product)


def _choices(talk: Talk, done: Done) -> str:
    text = str(done.result.get("text") or "")
    if not text:
        rows = enumerate(done.products, start=1)
        text = "\n".join(f"{n}. {row.get('name')} - {row.get('price')}" for n, row in rows)
    return f"{text}\n{talk.say(WHICH_ONE)}".strip()


def _short(talk: Talk, done: Done) -> str:
    detail = str(done.result.get("detail", ""))
    left = re.search(r"\bonly (\d+) of (.+?) \(", detail)
    if left is None:
        return talk.say(_BAD_QUANTITY, question=how_many(talk, done))
    if left[1] == "0":
        return talk.say(_SOLD_OUT, product=left[2])
    return talk.say(_ONLY, count=left[1], question=how_many(talk, done))
