"""In which chats something is due, in memory and in PostgreSQL alike."""

import itertools
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from crm_chatbot.application.backlog import Backlog, Place
from crm_chatbot.domain.conversation import Mode
from crm_chatbot.domain.customer import Identity, IdentityKind
from crm_chatbot.domain.message import MessageState
from crm_chatbot.domain.tenant import TenantId
from crm_chatbot.infrastructure.backlog_store import SqlBacklog
from tests.crm_chatbot.builders import NOON, OTHER_TENANT, TENANT, a_tenant
from tests.crm_chatbot.chats import an_answer, another_chat
from tests.crm_chatbot.fakes import MemoryCrm
from tests.crm_chatbot.memory_backlog import MemoryBacklog
from tests.crm_chatbot.stores import Crm, SqlCrm

CONTRACT_OF = Backlog

HANDED, QUEUED = MessageState.HANDED, MessageState.QUEUED
#: Whatever the clock of a test, or the database's, may say.
PAST, FUTURE = NOON - timedelta(hours=1), NOON + timedelta(days=36_500)
_NUMBERS = itertools.count()


@pytest.fixture
def backlog(crm: Crm) -> Backlog:
    return SqlBacklog(crm.sessions) if isinstance(crm, SqlCrm) else MemoryBacklog(crm)


@pytest.fixture(autouse=True)
async def shops(crm: Crm) -> None:
    for tenant_id in (TENANT, OTHER_TENANT):
        async with crm.open_work(tenant_id) as work:
            await work.tenants.add(a_tenant(tenant_id))


async def a_chat(
    crm: Crm, tenant_id: TenantId = TENANT, *, messages: Sequence[Any] = (), **facts: Any
) -> Place:
    """With the messages whose facts are given."""
    phone = Identity(IdentityKind.PHONE, f"62812{next(_NUMBERS):08}")
    async with crm.open_work(tenant_id) as work:
        chat = await another_chat(work, phone, tenant_id=tenant_id, **facts)
        await work.messages.add([an_answer(chat, **each) for each in messages])
        await work.conversations.save(chat)
    return tenant_id, chat.id


async def test_every_shops_messages_that_nothing_is_heard_of(crm: Crm, backlog: Backlog) -> None:
    ours = await a_chat(crm, messages=[{"state": HANDED, "ask_at": PAST}])
    theirs = await a_chat(crm, OTHER_TENANT, messages=[{"state": QUEUED, "ask_at": PAST}])
    await a_chat(crm, messages=[{"state": HANDED, "ask_at": FUTURE}])
    await a_chat(crm, messages=[{"state": MessageState.SENT, "ask_at": PAST}])
    await a_chat(crm, messages=[{"state": QUEUED}])

    assert sorted(await backlog.unheard_of(10)) == sorted([ours, theirs])


async def test_a_chat_is_named_once_however_much_is_late(crm: Crm, backlog: Backlog) -> None:
    ours = await a_chat(crm, messages=[{"state": HANDED, "ask_at": PAST}] * 2)

    assert await backlog.unheard_of(10) == [ours]


async def test_those_that_are_late_the_longest_come_first(crm: Crm, backlog: Backlog) -> None:
    await a_chat(crm, messages=[{"state": HANDED, "ask_at": PAST}])
    older = PAST - timedelta(hours=1)
    oldest = await a_chat(crm, messages=[{"state": HANDED, "ask_at": older}])

    assert await backlog.unheard_of(1) == [oldest]


async def test_every_shops_chats_that_people_left_alone(crm: Crm, backlog: Backlog) -> None:
    ours = await a_chat(crm, mode=Mode.HUMAN, handback_at=PAST)
    theirs = await a_chat(crm, OTHER_TENANT, mode=Mode.HUMAN, handback_at=PAST)
    await a_chat(crm, mode=Mode.HUMAN, handback_at=FUTURE)
    await a_chat(crm, mode=Mode.HUMAN)

    assert sorted(await backlog.left_alone(10)) == sorted([ours, theirs])


async def test_those_left_alone_the_longest_come_first(crm: Crm, backlog: Backlog) -> None:
    await a_chat(crm, mode=Mode.HUMAN, handback_at=PAST)
    oldest = await a_chat(crm, mode=Mode.HUMAN, handback_at=PAST - timedelta(hours=1))

    assert await backlog.left_alone(1) == [oldest]


async def test_time_makes_more_of_it_due(memory: MemoryCrm) -> None:
    async with memory.open_work(TENANT) as work:
        await work.tenants.add(a_tenant())
    ours = await a_chat(memory, messages=[{"state": HANDED, "ask_at": NOON}])
    backlog = MemoryBacklog(memory)
    before = await backlog.unheard_of(10)

    await memory.pass_time(1)

    assert (before, await backlog.unheard_of(10)) == ([], [ours])
