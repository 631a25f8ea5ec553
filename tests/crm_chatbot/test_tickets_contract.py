"""Tickets are kept whole, with what happened to them, and found again."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.domain.conversations.conversation import ConversationId
from crm_chatbot.domain.customers.customer import CustomerId
from crm_chatbot.domain.orders.order import OrderId
from crm_chatbot.domain.tickets.board import Board
from crm_chatbot.domain.tickets.status import Status
from crm_chatbot.domain.tickets.ticket import (
    ERASED,
    Priority,
    Ticket,
    TicketEvent,
    TicketId,
    TicketNotFound,
    TicketOpenAlready,
    Tickets,
    Wanted,
)
from shared.domain import ChangedMeanwhile
from tests.crm_chatbot.builders import LATER, NOON, OTHER_TENANT, TENANT, a_tenant
from tests.crm_chatbot.chats import PHONE, a_conversation, a_customer
from tests.crm_chatbot.deals import an_event, an_order
from tests.crm_chatbot.desk import a_board, a_comment, a_ticket
from tests.crm_chatbot.stores import Crm

CONTRACT_OF = Tickets


async def add(crm: Crm, *tickets: Ticket) -> None:
    async with crm.open_work(TENANT) as work:
        for ticket in tickets:
            await work.tickets.add(ticket)


async def get(crm: Crm, ticket: Ticket) -> Ticket:
    async with crm.open_work(TENANT) as work:
        return await work.tickets.get(ticket.id)


@pytest.fixture
async def board(crm: Crm) -> Board:
    board = a_board()
    async with crm.open_work(TENANT) as work:
        await work.ticket_boards.add(board)
    return board


async def a_full_ticket(crm: Crm, board: Board) -> Ticket:
    customer = a_customer()
    conversation, order = a_conversation(customer), an_order(customer)
    async with crm.open_work(TENANT) as work:
        await work.tenants.add(a_tenant())
        await work.customers.add(customer)
        await work.conversations.add(conversation)
        await work.orders.add(order, an_event())
    return a_ticket(
        board,
        number=7,
        conversation_id=conversation.id,
        customer_id=customer.id,
        order_id=order.id,
        description="Since Monday.\nThe customer is angry.",
        status=Status.RESOLVED,
        priority=Priority.URGENT,
        assignee_id="sari@shop",
        resolution="It lay next door.",
        reason="handover:7",
        due_at=LATER,
        clock_left_s=120,
        breached_at=LATER,
        resolved_at=LATER,
        closed_at=LATER,
        updated_at=LATER,
        version=3,
    )


async def test_a_ticket_comes_back_as_it_went_in(crm: Crm, board: Board) -> None:
    ticket = await a_full_ticket(crm, board)

    await add(crm, ticket)

    assert vars(await get(crm, ticket)) == vars(ticket)
    # Nothing is left to its default: each field was carried.
    assert not {
        name for name, value in vars(a_ticket(board)).items() if vars(ticket)[name] == value
    } - {"tenant_id", "board_id", "subject", "opened_by", "created_at"}


async def test_a_change_is_kept_with_what_happened(crm: Crm, board: Board) -> None:
    ticket = a_ticket(board)
    ticket.begin()
    await add(crm, ticket)

    async with crm.open_work(TENANT) as work:
        seen = await work.tickets.lock(ticket.id)
        seen.move_to(Status.IN_PROGRESS, LATER, by="key 2")
        seen.describe(LATER, by="key 2", board_id=board.id, assignee_id="sari")
        await work.tickets.save(seen)
        events = await work.tickets.events(ticket.id, before=None, limit=99)

    assert vars(await get(crm, ticket)) == vars(seen)
    assert seen.version == 2
    assert events == [
        TicketEvent(
            what="ticket.opened", occurred_at=NOON, actor="key 1", facts={"priority": "none"}
        ),
        TicketEvent(
            what="ticket.moved",
            occurred_at=LATER,
            actor="key 2",
            facts={"from": "open", "to": "in_progress"},
        ),
        TicketEvent(
            what="ticket.assigned",
            occurred_at=LATER,
            actor="key 2",
            facts={"from": None, "to": "sari"},
        ),
    ]


async def test_the_second_of_two_who_change_it_is_told(crm: Crm, board: Board) -> None:
    ticket = a_ticket(board)
    await add(crm, ticket)
    stale = await get(crm, ticket)
    async with crm.open_work(TENANT) as work:
        await work.tickets.save(await work.tickets.lock(ticket.id))

    with pytest.raises(ChangedMeanwhile):
        async with crm.open_work(TENANT) as work:
            await work.tickets.save(stale)


async def test_who_locks_a_ticket_is_alone_with_it(crm: Crm, board: Board) -> None:
    ticket = a_ticket(board)
    await add(crm, ticket)

    async def assign(name: str) -> None:
        async with crm.open_work(TENANT) as work:
            seen = await work.tickets.lock(ticket.id)
            seen.describe(LATER, by="key", assignee_id=f"{seen.assignee_id or ''}{name}")
            await work.tickets.save(seen)

    await asyncio.gather(*map(assign, "abcd"))

    assert sorted((await get(crm, ticket)).assignee_id or "") == list("abcd")


async def test_what_is_not_there_is_not_found(crm: Crm, board: Board) -> None:
    ticket = a_ticket(board)
    await add(crm, ticket)

    for tenant, ticket_id in ((TENANT, TicketId(uuid7())), (OTHER_TENANT, ticket.id)):
        async with crm.open_work(tenant) as work:
            with pytest.raises(TicketNotFound):
                await work.tickets.get(ticket_id)
            with pytest.raises(TicketNotFound):
                await work.tickets.lock(ticket_id)


async def test_numbers_are_given_once(crm: Crm) -> None:
    async def take() -> int:
        async with crm.open_work(TENANT) as work:
            return await work.tickets.next_number()

    assert sorted(await asyncio.gather(*(take() for _ in range(5)))) == [1, 2, 3, 4, 5]


async def test_one_ticket_is_open_for_a_reason(crm: Crm, board: Board) -> None:
    ticket = a_ticket(board, reason="handover:1")
    await add(crm, ticket, a_ticket(board, number=2), a_ticket(board, number=3))

    async with crm.open_work(TENANT) as work:
        found = await work.tickets.open_for("handover:1")
        other = await work.tickets.open_for("handover:2")
    with pytest.raises(TicketOpenAlready, match="Ticket 1 "):
        await add(crm, a_ticket(board, number=4, reason="handover:1"))

    assert found
    assert (found.id, other) == (ticket.id, None)


async def test_of_what_is_over_another_is_opened_for_the_same(crm: Crm, board: Board) -> None:
    was = a_ticket(board, reason="handover:1", status=Status.CLOSED)
    now = a_ticket(board, reason="handover:1", number=2)
    await add(crm, was, now)

    async with crm.open_work(TENANT) as work:
        found = await work.tickets.open_for("handover:1")
    with pytest.raises(ChangedMeanwhile):
        async with crm.open_work(TENANT) as work:
            seen = await work.tickets.lock(was.id)
            seen.reopen(LATER, by="key")
            await work.tickets.save(seen)

    assert found
    assert found.id == now.id


async def numbers(crm: Crm, before: int | None = None, limit: int = 9, **wanted: Any) -> list[int]:
    async with crm.open_work(TENANT) as work:
        found = await work.tickets.page(Wanted(**wanted), before=before, limit=limit)
    return [ticket.number for ticket in found]


async def test_tickets_are_listed_the_newest_first(crm: Crm, board: Board) -> None:
    await add(crm, *(a_ticket(board, number=number) for number in (1, 2, 3, 4)))

    assert await numbers(crm) == [4, 3, 2, 1]
    assert await numbers(crm, limit=2) == [4, 3]
    assert await numbers(crm, before=3) == [2, 1]


async def test_tickets_are_found_by_each_of_their_marks(crm: Crm, board: Board) -> None:
    full = await a_full_ticket(crm, board)
    other_board = a_board("Money")
    async with crm.open_work(TENANT) as work:
        await work.ticket_boards.add(other_board)
    await add(crm, full, a_ticket(other_board, number=8))

    marks: dict[str, Any] = {
        "statuses": frozenset({Status.RESOLVED, Status.CLOSED}),
        "priorities": frozenset({Priority.URGENT}),
        "assignee_id": full.assignee_id,
        "board_id": board.id,
        "customer_id": full.customer_id,
        "conversation_id": full.conversation_id,
        "order_id": full.order_id,
    }
    for name, value in marks.items():
        assert await numbers(crm, **{name: value}) == [7], name
    assert await numbers(crm, board_id=other_board.id) == [8]
    assert await numbers(crm, order_id=OrderId(uuid7())) == []


async def test_the_overdue_are_those_whose_time_ran_out(crm: Crm, board: Board) -> None:
    await add(
        crm,
        a_ticket(board, number=1, due_at=NOON),
        a_ticket(board, number=2, due_at=LATER + timedelta(days=1)),
        a_ticket(board, number=3, breached_at=NOON, clock_left_s=0, status=Status.WAITING),
        a_ticket(board, number=4, due_at=NOON, breached_at=NOON, status=Status.RESOLVED),
        a_ticket(board, number=5),
    )

    assert await numbers(crm, overdue_at=LATER) == [3, 1]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("PARCEL", [2, 1]),
        ("angry", [3]),
        ("100%", [3]),
        ("%", [3]),
        ("_", []),
        ("2", [2]),
        ("#2", [2]),
        ("9" * 40, []),
        ("\\", []),
        ("²", []),
    ],
)
async def test_tickets_are_searched_by_their_words(
    crm: Crm, board: Board, words: str, found: list[int]
) -> None:
    await add(
        crm,
        a_ticket(board, number=1),
        a_ticket(board, number=2),
        a_ticket(board, "Money", number=3, description="100% angry"),
    )

    assert await numbers(crm, words=words) == found


async def test_comments_are_read_the_newest_first(crm: Crm, board: Board) -> None:
    ticket, other = a_ticket(board), a_ticket(board, number=2)
    await add(crm, ticket, other)
    first, second, third = (a_comment(ticket, text) for text in ("one", "two", "three"))

    async with crm.open_work(TENANT) as work:
        for comment in (first, second, third, a_comment(other)):
            await work.tickets.comment(comment)
        every = await work.tickets.comments(ticket.id, before=None, limit=9)
        newest = await work.tickets.comments(ticket.id, before=None, limit=1)
        older = await work.tickets.comments(ticket.id, before=third.id, limit=9)
        events = await work.tickets.events(ticket.id, before=None, limit=99)

    assert (every, newest, older) == ([third, second, first], [third], [second, first])
    assert [event.what for event in events] == ["ticket.commented"] * 3
    assert events[0].facts == {"comment": str(first.id)}
    assert (await get(crm, ticket)).version == 1


async def test_what_happened_is_read_in_pages_the_newest_of_them_first(
    crm: Crm, board: Board
) -> None:
    ticket, other = a_ticket(board), a_ticket(board, number=2)
    ticket.begin()
    await add(crm, ticket, other)

    async with crm.open_work(TENANT) as work:
        for text in ("one", "two", "three"):
            await work.tickets.comment(a_comment(other))
            await work.tickets.comment(a_comment(ticket, text))
        every = await work.tickets.events(ticket.id, before=None, limit=9)
        newest = await work.tickets.events(ticket.id, before=None, limit=2)
        older = await work.tickets.events(ticket.id, before=newest[0].place, limit=9)

    assert [one.what for one in every] == ["ticket.opened", *["ticket.commented"] * 3]
    assert [*older, *newest] == every
    assert len(newest) == 2


async def test_a_note_rests_while_the_same_was_noted(crm: Crm, board: Board) -> None:
    ticket, other = a_ticket(board), a_ticket(board, number=2)
    await add(crm, ticket, other)

    async def note(which: Ticket, what: str, at: datetime, *, unless_since: datetime) -> None:
        event = TicketEvent(what=what, occurred_at=at, actor="bot", facts={"n": 1})
        await work.tickets.note(which.id, event, unless_since=unless_since)

    async with crm.open_work(TENANT) as work:
        before = NOON - timedelta(seconds=1)
        await note(ticket, "again", NOON, unless_since=before)
        await note(ticket, "again", LATER, unless_since=before)
        await note(ticket, "other", LATER, unless_since=before)
        await note(other, "again", LATER, unless_since=before)
        await note(ticket, "again", LATER, unless_since=NOON)
        noted = await work.tickets.events(ticket.id, before=None, limit=9)

    assert [(one.what, one.occurred_at) for one in noted] == [
        ("again", NOON),
        ("other", LATER),
        ("again", LATER),
    ]
    assert noted[0].facts == {"n": 1}
    assert vars(await get(crm, ticket)) == vars(ticket)


async def test_tickets_follow_who_turned_out_to_be_another(crm: Crm, board: Board) -> None:
    full = await a_full_ticket(crm, board)
    await add(crm, full)
    kept = a_customer(PHONE)
    theirs = a_conversation(kept)
    async with crm.open_work(TENANT) as work:
        await work.customers.add(kept)
        await work.conversations.add(theirs)
        assert full.customer_id
        assert full.conversation_id
        await work.tickets.hand_on(full.customer_id, kept.id)
        await work.tickets.move(full.conversation_id, theirs.id)

    seen = await get(crm, full)
    assert (seen.customer_id, seen.conversation_id) == (kept.id, theirs.id)


async def test_of_who_is_forgotten_no_word_remains(crm: Crm, board: Board) -> None:
    full = await a_full_ticket(crm, board)
    bare = replace(full, id=TicketId(uuid7()), number=8, resolution=None)
    other = a_ticket(board, number=9, description="Of somebody else.")
    await add(crm, full, bare, other)
    async with crm.open_work(TENANT) as work:
        for ticket in (full, other):
            await work.tickets.comment(a_comment(ticket))
        assert full.customer_id
        await work.tickets.forget(full.customer_id)

    async with crm.open_work(TENANT) as work:
        [comment] = await work.tickets.comments(full.id, before=None, limit=9)
        [kept] = await work.tickets.comments(other.id, before=None, limit=9)
    seen, seen_bare = await get(crm, full), await get(crm, bare)
    assert (seen.subject, seen.description, seen.resolution) == (ERASED, "", "")
    assert (seen.version, seen_bare.resolution) == (full.version + 1, None)
    assert (comment.text, kept.text != "") == ("", True)
    assert vars(await get(crm, other)) == vars(other)


async def test_of_nobody_there_is_nothing_to_hand_on(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        await work.tickets.hand_on(CustomerId(uuid7()), CustomerId(uuid7()))
        await work.tickets.move(ConversationId(uuid7()), ConversationId(uuid7()))
        await work.tickets.forget(CustomerId(uuid7()))
