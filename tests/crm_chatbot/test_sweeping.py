"""What nothing is heard of is asked for again; chats that people left go back to the bot."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.application.backlog import Place
from crm_chatbot.application.conversations.outbound import LONGEST_SILENCE_S
from crm_chatbot.application.sweeping import Sweeper
from crm_chatbot.domain.conversations.conversation import Conversation, Mode, TakeoverReason
from crm_chatbot.domain.conversations.message import Author, Direction, Kind, Message, MessageState
from crm_chatbot.domain.tenants.tenant import TenantId
from shared.availability import DatabaseUnavailable
from shared.contracts import ForgetWhatsApp, SendWhatsApp, WithdrawWhatsApp
from tests.crm_chatbot.builders import NOON, OTHER_TENANT, TENANT, a_tenant
from tests.crm_chatbot.chats import PHONE, a_message, an_answer, another_chat
from tests.crm_chatbot.fakes import MemoryCrm
from tests.crm_chatbot.memory_backlog import MemoryBacklog

HANDED, QUEUED = MessageState.HANDED, MessageState.QUEUED
A_WHILE_AGO = NOON - timedelta(seconds=1)


@pytest.fixture
def sweeper(memory: MemoryCrm) -> Sweeper:
    return Sweeper(
        backlog=MemoryBacklog(memory),
        open_work=memory.open_work,
        now=memory.clock,
        new_id=uuid7,
        patience_s=30.0,
    )


async def test_the_sender_is_told_again_whom_to_forget_for_a_day(
    memory: MemoryCrm, sweeper: Sweeper
) -> None:
    chat, [sent] = await a_chat(memory, {"state": MessageState.SENT, "asks": 1})
    async with memory.open_work(TENANT) as work:
        customer = await work.customers.lock(chat.customer_id)
        chat.forget_customer()
        customer.forget(memory.time)
        await work.customers.save(customer)
        await work.conversations.save(chat)

    told = [await sweeper.forget_again() for _ in range(2)]
    await memory.pass_time(86_401)

    assert (told, await sweeper.forget_again()) == ([1, 1], 0)
    assert await memory.said() == [ForgetWhatsApp(tenant_id=TENANT, message_ids=[sent.id])] * 2


class Remembered(MemoryBacklog):
    """What was due a moment ago."""

    places: Sequence[Place] = ()

    async def unheard_of(self, _most: int, /) -> Sequence[Place]:
        return self.places

    async def left_alone(self, _most: int, /) -> Sequence[Place]:
        return self.places


async def a_chat(
    memory: MemoryCrm, *messages: Mapping[str, Any], tenant_id: TenantId = TENANT, **facts: Any
) -> tuple[Conversation, list[Message]]:
    async with memory.open_work(tenant_id) as work:
        await work.tenants.add(a_tenant(tenant_id))
        chat = await another_chat(work, PHONE, tenant_id=tenant_id, **facts)
        added = [an_answer(chat, **each) for each in messages]
        await work.messages.add(added)
        await work.conversations.save(chat)
    return chat, added


def late(**facts: Any) -> Mapping[str, Any]:
    """With the sender for too long."""
    return {"state": HANDED, "asks": 1, "ask_at": A_WHILE_AGO} | facts


def stored(memory: MemoryCrm, message: Message, tenant_id: TenantId = TENANT) -> Message:
    return memory.stored.chats[tenant_id].messages[message.id]


async def asked_for(memory: MemoryCrm) -> list[object]:
    return [one.message_id for one in await memory.said() if isinstance(one, SendWhatsApp)]


async def test_the_sender_is_asked_again_with_twice_the_patience(
    memory: MemoryCrm, sweeper: Sweeper
) -> None:
    _, [message, _] = await a_chat(memory, late(), {})

    count = await sweeper.ask_again()
    at_once = await sweeper.ask_again()

    assert (count, at_once) == (1, 0)
    assert await asked_for(memory) == [message.id]
    assert stored(memory, message).asks == 2
    assert stored(memory, message).ask_at == NOON + timedelta(seconds=60)


async def test_patience_has_a_limit_however_often_it_was_asked(
    memory: MemoryCrm, sweeper: Sweeper
) -> None:
    _, [message] = await a_chat(memory, late(asks=5_000))

    await sweeper.ask_again()

    assert stored(memory, message).ask_at == NOON + timedelta(seconds=LONGEST_SILENCE_S)


async def test_what_is_not_late_is_left_alone(memory: MemoryCrm, sweeper: Sweeper) -> None:
    await a_chat(memory, late(ask_at=NOON + timedelta(seconds=1)))

    assert await sweeper.ask_again() == 0
    assert await memory.said() == []


async def test_what_another_asked_for_meanwhile_is_not_late_any_more(
    memory: MemoryCrm, sweeper: Sweeper
) -> None:
    await a_chat(memory, late())
    stale = Remembered(memory)
    stale.places = await sweeper.backlog.unheard_of(10)
    await sweeper.ask_again()

    assert await replace(sweeper, backlog=stale).ask_again() == 0
    assert len(await memory.said()) == 1


async def test_what_waits_for_nothing_leaves(memory: MemoryCrm, sweeper: Sweeper) -> None:
    """Nobody should have left it there; but nobody else would ever find it."""
    _, [message] = await a_chat(memory, {"state": QUEUED, "ask_at": A_WHILE_AGO})

    await sweeper.ask_again()

    assert await asked_for(memory) == [message.id]
    assert stored(memory, message).state is HANDED


async def test_what_the_bot_said_is_taken_back_again_where_a_person_took_over(
    memory: MemoryCrm, sweeper: Sweeper
) -> None:
    """The sender may never have heard of either: then the message must not be news to it."""
    _, [message] = await a_chat(memory, late(), mode=Mode.HUMAN)

    await sweeper.ask_again()

    assert await memory.said() == [WithdrawWhatsApp(tenant_id=TENANT, message_ids=[message.id])]
    assert (stored(memory, message).state, stored(memory, message).asks) == (HANDED, 2)


async def test_what_a_person_said_is_asked_for_again(memory: MemoryCrm, sweeper: Sweeper) -> None:
    _, [message] = await a_chat(memory, late(author=Author.PERSON), mode=Mode.HUMAN)

    await sweeper.ask_again()

    assert await asked_for(memory) == [message.id]


async def test_one_that_fails_holds_up_nobody(memory: MemoryCrm, sweeper: Sweeper) -> None:
    """Its content cannot be read, by this version of the code at least."""
    await a_chat(memory, late(kind=Kind.POLL, ask_at=A_WHILE_AGO - timedelta(hours=1)))
    _, [message] = await a_chat(memory, late(), tenant_id=OTHER_TENANT)

    assert await sweeper.ask_again() == 1
    assert await asked_for(memory) == [message.id]


async def test_an_outage_is_no_reason_to_go_through_all_the_rest(
    memory: MemoryCrm, sweeper: Sweeper
) -> None:
    await a_chat(memory, late())
    memory.is_away = True

    with pytest.raises(DatabaseUnavailable):
        await sweeper.ask_again()


async def test_a_chat_that_a_person_left_goes_back_to_the_bot(
    memory: MemoryCrm, sweeper: Sweeper
) -> None:
    chat, _ = await a_chat(memory, mode=Mode.HUMAN, handback_at=A_WHILE_AGO)
    async with memory.open_work(TENANT) as work:
        await work.messages.add([a_message(chat, text="Sudah dikirim?")])
        await work.conversations.save(chat)

    count = await sweeper.hand_back()

    now = memory.stored.chats[TENANT].conversations[chat.id]
    assert (count, now.mode, now.handback_at) == (1, Mode.BOT, None)
    assert now.mode_reason is TakeoverReason.TIMEOUT
    asked, marker = memory.stored.chats[TENANT].messages.values()
    assert (asked.state, asked.reason) == (MessageState.FOR_PERSON, "person_answered")
    assert (marker.direction, marker.seq) == (Direction.MARKER, now.last_seq)
    [step] = await memory.timeline(TENANT, chat.id)
    assert (step.what, step.facts["reason"]) == ("conversation.handed_back", "person_silent")


async def test_a_chat_is_handed_back_once(memory: MemoryCrm, sweeper: Sweeper) -> None:
    await a_chat(memory, mode=Mode.HUMAN, handback_at=A_WHILE_AGO)

    assert [await sweeper.hand_back(), await sweeper.hand_back()] == [1, 0]


async def test_whoever_wrote_meanwhile_keeps_the_chat(memory: MemoryCrm, sweeper: Sweeper) -> None:
    """What was due is looked at again under the lock."""
    chat, _ = await a_chat(memory, mode=Mode.HUMAN, handback_at=A_WHILE_AGO)
    stale = Remembered(memory)
    stale.places = await sweeper.backlog.left_alone(10)
    async with memory.open_work(TENANT) as work:
        chat.handback_at = NOON + timedelta(hours=1)
        await work.conversations.save(chat)

    count = await replace(sweeper, backlog=stale).hand_back()

    assert (count, memory.stored.chats[TENANT].conversations[chat.id].mode) == (0, Mode.HUMAN)
