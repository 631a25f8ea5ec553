"""Loops beside the requests: a failure delays nothing, and ends nothing."""

import asyncio

import pytest
from structlog.testing import capture_logs

from shared import runtime
from shared.runtime import every, running
from tests.waiting import until


async def test_a_step_that_fails_does_not_delay_the_next() -> None:
    taken: list[int] = []

    async def fails() -> None:
        taken.append(len(taken))
        raise OSError

    async with running({"steps": lambda: every(0.001, fails)}):
        # Restarting the loop each time would take ten pauses, the last of them 5 s long.
        await until(lambda: len(taken) >= 10, "ten steps", within=2)


async def test_an_outage_is_told_once() -> None:
    tries = 0

    async def fails_in_two_outages() -> None:
        nonlocal tries
        tries += 1
        if tries < 8 and tries != 4:
            raise OSError

    with capture_logs() as told:
        async with running({"steps": lambda: every(0.001, fails_in_two_outages)}):
            await until(lambda: tries >= 8, "two outages", within=2)

    assert [entry["event"] for entry in told] == ["step.failed"] * 2


async def test_a_loop_that_ended_is_started_again() -> None:
    starts = 0

    async def ends() -> None:
        nonlocal starts
        starts += 1
        if starts == 1:
            raise KeyError

    with capture_logs() as told:
        async with running({"short": ends}):
            await until(lambda: starts == 2, "a second start", within=2)

    assert [(entry["event"], entry["loop"]) for entry in told] == [("loop.failed", "short")]


async def test_a_loop_that_was_well_for_long_is_started_again_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runtime, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(runtime, "LONGEST_PAUSE_S", 60.0)
    monkeypatch.setattr(runtime, "WELL_AFTER_S", 0.005)
    starts = 0

    async def lasts_a_while() -> None:
        nonlocal starts
        starts += 1
        await asyncio.sleep(0.01)
        raise OSError

    async with running({"long": lasts_a_while}):
        # Pauses that went on doubling would add up to more than ten seconds.
        await until(lambda: starts >= 12, "twelve starts", within=3)
