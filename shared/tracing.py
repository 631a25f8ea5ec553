"""Traces across HTTP and queues; one comparison per call while no exporter is configured."""

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:  # 10 MB, which only those pay who trace
    from opentelemetry.sdk.trace.export import SpanExporter

    from shared.spans import Spans

Kind = Literal["INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"]


class Span(Protocol):
    """The span of the block one is in."""

    def rename(self, name: str, /) -> None:
        """For a name that is known only at the end, such as a request's route."""
        ...

    def note(self, **facts: object) -> None:
        """Add facts; what must not be logged is hidden here too."""
        ...


class _NoSpan:
    def rename(self, name: str, /) -> None: ...
    def note(self, **facts: object) -> None: ...


_NOWHERE: AbstractContextManager[Span] = nullcontext(_NoSpan())

_spans: "Spans | None" = None


def configure(service: str, *, exporter: "SpanExporter | None" = None) -> None:
    """Stays off unless OTEL_EXPORTER_OTLP_ENDPOINT is set, or a test hands in an exporter.

    OpenTelemetry's other OTEL_... variables (sampling, headers, resource attributes) hold too.
    """
    global _spans  # noqa: PLW0603 - a process has one destination for its traces
    if exporter is None and not os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        _spans = None
        return
    from shared.spans import Spans  # noqa: PLC0415 - see the top

    _spans = Spans(service, exporter)


def shut_down() -> None:
    """Send what is left (this may take two seconds), and be off."""
    global _spans  # noqa: PLW0603 - see configure
    if _spans is not None:
        _spans.close(within_s=2.0)
        _spans = None


def is_on() -> bool:
    return _spans is not None


def span(
    name: str, *, headers: Mapping[str, str] | None = None, kind: Kind = "INTERNAL", **facts: object
) -> AbstractContextManager[Span]:
    """A span around the block. `headers`: those of the message or request that caused it."""
    return _NOWHERE if _spans is None else _spans.span(name, headers, kind, facts)


def inject() -> dict[str, str]:
    """Headers that let whoever reads a message continue this trace; empty while off."""
    return {} if _spans is None else _spans.headers()


def trace_id() -> str | None:
    """The current trace, as log lines name it."""
    return None if _spans is None else _spans.trace_id()
