"""One process's HTTP face: the routers of the services in it, health, metrics, and their loops."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from fastapi import APIRouter, FastAPI, Request, Response
from sqlalchemy import text

from shared import metrics
from shared.availability import DatabaseUnavailable
from shared.embedded import EmbeddedUnavailable
from shared.ground import Ground, Seed, ground
from shared.infrastructure.ages import Waits, watch_ages
from shared.infrastructure.api_keys import ApiKeys, refusal_without_keys
from shared.infrastructure.database import Sessions, transaction
from shared.interface.access import Access
from shared.interface.http import create_api
from shared.interface.limits import RateLimit
from shared.interface.serving import take_over_server
from shared.runtime import spare_the_collector
from shared.settings import Infrastructure, Jobs, Models, Platform, load, refuse

#: RabbitMQ and Redis are given up on in less
CHECKED_WITHIN_S = 2.0


@dataclass(frozen=True)
class Service:
    """What a bounded context contributes to the process that it runs in."""

    name: str
    routers: Sequence[APIRouter]
    #: wires it up, runs its loops while the block lasts, and puts its menu into `app.state`
    run: Callable[[Ground, FastAPI], AbstractAsyncContextManager[None]]
    seeds: Sequence[Seed] = ()
    #: rows of its tables whose number and age a person should be able to watch
    waits: Sequence[Waits] = ()


def create_app(
    title: str, services: Sequence[Service], *, description: str = "", place: str = ""
) -> FastAPI:
    """An application of one service, or of all of them; `place`: see `create_api`.

    Bad settings end the process (exit 78).
    """
    platform, _, jobs, _ = load(Platform), load(Infrastructure), load(Jobs), load(Models)

    name = services[0].name if len(services) == 1 else "ai-platform"
    seeds = [seed for service in services for seed in service.seeds]
    waits = [one for service in services for one in service.waits]

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        take_over_server()
        async with AsyncExitStack() as stack:
            base = await _opened(stack, name, seeds)
            limit = RateLimit(base.hints, jobs.rate_limit_per_minute)
            stack.push_async_callback(limit.close)
            app.state.ground = base
            app.state.access = Access(
                ApiKeys(base.sessions),
                limit,
                is_development=not platform.is_production,
                open_to=platform.open_to,
            )
            await stack.enter_async_context(watch_ages(base.sessions, base.transport, waits))
            for service in services:
                await stack.enter_async_context(service.run(base, app))
            spare_the_collector()
            yield

    routers = [router for service in services for router in service.routers]
    if not platform.runs_api:
        routers = []
    return create_api(
        title,
        routers=[*routers, health],
        lifespan=lifespan,
        description=description,
        place=place,
    )


async def _opened(stack: AsyncExitStack, name: str, seeds: Sequence[Seed]) -> Ground:
    try:
        return await stack.enter_async_context(ground(name, seeds, [refusal_without_keys]))
    except EmbeddedUnavailable as unavailable:
        refuse(str(unavailable))


health = APIRouter(tags=["health"])


@health.get("/health", summary="Is it alive?")
async def look_at_health(request: Request) -> dict[str, object]:
    """Always 200 while the process can answer; `degraded` when something it uses is away."""
    checks = await _checks(request.app.state.ground)
    is_well = all(state in {"ok", "off"} for state in checks.values())
    return {"status": "ok" if is_well else "degraded", "checks": checks}


@health.get("/health/ready", summary="Can it take work?")
async def look_at_readiness(request: Request, response: Response) -> dict[str, object]:
    """503 while PostgreSQL is away; without RabbitMQ or Redis it can still take work."""
    checks = await _checks(request.app.state.ground)
    if checks["postgresql"] != "ok":
        response.status_code = 503
    return {"status": "ready" if response.status_code != 503 else "not ready", "checks": checks}


@health.get("/metrics", include_in_schema=False)
async def show_metrics() -> Response:
    return Response(await metrics.exposition(), media_type=metrics.CONTENT_TYPE)


async def _checks(base: Ground) -> dict[str, str]:
    async def of(answer: Awaitable[bool] | None) -> str:
        return "off" if answer is None else "ok" if await answer else "away"

    postgresql, rabbitmq, redis = await asyncio.gather(
        of(_is_answering(base.sessions)),
        of(base.rabbit.is_reachable() if base.rabbit else None),
        of(base.hints.is_reachable() if base.hints.is_configured else None),
    )
    return {"postgresql": postgresql, "rabbitmq": rabbitmq, "redis": redis}


async def _is_answering(sessions: Sessions) -> bool:
    """A server that hangs is away, too: a connection that it once accepted proves nothing."""
    try:
        async with asyncio.timeout(CHECKED_WITHIN_S), transaction(sessions) as session:
            await session.execute(text("SELECT 1"))
    except (TimeoutError, DatabaseUnavailable):
        return False
    return True
