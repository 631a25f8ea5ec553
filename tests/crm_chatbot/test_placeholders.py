"""Variables in the shop's own texts are filled in safely, and the missing ones are named."""

import pytest

from crm_chatbot.domain.placeholders import (
    BraceAlone,
    VariableUnknown,
    refuse_bad_variables,
    rendered,
)

KNOWN = ("customer_name", "shop_name")


def test_variables_are_filled_in() -> None:
    values = {"customer_name": "Budi", "order_number": "ORD-7"}

    found = rendered("Halo {customer_name}: {order_number}, {order_number}!", values)

    assert (found.text, found.missing) == ("Halo Budi: ORD-7, ORD-7!", ())


@pytest.mark.parametrize("values", [{}, {"customer_name": ""}, {"customer_name": "\u200b\u202e"}])
@pytest.mark.parametrize(
    ("gap", "text"),
    [("", "Halo  "), (None, "Halo {customer_name}{customer_name} {shop_name}")],
)
def test_the_missing_ones_are_named_once(
    values: dict[str, str], gap: str | None, text: str
) -> None:
    found = rendered("Halo {customer_name}{customer_name} {shop_name}", values, gap=gap)

    assert (found.text, found.missing) == (text, ("customer_name", "shop_name"))


def test_a_value_is_never_taken_for_a_variable() -> None:
    values = {"customer_name": "{shop_name} {0.__class__} \\1", "shop_name": "Toko"}

    assert rendered("{customer_name}", values).text == values["customer_name"]


@pytest.mark.parametrize(
    ("template", "unknown"),
    [
        ("{nobody} {customer_name} {anybody}", "nobody"),
        ("{}", ""),
        ("{customer_name.__class__}", "customer_name.__class__"),
        ("{customer_name!r}", "customer_name!r"),
        ("{0}", "0"),
        ("{ not one } { nor this", " not one "),
    ],
)
def test_unknown_variables_are_refused_where_they_stand(template: str, unknown: str) -> None:
    with pytest.raises(VariableUnknown) as refusal:
        refuse_bad_variables("subject", template, KNOWN)

    assert repr(unknown) in str(refusal.value)
    assert refusal.value.pointer == "/subject"


def test_a_brace_that_stands_alone_is_refused_where_it_stands() -> None:
    with pytest.raises(BraceAlone, match=r"at character 5:") as refusal:
        refuse_bad_variables("subject", "{{}}{", KNOWN)

    assert refusal.value.pointer == "/subject"


def test_what_is_known_can_be_written() -> None:
    refuse_bad_variables("subject", "{{".join(f"{{{name}}}" for name in KNOWN), KNOWN)
