"""Variables in the shop's own texts are filled in safely, and the missing ones are named."""

import pytest

from crm_chatbot.domain.placeholders import VARIABLES, rendered, unknown_in


def test_variables_are_filled_in() -> None:
    values = {"customer_name": "Budi", "order_number": "ORD-7"}

    found = rendered("Halo {customer_name}: {order_number}, {order_number}!", values)

    assert (found.text, found.missing) == ("Halo Budi: ORD-7, ORD-7!", ())


@pytest.mark.parametrize("values", [{}, {"customer_name": ""}])
def test_the_missing_ones_are_named_once(values: dict[str, str]) -> None:
    found = rendered("Halo {customer_name}{customer_name} {shop_name}", values)

    assert (found.text, found.missing) == ("Halo  ", ("customer_name", "shop_name"))


def test_a_value_is_never_taken_for_a_variable() -> None:
    values = {"customer_name": "{shop_name} {0.__class__} \\1", "shop_name": "Toko"}

    assert rendered("{customer_name}", values).text == values["customer_name"]


@pytest.mark.parametrize(
    ("template", "unknown"),
    [
        ("{customer_name}", ()),
        ("{nobody} {customer_name} {nobody}", ("nobody",)),
        ("{}", ("",)),
        ("{customer_name.__class__}", ("customer_name.__class__",)),
        ("{customer_name!r}", ("customer_name!r",)),
        ("{0}", ("0",)),
        ("{ not one } { nor this", ()),
    ],
)
def test_unknown_variables_are_told(template: str, unknown: tuple[str, ...]) -> None:
    assert unknown_in(template) == unknown


def test_what_is_known_can_be_written() -> None:
    assert unknown_in("".join(f"{{{name}}}" for name in VARIABLES)) == ()
