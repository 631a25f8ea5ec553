"""One trace goes with a job: from the request through the queue to the worker and its model."""

import threading

import pytest

from tests.flows.collector import Collector, Span
from tests.flows.platform import Start
from tests.flows.provider import Provider
from tests.waiting import until

CALLERS_TRACE = "0af7651916cd43dd8448eb211c80319c"
HOPS = ("POST /v1/jobs", "run", "chat openai-simulated")


async def hops(collector: Collector) -> list[Span]:
    """The span of each hop, once all of them have arrived."""

    def found() -> bool:
        return all(collector.named(name) for name in HOPS)

    await until(found, "every hop was told of", within=10)
    return [collector.named(name)[0] for name in HOPS]


async def test_one_trace_leads_from_the_request_to_the_model(
    start_traced: Start, collector: Collector, provider: Provider
) -> None:
    async with start_traced() as platform:
        await platform.configure("real", **provider.config())
        await platform.answered("Hello", config_name="real")

        request, run, model = await hops(collector)

    assert request.trace_id == run.trace_id == model.trace_id
    assert (run.parent_id, model.parent_id) == (request.span_id, run.span_id)


async def test_a_callers_own_trace_is_continued_and_logged(
    start_traced: Start,
    collector: Collector,
    provider: Provider,
    capsys: pytest.CaptureFixture[str],
) -> None:
    headers = {"traceparent": f"00-{CALLERS_TRACE}-b7ad6b7169203331-01"}
    async with start_traced() as platform:
        await platform.configure("real", **provider.config(api_key_env="LLM_WRONG_KEY"))
        asked = {"prompt": "Hello", "config_name": "real"}
        accepted = await platform.http.post("/v1/jobs", json=asked, headers=headers)
        await platform.ended(accepted.json()["job_id"])

        found = await hops(collector)

    assert {span.trace_id for span in found} == {CALLERS_TRACE}
    failed = [line for line in capsys.readouterr().err.splitlines() if "llm.call_failed" in line]
    assert len(failed) == 1
    assert f"trace_id={CALLERS_TRACE}" in failed[0]


async def test_a_collector_that_is_away_costs_nothing(start: Start) -> None:
    nobody = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_BSP_SCHEDULE_DELAY": "50"}

    async with start(**nobody, OTEL_EXPORTER_OTLP_TIMEOUT="1") as platform:
        job = await platform.answered("Hello")

    assert job["status"] == "COMPLETED"
    for closing in threading.enumerate():
        if closing.name == "close tracing":
            closing.join(10)  # else it complains in the middle of another test
