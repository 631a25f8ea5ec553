"""`/metrics` tells what happens, while it happens."""

from collections.abc import Callable

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text
from uuid_utils.compat import uuid7

from shared.infrastructure.database import Sessions, transaction
from tests.flows.platform import Platform, Start
from tests.flows.provider import Provider
from tests.waiting import until

Count = Callable[..., float]


@pytest.fixture
def since() -> Count:
    """How much a counter has moved since the test began: `since("jobs_finished", "code=...")`."""
    before = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for metric in REGISTRY.collect()
        for sample in metric.samples
    }

    def moved(name: str, label: str = "") -> float:
        labels = dict([label.split("=")]) if label else {}
        now = REGISTRY.get_sample_value(f"aip_{name}_total", labels) or 0.0
        return now - before.get((f"aip_{name}_total", *sorted(labels.items())), 0.0)

    return moved


async def test_jobs_are_counted_when_they_begin_and_when_they_end(
    platform: Platform, provider: Provider, since: Count
) -> None:
    await platform.configure("real", **provider.config(input_price=1_000))
    await platform.configure("locked", **provider.config(api_key_env="LLM_WRONG_KEY"))

    await platform.answered("Hello", config_name="real")
    await platform.answered("Hello", mode="multi_agent")
    await platform.answered("Hello", config_name="locked")
    cancelled = await platform.submit("[[hang]]", config_name="real")
    await platform.http.post(f"/v1/jobs/{cancelled}/cancel")

    assert since("jobs_accepted", "mode=single") == 3
    assert since("jobs_accepted", "mode=multi_agent") == 1
    assert since("jobs_finished", "code=COMPLETED") == 2
    assert since("jobs_finished", "code=llm_auth") == 1
    assert since("jobs_finished", "code=CANCELLED") == 1
    assert since("llm_cost_micro_usd", "provider=openai") > 0
    assert "aip_jobs_accepted_total" in (await platform.http.get("/metrics")).text


async def test_what_waits_is_told_with_its_age(start: Start, sessions: Sessions) -> None:
    # Nothing works here: what was accepted goes on waiting.
    async with start(RUN="api") as platform:
        await platform.submit("Hello")
        async with transaction(sessions) as session:
            await session.execute(
                text("""
                    INSERT INTO ai_engine.runs
                           (job_id, question, headers, state, attempt, error_attempts,
                            crash_attempts, available_at, deadline_at, spent)
                    VALUES (:id, '{}', '{}', 'WAITING', 0, 0, 0,
                            clock_timestamp() - interval '100 s', clock_timestamp(), '{}')"""),
                {"id": uuid7()},
            )

        assert await platform.metric("aip_waiting", what="jobs") == 1
        assert await platform.metric("aip_waiting", what="runs") == 1
        assert await platform.metric("aip_oldest_age_seconds", what="runs") >= 100
        assert await platform.metric("aip_waiting", what="ai_engine.outbox") == 0
        assert await platform.metric("aip_waiting", what="callbacks") == 0

        async def is_relayed() -> bool:
            return await platform.metric("aip_waiting", what="gateway.outbox") == 0

        await until(is_relayed, "the carrier has it", within=5)


async def test_a_job_unheard_of_is_asked_for_again_and_counted(
    start: Start, provider: Provider, since: Count
) -> None:
    async with start(REASK_AFTER_S="0.2") as platform:
        await platform.configure("silent", **provider.config())
        await platform.submit("[[hang]]", config_name="silent")

        await until(lambda: since("jobs_asked_again"), "it is asked for again", within=5)

    assert len(provider.calls) == 1, "but answered once"


async def test_news_about_a_job_that_is_not_there_is_counted(
    platform: Platform, sessions: Sessions, since: Count
) -> None:
    body = f'{{"job_ids": ["{uuid7()}"]}}'.encode()
    async with transaction(sessions) as session:
        await session.execute(
            text("""
                INSERT INTO platform.messages (id, queue, kind, body, headers)
                VALUES (:id, 'ai_results', 'PromptsStarted', :body, '{}')"""),
            {"id": uuid7(), "body": body},
        )

    await until(
        lambda: since("messages_orphaned", "kind=PromptsStarted") == 1, "it is counted", within=5
    )
