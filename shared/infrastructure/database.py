"""PostgreSQL: one engine per process, one metadata, whole batches in one statement."""

import asyncio
import time
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, TypeVar
from uuid import UUID

import orjson
from sqlalchemy import MetaData, TextClause, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

from shared.availability import DatabaseUnavailable, GaveWay

Sessions = async_sessionmaker[AsyncSession]
AnySession = TypeVar("AnySession", bound=AsyncSession)
Row = Mapping[str, Any]

#: Every table of every service; each declares its own `schema=`.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def connect(url: str, *, pool_size: int = 10) -> AsyncEngine:
    """Opens nothing yet. Every wait is bounded: 2 s for a connection, 30 s for a query."""
    scheme, _, rest = url.partition("://")
    if scheme in {"postgres", "postgresql"}:
        url = f"postgresql+asyncpg://{rest}"
    return create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=2,
        pool_use_lifo=True,  # the connection that was used last knows most statements
        connect_args={
            "timeout": 5,
            "command_timeout": 30,
            # A backend whose client was killed must not keep its locks for long.
            "server_settings": {"idle_in_transaction_session_timeout": "60000"},
        },
        json_serializer=_to_json,
        json_deserializer=orjson.loads,
    )


def _to_json(value: object) -> str:
    return orjson.dumps(value, default=_plain).decode()


def sessions_of(engine: AsyncEngine) -> Sessions:
    return async_sessionmaker(engine, expire_on_commit=False, autoflush=False)


@asynccontextmanager
async def transaction(sessions: async_sessionmaker[AnySession]) -> AsyncGenerator[AnySession]:
    """Commits when its block ends, rolls back when it raises.

    Raises DatabaseUnavailable where the trouble is the server's or the way to it. After that the
    outcome of a commit is unknown: what was written must be harmless to write again.
    """
    with _outages_told_apart():
        async with sessions.begin() as session:
            yield session


@contextmanager
def _outages_told_apart() -> Generator[None]:
    try:
        yield
    except (OSError, PoolTimeoutError) as away:
        raise DatabaseUnavailable(type(away).__name__) from away
    except DBAPIError as error:
        kind = _sqlstate(error)[:2]
        if kind == _GAVE_WAY:
            raise GaveWay(type(error).__name__) from error
        is_away = isinstance(error, InterfaceError | OperationalError)
        if is_away or error.connection_invalidated or kind in _SERVER_TROUBLE:
            raise DatabaseUnavailable(type(error).__name__) from error
        raise


@asynccontextmanager
async def reading(sessions: Sessions) -> AsyncGenerator[AsyncConnection]:
    """For queries that only look, each by itself: one round trip, and no unit of work around it.

    Raises DatabaseUnavailable.
    """
    with _outages_told_apart():
        async with _looking(sessions.kw["bind"]).connect() as connection:
            yield connection


@lru_cache(maxsize=8)
def _looking(engine: AsyncEngine) -> AsyncEngine:
    return engine.execution_options(isolation_level="AUTOCOMMIT")


@asynccontextmanager
async def one_statement(sessions: Sessions) -> AsyncGenerator[AsyncSession]:
    """For a single statement that is its own transaction: one round trip instead of three."""
    async with transaction(sessions) as session:
        await session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        yield session


#: For RETURNING: this commit need not wait for the disk. Only for what may be lost in a crash of
#: the server, and for what nobody may see undone.
WITHOUT_THE_DISK = "set_config('synchronous_commit', 'off', true)"


#: SQLSTATE classes: connection, out of resources (a full disk too), operator intervention, system
_SERVER_TROUBLE = {"08", "53", "57", "58"}
#: and of a transaction that was given up for another's sake (a deadlock)
_GAVE_WAY = "40"


def _sqlstate(error: DBAPIError) -> str:
    return str(getattr(error.orig, "sqlstate", None) or "")


def as_json(rows: Sequence[Row]) -> str:
    """Rows as the one parameter of `json_populate_recordset(NULL::table, CAST(:rows AS json))`."""
    return orjson.dumps(rows, default=_plain, option=orjson.OPT_NON_STR_KEYS).decode()


def _plain(value: object) -> object:
    if isinstance(value, UUID):  # the driver's own subclass, which orjson does not know
        return str(value)
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    if isinstance(value, timedelta):
        return f"{value.total_seconds()} seconds"
    raise TypeError(type(value).__name__)


async def insert_rows(
    session: AsyncSession, table: str, rows: Sequence[Row], *, on_conflict: str = ""
) -> None:
    """Insert a batch in one statement; columns are those of the first row. A no-op without rows."""
    if rows:
        statement = insertion(table, tuple(rows[0]), on_conflict)
        await session.execute(statement, {"rows": as_json(rows)})


@lru_cache(maxsize=256)
def insertion(table: str, columns: tuple[str, ...], on_conflict: str = "") -> TextClause:
    """Inserts `:rows`, made by `as_json`, in their order."""
    names = ", ".join(columns)
    return text(
        f"INSERT INTO {table} ({names}) SELECT {names} "  # noqa: S608 - names are ours
        f"FROM json_populate_recordset(NULL::{table}, CAST(:rows AS json)) {on_conflict}"
    )


class DatabaseClock:
    """The database's clock, read without asking it each time.

    Deadlines and timestamps come from here, so that a machine whose own clock is wrong does no
    harm: only its monotonic clock is used between two readings. Reads wrong by less than the time
    that one query takes.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._offset: float | None = None

    async def refresh(self) -> None:
        """Read the clock anew. Raises DatabaseUnavailable."""
        async with transaction(self._sessions) as session:
            # First of all a connection: made within the reading, it put the clock 0.1 s forward.
            await session.connection()
            before = time.monotonic()
            epoch = await session.scalar(text("SELECT extract(epoch FROM clock_timestamp())"))
        self._offset = float(epoch or 0) - before

    async def keep_fresh(self, every_s: float = 30.0) -> None:
        """Follow the database's clock until cancelled."""
        while True:
            with suppress(DatabaseUnavailable):
                await self.refresh()
            await asyncio.sleep(every_s if self.is_read else 0.5)

    @property
    def is_read(self) -> bool:
        return self._offset is not None

    def __call__(self) -> datetime:
        if self._offset is None:
            raise DatabaseUnavailable("the database's clock was never read")
        return datetime.fromtimestamp(time.monotonic() + self._offset, UTC)
