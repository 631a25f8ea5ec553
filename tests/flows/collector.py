"""A place that traces go to: speaks OTLP over HTTP, and remembers every span."""

import socket
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.background import BackgroundLoop


@dataclass(frozen=True)
class Span:
    """As much of a span as tests ask for."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    #: everything that it tells, spelled out
    text: str


class Collector:
    """Listens on a free loopback port, in a thread of its own: exporters block when they end."""

    def __init__(self, loop: BackgroundLoop) -> None:
        self._loop = loop
        self._spans: list[Span] = []
        self._runner, port = loop.run(self._start())
        self.url = f"http://127.0.0.1:{port}"

    @property
    def spans(self) -> Sequence[Span]:
        return tuple(self._spans)

    def named(self, name: str) -> Sequence[Span]:
        return [span for span in self.spans if span.name == name]

    def close(self) -> None:
        self._loop.run(self._runner.cleanup())

    async def _start(self) -> tuple[web.AppRunner, int]:
        app = web.Application()
        app.router.add_post("/v1/traces", self._receive)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        listener = socket.create_server(("127.0.0.1", 0))
        await web.SockSite(runner, listener).start()
        return runner, int(listener.getsockname()[1])

    async def _receive(self, request: web.Request) -> web.Response:
        told = ExportTraceServiceRequest.FromString(await request.read())
        for resource in told.resource_spans:
            for scope in resource.scope_spans:
                self._spans += [
                    Span(
                        name=span.name,
                        trace_id=span.trace_id.hex(),
                        span_id=span.span_id.hex(),
                        parent_id=span.parent_span_id.hex(),
                        text=f"{resource.resource} {span}",
                    )
                    for span in scope.spans
                ]
        return web.Response(content_type="application/x-protobuf")
