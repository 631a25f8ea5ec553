"""What customers have said before, and been answered, when they write the words of a test."""

from collections.abc import Mapping, Sequence

from shared.llm.chat import ChatMessage
from shared.llm.offline_replies import reply_to
from shared.llm.offline_tools import Said
from tests.shared.llm.shop_talk import FACTS, SELLING

_ONE = "1. Kopi Gayo, 250 gr - Rp85.000 (stok 12)\nMau pesan Kopi Gayo, 250 gr berapa, Kak?"
_LIST = (
    "1. Kopi Gayo, 250 gr - Rp85.000 (stok 12)\n2. Kopi Gayo, 500 gr - Rp160.000 (stok 5)\n"
    "Mau yang mana, Kak, dan berapa?"
)
_LIST_EN = _LIST.replace("Mau yang mana, Kak, dan berapa?", "Which one would you like?")
_ORDER = "2 x Kopi Gayo, 250 gr @ Rp85.000 = Rp170.000\n*Total: Rp170.000*\n"
_CART = (
    f"*Pesanan ORD-1001*\n{_ORDER}Status: belum dikonfirmasi\n"
    "Ada tambahan, Kak, atau lanjut checkout?"
)
_SUMMARY = (
    f"*Ringkasan pesanan ORD-1001*\n{_ORDER}\n"
    "Balas YA untuk konfirmasi, atau tulis apa yang mau diubah.\n"
    "[offline model] Mohon dicek ringkasannya ya, Kak: kalau semuanya benar, balas YA."
)
_EXPIRED = (
    "Waktu pembayaran pesanan ORD-1001 sudah habis, jadi barangnya tidak kami simpan lagi. Kalau "
    "masih mau, balas saja pesan ini."
)
_LINK = "Link pembayaran ORD-1001:\nhttps://pay.example/1"
_WHERE = "Sebelum lanjut, boleh minta nama dan alamat lengkap pengirimannya, Kak?"

#: Customer, assistant, customer, ...
BEFORE: Mapping[str, Sequence[str]] = {
    "fresh": (),
    "hello": ("halo", "Halo! Saya asisten otomatis Kopi Senja. Ada yang bisa saya bantu?"),
    "one": ("ada kopi gayo 250gr?", _ONE),
    "list": ("ada kopi gayo?", _LIST),
    "list, in English": ("do you have kopi gayo?", _LIST_EN),
    "which of three": ("pesan 3 kopi gayo", _LIST),
    "cart": ("pesan 2 kopi gayo 250gr", _CART),
    "address": ("pesan 2 kopi gayo 250gr", _CART, "udah", _WHERE),
    "summary": ("pesan 2 kopi gayo 250gr", _CART, "udah", _SUMMARY),
    "payment": ("pesan 2 kopi gayo 250gr", _CART, "udah", _SUMMARY, "ya", _LINK),
    "expired": ("pesan 2 kopi gayo 250gr", _CART, "udah", _SUMMARY, "ya", f"{_LINK}\n{_EXPIRED}"),
}


def said_in(state: str, text: str, *results: ChatMessage) -> Said:
    """What the assistant says, or calls, when it hears the text in that state of a talk."""
    said = [
        ChatMessage("assistant" if place % 2 else "user", words)
        for place, words in enumerate(BEFORE[state])
    ]
    talk = [ChatMessage("system", FACTS), *said, ChatMessage("user", text)]
    return reply_to([*talk, *results], SELLING)
