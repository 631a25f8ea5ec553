"""Who may answer which conversation, in memory and in PostgreSQL alike."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from uuid_utils.compat import uuid7

from crm_chatbot.application.turns.mailbox import Mailboxes
from crm_chatbot.domain.conversations.conversation import Claim, ConversationId, Mode
from crm_chatbot.domain.customers.customer import Identity, IdentityKind
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.infrastructure.turns.mailbox_store import SqlMailboxes
from shared.infrastructure.database import DatabaseClock, Sessions, transaction
from shared.infrastructure.tenancy import tenant_transaction
from tests.crm_chatbot.builders import OTHER_TENANT, TENANT, a_tenant
from tests.crm_chatbot.chats import a_conversation, a_customer
from tests.crm_chatbot.memory_mailboxes import MemoryMailboxes, MemoryTables, Slot
from tests.crm_chatbot.stores import SqlCrm

CONTRACT_OF = Mailboxes


@dataclass
class InMemory:
    """Conversations and workers, in memory."""

    tables: MemoryTables = field(default_factory=MemoryTables)

    def worker(self) -> Mailboxes:
        return MemoryMailboxes(self.tables)

    async def chats(
        self, count: int, tenant_id: TenantId = TENANT, *, ready_in: float = -1
    ) -> list[ConversationId]:
        new = [ConversationId(uuid7()) for _ in range(count)]
        for place, chat in enumerate(new):
            at = self.tables.time + ready_in + place / 1_000
            self.tables.slots[chat] = Slot(tenant_id, at)
        return new

    async def pass_time(self, seconds: float) -> None:
        self.tables.time += seconds


@dataclass
class InPostgres:
    """Conversations and workers, in PostgreSQL; time passes by making everything older."""

    sessions: Sessions
    clock: DatabaseClock
    tenants: set[TenantId] = field(default_factory=set[TenantId])
    phones: int = 0

    def worker(self) -> Mailboxes:
        return SqlMailboxes(self.sessions, uuid7())

    async def chats(
        self, count: int, tenant_id: TenantId = TENANT, *, ready_in: float = -1, **facts: Any
    ) -> list[ConversationId]:
        new: list[ConversationId] = []
        async with SqlCrm(self.sessions).open_work(tenant_id) as work:
            if tenant_id not in self.tenants:
                await work.tenants.add(a_tenant(tenant_id))
                self.tenants.add(tenant_id)
            for place in range(count):
                self.phones += 1
                ready_at = self.clock() + timedelta(seconds=ready_in + place / 1_000)
                phone = Identity(IdentityKind.PHONE, f"6281{self.phones:09}")
                customer = a_customer(phone, tenant_id=tenant_id)
                named = {"ready_at": ready_at, "tenant_id": tenant_id}
                chat = a_conversation(customer, **named | facts)
                await work.customers.add(customer)
                await work.conversations.add(chat)
                new.append(chat.id)
        return new

    async def pass_time(self, seconds: float) -> None:
        async with transaction(self.sessions) as session:
            await session.execute(
                text("UPDATE crm.workers SET beat_at = beat_at - make_interval(secs => :s)"),
                {"s": seconds},
            )
        for tenant_id in self.tenants:
            async with tenant_transaction(self.sessions, tenant_id) as session:
                await session.execute(
                    text("""UPDATE crm.conversations
                               SET ready_at = ready_at - make_interval(secs => :s)"""),
                    {"s": seconds},
                )


@pytest.fixture
async def in_postgres(sessions: Sessions) -> InPostgres:
    clock = DatabaseClock(sessions)
    await clock.refresh()
    return InPostgres(sessions, clock)


@pytest.fixture(params=["memory", "postgres"])
def tables(request: pytest.FixtureRequest) -> InMemory | InPostgres:
    if request.param == "memory":
        return InMemory()
    found: InPostgres = request.getfixturevalue("in_postgres")
    return found


Tables = InMemory | InPostgres


async def claim(
    worker: Mailboxes, most: int = 10, *, share: int = 10, dead_after_s: float = 3
) -> Sequence[Claim]:
    await worker.beat()
    return await worker.claim(most, share=share, dead_after_s=dead_after_s)


def chats_of(claims: Sequence[Claim]) -> set[ConversationId]:
    return {one.conversation_id for one in claims}


async def test_what_is_ready_is_claimed_by_one(tables: Tables) -> None:
    ready = await tables.chats(3)
    await tables.chats(2, ready_in=60)

    first, second = await claim(tables.worker()), await claim(tables.worker())

    assert chats_of(first) == set(ready)
    assert {one.epoch for one in first} == {1}
    assert second == []


async def test_the_longest_waiting_comes_first(tables: Tables) -> None:
    later = await tables.chats(2)
    sooner = await tables.chats(2, ready_in=-60)
    worker = tables.worker()

    first = await claim(worker, 2)
    second = await claim(worker, 2)

    assert chats_of(first) == set(sooner)
    assert chats_of(second) == set(later)


async def test_no_tenant_has_more_than_its_share_over_all_workers(tables: Tables) -> None:
    await tables.chats(5, ready_in=-60)
    others = await tables.chats(2, OTHER_TENANT)

    first = await claim(tables.worker(), share=3)
    second = await claim(tables.worker(), share=3)

    assert [one.tenant_id for one in first].count(TENANT) == 3
    assert chats_of(first) >= set(others)
    assert second == []


async def test_the_next_one_is_told_in_seconds(tables: Tables) -> None:
    worker = tables.worker()
    nothing = await worker.next_ready_in()
    await tables.chats(1, ready_in=30)
    await tables.chats(1, ready_in=90)

    in_s = await worker.next_ready_in()

    assert nothing is None
    assert in_s is not None
    assert 25 < in_s <= 30


async def test_what_is_held_is_nobodys_next(tables: Tables) -> None:
    await tables.chats(1)
    worker = tables.worker()
    await claim(worker)

    assert await worker.next_ready_in() is None


async def test_a_worker_knows_what_it_holds(tables: Tables) -> None:
    await tables.chats(2)
    worker, other = tables.worker(), tables.worker()
    claims = await claim(worker)

    assert set(await worker.held()) == set(claims)
    assert list(await other.held()) == []


async def test_the_dead_are_taken_over_and_the_epoch_tells(tables: Tables) -> None:
    await tables.chats(1)
    [lost] = await claim(tables.worker())

    early = await claim(tables.worker())
    await tables.pass_time(5)
    [taken] = await claim(tables.worker())

    assert early == []
    assert taken.conversation_id == lost.conversation_id
    assert taken.epoch == lost.epoch + 1


async def test_whoever_beats_keeps_what_it_holds(tables: Tables) -> None:
    await tables.chats(1)
    worker = tables.worker()
    claims = await claim(worker)

    await tables.pass_time(5)
    await worker.beat()

    assert await claim(tables.worker()) == []
    assert set(await worker.held()) == set(claims)


async def test_what_is_handed_back_is_anybodys_at_once(tables: Tables) -> None:
    ready = await tables.chats(3)
    worker = tables.worker()
    await claim(worker)

    only = await worker.release([ready[0]])
    first = await claim(tables.worker())
    rest = await worker.release()
    await worker.leave()

    assert (only, chats_of(first), rest) == (1, {ready[0]}, 2)
    assert chats_of(await claim(tables.worker())) == set(ready[1:])


async def test_nobody_hands_back_what_others_hold(tables: Tables) -> None:
    ready = await tables.chats(1)
    worker = tables.worker()
    await claim(worker)

    assert await tables.worker().release(ready) == 0
    assert len(await worker.held()) == 1


async def test_where_a_person_answers_there_is_nothing_to_claim(in_postgres: InPostgres) -> None:
    await in_postgres.chats(1, mode=Mode.HUMAN)

    assert await claim(in_postgres.worker()) == []


async def test_thousands_of_one_tenant_hide_nobody(in_postgres: InPostgres) -> None:
    """As many as the claim looks at, all of them waiting for longer."""
    await in_postgres.chats(1)
    await in_postgres.chats(1, OTHER_TENANT)
    async with tenant_transaction(in_postgres.sessions, TENANT) as session:
        for statement in (
            """INSERT INTO crm.customers (tenant_id, id, version, created_at, updated_at)
               SELECT :tenant, gen_random_uuid(), 1, now(), now() FROM generate_series(1, 2500)""",
            """INSERT INTO crm.conversations (tenant_id, id, customer_id, session, chat_id, state,
                   mode, mode_since, ready_at, last_message_at, created_at)
               SELECT c.tenant_id, gen_random_uuid(), c.id, 's', 'c', 'GREETING', 'bot', now(),
                      now() - interval '1 hour', now(), now()
                 FROM crm.customers c
                WHERE NOT EXISTS (SELECT FROM crm.conversations o WHERE o.customer_id = c.id)""",
        ):
            facts = {"tenant": TENANT} if ":tenant" in statement else {}
            await session.execute(text(statement), facts)

    claims = await claim(in_postgres.worker(), 4, share=2)

    assert sorted(str(one.tenant_id) for one in claims) == sorted(
        map(str, [TENANT, TENANT, OTHER_TENANT])
    )


async def test_many_who_claim_at_once_share_without_overlap(in_postgres: InPostgres) -> None:
    ready = await in_postgres.chats(30)
    workers = [in_postgres.worker() for _ in range(5)]

    claimed = await asyncio.gather(*(claim(worker, 6, share=30) for worker in workers))

    chats = [one.conversation_id for claims in claimed for one in claims]
    assert len(chats) == len(set(chats))
    assert set(chats) <= set(ready)
