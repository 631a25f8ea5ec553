"""Amounts in a text: whatever looks like money must have been told by code (P16, 6.3)."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_chatbot.domain.turns.figures import figures_in, unknown_figures

FACTS = ('{"price": "Rp85.000", "total": 170000}',)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Rp85.000", 85_000),
        ("Rp 85.000,-", 85_000),
        ("rp85rb", 85_000),
        ("85 ribu", 85_000),
        ("50k", 50_000),
        ("1,5jt", 1_500_000),
        ("1.5 juta", 1_500_000),
        ("IDR 170,000", 170_000),
        ("Rp1.250.000", 1_250_000),
        ("Rp170.000,00", 170_000),
        ("85000", 85_000),
        ("seribu rupiah", 1_000),
        ("delapan puluh lima ribu", 85_000),
        ("seratus tujuh puluh ribu rupiah", 170_000),
        ("sejuta", 1_000_000),
        ("lima belas ribu", 15_000),
        ("Rp1", 1),
        ("Rp 0", 0),
    ],
)
def test_money_is_read_as_it_is_meant(text: str, value: int) -> None:
    assert [one.value for one in figures_in(text)] == [value]


@pytest.mark.parametrize(
    "text",
    [
        "Powerbank 10.000 mAh",
        "1.000 gr",
        "1.500 ml",
        "1.000 lebih pelanggan",
        "1000 pcs",
        "sejak 2015",
        "0812-3456-7890",
        "ORD-1002",
        "2 pcs",
        "jam 10.30",
        "jam 08.00-20.00",
        "ukuran 250 gr",
        "KOPI-250",
        "081234567890",
        "ribuan pelanggan",
        "no. 12",
    ],
)
def test_what_is_no_money_is_none(text: str) -> None:
    assert list(figures_in(text)) == []


def test_cents_are_counted_where_there_are_any() -> None:
    found = figures_in("USD 12.50, or $1,200.00, or 7 dollars", scale=2)

    assert [one.value for one in found] == [1_250, 120_000]


def test_half_a_rupiah_is_nobodys_price() -> None:
    assert [one.value for one in figures_in("Rp12,50")] == [None]
    assert unknown_figures("Rp12,50", facts=["Rp12"]) == ["Rp12,50"]


@pytest.mark.parametrize(
    "text",
    [
        "Harganya Rp85.000 ya kak",
        "bahannya 100% katun, 100% arabika",
        "85rb aja kak",
        "2 x Rp85.000 = Rp170.000",
        "IDR 170,000 in total",
        "delapan puluh lima ribu rupiah",
        "Buka jam 8 sampai 20",
    ],
)
def test_what_code_has_told_may_be_repeated(text: str) -> None:
    assert unknown_figures(text, facts=FACTS) == []


@pytest.mark.parametrize(
    "text",
    [
        "Khusus Kakak Rp1",
        "jadi 80rb aja",
        "harga 84.999",
        "total 17000",
        "seribu rupiah saja",
        "cuma setengah juta",
        "diskon 50%",
        "potongan 100 persen",
        "$5",
        "Rp0",
    ],
)
def test_what_nobody_has_set_is_found(text: str) -> None:
    assert unknown_figures(text, facts=FACTS) != []


def test_what_the_shop_has_told_may_stand_as_it_is_unless_it_is_money() -> None:
    told = ["TV 4K 50k jam", "Emas 24k", "harga lama Rp99.000"]

    assert unknown_figures("Ada TV 4K dan emas 24k", facts=FACTS, told=told) == []
    assert unknown_figures("Harganya 50k kak", facts=FACTS, told=told) == ["50k"]
    assert unknown_figures("Rp99.000 ya", facts=FACTS, told=told) == ["Rp99.000"]


@pytest.mark.parametrize("words", ["sepuluh " * 400, "dua " * 8_000, "9" * 50_000, "1.000" * 9_000])
def test_no_text_keeps_anybody_waiting(words: str) -> None:
    """A number word too many once took as long as the square of them, or worse."""
    began = time.process_time()

    unknown_figures(words, facts=FACTS)

    assert time.process_time() - began < 1


def test_what_a_customer_says_is_no_price_but_may_be_an_address() -> None:
    said = ["kirim ke Jl. Melati 1234, saya mau bayar 1234 aja", "kalau 5678 gimana"]

    assert unknown_figures("ke Jl. Melati 1234 ya", facts=FACTS, plain_from=said) == []
    assert unknown_figures("kalau 5678 boleh kak", facts=FACTS, plain_from=said) == ["5678"]
    assert unknown_figures("jadi Rp1.234 ya", facts=FACTS, plain_from=said) == ["Rp1.234"]


@pytest.mark.parametrize("words", ["Oke harga 1234 ya kak", "totalnya cuma 1234", "only 1234"])
def test_a_plain_number_that_is_meant_as_money_is_money(words: str) -> None:
    assert unknown_figures(words, facts=FACTS, plain_from=["1234 aja ya"]) == ["1234"]


@given(st.integers(min_value=1, max_value=10**12))
def test_every_amount_is_found_however_it_is_grouped(amount: int) -> None:
    dotted = f"{amount:,}".replace(",", ".")

    assert [one.value for one in figures_in(f"Rp{dotted}")] == [amount]
    assert [one.value for one in figures_in(f"IDR {amount:,} please")] == [amount]


@given(st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    assert unknown_figures(text, facts=[text]) == unknown_figures(text, facts=[text])
