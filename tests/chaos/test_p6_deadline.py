"""P6. Every job ends in time, whatever the model and the workers do about it."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from simulators.journal import Entry
from tests.chaos.servers import Servers
from tests.chaos.stack import SIMULATED, Plan, Stack, running
from tests.chaos.verdict import broken
from tests.waiting import NotInTime, until

STUCK = {
    **{f"trickle{n}": "[[trickle:2]]" for n in range(3)},
    **{f"hang{n}": "[[hang]]" for n in range(3)},
}
OTHERS = [f"other{n}" for n in range(12)]
UNHEARD = [f"unheard{n}" for n in range(3)]
PLACES = len(STUCK) + 1
AFTERWARDS = [f"after{n}" for n in range(PLACES)]
#: the promise: a job fails at most this much after its deadline
LATE_BY_S = 10.0
#: how long the gateway leaves it to the worker
GRACE_S = 5.0
WORKER, GATEWAY = "It took too long.", "No answer within 2 s."


async def test_a_model_that_does_not_come_to_an_end_holds_nobody_up(
    servers: Servers, tmp_path: Path
) -> None:
    async with running(servers, tmp_path, plan(deadline_s=5)) as stack:
        await begin_what_never_ends(stack)
        await stack.client.storm(OTHERS, per_second=50, config_name=SIMULATED)

        report = await stack.settled()
        await until(lambda: all(is_over(call) for call in stack.calls()), "none waits", within=10)
        assert report.is_clean, report
        assert report.outcomes == {"COMPLETED": len(OTHERS), "deadline_exceeded": len(STUCK)}
        assert last_end(stack, OTHERS) < first_end(stack, STUCK), "they were in each other's way"
        assert await reasons(stack) == {WORKER}
        assert await latest(stack) < LATE_BY_S

        await stack.client.storm(AFTERWARDS, per_second=50, config_name=SIMULATED)
        report = await stack.settled()
        assert report.is_clean, report
        assert await broken(stack) == {}


async def test_a_worker_that_hangs_keeps_no_job_for_ever(servers: Servers, tmp_path: Path) -> None:
    async with running(servers, tmp_path, plan(deadline_s=2)) as stack:
        await begin_what_never_ends(stack)
        stack.engines[0].freeze()
        await stack.client.storm(UNHEARD, per_second=50, config_name=SIMULATED)

        report = await stack.settled()
        assert report.outcomes == {"deadline_exceeded": len(STUCK) + len(UNHEARD)}
        assert await reasons(stack) == {GATEWAY}
        assert await latest(stack) < LATE_BY_S

        stack.engines[0].thaw()
        await until(lambda: nothing_runs(stack), "the worker has had its say", within=20)
        report = await stack.settled()
        assert report.is_clean, report
        assert await broken(stack) == {}


async def test_without_deadlines_nothing_ends(servers: Servers, tmp_path: Path) -> None:
    async with running(servers, tmp_path, plan(deadline_s=2, off=["deadline"])) as stack:
        await begin_what_never_ends(stack)

        with pytest.raises(NotInTime, match="every accepted job has ended"):
            await stack.settled(within=2 + GRACE_S + 2)
        assert len(stack.ledger.unfinished) == len(STUCK)
        assert stack.struck == {"deadline"}


def plan(*, deadline_s: int, off: Iterable[str] = ()) -> Plan:
    """One worker, with one place more than is held by what is stuck."""
    settings = {
        "JOB_DEADLINE_S": str(deadline_s),
        "WORKER_CONCURRENCY": str(PLACES),
        # Only silence is tried here, not death.
        "WORKER_DEAD_AFTER_S": "60",
    }
    return Plan(engines=1, settings=settings, off=[*off])


async def begin_what_never_ends(stack: Stack) -> None:
    for key, directive in STUCK.items():
        await stack.client.submit(key, prompt=directive, config_name=SIMULATED)
    await until(lambda: set(stack.asked()) == STUCK.keys(), "the model is asked", within=10)


def is_over(call: Entry) -> bool:
    return call.outcome is not None


def first_end(stack: Stack, keys: Iterable[str]) -> float:
    return min(_ends(stack, keys))


def last_end(stack: Stack, keys: Iterable[str]) -> float:
    return max(_ends(stack, keys))


def _ends(stack: Stack, keys: Iterable[str]) -> list[float]:
    wanted = set(keys)
    return [call.finished_at or 0 for call in stack.calls() if call.text.split()[0] in wanted]


async def reasons(stack: Stack) -> set[str]:
    """Why jobs failed, in words: they tell who noticed."""
    rows = await stack.sql("SELECT failure_detail FROM gateway.jobs WHERE status = 'FAILED'")
    return {row[0] for row in rows}


async def latest(stack: Stack) -> float:
    """How long after its deadline the last failure was stored, by the database's clock."""
    [(seconds,)] = await stack.sql("""
        SELECT extract(epoch FROM max(updated_at - deadline_at)) FROM gateway.jobs
         WHERE status = 'FAILED'""")
    return float(seconds)


async def nothing_runs(stack: Stack) -> bool:
    [(runs,)] = await stack.sql("SELECT count(*) FROM ai_engine.runs WHERE state <> 'DONE'")
    return not runs
