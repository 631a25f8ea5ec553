"""P2. A result is recorded once, however often its job was worked on."""

from pathlib import Path
from typing import Any

import aiohttp

from simulators.journal import Entry
from tests.chaos.ledger import Report
from tests.chaos.servers import Servers
from tests.chaos.stack import SIMULATED, Plan, Stack, running
from tests.chaos.verdict import broken
from tests.waiting import until

KEYS = [f"k{n}" for n in range(30)]
FIRST, SECOND = "said the first", "said the second"
SAME_ANSWER = "a job's answer is the one that its run gave"


async def test_a_worker_that_comes_back_from_the_dead_changes_nothing(
    servers: Servers, tmp_path: Path
) -> None:
    async with running(servers, tmp_path, Plan(engines=2)) as stack:
        report = await two_workers_answer_everything(stack)

        fenced = await stack.metric(stack.engines[0], "aip_fenced_total")
        results = {sight.result for sight in stack.ledger.seen.values()}
        assert report.is_clean, report
        assert report.outcomes == {"COMPLETED": len(KEYS)}
        assert report.model_calls == 2 * len(KEYS)
        assert results == {SECOND}
        assert fenced == len(KEYS)
        assert await broken(stack) == {}


async def test_without_fencing_the_late_answer_counts(servers: Servers, tmp_path: Path) -> None:
    async with running(servers, tmp_path, Plan(engines=2, off=["fencing"])) as stack:
        await two_workers_answer_everything(stack)

        assert await broken(stack) == {SAME_ANSWER: len(KEYS)}
        assert stack.struck == {"fencing"}


async def two_workers_answer_everything(stack: Stack) -> Report:
    """The first hangs while its answers are on their way, and wakes when the second is done."""
    first, second = stack.engines
    await tell_models(stack, {"text": FIRST, "delay_s": 1.5, "times": len(KEYS)}, {"text": SECOND})
    second.freeze()  # so that the first takes everything
    await stack.client.storm(KEYS, per_second=200, config_name=SIMULATED)
    await until(lambda: len(stack.asked()) == len(KEYS), "all are being answered", within=10)
    first.freeze()
    second.thaw()
    await stack.client.all_ended(within=20)
    await until(lambda: all(map(is_over, stack.calls())), "the first's answers wait", within=10)
    first.thaw()
    await until(lambda: all_is_paid_for(stack), "the first has had its say", within=10)
    return await stack.settled()


async def tell_models(stack: Stack, *rules: dict[str, Any]) -> None:
    """Let the simulators answer by these rules."""
    url = f"{stack.url(stack.simulators)}/control/script"
    async with aiohttp.ClientSession() as http, http.put(url, json=rules) as answer:
        assert answer.status == 204, await answer.text()


def is_over(call: Entry) -> bool:
    return call.outcome is not None


async def all_is_paid_for(stack: Stack) -> bool:
    """A call is noted with the end of its attempt, even of one that no longer counts."""
    [(noted,)] = await stack.sql("SELECT count(*) FROM platform.llm_usage")
    return bool(noted == len(stack.asked()))
