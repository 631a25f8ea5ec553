"""Long texts are split where a reader would pause, and nothing is torn or lost."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.whatsapp.parts import LONGEST_PART, MOST_PARTS, in_parts

WORDS = st.lists(
    st.sampled_from(
        [
            "kopi",
            "Gayo.",
            "ready!",
            "\n",
            "\n\n",
            "*tebal sekali*",
            "_dua kata_",
            "https://pay.example/a?b=c_d",
            "é\u0301",
            "👩\u200d👧",
            "x" * 45,
        ]
    ),
    max_size=80,
)


def letters(*texts: str) -> str:
    """What a text says, white space left out."""
    return "".join("".join(texts).split())


def test_a_short_text_is_one_part() -> None:
    assert in_parts("  Siap kak.\n") == ["Siap kak."]


@pytest.mark.parametrize("empty", ["", " \n "])
def test_no_words_are_no_part(empty: str) -> None:
    assert in_parts(empty) == []


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("satu dua. tiga\n\nempat lima enam", ["satu dua. tiga", "empat lima enam"]),
        ("satu dua. tiga\nempat lima enam", ["satu dua. tiga", "empat lima enam"]),
        ("satu dua tiga! empat lima enam", ["satu dua tiga!", "empat lima enam"]),
        ('kata "satu dua!" tiga empat', ['kata "satu dua!"', "tiga empat"]),
        ("satu dua tiga empat lima", ["satu dua tiga", "empat lima"]),
        ("aaaaaaaaaaaaaaaaaaaaaaaaa", ["a" * 18, "a" * 7]),
        # Too early a pause would make a tiny part.
        ("ya.\n\nsatu dua tiga empat", ["ya.\n\nsatu dua tiga", "empat"]),
        ("satu dua *tiga empat lima*", ["satu dua", "*tiga empat lima*"]),
        ("lihat\nhttps://a.example ya", ["lihat", "https://a.example", "ya"]),
        ("aaaahttps://a.example", ["aaaa", "https://a.example"]),
    ],
)
def test_it_is_split_where_a_reader_would_pause(text: str, parts: list[str]) -> None:
    assert in_parts(text, longest=18) == parts


def test_a_letter_is_not_torn_from_its_accents() -> None:
    assert in_parts("aaaae\u0301b", longest=5) == ["aaaa", "e\u0301b"]
    assert in_parts("aaa👩\u200d👧", longest=5) == ["aaa", "👩\u200d👧"]


def test_what_is_longer_than_a_few_messages_is_cut_and_says_so() -> None:
    parts = in_parts("kata " * 4_000)

    assert len(parts) == MOST_PARTS
    assert all(len(part) <= LONGEST_PART for part in parts)
    assert [part[-1] for part in parts] == ["a", "a", "a", "…"]


@given(WORDS, st.integers(min_value=50, max_value=200))
def test_nothing_is_lost_or_torn(words: list[str], longest: int) -> None:
    text = " ".join(words)

    parts = in_parts(text, longest=longest, most=1_000)

    assert letters(*parts) == letters(text)
    assert all(0 < len(part) <= longest for part in parts)
    for whole in ("https://pay.example/a?b=c_d", "*tebal sekali*", "_dua kata_", "👩\u200d👧"):
        assert sum(part.count(whole) for part in parts) == words.count(whole)


@given(st.text(), st.integers(min_value=2, max_value=30))
def test_any_text_fits(text: str, longest: int) -> None:
    parts = in_parts(text, longest=longest)

    assert len(parts) <= MOST_PARTS
    assert all(0 < len(part) <= longest for part in parts)


@pytest.mark.parametrize("unit", ["*a ", "a", " ", "\n", "_", "https://a", "`", ". "])
def test_no_text_takes_long(unit: str) -> None:
    text = unit * (20_000 // len(unit))
    began = time.process_time()

    in_parts(f"x{text}x")

    assert time.process_time() - began < 1
