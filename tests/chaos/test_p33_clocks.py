"""P33. The clocks of our machines do not matter: leases and deadlines go by the database's."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.chaos import faketime
from tests.chaos.ledger import Report
from tests.chaos.servers import Servers
from tests.chaos.stack import SIMULATED, Plan, Stack, running
from tests.chaos.verdict import broken

KEYS = [f"k{n}" for n in range(60)]
DEADLINE_S = 12.0
#: so that no worker has all jobs in hand
AT_ONCE = 40
#: after a deadline the gateway waits 5 s for the worker to say so; and all machines are slow
LATE_BY_AT_MOST_S = 3 * 5.0
#: the database's clock is read as exactly as a query is quick
EARLY_BY_AT_MOST_S = 1.0


def everybody_is_wrong(engines: int, off: Sequence[str] = ()) -> Plan:
    """Hours late, hours early, and running three times too fast."""
    clocks = {"gateway0": "-2h", "engine0": "+2h x3", "engine1": "-90m"}
    return Plan(
        engines=engines,
        settings={"JOB_DEADLINE_S": f"{DEADLINE_S}", "WORKER_CONCURRENCY": f"{AT_ONCE}"},
        only={name: faketime.environment(clock) for name, clock in clocks.items()},
        off=off,
    )


@pytest.mark.usefixtures("wrong_clocks")
async def test_wrong_clocks_change_nothing(servers: Servers, tmp_path: Path) -> None:
    async with running(servers, tmp_path, everybody_is_wrong(2)) as stack:
        report = await jobs_one_of_them_endless(stack)

        assert report.is_clean, report
        assert report.outcomes == {"COMPLETED": len(KEYS), "deadline_exceeded": 1}
        assert await stack.sql("SELECT 1 FROM ai_engine.runs WHERE crash_attempts > 0")
        given_up_after = await seconds_until_given_up(stack)
        assert DEADLINE_S - EARLY_BY_AT_MOST_S < given_up_after < DEADLINE_S + LATE_BY_AT_MOST_S
        assert await broken(stack) == {}


@pytest.mark.usefixtures("wrong_clocks")
async def test_without_the_databases_clock_deadlines_are_nonsense(
    servers: Servers, tmp_path: Path
) -> None:
    async with running(servers, tmp_path, everybody_is_wrong(1, off=["clock"])) as stack:
        report = await jobs_one_of_them_endless(stack)

        assert report.outcomes["deadline_exceeded"] > len(KEYS) // 2, report
        assert stack.struck == {"clock"}


async def jobs_one_of_them_endless(stack: Stack) -> Report:
    """A worker is killed meanwhile, and another whose clock is off has to notice."""
    client = stack.client
    await client.submit("endless", prompt="[[hang]]", config_name=SIMULATED)
    await client.storm(KEYS, per_second=60, prompt="[[delay:1]]", config_name=SIMULATED)
    stack.engines[0].kill()
    return await stack.settled()


async def seconds_until_given_up(stack: Stack) -> float:
    """As the database counted them."""
    [(seconds,)] = await stack.sql("""
        SELECT extract(epoch FROM updated_at - created_at) FROM gateway.jobs
         WHERE failure_code = 'deadline_exceeded'""")
    return float(seconds)
