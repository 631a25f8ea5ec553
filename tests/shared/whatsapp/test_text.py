"""Markdown becomes WhatsApp's formatting, and what deceives is taken out."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.whatsapp.text import fit, formatted, inert


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("**Kopi Gayo** siap", "*Kopi Gayo* siap"),
        ("__Kopi Gayo__ siap", "*Kopi Gayo* siap"),
        ("***penting***", "*_penting_*"),
        ("*sudah tebal* dan _miring_", "*sudah tebal* dan _miring_"),
        ("~~Rp50.000~~ Rp40.000", "~Rp50.000~ Rp40.000"),
        ("# Menu\nKopi", "*Menu*\nKopi"),
        ("### **Menu** ###", "*Menu*"),
        ("2 * 3 * 4 = 24", "2 * 3 * 4 = 24"),
        ("snake_case__name", "snake_case__name"),
        ("* satu\n+ dua\n- tiga", "- satu\n- dua\n- tiga"),
        ("* **satu**", "- *satu*"),
        ("1. satu\n2. dua", "1. satu\n2. dua"),
        ("[Bayar di sini](https://pay.example/a_b_c)", "Bayar di sini: https://pay.example/a_b_c"),
        ("[https://a.example](https://a.example)", "https://a.example"),
        ("![gambar](https://a.example/x.jpg)", "gambar: https://a.example/x.jpg"),
        ("<https://a.example/x>", "https://a.example/x"),
        ("**Buka https://a.example/__x__ ya**", "*Buka https://a.example/__x__ ya*"),
        ("**https://a.example/x**", "*https://a.example/x*"),
        ("`**kode**`", "`**kode**`"),
        ("```python\nx = '**'\n```", "```x = '**'```"),
        ("atas\n\n---\n\nbawah", "atas\n\nbawah"),
        ("a  \n\n\n\nb", "a\n\nb"),
        ("> kutipan", "> kutipan"),
        ("<b>tebal</b><br>baris", "*tebal*\nbaris"),
        ("halo<script>alert(1)</script> kak", "halo kak"),
        ("halo<script>alert(1)", "halo"),
        ("harga <100rb, 5 > 3", "harga <100rb, 5 > 3"),
        (
            "| Barang | Harga |\n|---|--:|\n| Kopi | Rp85.000 |",
            "Barang - Harga\nKopi - Rp85.000",
        ),
    ],
)
def test_markdown_becomes_whatsapps_formatting(markdown: str, shown: str) -> None:
    assert formatted(markdown) == shown


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("a\x00b\x07c\x1b[31m", "abc[31m"),
        ("abc\u202etxt.exe", "abctxt.exe"),
        ("pay\u200bment \u2066x\u2069", "payment x"),
        ("satu\r\ndua\rtiga\u2028empat", "satu\ndua\ntiga\nempat"),
        ("e\u0301", "\u00e9"),
        ("\ud800halo", "halo"),
        ("👩\u200d👧 ❤\ufe0f", "👩\u200d👧 ❤\ufe0f"),
        ("a\tb", "a\tb"),
    ],
)
def test_what_deceives_or_cannot_be_sent_is_taken_out(text: str, rest: str) -> None:
    assert fit(text) == rest


def test_what_others_wrote_formats_nothing() -> None:
    assert inert("Kaos *NEW*_v2\n`x` ~y~") == "Kaos NEW v2 x y"


@given(st.text())
def test_any_text_can_be_formatted_and_then_stays_fit(text: str) -> None:
    shown = formatted(text)

    assert fit(shown) == shown
    assert shown == shown.strip()


@given(st.text(alphabet="*_~`#|-<>[]()! \nab1.:/htps"))
def test_marks_in_any_order_do_no_harm(text: str) -> None:
    assert len(formatted(text)) <= 2 * len(text) + 2


@pytest.mark.parametrize(
    "unit", ["**a", "__a ", "~~a", "[", "`", "```", "<script", "| a ", "# #", " ", "\n", "* ", "_"]
)
def test_no_text_takes_long(unit: str) -> None:
    text = unit * (20_000 // len(unit))
    began = time.process_time()

    formatted(f"x{text}x")

    assert time.process_time() - began < 1
