"""What a reply claims: an order, a payment, a parcel; true only if the rows say so (6.3, d.5)."""

import pytest

from crm_chatbot.domain.orders.order import OrderStatus
from crm_chatbot.domain.turns.assertions import Assertion, assertions_in, says_free, untrue

CLAIMS = {
    Assertion.ORDERED: (
        "Pesanan Kakak sudah saya catat: 2 kopi.",
        "Sudah saya masukkan ke keranjang ya",
        "Your order has been placed!",
        "I have added it to your cart.",
        "Order kamu berhasil dibuat",
    ),
    Assertion.CONFIRMED: (
        "Pesanannya sudah dikonfirmasi ya kak",
        "Pesanan kakak sudah kami konfirmasi",
        "Your order is confirmed",
    ),
    Assertion.LINK_SENT: ("Link pembayarannya sudah saya kirim", "Here is your payment link"),
    Assertion.PAID: (
        "Pembayaran sudah diterima, makasih!",
        "Payment received.",
        "Your order is now paid",
        "Pesanan ORD-1001 status PAID",
        "Udah lunas ya kak",
        "Pembayaran Rp170.000 sudah kami terima, terima kasih!",
        "Pembayaran sudah kami terima, pesanan segera kami proses.",
        "Sudah lunas kak, nanti dikirim",
        "Payment received, we will ship soon",
        "udah masuk ya kak duitnya",
    ),
    Assertion.SHIPPED: (
        "Barang sudah dikirim kak",
        "Barang sudah kami kirim",
        "Sudah kami kirim ya kak",
        "Your parcel has been shipped",
    ),
    Assertion.CANCELLED: ("Pesanan dibatalkan.", "Your order has been cancelled."),
    Assertion.REFUNDED: ("Uangnya sudah dikembalikan", "The money has been returned"),
    Assertion.FREE: ("Hari ini gratis kak", "You get a 50 discount", "Kakak dapat diskon"),
}
HARMLESS = (
    "Setelah pembayaran diterima, pesanan kami kirim.",
    "Pembayaran belum masuk kak",
    "Baik, sudah saya catat: nama Budi",
    "Apakah pesanannya sudah dikirim?",
    "Your order will be shipped once it is paid",
    "Mau pesan apa, Kak?",
    "Kami buka jam 8.",
    "Maaf, diskon tidak bisa saya berikan",
    "Status: waiting to be paid",
    "Metode pembayaran yang diterima: QRIS, GoPay, transfer bank",
    "Pembayaran diterima lewat QRIS",
    "Payment is confirmed automatically",
    "Delivery is paid by the buyer",
    "Every order is shipped from Bandung",
    "Pesanan dibatalkan otomatis dalam 1 jam",
    "Ringkasannya sudah saya kirim ya",
)


@pytest.mark.parametrize(
    ("claim", "text"), [(claim, text) for claim, texts in CLAIMS.items() for text in texts]
)
def test_a_claim_is_seen(claim: Assertion, text: str) -> None:
    assert claim in assertions_in(text)


@pytest.mark.parametrize("text", HARMLESS)
def test_who_speaks_of_what_is_not_yet_so_claims_nothing(text: str) -> None:
    assert assertions_in(text) == set()


@pytest.mark.parametrize(
    ("claim", "status", "is_true"),
    [
        (Assertion.PAID, OrderStatus.PAID, True),
        (Assertion.PAID, OrderStatus.AWAITING_PAYMENT, False),
        (Assertion.ORDERED, OrderStatus.DRAFT, True),
        (Assertion.CONFIRMED, OrderStatus.DRAFT, False),
        (Assertion.SHIPPED, OrderStatus.PAID, False),
        (Assertion.CANCELLED, OrderStatus.PAID, False),
        (Assertion.REFUNDED, OrderStatus.REFUNDED, True),
        (Assertion.FREE, OrderStatus.PAID, False),
    ],
)
def test_only_rows_make_it_true(claim: Assertion, status: OrderStatus, is_true: bool) -> None:
    assert (untrue({claim}, [status]) == []) is is_true


def test_without_any_order_nothing_of_it_is_true() -> None:
    assert untrue(set(Assertion), []) == sorted(Assertion)


def test_the_shop_itself_may_speak_of_free_things() -> None:
    assert says_free("Gratis ongkir minimal Rp200.000")
    assert not says_free("Kopi Gayo Rp85.000")
    assert not says_free("Jangan pernah memberi diskon. Never give anything for free.")


def test_a_discount_that_an_order_has_may_be_spoken_of() -> None:
    assert untrue({Assertion.FREE}, [OrderStatus.DRAFT], has_discount=True) == []
