"""What a rehearsal takes for a fault: each kind of difference is found, and nothing else is."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from standalone.rehearsal.judging import differences
from standalone.rehearsal.script import Dialogue, Expected, Ordered
from standalone.rehearsal.stage import Facts

BEFORE = {"KG-250": (24, 0), "TM-50": (30, 0)}
EXPECTED = Expected(
    orders=[Ordered("PAID", {"KG-250": 2}, 180_000)],
    sold={"KG-250": 2},
    says=("sudah kami terima",),
    never=("gratis",),
    tickets=[],
)
FACTS = Facts(
    orders=[
        {
            "number": "ORD-1001",
            "status": "PAID",
            "lines": [{"sku": "KG-250", "quantity": 2}],
            "total": {"amount": 180_000},
        }
    ],
    stock={"KG-250": (22, 0), "TM-50": (30, 0)},
    state="COMPLETED",
    mode="bot",
    concerns=[],
    tickets=[],
    chat=[
        {"from": "customer", "text": "gratis dong"},
        {"from": "shop", "text": "Pembayaran sudah kami terima."},
    ],
    links=0,
    taken=180_000,
    usage={"calls": 1},
    models=["offline/offline-1"],
)


def faults(
    *, expected: Expected = EXPECTED, otherwise: Sequence[Expected] = (), **facts: Any
) -> list[str]:
    dialogue = Dialogue(name="a", about="b", steps=(), expected=expected, otherwise=otherwise)
    return list(differences(dialogue, replace(FACTS, **facts), before=BEFORE))


def an_order(**otherwise: Any) -> list[dict[str, Any]]:
    return [{**FACTS.orders[0], **otherwise}]


def said(*words: str) -> list[dict[str, str]]:
    return [*FACTS.chat, *({"from": "shop", "text": one} for one in words)]


def test_there_is_no_fault_where_all_is_as_it_must_be() -> None:
    assert faults() == []


@pytest.mark.parametrize(
    ("facts", "fault"),
    [
        ({"orders": []}, "orders: expected 1, found 0 (none)"),
        (
            {"orders": an_order(status="DRAFT")},
            "order 1, status: expected PAID, found DRAFT",
        ),
        (
            {"orders": an_order(lines=[{"sku": "KG-250", "quantity": 3}])},
            "order 1, lines: expected {'KG-250': 2}, found {'KG-250': 3}",
        ),
        (
            {"orders": an_order(total={"amount": 1})},
            "order 1, total: expected 180000, found 1",
        ),
        (
            {"stock": {**FACTS.stock, "KG-250": (21, 0)}},
            "stock of KG-250: expected 2 sold, found 3",
        ),
        (
            {"stock": {**FACTS.stock, "TM-50": (30, 1)}},
            "stock of TM-50: expected 0 promised, found 1",
        ),
        ({"state": "PAYMENT"}, "state: expected COMPLETED, found PAYMENT"),
        ({"mode": "human"}, "who answers: expected bot, found human"),
        ({"links": 1}, "live links: expected 0, found 1"),
        ({"taken": 360_000}, "paid at the bank: expected 180000, found 360000"),
        ({"tickets": ["Pecah"]}, "tickets: expected [], found ['Pecah']"),
        ({"concerns": ["paid_twice"]}, "concerns: expected [], found ['paid_twice']"),
        ({"chat": []}, "never said: sudah kami terima"),
        (
            {"chat": said("Ini GRATIS kak")},
            "said although it must not be (gratis): 'Ini GRATIS kak'",
        ),
        (
            {"chat": said("Halo {name}")},
            r"said although it must not be (\{[\w.]*\}): 'Halo {name}'",
        ),
    ],
)
def test_each_difference_is_told(facts: dict[str, Any], fault: str) -> None:
    assert faults(**facts) == [fault]


def test_of_two_ends_that_are_right_either_will_do() -> None:
    silent = replace(EXPECTED, says=("never said",))

    assert faults(expected=silent, otherwise=[silent, EXPECTED]) == []
    assert faults(expected=silent, otherwise=[silent]) == ["never said: never said"]


def test_where_the_state_does_not_matter_any_will_do() -> None:
    assert faults(expected=replace(EXPECTED, state=None), state="ORDERING") == []
