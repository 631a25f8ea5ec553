"""What customers read of their orders: the numbers are the order's, and nothing is formatted."""

import re

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.application.receipts import (
    expired_text,
    order_text,
    plain,
    summary_text,
)
from crm_chatbot.domain.language import Language
from crm_chatbot.domain.money import RUPIAH, Currency, formatted
from crm_chatbot.domain.orders.delivery import PICKUP
from crm_chatbot.domain.orders.order import Delivery, Discount, Order, OrderStatus
from tests.crm_chatbot.deals import ADDRESS, a_line, an_order

ID, EN = Language.INDONESIAN, Language.ENGLISH


@pytest.mark.parametrize(
    ("amount", "code", "language", "text"),
    [
        (170_000, "IDR", ID, "Rp170.000"),
        (1_250_000, "IDR", ID, "Rp1.250.000"),
        (170_000, "IDR", EN, "IDR 170,000"),
        (0, "IDR", ID, "Rp0"),
        (-5_000, "IDR", ID, "-Rp5.000"),
        (1_050, "USD", EN, "USD 10.50"),
        (123_456_705, "USD", ID, "USD 1.234.567,05"),
        (5, "USD", EN, "USD 0.05"),
        (1_234, "KWD", EN, "KWD 1.234"),
        (500, "JPY", EN, "JPY 500"),
    ],
)
def test_money_is_written_as_it_is_read(
    amount: int, code: str, language: Language, text: str
) -> None:
    assert formatted(amount, Currency(code), language) == text


def a_whole_order() -> Order:
    return an_order(
        None,
        a_line(quantity=2, name="Kopi Gayo, 250 gr"),
        a_line(name="Kaos *NEW*_v2`~", unit_price=99_000),
        number="ORD-1001",
        discounts=(Discount(rule_id=uuid7(), name="Promo _Mei_", amount=9_000),),
        delivery=ADDRESS,
    )


def test_a_summary_says_all_that_is_agreed_to() -> None:
    assert summary_text(a_whole_order(), ID) == (
        "*Ringkasan pesanan ORD-1001*\n"
        "2 x Kopi Gayo, 250 gr @ Rp85.000 = Rp170.000\n"
        "1 x Kaos NEW v2 @ Rp99.000 = Rp99.000\n"
        "Diskon Promo Mei: -Rp9.000\n"
        "Ongkir ke Jl. Contoh 1, Bandung: Rp15.000\n"
        "*Total: Rp275.000*\n"
        "\n"
        "Balas YA untuk konfirmasi, atau tulis apa yang mau diubah."
    )
    assert summary_text(a_whole_order(), EN) == (
        "*Summary of order ORD-1001*\n"
        "2 x Kopi Gayo, 250 gr @ IDR 85,000 = IDR 170,000\n"
        "1 x Kaos NEW v2 @ IDR 99,000 = IDR 99,000\n"
        "Discount Promo Mei: -IDR 9,000\n"
        "Delivery to Jl. Contoh 1, Bandung: IDR 15,000\n"
        "*Total: IDR 275,000*\n"
        "\n"
        "Reply YES to confirm, or write what is to be changed."
    )


def test_what_is_picked_up_is_said_to_be() -> None:
    order = a_whole_order()
    order.delivery = Delivery(address="Jl. Toko 1", zone=PICKUP, fee=0)

    assert "Ambil di Jl. Toko 1" in order_text(order, ID)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("status", OrderStatus)
def test_how_an_order_stands_is_said_in_each_language(
    status: OrderStatus, language: Language
) -> None:
    text = order_text(an_order(status=status), language)

    assert text.splitlines()[-1].startswith("Status: ")
    assert status not in text


@pytest.mark.parametrize("language", Language)
def test_who_is_told_that_time_has_run_out_is_told_of_which_order(language: Language) -> None:
    assert "ORD-1001" in expired_text(an_order(None, a_line(), number="ORD-1001"), language)


def test_whatever_a_shop_writes_is_plain() -> None:
    assert plain("  *Kaos*\n_baru_ ~`x`~ ") == "Kaos baru x"
    assert plain("a" + "*_~`" * 50 + "b") == "a b"


def test_no_word_of_a_shop_is_a_hole() -> None:
    order = an_order(None, a_line(name="{number} {0} %s"), number="ORD-1001")

    assert re.search(r"1 x \{number\} \{0\} %s @", summary_text(order, ID))
    assert formatted(order.total, RUPIAH, ID) in summary_text(order, ID)
