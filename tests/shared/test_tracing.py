"""A trace goes from a request through a queue to a worker; without an exporter there is none."""

import json
import socket
import threading
from collections.abc import Iterator
from io import StringIO

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from shared import logs, tracing

CANARY = "canary-4711"


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    tracing.configure("gateway", exporter=exporter)
    yield exporter
    tracing.shut_down()


@pytest.fixture
def off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    tracing.configure("gateway")


def port_of(server: socket.socket) -> int:
    port: int = server.getsockname()[1]
    return port


def by_name(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exporter.get_finished_spans()}


def ids(span: ReadableSpan) -> tuple[int, int]:
    assert span.context is not None
    return span.context.trace_id, span.context.span_id


@pytest.mark.usefixtures("off")
def test_without_an_exporter_nothing_is_traced_and_nothing_travels() -> None:
    with tracing.span("job.accept", job_id="7") as span:
        span.note(code="done")
        span.rename("other")
        headers = tracing.inject()

    assert headers == {}
    assert tracing.trace_id() is None
    assert not tracing.is_on()


@pytest.mark.usefixtures("off")
def test_without_an_exporter_every_span_is_the_same_nothing() -> None:
    assert tracing.span("one") is tracing.span("two", kind="CONSUMER", job_id="7")


def test_an_endpoint_in_the_environment_switches_tracing_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")

    tracing.configure("gateway")

    assert tracing.is_on()
    tracing.shut_down()
    assert not tracing.is_on()


def test_a_collector_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "3")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port_of(silent)}")
        tracing.configure("gateway")
        with tracing.span("job"):
            pass

        tracing.shut_down()

        # Had it been waited for, its thread would have ended by now.
        (closing,) = (one for one in threading.enumerate() if one.name == "close tracing")
        closing.join(10)
        assert not closing.is_alive()


def test_a_consumer_continues_the_trace_of_whoever_wrote_the_message(
    exporter: InMemorySpanExporter,
) -> None:
    with tracing.span("POST /v1/jobs", kind="SERVER"):
        headers = tracing.inject()
    with tracing.span("ProcessPrompt", headers=headers, kind="CONSUMER"):
        pass

    request, consumer = by_name(exporter)["POST /v1/jobs"], by_name(exporter)["ProcessPrompt"]
    assert headers.keys() == {"traceparent"}
    assert ids(consumer)[0] == ids(request)[0]
    assert consumer.parent is not None
    assert consumer.parent.span_id == ids(request)[1]
    assert (request.kind, consumer.kind) == (SpanKind.SERVER, SpanKind.CONSUMER)


def test_unreadable_headers_start_a_trace_of_their_own(exporter: InMemorySpanExporter) -> None:
    with tracing.span("ProcessPrompt", headers={"traceparent": "nonsense"}):
        pass

    assert by_name(exporter)["ProcessPrompt"].parent is None


def test_a_span_names_its_service_and_its_facts_but_no_secret(
    exporter: InMemorySpanExporter,
) -> None:
    with tracing.span("job", job_id="7", prompt=CANARY) as span:
        span.note(tokens=12, url=f"amqp://guest:{CANARY}@localhost", nothing=None)

    told = by_name(exporter)["job"]
    assert told.resource.attributes["service.name"] == "gateway"
    assert (told.attributes or {})["job_id"] == "7"
    assert (told.attributes or {})["tokens"] == 12
    assert CANARY not in told.to_json()


def test_a_failing_block_marks_its_span_without_quoting_the_error(
    exporter: InMemorySpanExporter,
) -> None:
    with pytest.raises(ValueError, match=CANARY), tracing.span("job"):
        raise ValueError(CANARY)

    told = by_name(exporter)["job"]
    assert told.status.status_code is StatusCode.ERROR
    assert told.status.description == "ValueError"
    assert CANARY not in told.to_json()


def test_log_lines_name_the_trace_that_they_belong_to(exporter: InMemorySpanExporter) -> None:
    out = StringIO()
    logs.configure("gateway", "INFO", "production", out=out)

    with tracing.span("job"):
        logs.get().info("job.failed")
    logs.configure("", "INFO", "development")

    line = json.loads(out.getvalue())
    assert line["trace_id"] == f"{ids(by_name(exporter)['job'])[0]:032x}"
