"""What is urgent goes first, and whoever waits for it does not wait for ever."""

import asyncio

import pytest

from crm_chatbot.application.courtesy import Courtesy
from crm_chatbot.infrastructure.places import Places


async def test_nobody_waits_when_nothing_is_urgent() -> None:
    await asyncio.wait_for(Courtesy(longest_s=60).after_you(), 1)


async def test_a_turn_begins_when_the_last_that_is_urgent_is_done() -> None:
    courtesy = Courtesy(longest_s=60)
    with courtesy.urgent():
        with courtesy.urgent():
            waiting = asyncio.create_task(courtesy.after_you())
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not waiting.done()
    await asyncio.wait_for(waiting, 1)


async def test_a_turn_begins_at_last_though_something_is_always_urgent() -> None:
    courtesy = Courtesy(longest_s=0.01)
    with courtesy.urgent():
        await asyncio.wait_for(courtesy.after_you(), 1)


async def test_who_gives_up_waiting_gives_the_place_back() -> None:
    courtesy = Courtesy(longest_s=60)
    places = Places(1, courtesy)
    with courtesy.urgent(), pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01), places:
            pytest.fail("it began")

    async with asyncio.timeout(1), places:
        pass
