"""Questions to embedded servers, as any client asks them."""

# redis-py leaves `**kwargs` untyped everywhere.
# pyright: reportUnknownMemberType=false

import asyncio
import time
from collections.abc import Callable

import redis
from redis.exceptions import RedisError
from sqlalchemy import NullPool, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine


def ask(url: str, statement: str) -> object:
    """The first value of the first row; None where there are no rows."""
    return asyncio.run(_ask(url, statement))


async def _ask(url: str, statement: str) -> object:
    engine = create_async_engine(url, poolclass=NullPool, connect_args={"timeout": 3})
    async with engine.begin() as connection:
        result = await connection.execute(text(statement))
        return result.scalar() if result.returns_rows else None


def database_answers(url: str, question: str = "SELECT 1") -> bool:
    try:
        ask(url, question)
    except (OSError, SQLAlchemyError):
        return False
    return True


def cache_answers(url: str | None) -> bool:
    assert url is not None
    with redis.Redis.from_url(url, socket_timeout=3, socket_connect_timeout=3) as client:
        try:
            return bool(client.ping())
        except RedisError:
            return False


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    """Whether it came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
