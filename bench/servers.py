"""Where PostgreSQL, RabbitMQ and Redis are, and places on them that belong to one run alone."""

import asyncio
import os
import secrets
import subprocess
import sys
from collections.abc import Awaitable, Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import aio_pika
from aio_pika.exceptions import AMQPError
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import NullPool, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

POSTGRESQL = os.environ.get("DATABASE_URL") or "postgresql://postgres@127.0.0.1:5432/postgres"
RABBITMQ = os.environ.get("RABBITMQ_URL") or "amqp://guest:guest@127.0.0.1:5672/"
#: a database number that nothing else uses; it is emptied only if we found it empty
REDIS = os.environ.get("REDIS_URL") or "redis://127.0.0.1:6379/13"


class Missing(Exception):
    """A server is not there; says which, and how to have one."""


@dataclass
class Place:
    """One system's database and queues, for as long as one measurement lasts."""

    name: str
    database_url: str
    rabbitmq_url: str = RABBITMQ
    redis_url: str = REDIS
    #: of the exchange too, where there is one
    queues: list[str] = field(default_factory=list[str])

    def queue(self, purpose: str) -> str:
        """A durable queue's name; the queue goes when the place goes."""
        name = f"{self.name}_{purpose}"
        self.queues += [name, f"{name}.dead"]
        return name


class Servers:
    """Gives places away; `migrated()` first makes the template that they are copies of."""

    def __init__(self) -> None:
        self.prefix = f"aip_bench_{os.getpid()}_{secrets.token_hex(3)}"
        self._template = f"{self.prefix}_template"

    @contextmanager
    def place(self, system: str) -> Generator[Place]:
        """A fresh one; nothing is left of it afterwards."""
        name = f"{self.prefix}_{system}_{secrets.token_hex(3)}"
        _run(_on_postgresql(f'CREATE DATABASE "{name}" TEMPLATE "{self._template}"'))
        place = Place(name, _with_database(name))
        try:
            yield place
        finally:
            _run(_forget_queues(place.queues))
            _run(_on_postgresql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))

    def migrate(self) -> None:
        """Make the template, as an installation is made: with `ai-platform migrate`."""
        _run(_on_postgresql(f'CREATE DATABASE "{self._template}"'))
        subprocess.run(  # noqa: S603 - our own program
            [str(Path(sys.executable).with_name("ai-platform")), "migrate"],
            env={**os.environ, "MIGRATIONS_DATABASE_URL": _with_database(self._template)},
            check=True,
            timeout=60,
            stdout=subprocess.DEVNULL,
        )

    def forget(self) -> None:
        _run(_on_postgresql(f'DROP DATABASE IF EXISTS "{self._template}" WITH (FORCE)'))


@contextmanager
def servers() -> Generator[Servers]:
    """Raises Missing unless all three are there."""
    versions()
    found = Servers()
    with ExitStack() as closing:
        if _run(_redis_is_empty()):
            closing.callback(lambda: _run(_empty_redis()))
        closing.callback(found.forget)
        found.migrate()
        yield found


def versions() -> dict[str, str]:
    """What each server says it is. Raises Missing."""
    asked: dict[str, Callable[[], Awaitable[str]]] = {
        "PostgreSQL": _postgresql_version,
        "RabbitMQ": _rabbitmq_version,
        "Redis": _redis_version,
    }
    try:
        return {name: _run(ask()) for name, ask in asked.items()}
    except (OSError, SQLAlchemyError, AMQPError, RedisError) as trouble:
        raise Missing(
            "the bench needs PostgreSQL, RabbitMQ and Redis (`make services`, or DATABASE_URL, "
            f"RABBITMQ_URL and REDIS_URL): {type(trouble).__name__}: {trouble}"
        ) from trouble


def port_of(url: str) -> int:
    usual = {"postgresql": 5432, "amqp": 5672, "redis": 6379}
    parts = urlsplit(url)
    return parts.port or usual[parts.scheme]


Answer = TypeVar("Answer")


def _run(awaitable: Awaitable[Answer]) -> Answer:
    async def within() -> Answer:
        async with asyncio.timeout(30):
            return await awaitable

    return asyncio.run(within())


def _with_database(name: str) -> str:
    parts = urlsplit(POSTGRESQL)
    return urlunsplit(("postgresql", parts.netloc, f"/{name}", parts.query, ""))


async def _on_postgresql(statement: str) -> object:
    engine = create_async_engine(
        f"postgresql+asyncpg://{_with_database('postgres').partition('://')[2]}",
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
    )
    async with engine.connect() as connection:
        answer = await connection.execute(text(statement))
        return answer.scalar() if answer.returns_rows else None


async def _postgresql_version() -> str:
    return str(await _on_postgresql("SHOW server_version")).split()[0]


async def _forget_queues(queues: list[str]) -> None:
    if not queues:
        return
    async with await aio_pika.connect(RABBITMQ) as connection, connection.channel() as channel:
        for queue in queues:
            await channel.queue_delete(queue)
            await channel.exchange_delete(queue)


async def _rabbitmq_version() -> str:
    async with await aio_pika.connect(RABBITMQ) as connection:
        transport: Any = connection.transport
        return str(transport.connection.server_properties["version"])


async def _redis_version() -> str:
    async with _redis() as redis:
        return str((await redis.info("server"))["redis_version"])


async def _redis_is_empty() -> bool:
    async with _redis() as redis:
        return bool(await redis.dbsize() == 0)


async def _empty_redis() -> None:
    async with _redis() as redis:
        await redis.flushdb()


def _redis() -> Any:  # noqa: ANN401 - redis-py's own types are only partly known
    untyped: Any = Redis
    return untyped.from_url(REDIS)
