"""A copy that is young, read by one for all, and still there when PostgreSQL is not."""

import asyncio
from collections.abc import Awaitable

import pytest

from shared.availability import DatabaseUnavailable
from shared.llm.recent import Recent
from tests.waiting import until


class Source:
    """Something to copy: counts how often it is read, and can be slow or away."""

    def __init__(self) -> None:
        self.value = 1
        self.reads = 0
        self.is_away = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def read(self, last: int | None) -> int:
        self.reads += 1
        if self.is_away:
            raise DatabaseUnavailable("away")
        seen = self.value
        await self.gate.wait()
        return seen


@pytest.fixture
def source() -> Source:
    return Source()


async def begun(source: Source) -> None:
    await until(lambda: source.reads == 1, "a reading began", within=5, every=0)


async def gathered(*asked: Awaitable[int]) -> list[int]:
    async with asyncio.timeout(5):
        return list(await asyncio.gather(*asked))


async def test_a_young_copy_is_not_read_again(source: Source) -> None:
    recent = Recent(source.read, max_age_s=60)

    await recent()
    source.value = 2

    assert await recent() == 1
    assert source.reads == 1


async def test_an_old_copy_is_read_again(source: Source) -> None:
    recent = Recent(source.read, max_age_s=0)

    await recent()
    source.value = 2

    assert await recent() == 2


async def test_many_callers_share_one_reading(source: Source) -> None:
    recent = Recent(source.read, max_age_s=0)
    source.gate.clear()
    asking = [asyncio.create_task(recent()) for _ in range(50)]
    await begun(source)

    source.gate.set()

    assert await gathered(*asking) == [1] * 50
    assert source.reads == 1


async def test_afresh_means_read_after_the_question(source: Source) -> None:
    recent = Recent(source.read, max_age_s=60)
    source.gate.clear()
    early = asyncio.create_task(recent())
    await begun(source)
    source.value = 2

    late = asyncio.create_task(recent(afresh=True))
    await asyncio.sleep(0)
    source.gate.set()

    assert await early in {1, 2}
    assert await late == 2
    assert source.reads == 2


async def test_the_last_known_copy_outlives_the_database(source: Source) -> None:
    recent = Recent(source.read, max_age_s=0)
    await recent()

    source.is_away = True

    assert await recent() == 1
    assert await recent(afresh=True) == 1


async def test_what_was_never_read_cannot_be_had_without_the_database(source: Source) -> None:
    recent = Recent(source.read)
    source.is_away = True

    with pytest.raises(DatabaseUnavailable):
        await recent()

    source.is_away = False
    assert await recent(afresh=True) == 1


async def test_a_database_that_hangs_is_waited_for_only_once(source: Source) -> None:
    recent = Recent(source.read, max_age_s=0, patience_s=0.05)
    await recent()
    source.gate.clear()
    loop = asyncio.get_running_loop()

    assert await recent() == 1
    began = loop.time()
    assert await gathered(*(recent() for _ in range(20))) == [1] * 20

    assert loop.time() - began < 0.04, "patience is counted from the reading, not from each caller"
    source.gate.set()


async def test_a_caller_who_gives_up_does_not_end_the_reading_for_others(source: Source) -> None:
    recent = Recent(source.read)
    source.gate.clear()
    first = asyncio.create_task(recent())
    await begun(source)
    second = asyncio.create_task(recent())

    first.cancel()
    source.gate.set()

    assert await second == 1
    assert source.reads == 1
