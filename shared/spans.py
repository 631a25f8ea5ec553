"""OpenTelemetry, behind `shared.tracing`, which imports this only where tracing is switched on."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from threading import Thread

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter
from opentelemetry.trace import Span, SpanKind, StatusCode, format_trace_id, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.redaction import redact


class Recorded:
    """A span that somebody will look at."""

    def __init__(self, span: Span) -> None:
        self._span = span

    def rename(self, name: str, /) -> None:
        self._span.update_name(name)

    def note(self, **facts: object) -> None:
        for name, value in redact(facts).items():
            plain = value if isinstance(value, str | int | float) else str(value)
            self._span.set_attribute(name, plain)


class Spans:
    """One service's spans, sent to the given exporter or else in batches over OTLP."""

    def __init__(self, service: str, exporter: SpanExporter | None) -> None:
        resource = Resource.create({"service.name": service})
        # Not at exit: the OTLP client would wait for an absent collector for half a minute.
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(
            SimpleSpanProcessor(exporter) if exporter else BatchSpanProcessor(OTLPSpanExporter())
        )
        self._tracer = self._provider.get_tracer("ai_platform")
        self._trace_context = TraceContextTextMapPropagator()

    @contextmanager
    def span(
        self, name: str, headers: Mapping[str, str] | None, kind: str, facts: Mapping[str, object]
    ) -> Generator[Recorded]:
        parent = self._trace_context.extract(headers) if headers else None
        # By itself OpenTelemetry records an exception with its message, which may quote input.
        with self._tracer.start_as_current_span(
            name,
            context=parent,
            kind=SpanKind[kind],
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            recorded = Recorded(span)
            recorded.note(**facts)
            try:
                yield recorded
            except BaseException as error:
                span.set_status(StatusCode.ERROR, type(error).__name__)
                raise

    def headers(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        self._trace_context.inject(headers)
        return headers

    def trace_id(self) -> str | None:
        context = get_current_span().get_span_context()
        return format_trace_id(context.trace_id) if context.is_valid else None

    def close(self, *, within_s: float) -> None:
        # OpenTelemetry's own time limit does not hold while a collector refuses or hangs.
        closing = Thread(target=self._provider.shutdown, name="close tracing", daemon=True)
        closing.start()
        closing.join(within_s)
