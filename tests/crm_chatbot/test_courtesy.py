"""What is urgent goes first, and whoever waits for it does not wait for ever."""

import asyncio

import pytest

from crm_chatbot.application.whatsapp.courtesy import Courtesy
from crm_chatbot.infrastructure.turns.places import Places


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


async def test_the_turn_that_began_first_goes_first_whenever_it_asks() -> None:
    places, went = Places(1, Courtesy()), list[str]()

    async def turn(name: str, *, asks: asyncio.Event) -> None:
        async with places:
            went.append(f"{name} began")
        await asks.wait()
        # As its own tasks do.
        await asyncio.create_task(again(name))

    async def again(name: str) -> None:
        async with places:
            went.append(f"{name} ended")

    late, soon = asyncio.Event(), asyncio.Event()
    first = asyncio.create_task(turn("first", asks=late))
    await settled()
    second = asyncio.create_task(turn("second", asks=soon))
    await settled()
    async with places:
        soon.set()
        third = asyncio.create_task(turn("third", asks=soon))
        await settled()
        late.set()
        await settled()
    await asyncio.wait_for(asyncio.gather(first, second, third), 1)

    assert went[2:4] == ["first ended", "second ended"]
    assert went[4:] == ["third began", "third ended"]


async def settled() -> None:
    """Every task has come as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_who_is_given_a_place_and_gives_up_hands_it_on() -> None:
    places = Places(1, Courtesy())

    async def wait() -> None:
        async with places:
            pass

    async with places:
        gives_up, waits = asyncio.create_task(wait()), asyncio.create_task(wait())
        await settled()
    gives_up.cancel()  # it has been given the place, and does not know yet
    await asyncio.wait_for(waits, 1)

    async with asyncio.timeout(1), places:
        pass
    assert gives_up.cancelled()


async def test_who_gives_up_waiting_gives_the_place_back() -> None:
    courtesy = Courtesy(longest_s=60)
    places = Places(1, courtesy)
    with courtesy.urgent(), pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01), places:
            pytest.fail("it began")

    async with asyncio.timeout(1), places:
        pass
