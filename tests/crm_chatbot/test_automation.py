"""What automation rules may say, and what sets them off."""

from datetime import timedelta
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.domain.automation import (
    Action,
    Assign,
    CustomerWrote,
    HandOver,
    Happened,
    LabelApplied,
    Labelled,
    MessageMatches,
    OpenTicket,
    OrderBecame,
    OrderMoved,
    OutsideHours,
    PutLabel,
    Reply,
    RuleRejected,
    TicketBreached,
    TicketRanOut,
    When,
)
from crm_chatbot.domain.orders.order import OrderId, OrderStatus
from tests.crm_chatbot.builders import LATER
from tests.crm_chatbot.ruling import a_rule_that, said

LABEL = uuid7()


def wrote(text: str, *, is_closed: bool = False) -> CustomerWrote:
    return CustomerWrote(text, is_closed=is_closed)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "refund",
            "REFUND!",
            "mau \uff32efund dong",
            "saya minta rèfund.",
            "(refund)",
            "re\u0301fund",
        ),
        *("Uang   kembali?", "uang-kembali", "kapan uang\nkembali ya", "STRASSE", "die Straße"),
    ],
)
def test_words_are_found_however_they_are_written(text: str) -> None:
    assert said("refund", "uang kembali", "straße").holds(wrote(text))


@pytest.mark.parametrize("text", ["refunded", "prerefund", "uang saya kembali", "uang", "", "☕"])
def test_parts_of_words_are_not(text: str) -> None:
    assert not said("refund", "uang kembali").holds(wrote(text))


def test_no_pattern_is_more_than_its_letters() -> None:
    assert not said("(a+)+").holds(wrote("aaaa"))
    assert said("(a+)+").holds(wrote("a"))


def test_a_long_message_is_read_only_so_far() -> None:
    assert said("refund").holds(wrote("refund " + "a" * 60_000))
    assert not said("refund").holds(wrote("a " * 30_000 + "refund"))


MOVED = OrderMoved(OrderId(uuid7()), OrderStatus.PAID)
HOLDS: tuple[tuple[When, Happened, bool], ...] = (
    (LabelApplied(LABEL), Labelled(LABEL), True),
    (LabelApplied(LABEL), Labelled(uuid7()), False),
    (LabelApplied(LABEL), wrote(str(LABEL)), False),
    (OutsideHours(), wrote("", is_closed=True), True),
    (OutsideHours(), wrote("refund"), False),
    (OutsideHours(), MOVED, False),
    (OrderBecame((OrderStatus.DRAFT, OrderStatus.PAID)), MOVED, True),
    (OrderBecame((OrderStatus.EXPIRED,)), MOVED, False),
    (OrderBecame((OrderStatus.PAID,)), wrote("PAID"), False),
    (TicketBreached(), TicketRanOut(uuid7()), True),
    (TicketBreached(), Labelled(LABEL), False),
    (said("paid"), MOVED, False),
)


@pytest.mark.parametrize(("when", "happened", "holds"), HOLDS)
def test_a_rule_is_set_off_by_what_it_is_about(
    when: When, happened: Happened, *, holds: bool
) -> None:
    assert when.holds(happened) is holds


BAD: dict[str, tuple[str, dict[str, Any]]] = {
    "no name": ("name", {"name": ""}),
    "a blank name": ("name", {"name": " \u200b"}),
    "a name of two lines": ("name", {"name": "a\nb"}),
    "a long name": ("name", {"name": "x" * 101}),
    "no words": ("when/words", {"when": said()}),
    "many words": ("when/words", {"when": said(*("x",) * 21)}),
    "a long word": ("when/words/1", {"when": said("a", "x" * 51)}),
    "a blank word": ("when/words/0", {"when": said(" ")}),
    "a word without letters": ("when/words/0", {"when": said("!?")}),
    "an unprintable word": ("when/words/0", {"when": said("a\u202eb")}),
    "no status": ("when/statuses", {"when": OrderBecame(())}),
    "a status twice": ("when/statuses", {"when": OrderBecame((OrderStatus.PAID,) * 2)}),
    "nothing to do": ("then", {"then": ()}),
    "too much to do": ("then", {"then": tuple(PutLabel(uuid7()) for _ in range(6))}),
    "the same twice": ("then", {"then": (HandOver(), HandOver())}),
    "nobody to assign to": ("then/0/assignee", {"then": (Assign(" "),)}),
    "a long assignee": ("then/1/assignee", {"then": (HandOver(), Assign("x" * 101))}),
    "a ticket about nothing": ("then/0/subject", {"then": (OpenTicket("\u200b"),)}),
    "a ticket about too much": ("then/0/subject", {"then": (OpenTicket("x" * 201),)}),
}


@pytest.mark.parametrize(("field", "terms"), BAD.values(), ids=BAD)
def test_a_rule_that_makes_no_sense_is_refused(field: str, terms: dict[str, Any]) -> None:
    rule = a_rule_that()
    before = dict(vars(rule))
    whole: Any = {"name": "x", "when": said("a"), "then": (HandOver(),), "is_active": True} | terms

    with pytest.raises(RuleRejected) as refused:
        rule.change(LATER, **whole)
    with pytest.raises(RuleRejected):
        a_rule_that(**terms)

    assert refused.value.pointer == f"/{field}"
    assert vars(rule) == before


@pytest.mark.parametrize("action", [PutLabel(LABEL), Reply(uuid7()), HandOver()])
def test_what_needs_a_conversation_is_not_for_tickets(action: Action) -> None:
    with pytest.raises(RuleRejected) as refused:
        a_rule_that(Assign("sari"), action, when=TicketBreached())

    assert refused.value.pointer == "/then/1"


def test_who_answers_words_with_words_rests() -> None:
    rests = [
        a_rule_that(HandOver(), when=OutsideHours()).rest,
        a_rule_that(HandOver(), Reply(uuid7())).rest,
        a_rule_that(HandOver()).rest,
        a_rule_that(Reply(uuid7()), when=OrderBecame((OrderStatus.PAID,))).rest,
    ]

    assert rests == [timedelta(hours=12), timedelta(hours=1), None, None]


def test_words_may_hold_whatever_letters_a_shop_writes() -> None:
    assert MessageMatches(("退款",)).holds(wrote("退款!"))
