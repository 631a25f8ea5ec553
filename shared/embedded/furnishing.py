"""What a fresh PostgreSQL is furnished with: roles, the database, extensions."""

import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from sqlalchemy import NullPool, TextClause, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from shared.embedded.home import EmbeddedUnavailable, Remembered
from shared.embedded.machine import LOOPBACK

#: superuser; owner of the database, for migrations; what the services connect as
ADMIN, OWNER, APP = "postgres", "aip_owner", "aip_app"
#: what migrations grant to
GROUP = "ai_platform"
DATABASE = "ai_platform"
EXTENSIONS = ("pg_trgm", "unaccent", "pgcrypto")

MAKE_ROLE = """
    DO $$ BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}') THEN
            CREATE ROLE {name};
        END IF;
        ALTER ROLE {name}
            NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS {attributes};
    END $$"""


def new_passwords() -> dict[str, str]:
    return {user: secrets.token_hex(24) for user in (ADMIN, OWNER, APP)}


def url_of(known: Remembered, user: str, database: str) -> str:
    """For SQLAlchemy."""
    login = f"{user}:{known.passwords[user]}"
    return f"postgresql+asyncpg://{login}@{LOOPBACK}:{known.port}/{database}"


async def furnish(known: Remembered) -> None:
    """Make what is missing; harmless on every start. Raises EmbeddedUnavailable."""
    try:
        async with _connected(known, ADMIN, "postgres") as admin:
            await _make_database(admin, known)
        async with _connected(known, ADMIN, DATABASE) as admin:
            for extension in EXTENSIONS:
                await admin.execute(text(f"CREATE EXTENSION IF NOT EXISTS {extension}"))
            # Last, because `is_furnished` takes this role's first connection for "all is there".
            await admin.execute(_role(APP, _login(known, APP)))
            await admin.execute(text(f"GRANT {GROUP} TO {APP}"))
    except (OSError, SQLAlchemyError) as refused:
        reason = (str(refused) or type(refused).__name__).splitlines()[0]
        raise EmbeddedUnavailable(f"The database could not be furnished: {reason}.") from refused


async def is_furnished(known: Remembered) -> bool:
    """Whether the services can use it now."""
    try:
        async with _connected(known, APP, DATABASE) as services:
            await services.execute(text("SELECT 1"))
    except (OSError, SQLAlchemyError):
        return False
    return True


async def _make_database(admin: AsyncConnection, known: Remembered) -> None:
    await admin.execute(_role(GROUP, "NOLOGIN"))
    await admin.execute(_role(OWNER, _login(known, OWNER)))
    found = text("SELECT 1 FROM pg_database WHERE datname = :name")
    if not await admin.scalar(found, {"name": DATABASE}):
        await admin.execute(text(f"CREATE DATABASE {DATABASE} OWNER {OWNER}"))
    await admin.execute(text(f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC"))
    await admin.execute(text(f"GRANT CONNECT, TEMPORARY ON DATABASE {DATABASE} TO {GROUP}"))


def _role(name: str, attributes: str) -> TextClause:
    return text(MAKE_ROLE.format(name=name, attributes=attributes))


def _login(known: Remembered, user: str) -> str:
    return f"LOGIN PASSWORD '{known.passwords[user]}'"


@asynccontextmanager
async def _connected(
    known: Remembered, user: str, database: str
) -> AsyncGenerator[AsyncConnection]:
    """One connection, each statement its own transaction, every wait bounded."""
    engine = create_async_engine(
        url_of(known, user, database),
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        connect_args={"timeout": 3, "command_timeout": 10, "ssl": False},
    )
    async with engine.connect() as connection:
        yield connection
