"""What is counted, timed and traced of every request, and `GET /metrics`."""

from functools import cache
from time import perf_counter
from typing import Any

from fastapi import APIRouter, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import metrics, tracing

router = APIRouter(include_in_schema=False)

#: Anything else is counted as OTHER: labels must not be the caller's to invent.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@router.get("/metrics")
async def read_metrics() -> Response:
    """What Prometheus scrapes."""
    return Response(await metrics.exposition(), media_type=metrics.CONTENT_TYPE)


class Observed:
    """ASGI middleware, meant to be the outermost one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif tracing.is_on():
            await self._traced(scope, receive, send)
        else:
            await self._counted(scope, receive, send)

    async def _traced(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        method = _method(scope)
        with tracing.span(method, headers=headers, kind="SERVER") as span:
            try:
                status = await self._counted(scope, receive, send)
            finally:
                route = _route(scope)
                span.rename(f"{method} {route}")
                span.note(**{"http.request.method": method, "http.route": route})
            span.note(**{"http.response.status_code": status})

    async def _counted(self, scope: Scope, receive: Receive, send: Send) -> int:
        began, status = perf_counter(), 500

        async def watching(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                # Here and not at the end: a stream of events may last for an hour.
                _seconds(_route(scope)).observe(perf_counter() - began)
            await send(message)

        try:
            await self._app(scope, receive, watching)
        finally:
            _requests(_method(scope), _route(scope), status).inc()
        return status


# A labelled series is looked up under a lock; there are few of them, so they are kept.
_seconds = cache(metrics.http_seconds.labels)
_requests = cache(metrics.http_requests.labels)


def _method(scope: Scope) -> str:
    method: str = scope["method"]
    return method if method in _METHODS else "OTHER"


def _route(scope: Scope) -> str:
    """The pattern of the route that answered (`/v1/jobs/{job_id}`), never the caller's path."""
    # FastAPI's route knows its path without the prefix that it was included under; its context
    # knows the whole.
    whole: Any = scope.get("fastapi", {}).get("effective_route_context", scope.get("route"))
    return getattr(whole, "path", None) or "unmatched"
