"""Texts with variables, `{customer_name}`: what they may name, and how they are filled in."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from shared.domain import Invalid, says_something
from shared.whatsapp.text import fit

#: Double braces mean single ones; a brace that stands alone is somebody's slip.
_GAP = re.compile(r"\{\{|\}\}|\{(?P<name>[^{}]*)\}|[{}]")
_NAME_SHOWN = 40


class VariableUnknown(Invalid):
    message = "There is no variable {unknown!r}. Known are: {known}."
    at = "/{field}"


class BraceAlone(Invalid):
    message = "{field}: a brace stands alone at character {place}: double it."
    at = "/{field}"


@dataclass(frozen=True)
class Rendered:
    """A text with its variables filled in."""

    text: str
    #: those that nothing is known for: their names, in the order of the text, each once
    missing: tuple[str, ...] = ()


def refuse_bad_variables(field: str, text: str, known: Collection[str]) -> None:
    """Raises VariableUnknown, BraceAlone."""
    for found in _GAP.finditer(text):
        name = found["name"]
        if name is None and len(found[0]) == 1:
            raise BraceAlone(field=field, place=found.start() + 1)
        if name is not None and name not in known:
            raise VariableUnknown(field=field, unknown=name[:_NAME_SHOWN], known=", ".join(known))


def rendered(text: str, values: Mapping[str, str], *, gap: str | None = None) -> Rendered:
    """Each variable replaced once: what stands in a value is never looked at for more.

    Of values only what can be seen is said, on one line; who has none of it is missing. In place
    of the missing ones stands `gap`; None: they stay as they are written.
    """
    missing: dict[str, None] = {}

    def put(found: re.Match[str]) -> str:
        name = found["name"]
        if name is None:
            return found[0][:1]
        value = " ".join(fit(values.get(name, "")).split())
        if says_something(value):
            return value
        missing[name] = None
        return found[0] if gap is None else gap

    return Rendered(_GAP.sub(put, text), tuple(missing))
