"""Where an answer takes long the customer is asked to wait: once, and never by a silenced bot."""

import asyncio
from collections.abc import Sequence

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.application.conversations.takeover import take_over
from crm_chatbot.application.turns import patience
from crm_chatbot.domain.conversations.conversation import Conversation, TakeoverReason
from crm_chatbot.domain.conversations.message import MessageId, TurnId
from crm_chatbot.domain.language import Language
from crm_chatbot.domain.tenants.phrases import Phrase, said
from shared.infrastructure.database import DatabaseClock, Sessions
from shared.llm.chat import ChatMessage, ToolSpec
from tests.crm_chatbot.turning import Pause, Shop, SlowModels
from tests.shared.llm.fakes import FakeModels
from tests.waiting import until

WAIT, WAIT_EN = (said(Phrase.PATIENCE, one) for one in (Language.INDONESIAN, Language.ENGLISH))
ANSWER = "Ada, kak."
PATIENCE_S = 0.05


def says_so(_: Sequence[ChatMessage], __: Sequence[ToolSpec]) -> str:
    return ANSWER


@pytest.fixture
async def shop(sessions: Sessions) -> Shop:
    clock = DatabaseClock(sessions)
    await clock.refresh()
    shop = Shop(sessions, clock, FakeModels(says_so), patience_s=PATIENCE_S)
    await shop.open()
    return shop


def slow(before: Pause) -> SlowModels:
    return SlowModels(FakeModels(says_so), before)


async def is_asked(shop: Shop, chat: Conversation) -> None:
    """Until the customer has been asked for patience, if nothing more."""

    async def found() -> bool:
        return bool(await shop.replies(chat))

    await until(found, "the customer is asked for patience", within=10)


async def answer(shop: Shop, chat: Conversation) -> None:
    await shop.service().answer(await shop.claim(chat), {})


@pytest.mark.parametrize(
    ("words", "wait"), [("ada kopi kak?", WAIT), ("Do you have any coffee, please?", WAIT_EN)]
)
async def test_who_waits_for_long_is_asked_to_and_then_answered(
    shop: Shop, words: str, wait: str
) -> None:
    chat = await shop.chat()
    shop.models = slow(lambda _: is_asked(shop, chat))
    await shop.hears(chat, words)

    await answer(shop, chat)

    assert await shop.replies(chat) == [wait, ANSWER]
    assert [one.text for one in await shop.sent()] == [wait]  # the other waits until it has left
    assert (await shop.timeline(chat)).count("turn.delayed") == 1


@pytest.mark.parametrize("patience_s", [20.0, 0.0])
async def test_who_is_answered_in_time_is_not_asked_to_wait(shop: Shop, patience_s: float) -> None:
    shop.patience_s = patience_s
    chat = await shop.chat()
    await shop.hears(chat, "ada kopi?")

    await answer(shop, chat)

    assert await shop.replies(chat) == [ANSWER]


async def die_after_asking(shop: Shop, chat: Conversation) -> None:
    """A worker asks for patience, and is never heard of again."""

    async def forever(_: Sequence[ChatMessage]) -> None:
        await asyncio.Event().wait()

    shop.models = slow(forever)
    dying = asyncio.create_task(answer(shop, chat))
    await is_asked(shop, chat)
    dying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dying
    await shop.bury_workers()


async def try_again(shop: Shop, chat: Conversation) -> FakeModels:
    """Another worker takes it up, and is slow, too."""

    async def a_while(_: Sequence[ChatMessage]) -> None:
        await asyncio.sleep(4 * PATIENCE_S)

    models = FakeModels(says_so)
    shop.models = SlowModels(models, a_while)
    await answer(shop, chat)
    return models


async def test_whoever_takes_a_turn_up_does_not_ask_again(shop: Shop) -> None:
    chat = await shop.chat()
    await shop.hears(chat, "ada kopi?")

    await die_after_asking(shop, chat)
    models = await try_again(shop, chat)

    assert await shop.replies(chat) == [WAIT, ANSWER]
    assert (await shop.timeline(chat)).count("turn.delayed") == 1
    # Nor does the model believe that it has answered already.
    assert all(WAIT not in message.text for message in models.asked[-1].messages)


async def test_with_ids_by_chance_it_would_be_asked_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def by_chance(_: TurnId) -> MessageId:
        return MessageId(uuid7())

    monkeypatch.setattr(patience, "patience_id", by_chance)
    chat = await shop.chat()
    await shop.hears(chat, "ada kopi?")

    await die_after_asking(shop, chat)
    await try_again(shop, chat)

    assert await shop.replies(chat) == [WAIT, WAIT, ANSWER]


async def test_once_a_person_has_taken_over_nobody_is_asked_to_wait(shop: Shop) -> None:
    chat = await shop.chat()

    async def meanwhile(_: Sequence[ChatMessage]) -> None:
        await silence(shop, chat)
        await asyncio.sleep(4 * PATIENCE_S)

    shop.patience_s = PATIENCE_S * 2
    shop.models = slow(meanwhile)
    await shop.hears(chat, "ada kopi?")

    await answer(shop, chat)

    assert await shop.replies(chat) == []
    assert "turn.delayed" not in await shop.timeline(chat)


async def test_what_was_asked_and_has_not_left_is_taken_back_by_a_takeover(shop: Shop) -> None:
    chat = await shop.chat()

    async def meanwhile(_: Sequence[ChatMessage]) -> None:
        await is_asked(shop, chat)
        await silence(shop, chat)

    shop.models = slow(meanwhile)
    await shop.hears(chat, "ada kopi?")

    await answer(shop, chat)

    kinds = await shop.rows("SELECT kind FROM crm.outbox ORDER BY id")
    assert [row.kind for row in kinds][-1] == "WithdrawWhatsApp"
    assert await shop.replies(chat) == [WAIT]


async def silence(shop: Shop, chat: Conversation) -> None:
    """A person takes over."""
    async with shop.open_work(shop.tenant.id) as work:
        conversation = await work.conversations.lock(chat.id)
        await take_over(
            work,
            conversation,
            TakeoverReason.API,
            now=shop.clock(),
            new_id=uuid7,
            handback_after_s=0,
        )
        await work.conversations.save(conversation)
