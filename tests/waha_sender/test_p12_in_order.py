"""P12: replies of a chat leave in order, none is missing, and none arrives twice.

Without ids of ours (WEBJS) one may, but only where the journal shows that nobody could tell.
"""

import asyncio
import random
from collections import Counter
from typing import Any
from uuid import UUID

import pytest

from shared.contracts import SendWhatsApp, WhatsAppSent
from shared.infrastructure.database import Sessions
from simulators.waha.engines import EngineName
from simulators.waha.rules import WahaRule
from tests.waha_sender.builders import asked
from tests.waha_sender.crew import Crew, crew
from tests.waiting import until

CHATS, REPLIES, DEATHS = 10, 20, 4
SEED = random.SystemRandom().randrange(10**6)

#: Everything that befalls a send, and what the caller cannot know.
FAULTS: list[dict[str, Any]] = [
    {"reset": "before"},
    {"reset": "after"},
    {"reset": "midway"},
    {"status": 500},
    {"status": 500, "in_effect": True},
    {"status": 503},
    {"hang": True},
    {"hang": True, "in_effect": True},
    {"garbage": "html"},
    {"garbage": "empty"},
    {"trouble": "stuck", "in_effect": True},
    {"trouble": "not_working"},
]


def befall(luck: random.Random, *, one_in: int) -> list[WahaRule]:
    """So many of the sends go wrong, each in a way of its own."""
    return [
        WahaRule(call="sendText", nth=n, **luck.choice(FAULTS))
        for n in range(1, 2 * CHATS * REPLIES)
        if luck.randrange(one_in) == 0
    ]


def chat(n: int) -> str:
    return f"62812000000{n:02}@c.us"


async def told_to_send(aboard: Crew, luck: random.Random) -> dict[UUID, SendWhatsApp]:
    """Every reply of every chat, in order; some of them more than once."""
    messages = [
        asked(f"{n:02}/{place:02}", chat_id=chat(n))
        for place in range(REPLIES)
        for n in range(CHATS)
    ]
    worker = await aboard.hire()
    for message in messages:
        for _ in range(luck.choice((1, 1, 1, 2))):
            await worker.take(message, {})
    return {message.message_id: message for message in messages}


async def all_ended(aboard: Crew, messages: dict[UUID, SendWhatsApp]) -> bool:
    return (await aboard.outcomes()).keys() >= messages.keys()


async def killing(aboard: Crew, luck: random.Random, *, times: int) -> None:
    """Now and then a worker dies, and another takes its place."""
    for _ in range(times):
        worker = await aboard.hire()
        await asyncio.sleep(luck.uniform(0.3, 1.2))
        await aboard.kill(worker)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["GOWS", "WEBJS"])
async def test_replies_arrive_in_order_and_once_whatever_befalls_them(
    sessions: Sessions, kind: EngineName
) -> None:
    print(f"seed {SEED}")  # noqa: T201 - to repeat what was seen
    luck = random.Random(SEED)  # noqa: S311 - luck, not secrets
    async with crew(sessions, kind) as aboard:
        aboard.server.script.set(befall(luck, one_in=12))
        messages = await told_to_send(aboard, luck)
        await aboard.hire()
        await killing(aboard, luck, times=DEATHS)

        async def ended() -> bool:
            return await all_ended(aboard, messages)

        await until(ended, "every message has an outcome", within=90, every=0.2)

        outcomes = await aboard.outcomes()
        assert {type(one) for one in outcomes.values()} == {WhatsAppSent}
        assert missing(aboard, messages) == []
        assert out_of_order(aboard) == []
        twice = doubled(aboard)
        assert set(twice) <= (set() if kind == "GOWS" else not_known(aboard))
        # Whatever else befell them, they were looked up.
        assert len(twice) <= DEATHS


def missing(aboard: Crew, messages: dict[UUID, SendWhatsApp]) -> list[str]:
    seen = {text for n in range(CHATS) for text in aboard.phone(chat(n))}
    return [text for one in messages.values() if (text := words(one)) not in seen]


def out_of_order(aboard: Crew) -> list[list[str]]:
    """Chats in which a reply came before an earlier one."""
    firsts = [list(dict.fromkeys(aboard.phone(chat(n)))) for n in range(CHATS)]
    return [seen for seen in firsts if seen != sorted(seen)]


def doubled(aboard: Crew) -> list[str]:
    seen = Counter(text for n in range(CHATS) for text in aboard.phone(chat(n)))
    return [text for text, times in seen.items() if times > 1]


def not_known(aboard: Crew) -> set[str]:
    """Of these a send had its effect, and whoever sent it did not hear so."""
    return {
        entry.text
        for entry in aboard.journal()
        if entry.facts.get("message_id") and entry.outcome != "answered"
    }


def words(message: SendWhatsApp) -> str:
    return str(message.content.model_dump()["text"])
