"""Texts with variables, `{customer_name}`: which there are, and how they are filled in."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

#: What may stand in a text of the shop's.
VARIABLES = (
    "customer_name",
    "customer_phone",
    "order_number",
    "order_status",
    "order_total",
    "shop_name",
)
_VARIABLE = re.compile(r"\{([^{}\s]{0,64})\}")


@dataclass(frozen=True)
class Rendered:
    """A text with its variables filled in; in the place of the missing ones stands nothing."""

    text: str
    missing: tuple[str, ...] = ()


def unknown_in(template: str) -> tuple[str, ...]:
    """Variables that there are not, in their order, each once."""
    named = dict.fromkeys(_VARIABLE.findall(template))
    return tuple(name for name in named if name not in VARIABLES)


def rendered(template: str, values: Mapping[str, str]) -> Rendered:
    """In one pass: what a value says is never taken for a variable itself."""
    named = dict.fromkeys(_VARIABLE.findall(template))
    missing = tuple(name for name in named if not values.get(name))
    return Rendered(_VARIABLE.sub(lambda found: values.get(found[1], ""), template), missing)
