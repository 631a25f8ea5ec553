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

#: No provider's library is loaded: a life begins two seconds sooner.
SETTINGS = {"OFFLINE_DELAY_S": "0.3", "OPENAI_API_KEY": ""}
PLAN = Plan(gateways=0, engines=0, chatbots=4, senders=2, broker=True, settings=SETTINGS)
#: doubled, shuffled, late: an ordinary day
WEATHER = {
    "events": ["message.any"],
    "copies": 2,
    "fresh_copies": True,
    "shuffle": 5,
    "gather_s": 0.2,
    "jitter_s": 0.3,
}
#: of a customer who has not finished yet
PACE = {"quiet_s": 0.5, "longest_s": 3}
MESSAGES, CHATS, STRIKES, DUPLICATES = 2_000, 40, 40, 400


@pytest.mark.timeout(420)
@pytest.mark.usefixtures("broker_programs")
async def test_every_message_is_covered_by_one_turn_whoever_is_killed(
    servers: Servers, tmp_path: Path, seed: int
) -> None:
    # Fifty messages of each within minutes: to the product that is a bot, and not to be answered.
    plan = replace(PLAN, faults=["loop_brake"])
    async with running(servers, tmp_path, plan) as stack, books(stack, pace=PACE) as kept:
        await kept.shop.control("PUT", "weather", WEATHER | {"seed": seed})

        async with asyncio.TaskGroup() as everything:
            phones = customers(CHATS)
            storm = chatter(kept.shop, messages=MESSAGES, phones=phones, per_second=40)
            everything.create_task(storm)
            everything.create_task(kill_all_round(kept, seed=seed))
        await kept.settled(within=120)

        assert await kept.broken() == {}
        assert await kept.states() == {"covered": MESSAGES}
        assert await kept.repeated() >= DUPLICATES
        assert sum(len(process.ends) for process in stack.product) == STRIKES


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


async def kill_all_round(kept: Books, *, seed: int) -> None:
    """Somebody, again and again, for as long as customers write."""
    chance = random.Random(seed)  # noqa: S311 - to be repeated
    everybody = [*kept.stack.chatbots, *kept.stack.senders]
    for moment in sorted(chance.sample(range(MESSAGES), STRIKES)):
        await kept.has_reached(moment)
        await kill(chance.choice(everybody))
