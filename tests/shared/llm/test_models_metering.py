"""What is told about a call: to Prometheus, to a trace, and never its words."""

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from prometheus_client import REGISTRY

from shared import tracing
from shared.llm.models import LangChainModels
from shared.llm.tokens import counts, estimate
from tests.shared.llm.provider_house import QUESTION, House, failure_of


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    tracing.configure("worker", exporter=exporter)
    yield exporter
    tracing.shut_down()


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_every_call_is_a_span_without_words(
    models: LangChainModels, providers: House, exporter: InMemorySpanExporter
) -> None:
    providers.told(text="On the shelf.", usage=(10, 4))

    await models.reply([providers.config()], QUESTION, temperature=0.5, max_tokens=9)

    (span,) = exporter.get_finished_spans()
    assert (span.name, span.kind) == ("chat a-model", SpanKind.CLIENT)
    assert dict(span.attributes or {}) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "a-model",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 9,
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 4,
        "gen_ai.response.finish_reasons": "stop",
        "gen_ai.response.id": providers.requests[0].request_id,
    }


async def test_a_failed_call_is_a_failed_span(
    models: LangChainModels, providers: House, exporter: InMemorySpanExporter
) -> None:
    providers.told(status=503, error_message="Where is the tea?")

    await failure_of(models, providers.config(retries=1))

    spans = exporter.get_finished_spans()
    assert [(span.attributes or {})["error.type"] for span in spans] == ["llm_unavailable"] * 2
    assert {span.status.status_code for span in spans} == {StatusCode.ERROR}
    assert "tea" not in "".join(span.to_json() for span in spans)


async def test_calls_tokens_and_money_are_counted(
    models: LangChainModels, providers: House
) -> None:
    def now() -> list[float]:
        return [
            counted("aip_llm_calls_total", provider="openai", code="ok"),
            counted("aip_llm_calls_total", provider="openai", code="llm_auth"),
            counted("aip_llm_tokens_total", provider="openai", direction="input"),
            counted("aip_llm_tokens_total", provider="openai", direction="output"),
            counted("aip_llm_cost_micro_usd_total", provider="openai"),
            counted("aip_llm_seconds_count", provider="openai"),
        ]

    before = now()
    providers.told(usage=(1_000, 100))
    await models.reply([providers.config()], QUESTION)
    providers.told(status=401)
    await failure_of(models, providers.config())

    grown = [after - then for after, then in zip(now(), before, strict=True)]
    assert grown == [1, 1, 1_000, 100, 3_000, 2]


@pytest.mark.parametrize(("characters", "tokens"), [(0, 0), (1, 1), (4, 1), (5, 2), (400, 100)])
def test_four_characters_make_a_token(characters: int, tokens: int) -> None:
    assert estimate(characters) == tokens


def test_a_usage_report_keeps_only_what_can_be_added_up() -> None:
    report = {
        "prompt_tokens": 5,
        "completion_tokens": "7",
        "total_tokens": -1,
        "reasoning_tokens": 1.5,
        "cached": True,
        "huge": 10**12,
        "nothing": None,
        "details": {"cached_tokens": 3, "audio_tokens": None},
        "list": [1],
    }

    assert counts(report) == {
        "prompt_tokens": 5,
        "details": {"cached_tokens": 3},
    }


@pytest.mark.parametrize("report", [None, 7, [], {}, {"prompt_tokens": -1}])
def test_a_report_without_a_number_is_none(report: object) -> None:
    assert counts(report) is None
