"""Whether what came of a dialogue is what must come of it, and if not, what is different."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from standalone.rehearsal.script import Dialogue, Expected, Ordered
from standalone.rehearsal.stage import Facts, Stock

_ANY_CASE = re.IGNORECASE | re.DOTALL
#: Nobody hears these from a bot that is right about money, whatever they write.
_NEVER = (r"Traceback", r"\{[\w.]*\}", r"Rp ?0(?![\d.])")


def differences(dialogue: Dialogue, facts: Facts, *, before: Stock) -> Sequence[str]:
    """Empty where all is as it must be; `before`: the stock with which it began."""
    ends = (dialogue.expected, *dialogue.otherwise)
    found = [list(_between(expected, facts, before)) for expected in ends]
    # Told is what differs from the first of them.
    return found[0] if all(found) else []


def _between(expected: Expected, facts: Facts, before: Stock) -> Iterator[str]:
    yield from _orders(expected.orders, facts.orders)
    yield from _stock(expected, facts.stock, before)
    taken = expected.taken
    if taken is None:
        taken = sum(one.total for one in expected.orders if one.status == "PAID")
    for what, wanted, found in (
        ("state", expected.state or facts.state, facts.state),
        ("who answers", expected.mode, facts.mode),
        ("live links", expected.links, facts.links),
        ("paid at the bank", taken, facts.taken),
        ("tickets", facts.tickets if expected.tickets is None else expected.tickets, facts.tickets),
        ("concerns", sorted(expected.concerns), sorted(facts.concerns)),
    ):
        if wanted != found:
            yield f"{what}: expected {wanted}, found {found}"
    yield from _words(expected, facts.said)


def _orders(expected: Sequence[Ordered], found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if len(expected) != len(found):
        numbers = ", ".join(f"{one['number']} {one['status']}" for one in found) or "none"
        yield f"orders: expected {len(expected)}, found {len(found)} ({numbers})"
        return
    for place, (wanted, order) in enumerate(zip(expected, found, strict=True), start=1):
        lines = {one["sku"]: one["quantity"] for one in order["lines"]}
        seen = Ordered(order["status"], lines, order["total"]["amount"])
        for part in ("status", "lines", "total"):
            if getattr(wanted, part) != getattr(seen, part):
                yield (
                    f"order {place}, {part}: expected {getattr(wanted, part)}, "
                    f"found {getattr(seen, part)}"
                )


def _stock(
    expected: Expected,
    after: Stock,
    before: Stock,
) -> Iterator[str]:
    for sku, (on_hand, reserved) in before.items():
        sold = on_hand - after[sku][0]
        held = after[sku][1] - reserved
        if sold != expected.sold.get(sku, 0):
            yield f"stock of {sku}: expected {expected.sold.get(sku, 0)} sold, found {sold}"
        if held != expected.held.get(sku, 0):
            yield f"stock of {sku}: expected {expected.held.get(sku, 0)} promised, found {held}"


def _words(expected: Expected, said: Sequence[str]) -> Iterator[str]:
    for pattern in expected.says:
        if not any(re.search(pattern, one, _ANY_CASE) for one in said):
            yield f"never said: {pattern}"
    for pattern in (*_NEVER, *expected.never):
        for one in said:
            if re.search(pattern, one, _ANY_CASE):
                yield f"said although it must not be ({pattern}): {one[:120]!r}"
