"""One way to make an HTTP API: every service's looks, refuses and documents itself alike."""

import os
import re
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars
from uuid_utils import uuid7

from shared import logs
from shared.interface import openapi, problems
from shared.interface.access import ANSWER_HEADERS
from shared.interface.observed import Observed
from shared.interface.routes import BODY_LIMIT, StrictRoute

log = logs.get()

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

_REQUEST_ID = "aip.request_id"
_SANE_ID = re.compile(rb"[A-Za-z0-9._:\-]{1,128}")

_MOST_HEADERS = 100
_LONGEST_HEADERS = 64 * 1_024


def create_api(
    title: str,
    *,
    routers: Sequence[APIRouter],
    lifespan: Lifespan | None = None,
    description: str = "",
    body_limit: int = BODY_LIMIT,
    place: str = "",
) -> FastAPI:
    """An API with these routers, `/docs` that need no other host, and nothing else.

    The lifespan puts an `Access` into `app.state.access` where routes are guarded. With a `place`,
    such as `/v1/crm`, the documentation is found there: several services may share one address.
    """
    app = FastAPIOffline(
        title=title,
        description=description,
        docs_url=f"{place}/docs",
        openapi_url=f"{place}/openapi.json",
        redoc_url=None,  # it asks a foreign host for its logo
        redirect_slashes=False,
        lifespan=lifespan and _ending_at_once(lifespan),
        middleware=[Middleware(Observed), Middleware(Edge)],
        exception_handlers=dict.fromkeys(problems.EXPECTED, _answer),
        # `shared.tracing` does this.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    # Not by `include_router`: that would match each path twice, and after the documentation's.
    app.router.routes[:0] = [route for router in routers for route in router.routes]
    _refuse_lax_routes(app)
    if place:
        for page in ("/docs", "/openapi.json"):
            app.add_route(page, _sent_to(f"{place}{page}"))
    app.state.body_limit = body_limit
    openapi.complete(app)
    return app


def _sent_to(address: str) -> Callable[[Request], Response]:
    return lambda _request: RedirectResponse(address)


def _ending_at_once(lifespan: Lifespan) -> Lifespan:
    """Lets `settings.refuse` say its one line: a server would add a traceback and exit with 3."""

    @asynccontextmanager
    async def started(app: FastAPI) -> AsyncGenerator[None]:
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(lifespan(app))
            except SystemExit as refused:
                sys.stderr.flush()
                os._exit(refused.code if isinstance(refused.code, int) else 1)
            yield

    return started


class Edge:
    """Gives every request its name, and every error that nobody expected its answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name = scope[_REQUEST_ID] = _name(scope)
        bind_contextvars(correlation_id=name)
        added = scope[ANSWER_HEADERS] = [(b"x-request-id", name.encode())]
        has_begun = False

        async def send_named(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                message["headers"] = [*message["headers"], *added]
            await send(message)

        try:
            _refuse_oddities(scope)
            await self._app(scope, receive, send_named)
        except ClientDisconnect:
            log.info("request.abandoned")
        except Exception as error:
            _record_if_unexpected(error, scope)
            if has_begun:
                raise
            problem = problems.problem_of(error)
            await problems.response(problem, name)(scope, receive, send_named)


def _record_if_unexpected(error: Exception, scope: Scope) -> None:
    if not isinstance(error, problems.EXPECTED):
        facts = {"method": scope["method"], "path": scope["path"]}
        log.error("request.failed", **facts, exc_info=error)


def _name(scope: Scope) -> str:
    for header, value in scope["headers"]:
        if header == b"x-request-id" and _SANE_ID.fullmatch(value):
            name: str = value.decode()
            return name
    return str(uuid7())


def _refuse_oddities(scope: Scope) -> None:
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    size = sum(len(name) + len(value) for name, value in headers)
    if len(headers) > _MOST_HEADERS or size > _LONGEST_HEADERS:
        raise problems.headers_too_large()
    # PostgreSQL could not even be asked about such a text.
    if "\0" in scope["path"]:
        raise problems.not_found()
    if b"%00" in scope["query_string"]:
        raise problems.invalid("/query", "nul_character", "The character U+0000 means nothing.")


async def _answer(request: Request, error: Exception) -> Response:
    problem = problems.problem_of(error)
    if problem.status_code == 405:
        problem.headers = {"Allow": ", ".join(sorted(_methods(request)))}
    if problem.status_code >= 500:
        log.warning("request.not_now", code=problem.code)
    return problems.response(problem, request.scope[_REQUEST_ID])


def _methods(request: Request) -> set[str]:
    """What a path does offer: each method may be another route's."""
    offered = [
        route.methods or set[str]()
        for route in request.app.routes
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE
    ]
    return set[str]().union(*offered)


def _refuse_lax_routes(app: FastAPI) -> None:
    for route in app.routes:
        if isinstance(route, APIRoute) and route.body_field and not isinstance(route, StrictRoute):
            raise TypeError(f"{route.path} takes a body: declare it on an api_router()")
