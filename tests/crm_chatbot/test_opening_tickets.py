"""A ticket comes to be: with a number, a board and a clock, and one at a time for each reason."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.application.tickets.opening import NewTicket, open_ticket
from crm_chatbot.domain.language import Language
from crm_chatbot.domain.tickets.board import BoardId, BoardNotFound
from crm_chatbot.domain.tickets.clock import Targets
from crm_chatbot.domain.tickets.status import Status
from crm_chatbot.domain.tickets.ticket import Priority, Ticket, TicketRejected, Wanted
from tests.crm_chatbot.builders import LATER, NOON, TENANT, a_tenant
from tests.crm_chatbot.chats import PHONE, another_chat
from tests.crm_chatbot.stores import Crm, SqlCrm


@pytest.fixture
async def crm(crm: Crm) -> Crm:
    await open_shop(crm)
    return crm


async def open_shop(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        await work.tenants.add(a_tenant(language=Language.ENGLISH))


async def opened(
    crm: Crm, subject: str = "Broken", *, now: datetime = NOON, **facts: Any
) -> Ticket:
    async with crm.open_work(TENANT) as work:
        wish = NewTicket(subject=subject, **facts)
        return await open_ticket(work, wish, by="ani", now=now, new_id=uuid7)


async def every(crm: Crm) -> list[Ticket]:
    """The newest first."""
    async with crm.open_work(TENANT) as work:
        return list(await work.tickets.page(Wanted(), before=None, limit=99))


async def events(crm: Crm, ticket: Ticket) -> list[str]:
    async with crm.open_work(TENANT) as work:
        return [event.what for event in await work.tickets.events(ticket.id, before=None, limit=99)]


async def resolve(crm: Crm, ticket: Ticket) -> None:
    async with crm.open_work(TENANT) as work:
        known = await work.tickets.lock(ticket.id)
        known.move_to(Status.RESOLVED, LATER, by="ani", resolution="Done.")
        await work.tickets.save(known)


async def test_the_first_ticket_makes_the_shops_board_and_the_next_lies_on_it(crm: Crm) -> None:
    first, second = await opened(crm), await opened(crm)
    async with crm.open_work(TENANT) as work:
        [board] = await work.ticket_boards.all()

    assert (board.name, board.is_default) == ("General", True)
    assert {first.board_id, second.board_id} == {board.id}
    assert [first.number, second.number] == [1, 2]


async def test_it_is_kept_as_it_was_wished(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        chat = await another_chat(work, PHONE)
    facts: dict[str, Any] = {
        "description": "In pieces",
        "priority": Priority.HIGH,
        "assignee_id": "budi",
        "conversation_id": chat.id,
        "customer_id": chat.customer_id,
        "reason": "wish:1",
    }
    await opened(crm, **facts)
    [kept] = await every(crm)

    assert {name: getattr(kept, name) for name in facts} == facts
    assert (kept.status, kept.opened_by, kept.created_at) == (Status.OPEN, "ani", NOON)
    assert await events(crm, kept) == ["ticket.opened"]
    steps = await crm.timeline(TENANT, chat.id)
    assert [(s.what, s.facts["number"]) for s in steps] == [("ticket.opened", 1)]


async def test_its_clock_begins_by_what_the_shop_wants(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        await work.ticket_targets.put(Targets({Priority.HIGH: 7_200}))

    assert (await opened(crm, priority=Priority.HIGH)).due_at == NOON + timedelta(hours=2)
    assert (await opened(crm)).due_at is None


async def test_for_one_reason_one_is_open(crm: Crm) -> None:
    first = await opened(crm, reason="handover:1")
    again = await opened(crm, "Broken once more", reason="handover:1")
    other = await opened(crm, reason="handover:2")

    assert (again.id, again.subject) == (first.id, "Broken")
    assert other.id != first.id
    assert await events(crm, first) == ["ticket.opened", "ticket.noticed_again"]
    assert len(await every(crm)) == 2


async def test_a_reason_that_repeats_is_noted_once_an_hour_and_nobodys_change(crm: Crm) -> None:
    first = await opened(crm, reason="handover:1")
    minutes = [1, 2, 61, 62, 121, 122]
    for minute in minutes:
        await opened(crm, reason="handover:1", now=NOON + timedelta(minutes=minute))
    async with crm.open_work(TENANT) as work:
        noted = await work.tickets.events(first.id, before=None, limit=99)

    at = [(one.occurred_at - NOON) // timedelta(minutes=1) for one in noted]
    assert at == [0, 1, 61, 121]
    # Whoever looked at it before may still change what they saw.
    assert [vars(one) for one in await every(crm)] == [vars(first)]


async def test_what_is_over_does_not_stand_in_the_way(crm: Crm) -> None:
    first = await opened(crm, reason="handover:1")
    await resolve(crm, first)

    assert (await opened(crm, reason="handover:1")).id != first.id


async def test_a_board_that_is_not_there_and_a_ticket_about_nothing_are_refused(crm: Crm) -> None:
    with pytest.raises(BoardNotFound):
        await opened(crm, board_id=BoardId(uuid7()))
    with pytest.raises(TicketRejected):
        await opened(crm, " ")

    assert await every(crm) == []


async def test_whoever_opens_it_at_the_same_time_gets_the_others(postgres: SqlCrm) -> None:
    await open_shop(postgres)

    async with asyncio.TaskGroup() as everybody:
        opening = [
            everybody.create_task(opened(postgres, reason=f"handover:{n % 2}")) for n in range(12)
        ]

    assert len({one.result().id for one in opening}) == 2
    kept = await every(postgres)
    told = [what for ticket in kept for what in await events(postgres, ticket)]
    assert sorted(told) == ["ticket.noticed_again"] * 2 + ["ticket.opened"] * 2


async def test_who_comes_second_finds_it_where_there_was_none(postgres: SqlCrm) -> None:
    """Both have looked, and seen none; then one of them commits."""
    await open_shop(postgres)
    wish = NewTicket(subject="Broken", reason="handover:1")
    async with postgres.open_work(TENANT) as work:
        first = await open_ticket(work, wish, by="ani", now=NOON, new_id=uuid7)
        second = asyncio.create_task(opened(postgres, reason="handover:1"))
        await asyncio.sleep(0.2)
        assert not second.done()

    assert (await second).id == first.id
    assert len(await every(postgres)) == 1
