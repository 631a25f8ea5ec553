"""What a label is: a name, a color, and whether it may still be applied."""

from typing import cast

import pytest

from crm_chatbot.domain.label import (
    DEFAULT_COLOR,
    LONGEST_DESCRIPTION,
    LONGEST_NAME,
    LabelNameTaken,
    LabelRejected,
    Terms,
    key_of,
)
from tests.crm_chatbot.builders import LATER, NOON
from tests.crm_chatbot.labels import a_label


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({"name": "  Komplain "}, {"name": "Komplain"}),
        ({"name": "☕" * LONGEST_NAME}, {"name": "☕" * LONGEST_NAME}),
        ({"color": "#00FF7F"}, {"color": "#00ff7f"}),
        ({"description": " Beli\nbanyak "}, {"description": "Beli\nbanyak"}),
        ({"description": "x" * LONGEST_DESCRIPTION}, {"description": "x" * LONGEST_DESCRIPTION}),
    ],
)
def test_what_is_said_of_a_label_is_kept_tidied(said: Terms, kept: dict[str, str]) -> None:
    label = a_label(color="#ffffff")

    label.change(LATER, **said)

    assert vars(label) == vars(a_label(color="#ffffff", id=label.id, updated_at=LATER)) | kept


def test_a_label_of_which_no_more_is_said_has_a_color() -> None:
    assert (a_label().color, a_label().description) == (DEFAULT_COLOR, "")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("name", name) for name in ("", "  ", "x" * (LONGEST_NAME + 1), "a\nb", "a\0")),
        *(("name", name) for name in ("\u200b", "a\u202eb")),
        *(("color", color) for color in ("red", "#GGGGGG", "#fff", "", "#3498db ", "3498dbb")),
        *(("color", color) for color in ("#3498db\n", "#٣٤٩٨١٢", "#3498dbff")),
        *(("description", text) for text in ("x" * (LONGEST_DESCRIPTION + 1), "a\0b")),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(field: str, value: str) -> None:
    label = a_label()
    before = dict(vars(label))
    terms = cast("Terms", {"name": "Grosir", field: value})

    with pytest.raises(LabelRejected) as refusal:
        label.change(LATER, **terms)

    assert refusal.value.pointer == f"/{field}"
    assert vars(label) == before


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Komplain", "kOMPLAIN"),
        ("Komplain", "ＫＯＭＰＬＡＩＮ"),  # noqa: RUF001 - another width
        ("Straße", "STRASSE"),
        ("Beli banyak", " beli  banyak "),
        ("É", "e\u0301"),
    ],
)
def test_a_name_is_one_however_it_is_written(one: str, other: str) -> None:
    assert key_of(one) == key_of(other)


def test_names_that_differ_are_two() -> None:
    assert key_of("Grosir") != key_of("Gro sir")


def test_a_label_is_deleted_once() -> None:
    label = a_label()

    assert label.delete(LATER)
    assert (label.is_active, label.updated_at) == (False, LATER)
    assert not label.delete(NOON)
    assert label.updated_at == LATER


def test_what_was_deleted_comes_back_as_it_is_said_then() -> None:
    label = a_label(is_active=False, color="#000000", description="Old")

    label.come_back(LATER, name="KOMPLAIN", color="#ffffff", description="New")

    assert (label.name, label.color, label.description) == ("KOMPLAIN", "#ffffff", "New")
    assert (label.is_active, label.updated_at) == (True, LATER)


def test_what_was_not_deleted_does_not_come_back() -> None:
    with pytest.raises(LabelNameTaken):
        a_label().come_back(LATER, color="#ffffff")
