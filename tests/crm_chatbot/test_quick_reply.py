"""A quick reply's own rules: shortcuts, gaps, and what is put into them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_chatbot.domain.placeholders import BraceAlone, Rendered, VariableUnknown
from crm_chatbot.domain.quick_reply import (
    LONGEST_CONTENT,
    VARIABLES,
    QuickReplyRejected,
    shortcut_of,
)
from tests.crm_chatbot.builders import LATER, NOON
from tests.crm_chatbot.deals import a_quick_reply

#: Values that would be taken for something else if they were looked at again.
TRICKY = "{shop_name} {{x}} }} { {customer_name} \\1 \\g<name> %s"


def rendered(content: str, **values: str) -> Rendered:
    return a_quick_reply(content=content).rendered(values)


@pytest.mark.parametrize("text", ["Halo", "a", "x" * 50, "pay-now_2", "0"])
def test_a_shortcut_is_kept_in_lower_case(text: str) -> None:
    assert shortcut_of(text) == text.lower()


@pytest.mark.parametrize(
    "text",
    ["", " ", "two words", "/halo", "halo/", "x" * 51, "halo\n", "é", "\u212a", "halo!", "a\0"],
)
def test_any_other_shortcut_is_refused(text: str) -> None:
    with pytest.raises(QuickReplyRejected) as refusal:
        shortcut_of(text)

    assert refusal.value.pointer == "/shortcut"


def test_gaps_are_filled_and_double_braces_are_braces() -> None:
    told = rendered("Halo {customer_name}, {{order_number}} = {order_number}", customer_name="Ani")

    assert told == Rendered("Halo Ani, {order_number} = {order_number}", missing=("order_number",))


def test_each_missing_variable_is_named_once_in_the_order_of_the_text() -> None:
    told = rendered("{today} {order_total} {today} {shop_name}", shop_name="\u200b \u202e")

    assert told.missing == ("today", "order_total", "shop_name")


def test_a_value_is_said_on_one_line_without_what_nobody_sees() -> None:
    told = rendered("Halo {customer_name}!", customer_name=" A\u202eni\n\x07[Admin]\u2066 \0 x ")

    assert told.text == "Halo Ani [Admin] x!"


def test_three_braces_are_a_brace_and_a_variable() -> None:
    assert rendered("{{{shop_name}}}", shop_name="Kopi").text == "{Kopi}"


@given(st.sampled_from(VARIABLES), st.text(), st.text())
def test_a_value_is_never_expanded_again(name: str, before: str, value: str) -> None:
    values = dict.fromkeys(VARIABLES, TRICKY) | {name: f"{TRICKY}{value}"}
    lead = doubled(before)

    told = a_quick_reply(content=f"{lead}{{{name}}}").rendered(values)

    alone = a_quick_reply(content=f"{{{name}}}").rendered(values)
    assert told.text == before + alone.text
    assert alone.text.startswith(TRICKY)


@given(st.text())
def test_braces_that_are_doubled_come_back_as_they_were(text: str) -> None:
    assert rendered(doubled(text), **dict.fromkeys(VARIABLES, "x")) == Rendered(text)


@given(st.text(alphabet="{}a_ b", min_size=1, max_size=30))
def test_whatever_may_be_written_can_be_rendered_without_a_rest(content: str) -> None:
    reply = a_quick_reply()

    try:
        reply.change(LATER, content=f"x{content}")
    except (BraceAlone, VariableUnknown):
        assert reply.content == "Halo kak!"
    else:
        assert reply.rendered({}).missing == ()


@pytest.mark.parametrize("name", ["", "nama", "Customer_Name", "customer_name ", "0", "a.b", "é"])
def test_an_unknown_variable_is_named_with_those_that_are_known(name: str) -> None:
    reply = a_quick_reply()

    with pytest.raises(VariableUnknown) as refusal:
        reply.change(LATER, shortcut="other", content=f"Halo {{{name}}}")

    assert repr(name) in str(refusal.value)
    assert all(known in str(refusal.value) for known in VARIABLES)
    assert (reply.shortcut, reply.content, reply.updated_at) == ("halo", "Halo kak!", NOON)


@pytest.mark.parametrize(
    ("content", "place"), [("a { b", 3), ("a } b", 3), ("{{}", 3), ("}", 1), ("{a{b}", 1)]
)
def test_a_brace_that_stands_alone_is_refused_with_its_place(content: str, place: int) -> None:
    with pytest.raises(BraceAlone, match=f"content: .* character {place}:"):
        a_quick_reply().change(LATER, content=content)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("content", ""),
        ("content", " \n\u200b"),
        ("content", "a\0b"),
        ("content", "x" * (LONGEST_CONTENT + 1)),
        ("category", ""),
        ("category", "  "),
        ("category", "x" * 51),
        ("category", "a\nb"),
        ("category", "\u200b"),
    ],
)
def test_what_cannot_be_kept_is_refused(field: str, value: str) -> None:
    wording: Any = {field: value}

    with pytest.raises(QuickReplyRejected) as refusal:
        a_quick_reply().change(LATER, **wording)

    assert refusal.value.pointer == f"/{field}"


def test_what_is_deleted_twice_was_deleted_once() -> None:
    reply = a_quick_reply()

    assert reply.delete(LATER)
    assert not reply.delete(NOON)
    assert (reply.is_active, reply.updated_at) == (False, LATER)


def doubled(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
