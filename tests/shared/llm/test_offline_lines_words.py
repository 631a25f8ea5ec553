"""What the offline model reads out of an order's words: what, how many, and made how."""

import time

import pytest

from shared.llm.offline_lines_words import Line, lines_of, quantity_of, rejected_quantity_of
from shared.llm.offline_variants_words import inherited, is_variant, the_one
from tests.shared.llm.utterances import BEFORE, said_in

GAYO, GAYO_500, TEA = "Kopi Gayo, 250 gr", "Kopi Gayo, 500 gr", "Teh Melati"


@pytest.mark.parametrize(
    ("words", "quantity"),
    [
        ("2", 2),
        ("dua", 2),
        ("2x", 2),
        ("x2", 2),
        ("2 pcs", 2),
        ("2 biji", 2),
        ("2 bungkus", 2),
        ("selusin", 12),
        ("setengah lusin", 6),
        ("2 lusin", 24),
        ("sekodi", 20),
        ("sepasang", 2),
        ("half a dozen donuts", 6),
        ("satu aja", 1),
        ("2 bukan 12", 2),
        ("bukan 2 tapi 3", 3),
        ("2 kopi gayo 250 gram", 2),
        ("kopi gayo 250gr", None),
        ("kopi 1/2 kg", None),
        ("budget 200rb", None),
        ("size 42", None),
        ("duanya", None),
        ("order ORD-1001", None),
        ("-2", -2),
        ("0", 0),
    ],
)
def test_quantities_are_read_as_people_write_them(words: str, quantity: int | None) -> None:
    assert quantity_of(words) == quantity


def test_what_is_meant_to_be_wrong_is_known() -> None:
    assert rejected_quantity_of("eh salah, maksudnya 2 bukan 12") == 12
    assert rejected_quantity_of("two instead of three") == 3
    assert rejected_quantity_of("jadi 2") is None


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        ("kopi gayo x3 sama teh melati x1", [Line("kopi gayo", 3), Line("teh melati", 1)]),
        ("mau order kaos polos hitam L 1, M 2", [Line("kaos polos hitam L", 1), ("M", 2)]),
        ("mau pesan\nkopi gayo\n2", [Line("kopi gayo", 2)]),
        ("2\nkopi gayo", [Line("kopi gayo", 2)]),
        (
            "2 kopi susu less sugar dan 1 teh tanpa gula",
            [Line("kopi susu", 2, "less sugar"), Line("teh", 1, "tanpa gula")],
        ),
        ("2 kopi susu, less sugar ya", [Line("kopi susu", 2, "less sugar")]),
        ("2 kopi gayo, tolong kirim cepat ya", [Line("kopi gayo", 2)]),
        ("kopi susu dan roti bakar 2", [Line("kopi susu"), Line("roti bakar", 2)]),
        ("masing-masing 2 kopi sama teh", [Line("kopi", 2), Line("teh", 2)]),
        ("yang nomor 2 tiga ya", [Line("", 3, place=2)]),
        ("the second one", [Line("", place=2)]),
        ("halo kak", []),
        ("makasih ya kak", []),
    ],
)
def test_an_order_is_read_line_by_line(words: str, lines: list[Line | tuple[str, int]]) -> None:
    read = [(line.product, line.quantity, line.note, line.place) for line in lines_of(words)]

    kaos = "kaos polos hitam M"
    wanted = [Line(kaos, one[1]) if isinstance(one, tuple) else one for one in lines]
    assert read == [(line.product, line.quantity, line.note, line.place) for line in wanted]


def test_a_variant_is_told_from_a_product() -> None:
    assert [is_variant(one) for one in ("250gr", "size L", "hitam", "kopi", "")] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert inherited("Kopi Gayo, 250 gr", "500gr") == "Kopi Gayo 500gr"
    assert inherited("kaos polos hitam L", "M") == "kaos polos hitam M"


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("250gr", GAYO),
        ("yang 250 gram", GAYO),
        ("500", GAYO_500),
        ("tehnya", TEA),
        ("kopi gayo", ""),
        ("susu", ""),
    ],
)
def test_words_that_fit_one_name_mean_it(words: str, name: str) -> None:
    assert the_one(words, [GAYO, GAYO_500, TEA]) == name


@pytest.mark.parametrize("text", ["1, " * 5_000, "- " * 5_000, "1 kopi sama " * 900, "ya " * 9_000])
def test_no_order_keeps_it_busy(text: str) -> None:
    for state in BEFORE:
        began = time.process_time()
        said_in(state, text)
        assert time.process_time() - began < 0.5
