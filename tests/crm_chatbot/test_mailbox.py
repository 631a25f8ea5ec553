"""One worker process: wakes up in time, shares its room, loses nothing when it must stop."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.application.turns.answering import Books
from crm_chatbot.application.turns.mailbox import Worker
from crm_chatbot.domain.conversations.conversation import Claim, ConversationId
from crm_chatbot.domain.tenants.tenant import TenantId
from shared.availability import DatabaseUnavailable
from shared.pulse import Pulse
from tests.crm_chatbot.builders import OTHER_TENANT, TENANT
from tests.crm_chatbot.memory_mailboxes import MemoryMailboxes, MemoryTables, Slot
from tests.waiting import until

Answer = Callable[[Claim], Awaitable[None]]


@dataclass
class Answering:
    """Fits application.turns.mailbox.Answers: what is answered is handed back at once."""

    mailboxes: MemoryMailboxes
    wait: Answer | None = None
    answered: list[ConversationId] = field(default_factory=list[ConversationId])
    suppressed: list[Claim] = field(default_factory=list[Claim])

    async def answer(self, claim: Claim, books: Books, /) -> None:
        if self.wait:
            await self.wait(claim)
        self.answered.append(claim.conversation_id)
        await self.mailboxes.release([claim.conversation_id])
        self.mailboxes.tables.slots.pop(claim.conversation_id, None)

    async def suppress(self, claim: Claim, books: Books, /) -> None:
        self.suppressed.append(claim)


@dataclass
class Office:
    """A worker on tables in memory."""

    tables: MemoryTables
    worker: Worker
    answering: Answering

    def chat(self, tenant_id: TenantId = TENANT, *, ready_in: float = 0) -> ConversationId:
        chat = ConversationId(uuid7())
        self.tables.slots[chat] = Slot(tenant_id, self.tables.time + ready_in)
        return chat

    @asynccontextmanager
    async def at_work(self) -> AsyncGenerator[None]:
        await self.worker.beat()
        taking = asyncio.create_task(self.worker.take_what_is_ready())
        try:
            yield
        finally:
            taking.cancel()
            with suppress(asyncio.CancelledError):
                await taking


@pytest.fixture
def office() -> Office:
    return an_office()


def an_office(
    *, capacity: int = 10, wait: Answer | None = None, look_every_s: float = 60
) -> Office:
    tables = MemoryTables()
    mailboxes = MemoryMailboxes(tables)
    answering = Answering(mailboxes, wait)
    worker = Worker(mailboxes, answering, Pulse(60), capacity, look_every_s=look_every_s)
    return Office(tables, worker, answering)


async def test_what_is_ready_when_it_begins_is_answered(office: Office) -> None:
    chats = {office.chat(), office.chat()}

    async with office.at_work():
        await until(lambda: set(office.answering.answered) == chats, "both are answered", within=5)


async def test_what_is_announced_is_answered_when_it_is_ready(office: Office) -> None:
    async with office.at_work():
        chat = office.chat(ready_in=5)
        office.worker.ring(0.05)
        office.tables.time += 5

        await until(lambda: office.answering.answered == [chat], "it is answered", within=5)


async def test_what_is_announced_as_due_now_is_answered_at_once(office: Office) -> None:
    async with office.at_work():
        await asyncio.sleep(0)
        chat = office.chat()
        office.worker.ring(0)

        await until(lambda: office.answering.answered == [chat], "it is answered", within=5)


async def test_what_nobody_announced_is_found_by_looking() -> None:
    office = an_office(look_every_s=0.02)
    async with office.at_work():
        await asyncio.sleep(0)
        chat = office.chat()

        await until(lambda: office.answering.answered == [chat], "it is found", within=5)


async def test_many_are_answered_at_once_but_no_more_than_there_is_room_for() -> None:
    at_once = most = 0

    async def count(_: Claim) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.01)
        at_once -= 1

    office = an_office(capacity=4, wait=count)
    for _ in range(5):
        office.chat()
        office.chat(OTHER_TENANT)

    async with office.at_work():
        await until(lambda: len(office.answering.answered) == 10, "all are answered", within=5)

    assert 2 < most <= 4


async def test_a_busy_tenant_leaves_room_for_others() -> None:
    gate = asyncio.Event()
    office = an_office(capacity=4, wait=lambda one: wait_for(gate, one))
    for _ in range(20):
        office.chat(ready_in=-60)

    async with office.at_work():
        quick = office.chat(OTHER_TENANT)
        office.worker.ring(0)
        await until(lambda: quick in office.answering.answered, "it is answered", within=5)
        assert office.answering.answered == [quick]
        gate.set()
        await until(lambda: len(office.answering.answered) == 21, "all are", within=5)


async def wait_for(gate: asyncio.Event, claim: Claim) -> None:
    if claim.tenant_id == TENANT:
        await gate.wait()


async def test_what_was_taken_away_is_dropped_at_the_second_look() -> None:
    office = an_office(wait=for_ever)
    chat = office.chat()
    async with office.at_work():
        await until(lambda: office.tables.slots[chat].worker, "it is claimed", within=5)
        await office.worker.beat()
        office.tables.slots[chat].epoch += 1

        await office.worker.beat()
        once = list(office.answering.suppressed)
        await office.worker.beat()
        await until(lambda: office.answering.suppressed, "it is dropped", within=5)

    assert once == []
    assert [one.conversation_id for one in office.answering.suppressed] == [chat]
    assert office.answering.answered == []


async def for_ever(_: Claim) -> None:
    await asyncio.Event().wait()


async def test_what_it_holds_without_knowing_is_handed_back_at_the_second_look(
    office: Office,
) -> None:
    chat = office.chat(ready_in=60)
    office.tables.slots[chat].worker = office.answering.mailboxes.me

    await office.worker.beat()
    held = office.tables.slots[chat].worker
    await office.worker.beat()

    assert held is not None
    assert office.tables.slots[chat].worker is None


async def test_told_to_stop_it_finishes_what_it_can_and_hands_back_the_rest() -> None:
    gate = asyncio.Event()
    office = an_office(wait=lambda one: wait_for(gate, one))
    stuck, quick = office.chat(), office.chat(OTHER_TENANT)
    async with office.at_work():
        await until(lambda: office.tables.slots[stuck].worker, "they are claimed", within=5)

    await office.worker.drain(0.1)

    assert office.answering.answered == [quick]
    assert office.tables.slots[stuck].worker is None
    assert office.answering.mailboxes.me not in office.tables.beats


@dataclass
class Away(MemoryMailboxes):
    """Nobody answers."""

    async def beat(self) -> None:
        raise DatabaseUnavailable("away")


async def test_while_its_own_heart_falters_it_takes_nobody_for_dead() -> None:
    tables = MemoryTables()
    chat, dead = ConversationId(uuid7()), uuid7()
    tables.slots[chat] = Slot(TENANT, -1, worker=dead)
    tables.beats[dead] = tables.time - 3_600
    away = Away(tables)
    answering = Answering(away)
    worker = Worker(away, answering, Pulse(0.5), 10, look_every_s=0.01)
    with pytest.raises(DatabaseUnavailable):
        await worker.beat()

    taking = asyncio.create_task(worker.take_what_is_ready())
    await asyncio.sleep(0.05)
    taking.cancel()

    assert answering.answered == []
    assert tables.slots[chat].worker == dead
