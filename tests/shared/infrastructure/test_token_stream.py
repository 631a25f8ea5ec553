"""Answers while they are written: gathered, resumable, and no harm when they are lost."""

import asyncio
from collections.abc import AsyncGenerator
from uuid import uuid4

import pytest

from shared.infrastructure.redis import Hints
from shared.infrastructure.token_stream import TokenReader, TokenWriter
from tests.waiting import until

JOB = uuid4()


@pytest.fixture
async def hints(redis_url: str) -> AsyncGenerator[Hints]:
    hints = Hints(redis_url, timeout_s=2.0)
    yield hints
    await hints.close()


@pytest.fixture
async def writer(hints: Hints) -> AsyncGenerator[TokenWriter]:
    writer = TokenWriter(hints, every_s=0.01)
    running = asyncio.create_task(writer.run())
    yield writer
    running.cancel()


async def test_words_arrive_in_order_and_together(hints: Hints, writer: TokenWriter) -> None:
    for word in ("satu ", "dua ", "tiga"):
        writer.emit(JOB, 1, word)

    [piece] = await TokenReader(hints).read(JOB, "0-0", wait_s=2)

    assert (piece.text, piece.attempt) == ("satu dua tiga", 1)


async def test_a_reader_goes_on_where_it_stopped(hints: Hints, writer: TokenWriter) -> None:
    reader = TokenReader(hints)
    writer.emit(JOB, 1, "satu")
    [first] = await reader.read(JOB, "0-0", wait_s=2)
    writer.emit(JOB, 1, "dua")

    [second] = await reader.read(JOB, first.position, wait_s=2)

    assert second.text == "dua"


async def test_a_new_attempt_is_told_apart(hints: Hints, writer: TokenWriter) -> None:
    writer.emit(JOB, 1, "wrong")
    writer.emit(JOB, 2, "right")

    async def both() -> list[tuple[int, str]]:
        pieces = await TokenReader(hints).read(JOB, "0-0", wait_s=0.5)
        return [(piece.attempt, piece.text) for piece in pieces] if len(pieces) == 2 else []

    assert await until(both, "both attempts are there", within=5) == [(1, "wrong"), (2, "right")]


async def test_an_answer_that_is_decided_before_its_words_were_sent_costs_nothing(
    hints: Hints,
) -> None:
    writer = TokenWriter(hints, every_s=0.05)
    running = asyncio.create_task(writer.run())
    writer.emit(JOB, 1, "too late")

    writer.forget(JOB, 1)

    assert await TokenReader(hints).read(JOB, "0-0", wait_s=0.2) == []
    running.cancel()


async def test_without_redis_there_are_no_words_and_no_errors() -> None:
    nothing = Hints(None)
    writer = TokenWriter(nothing, every_s=0.01)
    running = asyncio.create_task(writer.run())

    writer.emit(JOB, 1, "nobody hears")

    assert await TokenReader(nothing).read(JOB, "0-0", wait_s=0.05) == []
    running.cancel()
