"""What people do with conversations, and what follows from it: the rules, on fakes."""

from datetime import timedelta

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.application.conversations.service import (
    NOTE_LIMIT,
    TEXT_LIMIT,
    ConversationService,
    TenantSuspended,
    TextRejected,
)
from crm_chatbot.application.once import IdempotencyKeyReused, Once
from crm_chatbot.domain.conversations.conversation import (
    AlreadyInMode,
    Conversation,
    ConversationId,
    ConversationNotFound,
    Mode,
    TakeoverReason,
)
from crm_chatbot.domain.conversations.message import Author, Direction, Message, MessageState
from crm_chatbot.domain.tenants.tenant import TenantStatus
from shared.contracts import SendWhatsApp, WithdrawWhatsApp
from tests.crm_chatbot.builders import NOON, OTHER_TENANT, TENANT
from tests.crm_chatbot.chats import SESSION, a_message, an_answer, open_chat
from tests.crm_chatbot.fakes import MemoryCrm

IN_AN_HOUR = NOON + timedelta(hours=1)
ONCE = Once("tenant", "key", "hash")
NOBODY = ConversationId(uuid7())


@pytest.fixture
def service(memory: MemoryCrm) -> ConversationService:
    return ConversationService(
        open_work=memory.open_work, now=memory.clock, new_id=uuid7, patience_s=30
    )


async def a_chat(memory: MemoryCrm, *states: MessageState) -> Conversation:
    """The customer said hello; the bot's answers are in these states."""
    async with memory.open_work(TENANT) as work:
        conversation = await open_chat(work)
        messages = [a_message(conversation)]
        messages += [an_answer(conversation, state=state) for state in states]
        await work.messages.add(messages)
        await work.conversations.save(conversation)
    return conversation


async def now(memory: MemoryCrm, conversation: Conversation) -> Conversation:
    async with memory.open_work(TENANT) as work:
        return await work.conversations.lock(conversation.id)


async def history(memory: MemoryCrm, conversation: Conversation) -> list[Message]:
    async with memory.open_work(TENANT) as work:
        return await work.messages.newest(conversation.id, most=50)


async def steps(memory: MemoryCrm, conversation: Conversation) -> list[str]:
    return [step.what for step in await memory.timeline(TENANT, conversation.id)]


async def suspend(memory: MemoryCrm) -> None:
    async with memory.open_work(TENANT) as work:
        tenant = await work.tenants.get(TENANT)
        tenant.become(TenantStatus.SUSPENDED, NOON)
        await work.tenants.save(tenant)


# -- who answers


async def test_the_bot_is_silent_at_once_with_all_that_it_was_about_to_say(
    memory: MemoryCrm, service: ConversationService
) -> None:
    chat = await a_chat(memory, MessageState.HANDED, MessageState.QUEUED)

    await service.take_over(TENANT, chat.id)

    after = await now(memory, chat)
    heard, handed, queued, marker = await history(memory, chat)
    assert (after.mode, after.mode_reason, after.epoch) == (Mode.HUMAN, TakeoverReason.API, 1)
    assert (heard.state, heard.reason) == (MessageState.FOR_PERSON, "api")
    assert (queued.state, queued.reason) == (MessageState.WITHDRAWN, "suppressed_takeover")
    assert marker.direction is Direction.MARKER
    assert await memory.said() == [WithdrawWhatsApp(tenant_id=TENANT, message_ids=[handed.id])]
    assert "conversation.taken_over" in await steps(memory, chat)


@pytest.mark.parametrize(
    ("wish", "handback_at"),
    [(None, IN_AN_HOUR), (60, NOON + timedelta(minutes=1)), (0, None)],
)
async def test_a_person_has_as_long_as_they_wish_or_else_as_the_shop_does(
    memory: MemoryCrm, service: ConversationService, wish: int | None, handback_at: object
) -> None:
    chat = await a_chat(memory)

    await service.take_over(TENANT, chat.id, handback_after_s=wish)

    assert (await now(memory, chat)).handback_at == handback_at


async def test_taking_over_again_only_prolongs_the_rest(
    memory: MemoryCrm, service: ConversationService
) -> None:
    chat = await a_chat(memory)
    await service.take_over(TENANT, chat.id)
    await memory.pass_time(600)

    await service.take_over(TENANT, chat.id)

    after = await now(memory, chat)
    assert (after.mode_since, after.epoch) == (NOON, 1)
    assert after.handback_at == IN_AN_HOUR + timedelta(minutes=10)


async def test_the_bot_answers_again_from_the_next_message_on(
    memory: MemoryCrm, service: ConversationService
) -> None:
    chat = await a_chat(memory)
    await service.take_over(TENANT, chat.id)

    await service.hand_back(TENANT, chat.id)

    after = await now(memory, chat)
    assert (after.mode, after.mode_reason) == (Mode.BOT, TakeoverReason.API)
    assert (after.handback_at, after.ready_at) == (None, None)
    assert (await steps(memory, chat))[-1] == "conversation.handed_back"


async def test_what_is_the_bots_cannot_be_handed_back(
    memory: MemoryCrm, service: ConversationService
) -> None:
    chat = await a_chat(memory)

    with pytest.raises(AlreadyInMode, match="answered by the bot already"):
        await service.hand_back(TENANT, chat.id)


# -- what people write


async def test_a_persons_words_leave_at_once_and_take_the_conversation_over(
    memory: MemoryCrm, service: ConversationService
) -> None:
    chat = await a_chat(memory)

    accepted = await service.say(TENANT, chat.id, "Ini Sari")

    *_, marker, written = await history(memory, chat)
    after = await now(memory, chat)
    assert (written.id, written.text, written.author) == (
        accepted.message_id,
        "Ini Sari",
        Author.PERSON,
    )
    assert (written.state, written.session) == (MessageState.HANDED, SESSION)
    assert marker.direction is Direction.MARKER
    assert (after.mode, after.handback_at) == (Mode.HUMAN, IN_AN_HOUR)
    [sending] = await memory.said()
    assert isinstance(sending, SendWhatsApp)
    assert (sending.message_id, sending.by_person) == (written.id, True)


async def test_a_persons_words_wait_for_those_before_them(
    memory: MemoryCrm, service: ConversationService
) -> None:
    chat = await a_chat(memory)
    await service.say(TENANT, chat.id, "one")

    await service.say(TENANT, chat.id, "two")

    states = [(m.text, m.state) for m in await history(memory, chat) if m.text in {"one", "two"}]
    assert states == [("one", MessageState.HANDED), ("two", MessageState.QUEUED)]
    assert len(await memory.said()) == 1


async def test_whoever_writes_has_longer_before_the_bot_may_speak(
    memory: MemoryCrm, service: ConversationService
) -> None:
    chat = await a_chat(memory)
    await service.say(TENANT, chat.id, "one")
    await memory.pass_time(60)

    await service.say(TENANT, chat.id, "two")

    assert (await now(memory, chat)).handback_at == IN_AN_HOUR + timedelta(minutes=1)


async def test_the_same_request_is_one_message(
    memory: MemoryCrm, service: ConversationService
) -> None:
    chat = await a_chat(memory)
    first = await service.say(TENANT, chat.id, "one", once=ONCE)

    second = await service.say(TENANT, chat.id, "one", once=ONCE)

    assert (first.is_replay, second.is_replay) == (False, True)
    assert first.message_id == second.message_id
    assert [m.text for m in await history(memory, chat)].count("one") == 1
    with pytest.raises(IdempotencyKeyReused):
        await service.say(TENANT, chat.id, "two", once=Once("tenant", "key", "another"))


async def test_for_a_suspended_shop_nobody_writes(
    memory: MemoryCrm, service: ConversationService
) -> None:
    chat = await a_chat(memory)
    await suspend(memory)

    with pytest.raises(TenantSuspended):
        await service.say(TENANT, chat.id, "Halo", once=ONCE)

    assert len(await history(memory, chat)) == 1
    assert (await now(memory, chat)).mode is Mode.BOT
    assert await memory.said() == []


async def test_a_note_is_kept_and_goes_nowhere(
    memory: MemoryCrm, service: ConversationService
) -> None:
    chat = await a_chat(memory)

    note = await service.note(TENANT, chat.id, "Regular.")

    kept = (await history(memory, chat))[-1]
    assert vars(kept) == vars(note)
    assert (kept.direction, kept.state) == (Direction.NOTE, MessageState.KEPT)
    assert (await now(memory, chat)).mode is Mode.BOT
    assert await memory.said() == []


async def test_what_was_seen_is_read(memory: MemoryCrm, service: ConversationService) -> None:
    chat = await a_chat(memory, MessageState.SENT)

    await service.read(TENANT, chat.id)

    assert (await now(memory, chat)).read_seq == 2


@pytest.mark.parametrize("text", ["", "  \n", "\u200b\u2060", "x" * (TEXT_LIMIT + 1)])
async def test_what_says_nothing_or_too_much_is_not_sent(
    memory: MemoryCrm, service: ConversationService, text: str
) -> None:
    chat = await a_chat(memory)

    with pytest.raises(TextRejected):
        await service.say(TENANT, chat.id, text)
    with pytest.raises(TextRejected):
        await service.note(TENANT, chat.id, text * NOTE_LIMIT)

    assert len(await history(memory, chat)) == 1


async def test_nobody_else_reaches_a_conversation(
    memory: MemoryCrm, service: ConversationService
) -> None:
    chat = await a_chat(memory)

    for tenant_id, conversation_id in ((OTHER_TENANT, chat.id), (TENANT, NOBODY)):
        for attempt in (
            service.take_over(tenant_id, conversation_id),
            service.hand_back(tenant_id, conversation_id),
            service.say(tenant_id, conversation_id, "Halo"),
            service.note(tenant_id, conversation_id, "Halo"),
            service.read(tenant_id, conversation_id),
        ):
            with pytest.raises(ConversationNotFound):
                await attempt

    assert vars(await now(memory, chat)) == vars(chat)
