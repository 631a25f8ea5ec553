"""What every `Tokens` keeps: a job's own words, in order, after a place, without long waits."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from gateway.application.watching import BEGINNING, Piece, Tokens
from shared.infrastructure.redis import Hints
from shared.infrastructure.token_stream import TokenReader, TokenWriter
from tests.gateway.fakes import MemoryTokens
from tests.waiting import until

CONTRACT_OF = Tokens

START = BEGINNING.position
WAIT_S = 0.2


@dataclass
class RedisTokens:
    """A worker and a watcher, who know of each other only through Redis."""

    reader: TokenReader
    writer: TokenWriter

    async def emit(self, job_id: UUID, attempt: int, text: str) -> None:
        before = len(await self.read(job_id, START, wait_s=0))
        self.writer.emit(job_id, attempt, text)

        async def has_arrived() -> bool:
            return len(await self.read(job_id, START, wait_s=0)) > before

        await until(has_arrived, "the words are there", within=5, every=0.005)

    async def read(self, job_id: UUID, after: str, /, *, wait_s: float) -> Sequence[Piece]:
        return await self.reader.read(job_id, after, wait_s=wait_s)


@pytest.fixture
async def in_redis(redis_url: str) -> AsyncGenerator[RedisTokens]:
    hints = Hints(redis_url, timeout_s=5)
    writer = TokenWriter(hints, every_s=0.001)
    writing = asyncio.create_task(writer.run())
    yield RedisTokens(TokenReader(hints), writer)
    writing.cancel()
    await hints.close()


@pytest.fixture(params=["memory", "redis"])
def tokens(request: pytest.FixtureRequest) -> MemoryTokens | RedisTokens:
    if request.param == "memory":
        return MemoryTokens()
    found: RedisTokens = request.getfixturevalue("in_redis")
    return found


def told(pieces: Sequence[Piece]) -> list[tuple[str, int]]:
    return [(piece.text, piece.attempt) for piece in pieces]


async def test_words_come_in_order_and_each_job_has_its_own(
    tokens: MemoryTokens | RedisTokens,
) -> None:
    job, other = uuid7(), uuid7()

    for attempt, text in ((1, "Code "), (1, "flows "), (2, "☕")):
        await tokens.emit(job, attempt, text)
        await tokens.emit(other, 1, "something else")

    pieces = await tokens.read(job, START, wait_s=0)
    assert told(pieces) == [("Code ", 1), ("flows ", 1), ("☕", 2)]


async def test_reading_goes_on_after_a_position(tokens: MemoryTokens | RedisTokens) -> None:
    job = uuid7()
    await tokens.emit(job, 1, "one")
    await tokens.emit(job, 1, "two")

    first, second = await tokens.read(job, START, wait_s=0)

    assert told(await tokens.read(job, first.position, wait_s=0)) == [("two", 1)]
    assert await tokens.read(job, second.position, wait_s=0) == []


async def test_nothing_to_read_takes_as_long_as_one_would_wait(
    tokens: MemoryTokens | RedisTokens,
) -> None:
    began = time.monotonic()

    assert await tokens.read(uuid7(), START, wait_s=WAIT_S) == []

    assert WAIT_S <= time.monotonic() - began + 0.01 < WAIT_S + 2


async def test_words_that_come_while_one_waits_are_read(
    tokens: MemoryTokens | RedisTokens,
) -> None:
    job = uuid7()
    waiting = asyncio.create_task(tokens.read(job, START, wait_s=WAIT_S))

    await tokens.emit(job, 1, "now")

    assert told(await asyncio.wait_for(waiting, 5)) == [("now", 1)]


async def test_without_redis_there_are_no_words_and_no_errors() -> None:
    nowhere = Hints("redis://127.0.0.1:1")

    assert await TokenReader(nowhere).read(uuid7(), START, wait_s=0.01) == []

    await nowhere.close()
