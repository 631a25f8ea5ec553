"""Many workers on one database, abandoned and frozen at random: once each, in order (P10, P11)."""

import asyncio
import random
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from crm_chatbot.application.ports import Work
from crm_chatbot.application.turns.closing import Closing
from crm_chatbot.application.turns.mailbox import Worker
from crm_chatbot.domain.conversations.conversation import Claim, Conversation
from crm_chatbot.domain.conversations.message import MessageState
from crm_chatbot.domain.turns.turn import Turn, TurnLost
from crm_chatbot.infrastructure.turns.checkpoints import SqlCheckpoints
from shared.infrastructure.database import DatabaseClock, Sessions
from shared.llm.chat import ChatMessage, ToolSpec
from tests.crm_chatbot.builders import a_tenant
from tests.crm_chatbot.chats import a_message
from tests.crm_chatbot.turning import Shop, SlowModels
from tests.shared.llm.fakes import FakeModels
from tests.waiting import NotInTime, until

CHATS = 12
MESSAGES = 240
WORKERS = 4
BLOWS = 25
DEAD_AFTER_S = 0.6

_TOKEN = re.compile(r"#(\d+)#")


def echo_tokens(messages: Sequence[ChatMessage], _: Sequence[ToolSpec]) -> str:
    """Says which messages it was asked about."""
    return " ".join(f"#{token}#" for token in _TOKEN.findall(messages[-1].text))


@dataclass
class Life:
    """A worker process: its loops, until it is killed, or frozen."""

    worker: Worker
    taking: asyncio.Task[None]
    beating: asyncio.Task[None]

    def kill(self) -> None:
        """As `kill -9` does: nothing is handed back, what ran does not run on."""
        for task in (self.taking, self.beating, *self._turns()):
            task.cancel()

    def freeze(self) -> None:
        """Its heart stops; what it decides it decides all the same, only too late."""
        self.taking.cancel()
        self.beating.cancel()

    async def end(self) -> None:
        self.kill()
        await asyncio.gather(self.taking, self.beating, return_exceptions=True)
        await asyncio.gather(*self._turns(), return_exceptions=True)

    def _turns(self) -> list[asyncio.Task[None]]:
        return [task for _, task in self.worker._busy.values()]


@dataclass
class Storm:
    """Customers who write, workers who answer, and somebody who strikes at random."""

    shop: Shop
    dice: random.Random
    lives: list[Life] = field(default_factory=list[Life])
    graveyard: list[Life] = field(default_factory=list[Life])

    async def bear(self) -> None:
        worker = await self.shop.worker(capacity=40, dead_after_s=DEAD_AFTER_S)
        taking = asyncio.create_task(self._take(worker))
        self.lives.append(Life(worker, taking, asyncio.create_task(self._beat(worker))))

    async def strike(self) -> None:
        life = self.lives.pop(self.dice.randrange(len(self.lives)))
        (life.kill if self.dice.random() < 0.5 else life.freeze)()
        self.graveyard.append(life)
        await self.bear()

    async def end(self) -> None:
        for life in (*self.lives, *self.graveyard):
            await life.end()

    async def _take(self, worker: Worker) -> None:
        while True:
            with suppress(Exception):
                await worker.take_what_is_ready()
            await asyncio.sleep(0.05)

    async def _beat(self, worker: Worker) -> None:
        while True:
            await asyncio.sleep(DEAD_AFTER_S / 6)
            with suppress(Exception):
                await worker.beat()

    async def write(self, chats: Sequence[Conversation]) -> None:
        """Every message between one and three times, shuffled a little, from several clients."""
        texts = [(self.dice.choice(chats), f"#{number}#") for number in range(MESSAGES)]
        posts = [post for post in texts for _ in range(self.dice.choice([1, 1, 2, 3]))]
        posts.sort(key=lambda post: int(post[1].strip("#")) + self.dice.uniform(0, 12))
        quarter = -(-len(posts) // 4)
        async with asyncio.TaskGroup() as clients:
            for start in range(0, len(posts), quarter):
                clients.create_task(self._post(posts[start : start + quarter]))

    async def _post(self, posts: Sequence[tuple[Conversation, str]]) -> None:
        for chat, text in posts:
            await self._hear(chat, text)
            await asyncio.sleep(self.dice.uniform(0, 0.03))

    async def _hear(self, chat: Conversation, text: str) -> None:
        async with self.shop.open_work(self.shop.tenant.id) as work:
            conversation = await work.conversations.lock(chat.id)
            if await work.messages.by_stanza("s", text):
                return  # a duplicate
            now = self.shop.clock()
            message = a_message(
                conversation, text=text, session="s", stanza_id=text, created_at=now
            )
            await work.messages.add([message])
            conversation.hear(self.shop.tenant.pace, now)
            await work.conversations.save(conversation)


async def rage(shop: Shop, chats: Sequence[Conversation], seed: int, *, within: float = 60) -> None:
    storm = Storm(shop, random.Random(seed))  # noqa: S311 - dice, no secrets
    for _ in range(WORKERS):
        await storm.bear()
    writing = asyncio.create_task(storm.write(chats))
    for _ in range(BLOWS):
        await asyncio.sleep(storm.dice.uniform(0.02, 0.2))
        await storm.strike()
    await writing

    async def is_calm() -> bool:
        [row] = await shop.rows("SELECT count(*) AS n FROM crm.messages WHERE state = 'new'")
        return int(row.n) == 0

    try:
        await until(is_calm, "every message is answered", within=within, every=0.2)
    finally:
        await storm.end()


async def violations(shop: Shop, chats: Sequence[Conversation]) -> list[str]:
    """What must never happen, as far as the tables and the replies tell."""
    found: list[str] = []
    for chat in chats:
        messages = await shop.messages(chat)
        heard = [_TOKEN.findall(one.text)[0] for one in messages if one.direction == "in"]
        told = [_TOKEN.findall(one.text) for one in messages if one.direction == "out"]
        answered = [token for tokens in told for token in tokens]
        counts = Counter(answered)
        found += [
            f"{token} answered {counts[token]} times" for token in heard if counts[token] != 1
        ]
        if answered != heard:
            found.append(f"order: heard {heard}, answered {answered}")
        states = {one.state for one in messages if one.direction == "in"}
        found += [f"state {state}" for state in states - {MessageState.COVERED}]
    found += [f"turn {row.id} covers what others cover" for row in await shop.rows(_OVERLAPS)]
    found += [f"message {row.id} has no committed turn" for row in await shop.rows(_UNCOVERED)]
    return found


_OVERLAPS = """
    SELECT a.id FROM crm.turns a JOIN crm.turns b
        ON b.conversation_id = a.conversation_id AND b.id <> a.id AND b.status = 'committed'
       AND b.from_seq <= a.to_seq AND b.to_seq >= a.from_seq
     WHERE a.status = 'committed'"""
_UNCOVERED = """
    SELECT m.id FROM crm.messages m LEFT JOIN crm.turns t ON t.id = m.turn_id
     WHERE m.direction = 'in' AND t.status IS DISTINCT FROM 'committed'"""


@pytest.fixture
async def storm_shop(sessions: Sessions) -> Shop:
    clock = DatabaseClock(sessions)
    await clock.refresh()
    dice = random.Random(7)  # noqa: S311

    async def think(_: Sequence[ChatMessage]) -> None:
        # Now and then longer than a worker may be silent.
        await asyncio.sleep(dice.choice([0.0, 0.01, 0.05, 0.05, DEAD_AFTER_S * 2.5]))

    tenant = a_tenant()
    tenant.pace = type(tenant.pace)(quiet_s=0.05, longest_s=0.2)
    tenant.limits = type(tenant.limits)(turns_per_hour=10_000, turns_per_day=10_000)
    shop = Shop(sessions, clock, SlowModels(FakeModels(echo_tokens), think), tenant=tenant)
    await shop.open()
    return shop


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
async def test_each_message_is_answered_once_and_in_order(storm_shop: Shop, seed: int) -> None:
    chats = [await storm_shop.chat(number) for number in range(CHATS)]

    await rage(storm_shop, chats, seed)

    assert await violations(storm_shop, chats) == []
    [left] = await storm_shop.rows("SELECT count(*) AS n FROM crm.checkpoints")
    assert left.n == 0


async def not_fenced(_: Closing, work: Work, claim: Claim) -> tuple[Conversation, Turn]:
    """The twin's: whoever comes while a turn is running has decided it."""
    conversation = await work.conversations.lock(claim.conversation_id)
    turn = await work.turns.running(conversation.id)
    if turn is None:
        raise TurnLost
    return conversation, turn


async def not_refused(_: SqlCheckpoints, session: Any, statement: Any, facts: Any) -> None:  # noqa: ANN401 - as it is
    """The twin's: a zombie is not told that it is one."""


@pytest.mark.slow
async def test_without_fencing_the_same_storm_does_harm(
    storm_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Closing, "_still_ours", not_fenced)
    monkeypatch.setattr(SqlCheckpoints, "_write", not_refused)
    harm: list[str] = []

    # Where the machine is slow, a storm may pass by all that it could break.
    for seed in (1, 2, 3):
        chats = [await storm_shop.chat(seed * CHATS + number) for number in range(CHATS)]
        with suppress(NotInTime):
            await rage(storm_shop, chats, seed, within=10)
        if harm := await violations(storm_shop, chats):
            break

    assert harm != []
