"""Turns on PostgreSQL: what was heard is answered once, in order, and only by whoever may."""

import pytest

from shared.infrastructure.database import DatabaseClock, Sessions
from tests.crm_chatbot.turning import Shop
from tests.shared.llm.fakes import FakeModels


@pytest.fixture
async def clock(sessions: Sessions) -> DatabaseClock:
    clock = DatabaseClock(sessions)
    await clock.refresh()
    return clock


@pytest.fixture
async def shop(sessions: Sessions, clock: DatabaseClock) -> Shop:
    shop = Shop(sessions, clock, FakeModels(lambda _messages, _tools: "Halo juga!"))
    await shop.open()
    return shop


async def test_what_a_customer_says_is_answered_once(shop: Shop) -> None:
    chat = await shop.chat()
    await shop.hears(chat, "Halo kak")

    async with shop.working():
        replies = await shop.answered(chat)

    assert replies == ["Halo juga!"]
