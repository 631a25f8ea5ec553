"""A ticket whose time has run out is noted once, however many look for it."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.application import ticket_sweeping
from crm_chatbot.application.backlog import Backlog
from crm_chatbot.application.ticket_sweeping import TicketSweeper
from crm_chatbot.application.tickets.opening import NewTicket, open_ticket
from crm_chatbot.domain.tickets.status import Status
from crm_chatbot.domain.tickets.ticket import Priority, Ticket
from crm_chatbot.infrastructure.backlog_store import SqlBacklog
from tests.crm_chatbot.builders import NOON, TENANT
from tests.crm_chatbot.chats import open_chat
from tests.crm_chatbot.memory_backlog import MemoryBacklog
from tests.crm_chatbot.stores import Crm, SqlCrm

#: The time of `high` in a shop that is always open; real databases' clocks are long past it.
DUE = NOON + timedelta(hours=8)
LATE = DUE + timedelta(seconds=1)


def backlog_of(crm: Crm, now: datetime) -> Backlog:
    if isinstance(crm, SqlCrm):
        return SqlBacklog(crm.sessions)
    crm.time = now
    return MemoryBacklog(crm)


async def sweep(crm: Crm, now: datetime = LATE) -> int:
    sweeper = TicketSweeper(backlog=backlog_of(crm, now), open_work=crm.open_work, now=lambda: now)
    return await sweeper.note_overdue()


async def a_ticket(crm: Crm, **facts: Any) -> Ticket:
    async with crm.open_work(TENANT) as work:
        chat = await open_chat(work)
        wish = NewTicket(subject="Broken", priority=Priority.HIGH, conversation_id=chat.id, **facts)
        return await open_ticket(work, wish, by="bot", now=NOON, new_id=uuid7)


async def kept(crm: Crm, ticket: Ticket) -> Ticket:
    async with crm.open_work(TENANT) as work:
        return await work.tickets.get(ticket.id)


async def events(crm: Crm, ticket: Ticket) -> list[str]:
    async with crm.open_work(TENANT) as work:
        return [event.what for event in await work.tickets.events(ticket.id, before=None, limit=99)]


async def steps(crm: Crm, ticket: Ticket) -> list[str]:
    assert ticket.conversation_id is not None
    return [step.what for step in await crm.timeline(TENANT, ticket.conversation_id)]


async def test_its_time_is_up_once_for_everybody(crm: Crm) -> None:
    ticket = await a_ticket(crm)
    in_time = await sweep(crm, DUE)
    found = [await sweep(crm) for _ in range(3)]

    assert (in_time, found) == (0, [1, 0, 0])
    assert (await kept(crm, ticket)).breached_at == LATE
    assert await events(crm, ticket) == ["ticket.opened", "ticket.breached"]
    assert await steps(crm, ticket) == ["ticket.opened", "ticket.breached"]


@pytest.mark.parametrize("status", [Status.WAITING, Status.RESOLVED])
async def test_what_waits_or_is_resolved_is_not_late(crm: Crm, status: Status) -> None:
    ticket = await a_ticket(crm)
    async with crm.open_work(TENANT) as work:
        known = await work.tickets.lock(ticket.id)
        known.move_to(status, NOON, by="ani", resolution="Done.")
        await work.tickets.save(known)

    assert await sweep(crm) == 0


async def test_what_was_resolved_meanwhile_is_not_late_any_more(
    crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = await a_ticket(crm)
    backlog = backlog_of(crm, LATE)
    late = await backlog.overdue(9)
    async with crm.open_work(TENANT) as work:
        known = await work.tickets.lock(ticket.id)
        known.move_to(Status.RESOLVED, NOON, by="ani", resolution="Done.")
        await work.tickets.save(known)

    async def overdue(_: int) -> object:
        return late

    monkeypatch.setattr(backlog, "overdue", overdue)
    sweeper = TicketSweeper(backlog=backlog, open_work=crm.open_work, now=lambda: LATE)

    assert late == [(TENANT, ticket.id)]
    assert await sweeper.note_overdue() == 0


async def test_many_may_sweep_at_once(postgres: SqlCrm) -> None:
    ticket = await a_ticket(postgres)

    assert sorted(await asyncio.gather(*(sweep(postgres) for _ in range(6)))) == [0] * 5 + [1]
    assert await events(postgres, ticket) == ["ticket.opened", "ticket.breached"]


async def test_who_dies_behind_it_has_noted_it_once(
    crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Died(BaseException):
        """As if the process had ended here."""

    def die(name: str) -> None:
        assert name == "crm.ticket_breached"
        raise Died

    ticket = await a_ticket(crm)
    with monkeypatch.context() as armed:
        armed.setattr(ticket_sweeping, "crash_point", die)
        with pytest.raises(Died):
            await sweep(crm)

    assert await sweep(crm) == 0
    assert await events(crm, ticket) == ["ticket.opened", "ticket.breached"]
