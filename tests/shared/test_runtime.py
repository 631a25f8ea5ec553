"""Loops beside the requests: begun again when they fail, ended with the block."""

import asyncio

from shared.runtime import every, once, running
from tests.waiting import until


async def test_a_loop_that_fails_is_begun_again() -> None:
    begun = 0

    async def stumble() -> None:
        nonlocal begun
        begun += 1
        raise OSError("stumbled")

    async with running({"stumble": stumble}):
        await until(lambda: begun >= 2, "it was begun twice", within=5)


async def test_all_loops_end_with_the_block() -> None:
    ended: list[str] = []

    async def wait(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(name)

    async with running({"a": lambda: wait("a"), "b": lambda: wait("b")}):
        await asyncio.sleep(0)

    assert sorted(ended) == ["a", "b"]


async def test_a_step_is_taken_again_and_again() -> None:
    steps = 0

    async def step() -> None:
        nonlocal steps
        steps += 1

    async with running({"steps": lambda: every(0.001, step)}):
        await until(lambda: steps >= 3, "three steps were taken", within=5)


async def test_what_is_done_once_is_not_done_again() -> None:
    steps = 0

    async def step() -> None:
        nonlocal steps
        steps += 1

    async with running({"once": lambda: once(step)}):
        await until(lambda: steps, "it was done", within=5)
        await asyncio.sleep(0.05)

    assert steps == 1
