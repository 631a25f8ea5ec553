"""A ticket moves as its table says, comes back by being opened again, and records each change."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_chatbot.domain.language import Language
from crm_chatbot.domain.tickets.board import (
    Board,
    BoardId,
    BoardRejected,
    Column,
    default_columns,
    default_name,
)
from crm_chatbot.domain.tickets.status import Status
from crm_chatbot.domain.tickets.ticket import (
    LONGEST_SUBJECT,
    LONGEST_TEXT,
    MOVES,
    OVER,
    Priority,
    Ticket,
    TicketCannotMove,
    TicketEvent,
    TicketNotOver,
    TicketRejected,
)
from shared.domain import Invalid
from tests.crm_chatbot.builders import LATER, NOON
from tests.crm_chatbot.desk import a_board, a_comment, a_template, a_ticket

BOARD = a_board()
_S = Status


def told(ticket: Ticket) -> list[tuple[str, dict[str, object]]]:
    """What has happened to it since it was looked at last."""
    events = ticket.release_events()
    return [(one.what, dict(one.facts)) for one in events if isinstance(one, TicketEvent)]


def moved(ticket: Ticket, status: Status) -> bool:
    resolution = "Done." if status is _S.RESOLVED else None
    return ticket.move_to(status, LATER, by="key", resolution=resolution)


def pushed(ticket: Ticket, step: str) -> bool:
    """Whether it let itself be."""
    try:
        if step != "reopen":
            return moved(ticket, Status(step))
        ticket.reopen(LATER, by="key")
    except (TicketCannotMove, TicketNotOver):
        return False
    return True


@pytest.mark.parametrize("wanted", Status)
@pytest.mark.parametrize("current", Status)
def test_a_ticket_moves_where_the_table_says(current: Status, wanted: Status) -> None:
    ticket = a_ticket(BOARD, status=current)

    if wanted is current:
        assert not moved(ticket, wanted)
        assert told(ticket) == []
    elif wanted in MOVES[current]:
        assert moved(ticket, wanted)
        assert told(ticket) == [("ticket.moved", {"from": current, "to": wanted})]
        assert ticket.updated_at == LATER
    else:
        with pytest.raises(TicketCannotMove):
            moved(ticket, wanted)
        assert (ticket.status, told(ticket)) == (current, [])


def test_the_table_is_the_way_that_tickets_go() -> None:
    every = list(Status)

    assert all(later in MOVES[earlier] for earlier, later in pairwise(every))
    assert [one for one in Status if MOVES[one] & {_S.OPEN}] == [_S.IN_PROGRESS]
    assert [one for one in Status if _S.CLOSED in MOVES[one]] == [_S.RESOLVED]


@given(st.lists(st.sampled_from([*Status, "reopen"]), max_size=20))
def test_however_it_is_pushed_around_it_stays_in_order(steps: list[str]) -> None:
    ticket = a_ticket(BOARD)

    for step in steps:
        before, was_over = ticket.status, ticket.is_over
        is_changed = pushed(ticket, step)
        assert (ticket.status is before) == (not is_changed)
        assert len(told(ticket)) == is_changed
        # Nothing but `reopen` brings back what was over.
        assert not was_over or ticket.is_over or step == "reopen"
        assert (ticket.resolved_at is not None) == (ticket.status in OVER)
        assert (ticket.closed_at is not None) == (ticket.status is _S.CLOSED)
        assert ticket.resolution or ticket.status not in OVER


def test_to_resolve_a_ticket_needs_a_resolution() -> None:
    for resolution in (None, "", " \u200b", "x\0", "x" * (LONGEST_TEXT + 1)):
        ticket = a_ticket(BOARD)
        with pytest.raises(TicketRejected) as refused:
            ticket.move_to(_S.RESOLVED, LATER, by="key", resolution=resolution)
        assert (refused.value.pointer, ticket.status) == ("/resolution", _S.OPEN)


@pytest.mark.parametrize("status", sorted(OVER))
def test_what_is_over_is_opened_again(status: Status) -> None:
    ticket = a_ticket(BOARD, status=status, resolution="Done.", resolved_at=NOON, closed_at=NOON)

    ticket.reopen(LATER, by="key 2")

    assert (ticket.status, ticket.resolved_at, ticket.closed_at) == (_S.OPEN, None, None)
    assert ticket.resolution == "Done."
    assert told(ticket) == [("ticket.reopened", {"from": status})]


@pytest.mark.parametrize("status", sorted(set(Status) - OVER))
def test_what_is_not_over_is_not_opened_again(status: Status) -> None:
    with pytest.raises(TicketNotOver):
        a_ticket(BOARD, status=status).reopen(LATER, by="key")


def test_each_change_is_told_without_anybodys_words() -> None:
    ticket = a_ticket(BOARD)
    other = BoardId(BOARD.id)

    is_changed = ticket.describe(
        LATER,
        by="key",
        subject="Another",
        description="Words.",
        priority=Priority.HIGH,
        assignee_id="sari",
        board_id=other,
    )

    assert is_changed
    assert told(ticket) == [
        ("ticket.prioritised", {"from": "none", "to": "high"}),
        ("ticket.assigned", {"from": None, "to": "sari"}),
        ("ticket.described", {"fields": ["subject", "description"]}),
    ]


def test_to_put_it_on_another_board_is_told() -> None:
    ticket, other = a_ticket(BOARD), a_board("Money")

    ticket.describe(LATER, by="key", board_id=other.id)

    facts = {"from": str(BOARD.id), "to": str(other.id)}
    assert told(ticket) == [("ticket.put_on_board", facts)]


def test_what_is_as_it_was_is_no_change() -> None:
    ticket = a_ticket(BOARD)

    assert not ticket.describe(LATER, by="key", subject=ticket.subject, assignee_id=None)
    assert not ticket.describe(LATER, by="key")
    assert (told(ticket), ticket.updated_at) == ([], NOON)


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("subject", ""),
        ("subject", "\u200b "),
        ("subject", "two\nlines"),
        ("subject", "x" * (LONGEST_SUBJECT + 1)),
        ("description", "x" * (LONGEST_TEXT + 1)),
        ("description", "\0"),
        ("assignee_id", ""),
        ("assignee_id", " "),
        ("assignee_id", "a\tb"),
        ("assignee_id", "x" * 101),
        ("resolution", "Of what is open."),
    ],
)
def test_what_may_not_be_said_of_a_ticket_changes_nothing(field: str, bad: str) -> None:
    ticket = a_ticket(BOARD)
    wishes: dict[str, Any] = {"priority": Priority.HIGH, field: bad}

    with pytest.raises(TicketRejected) as refused:
        ticket.describe(LATER, by="key", **wishes)

    assert refused.value.pointer == f"/{field}"
    assert (ticket.priority, told(ticket)) == (Priority.NONE, [])


def test_the_longest_that_may_be_said_is_said() -> None:
    ticket = a_ticket(BOARD, status=_S.RESOLVED)

    assert ticket.describe(
        LATER,
        by="key",
        subject="x" * LONGEST_SUBJECT,
        description="x" * LONGEST_TEXT,
        assignee_id="x" * 100,
        resolution="x" * LONGEST_TEXT,
    )


def test_a_new_ticket_is_looked_over() -> None:
    ticket = a_ticket(BOARD, priority=Priority.LOW)
    ticket.begin()

    assert told(ticket) == [("ticket.opened", {"priority": "low"})]
    for bad in ({"subject": ""}, {"assignee_id": ""}, {"description": "\0"}):
        with pytest.raises(TicketRejected):
            a_ticket(BOARD, **bad).begin()


@pytest.mark.parametrize("text", ["", "\u200b", "x\0", "x" * (LONGEST_TEXT + 1)])
def test_a_comment_says_something(text: str) -> None:
    with pytest.raises(TicketRejected):
        a_comment(a_ticket(BOARD), text).begin()


@pytest.mark.parametrize("language", Language)
def test_each_status_has_a_column_by_default(language: Language) -> None:
    columns = default_columns(language)

    assert [column.status for column in columns] == list(Status)
    assert len({column.name for column in columns}) == len(Status)
    assert default_name(language)


def changed(**terms: Any) -> Board:
    board = a_board()
    board.change(LATER, **terms)
    return board


OPEN, CLOSED = Column(_S.OPEN, "Baru"), Column(_S.CLOSED, "Beres")


def test_a_board_has_the_columns_that_it_is_given_in_their_order() -> None:
    board = changed(name="Uang", columns=(CLOSED, OPEN))

    assert (board.name, board.columns, board.updated_at) == ("Uang", (CLOSED, OPEN), LATER)


@pytest.mark.parametrize(
    ("terms", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": "x" * 101}, "/name"),
        ({"name": "a\nb"}, "/name"),
        ({"description": "x" * 1_001}, "/description"),
        ({"description": "\0"}, "/description"),
        ({"columns": ()}, "/columns"),
        ({"columns": (OPEN,)}, "/columns"),
        ({"columns": (CLOSED,)}, "/columns"),
        ({"columns": (OPEN, CLOSED, Column(_S.OPEN, "Lagi"))}, "/columns"),
        ({"columns": (OPEN, Column(_S.CLOSED, " "))}, "/columns/1/name"),
    ],
)
def test_what_is_no_board_changes_nothing(terms: dict[str, Any], pointer: str) -> None:
    board = a_board()
    before = dict(vars(board))

    wishes: dict[str, Any] = {"name": "Money", **terms}
    with pytest.raises(BoardRejected) as refused:
        board.change(LATER, **wishes)

    assert refused.value.pointer == pointer
    assert vars(board) == before


def test_a_template_is_filled_in() -> None:
    template = a_template(
        subject_template="Paket {order_number}", description_template="{customer_name}: {shop_name}"
    )

    values = {"customer_name": "Bu\u202edi\n{shop_name}", "order_number": "ORD\u200d-1\n2"}
    filled = template.filled_in(values)

    assert filled.subject == "Paket ORD -1 2"
    assert filled.description == "Budi {shop_name}: "
    assert filled.missing == ("shop_name",)


def test_where_nothing_is_known_the_template_names_its_tickets() -> None:
    filled = a_template("Lost", subject_template="{order_number}").filled_in({})

    assert (filled.subject, filled.missing) == ("Lost", ("order_number",))


def test_what_is_filled_in_is_cut_where_a_ticket_ends() -> None:
    template = a_template(
        subject_template="{customer_name}", description_template="{customer_name}" * 2
    )

    filled = template.filled_in({"customer_name": "x" * LONGEST_TEXT})

    assert (len(filled.subject), len(filled.description)) == (LONGEST_SUBJECT, LONGEST_TEXT)


@pytest.mark.parametrize(
    ("terms", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"subject_template": "\n"}, "/subject_template"),
        ({"subject_template": "{nobody}"}, "/subject_template"),
        ({"description_template": "{}"}, "/description_template"),
        ({"subject_template": "a { b"}, "/subject_template"),
        ({"description_template": "\0"}, "/description_template"),
        ({"description_template": "x" * (LONGEST_TEXT + 1)}, "/description_template"),
    ],
)
def test_what_is_no_template_changes_nothing(terms: dict[str, Any], pointer: str) -> None:
    template = a_template()
    before = dict(vars(template))

    wishes: dict[str, Any] = {"name": "Lost", **terms}
    with pytest.raises(Invalid) as refused:
        template.change(LATER, **wishes)

    assert refused.value.pointer == pointer
    assert vars(template) == before
