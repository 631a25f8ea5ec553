"""What every service stands on: database, carrier, hints; real servers or embedded ones."""

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from shared import logs, tracing
from shared.availability import DatabaseUnavailable
from shared.embedded import EmbeddedServers
from shared.infrastructure.carrier import Carrier
from shared.infrastructure.database import (
    DatabaseClock,
    Sessions,
    connect,
    sessions_of,
    transaction,
)
from shared.infrastructure.inspection import Check, Inspection
from shared.infrastructure.migrations import refusal_of_tables, upgrade
from shared.infrastructure.postgres_queue import PostgresTransport
from shared.infrastructure.posture import refusal_of_risk
from shared.infrastructure.rabbitmq import RabbitTransport
from shared.infrastructure.redis import Hints
from shared.infrastructure.secrets import Vault, open_vault
from shared.llm.seeds import seed
from shared.messaging import Transport
from shared.runtime import once, running
from shared.settings import Infrastructure, Platform, likely_typos, load, refuse

log = logs.get()

#: Puts rows in that a service cannot do without; harmless the second time.
Seed = Callable[[AsyncSession], Awaitable[None]]


@dataclass(frozen=True)
class Ground:
    """Shared by all that runs in one process."""

    platform: Platform
    infrastructure: Infrastructure
    sessions: Sessions
    clock: DatabaseClock
    #: None without Redis
    redis_url: str | None
    hints: Hints
    transport: Transport
    #: None where PostgreSQL carries everything
    rabbit: RabbitTransport | None
    vault: Vault


@asynccontextmanager
async def ground(
    service: str, seeds: Sequence[Seed] = (), checks: Sequence[Check] = ()
) -> AsyncGenerator[Ground]:
    """Open everything; what does not answer yet is waited for by those who need it.

    Embedded servers are brought up to date here; real ones by `ai-platform migrate`. A production
    database must pass `checks` beside our own before anything is done with it.
    """
    platform, infrastructure = load(Platform), load(Infrastructure)
    logs.configure(service, platform.log_level, platform.environment)
    for name, meant in likely_typos(os.environ):
        log.warning("setting.unknown", name=name, did_you_mean=meant)
    tracing.configure(service)
    async with AsyncExitStack() as stack:
        stack.callback(tracing.shut_down)
        database_url, redis_url = await _servers(stack, platform, infrastructure, seeds)
        vault = open_vault(platform)
        strict = [refusal_of_risk, *checks] if platform.is_production else []
        engine = connect(database_url, pool_size=infrastructure.database_pool_size)
        stack.push_async_callback(engine.dispose)
        await _inspect(stack, Inspection(engine, database_url, [refusal_of_tables, *strict]))
        sessions = sessions_of(engine)
        hints = Hints(redis_url, timeout_s=infrastructure.redis_timeout_s)
        stack.push_async_callback(hints.close)
        rabbit = _rabbit(infrastructure)
        on_postgres = PostgresTransport(sessions)
        transport = on_postgres if rabbit is None else Carrier(rabbit, on_postgres)
        stack.push_async_callback(transport.close)
        clock = DatabaseClock(sessions)
        with suppress(DatabaseUnavailable):
            await clock.refresh()
        await stack.enter_async_context(running({"clock": clock.keep_fresh}))
        yield Ground(
            platform=platform,
            infrastructure=infrastructure,
            sessions=sessions,
            clock=clock,
            redis_url=redis_url,
            hints=hints,
            transport=transport,
            rabbit=rabbit,
            vault=vault,
        )


async def migrate(owner_database_url: str, seeds: Sequence[Seed] = ()) -> None:
    """Bring the tables up to date, and put in what must be there from the start."""
    await asyncio.to_thread(upgrade, owner_database_url)
    engine = connect(owner_database_url, pool_size=1)
    try:
        async with transaction(sessions_of(engine)) as session:
            for sow in (seed, *seeds):
                await sow(session)
    finally:
        await engine.dispose()


async def _servers(
    stack: AsyncExitStack,
    platform: Platform,
    infrastructure: Infrastructure,
    seeds: Sequence[Seed],
) -> tuple[str, str | None]:
    if platform.is_production and infrastructure.has_example_secrets:
        refuse("example_secrets: a password is still the one of .env.example, which all know")
    given = infrastructure.redis_url
    redis_url = given.get_secret_value() if given else None
    if infrastructure.database_url is not None:
        return infrastructure.database_url.get_secret_value(), redis_url
    servers = EmbeddedServers(platform.data_dir, valkey=redis_url is None, say=log.info)
    stack.push_async_callback(asyncio.to_thread, servers.stop)
    embedded = await asyncio.to_thread(servers.start)
    await migrate(embedded.owner_database_url, seeds)
    return embedded.database_url, redis_url or embedded.redis_url


async def _inspect(stack: AsyncExitStack, inspection: Inspection) -> None:
    if not await inspection.look():
        log.warning("database.away")
        await stack.enter_async_context(running({"inspection": lambda: once(inspection.run)}))


def _rabbit(infrastructure: Infrastructure) -> RabbitTransport | None:
    if infrastructure.rabbitmq_url is None:
        return None
    return RabbitTransport(infrastructure.rabbitmq_url.get_secret_value(), infrastructure.queues)
