"""P10-P12. What customers write is answered once and in order, whoever is killed meanwhile."""

import asyncio
import random
from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos.books import Books, books, kill
from tests.chaos.servers import Servers
from tests.chaos.stack import Plan, running
from tests.shop import chatter, customers
from tests.waiting import NotInTime

PLAN = Plan(
    gateways=0, engines=0, chatbots=3, senders=2, broker=True, settings={"OFFLINE_DELAY_S": "0.3"}
)
#: doubled, shuffled, late: an ordinary day
WEATHER = {"copies": 2, "fresh_copies": True, "shuffle": 5, "gather_s": 0.2, "jitter_s": 0.3}


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("broker_programs")
async def test_every_message_is_covered_by_one_turn_whoever_is_killed(
    servers: Servers, tmp_path: Path, seed: int
) -> None:
    async with running(servers, tmp_path, PLAN) as stack, books(stack) as kept:
        await kept.shop.control("PUT", "weather", WEATHER | {"seed": seed})

        async with asyncio.TaskGroup() as everything:
            storm = chatter(kept.shop, messages=400, phones=customers(20), per_second=25)
            everything.create_task(storm)
            everything.create_task(kill_all_round(kept, seed=seed, strikes=12))
        await kept.settled(within=90)

        assert await kept.broken() == {}


async def test_without_take_over_conversations_are_held_by_the_dead(
    servers: Servers, tmp_path: Path
) -> None:
    plan = replace(PLAN, chatbots=1, senders=1, broker=False, off=["turn_takeover"])
    async with running(servers, tmp_path, plan) as stack, books(stack) as kept:
        async with asyncio.TaskGroup() as everything:
            storm = chatter(kept.shop, messages=60, phones=customers(20), per_second=20)
            everything.create_task(storm)
            await asyncio.sleep(1.5)
            await kill(stack.chatbots[0])

        with pytest.raises(NotInTime):
            await kept.settled(within=15)

        assert "never answered" in await kept.broken()
        assert stack.struck == {"turn_takeover"}


async def kill_all_round(kept: Books, *, seed: int, strikes: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - to be repeated
    for _ in range(strikes):
        await asyncio.sleep(chance.uniform(0.5, 1.5))
        await kill(chance.choice([*kept.stack.chatbots, *kept.stack.senders]))
