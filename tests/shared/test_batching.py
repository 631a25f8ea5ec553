"""Callers that wait at the same time share a round trip, and nobody gets another's error."""

import asyncio
from collections.abc import Sequence

import pytest

from shared.availability import DatabaseUnavailable
from shared.batching import Gather, Overloaded
from tests.waiting import until


class Till:
    """Doubles numbers in batches; refuses 13; the first batch waits until it is let go."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.is_open = asyncio.Event()

    async def flush(self, numbers: Sequence[int]) -> Sequence[int]:
        self.batches.append(list(numbers))
        await self.is_open.wait()
        if 13 in numbers:
            raise ValueError("13")
        return [number * 2 for number in numbers]


async def test_a_lone_caller_is_served_alone() -> None:
    till = Till()
    till.is_open.set()

    assert await Gather(till.flush)(21) == 42
    assert till.batches == [[21]]


async def test_whoever_comes_while_a_batch_is_on_its_way_is_in_the_next() -> None:
    till = Till()
    gather = Gather(till.flush)
    first = asyncio.create_task(gather(1))
    await asyncio.sleep(0)
    rest = [asyncio.create_task(gather(number)) for number in range(2, 6)]
    await asyncio.sleep(0)

    till.is_open.set()

    assert await asyncio.gather(first, *rest) == [2, 4, 6, 8, 10]
    assert till.batches == [[1], [2, 3, 4, 5]]


async def test_no_batch_is_larger_than_it_may_be() -> None:
    till = Till()
    till.is_open.set()
    gather = Gather(till.flush, most=3)

    await asyncio.gather(*(gather(number) for number in range(8)))

    assert max(map(len, till.batches)) == 3


async def test_an_error_reaches_only_whoever_caused_it() -> None:
    till = Till()
    till.is_open.set()
    gather = Gather(till.flush)

    results = await asyncio.gather(
        *(gather(number) for number in (1, 13, 2)), return_exceptions=True
    )

    assert [results[0], results[2]] == [2, 4]
    assert isinstance(results[1], ValueError)


async def test_a_caller_who_leaves_takes_nobody_along_and_its_wish_is_done() -> None:
    till = Till()
    gather = Gather(till.flush)
    leaver, stayer = asyncio.create_task(gather(1)), asyncio.create_task(gather(2))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    leaver.cancel()
    till.is_open.set()

    assert await stayer == 4
    assert [number for batch in till.batches for number in batch] == [1, 2]


async def test_more_callers_than_may_wait_are_turned_away() -> None:
    till = Till()
    gather = Gather(till.flush, waiting_limit=2)
    on_its_way = asyncio.create_task(gather(1))
    await until(lambda: till.batches, "the first batch is on its way", within=1)
    waiting = [asyncio.create_task(gather(number)) for number in (2, 3)]
    await asyncio.sleep(0)

    with pytest.raises(Overloaded):
        await gather(4)

    till.is_open.set()
    assert await asyncio.gather(on_its_way, *waiting) == [2, 4, 6]


async def test_an_outage_is_everybodys_at_once() -> None:
    tries = 0

    async def away(numbers: Sequence[int]) -> Sequence[int]:
        nonlocal tries
        tries += 1
        raise DatabaseUnavailable("away")

    gather = Gather(away)

    results = await asyncio.gather(*(gather(one) for one in range(50)), return_exceptions=True)

    assert {type(one) for one in results} == {DatabaseUnavailable}
    assert tries <= 2


async def test_it_can_be_used_again_after_an_error() -> None:
    till = Till()
    till.is_open.set()
    gather = Gather(till.flush)
    with pytest.raises(ValueError, match="13"):
        await gather(13)

    assert await gather(4) == 8
