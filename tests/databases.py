"""A PostgreSQL database for each pytest process: cloned from a migrated template, never shared."""

import hashlib
import os
import re
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from sqlalchemy import NullPool, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from ai_engine.infrastructure.agent_store import seed_agents
from shared.ground import migrate
from tests.background import BackgroundLoop

ROOT = Path(__file__).parents[1]
TEMPLATE_PREFIX = "aip_test_template_"
CLONE_PREFIX = "aip_test_run_"
#: The services' role in tests: neither owner nor superuser, so that grants and policies are real.
APP_ROLE = "aip_test_app"
APP_LOGIN = f"{APP_ROLE}:{APP_ROLE}"
#: what the migrations grant to
GROUP = "ai_platform"
LEFT_OVER_AFTER_S = 6 * 3_600
#: where it is written what every database holds from the start
SEEDS = (
    "shared/llm/seeds.py",
    "services/ai_engine/src/ai_engine/infrastructure/agent_store.py",
)

#: held by whoever makes or drops test databases, across every run on the server
LOCK = "SELECT pg_advisory_lock(1095323732)"

UNUSED_DATABASES = """
    SELECT datname FROM pg_database d
     WHERE starts_with(datname, :prefix)
       AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datname = d.datname)"""

MAKE_ROLE = """
    DO $$ BEGIN
        CREATE ROLE {name} {attributes};
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END $$"""

TABLES = """
    SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
     WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
       AND tablename NOT LIKE 'alembic_version%'"""

COLUMNS = """
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
     WHERE attrelid = CAST(:name AS regclass)
       AND attnum > 0 AND NOT attisdropped AND attgenerated = ''"""


def with_database(url: str, name: str, *, login: str | None = None) -> str:
    """The same server, another database; and another `user:password`, if given."""
    parts = urlsplit(url)
    own_login, _, host = parts.netloc.rpartition("@")
    login = login or own_login
    return urlunsplit(
        ("postgresql", f"{login}@{host}" if login else host, f"/{name}", parts.query, "")
    )


@asynccontextmanager
async def connected(
    url: str, *, settings: dict[str, str] | None = None
) -> AsyncGenerator[AsyncConnection]:
    """One connection, each statement its own transaction, every wait bounded."""
    engine = create_async_engine(
        f"postgresql+asyncpg://{url.partition('://')[2]}",
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        connect_args={"timeout": 10, "command_timeout": 90, "server_settings": settings or {}},
    )
    async with engine.connect() as connection:
        yield connection


async def rows(owner_url: str, schemas: Sequence[str]) -> AsyncGenerator[tuple[str, str]]:
    """Every row of every table, as text; what is stored as bytes is spelled out as well."""
    async with connected(owner_url) as owner:
        tables = await owner.scalars(
            text("""
                SELECT schemaname || '.' || tablename FROM pg_tables
                 WHERE schemaname = ANY(:schemas)"""),
            {"schemas": list(schemas)},
        )
        for table in tables.all():
            for row in await owner.scalars(text(f"SELECT CAST(t AS text) FROM {table} t")):  # noqa: S608 - names from the catalogue
                yield table, row
                for hexadecimal in re.findall(r"\\x((?:[0-9a-f]{2})+)", row):
                    yield table, bytes.fromhex(hexadecimal).decode(errors="replace")


def template_name() -> str:
    """Changes whenever a migration does, or what every database holds from the start."""
    digest = hashlib.sha256()
    revisions = (path for path in (ROOT / "migrations").rglob("*.*") if path.suffix != ".pyc")
    for path in sorted((*revisions, *(ROOT / file for file in SEEDS))):
        digest.update(path.relative_to(ROOT).as_posix().encode())
        digest.update(path.read_bytes())
    return f"{TEMPLATE_PREFIX}{digest.hexdigest()[:12]}"


async def clone_template(admin_url: str, name: str) -> None:
    """Make database `name` as the migrations leave it; makes the template first where needed."""
    template = template_name()
    async with connected(admin_url) as admin:
        await admin.execute(text(LOCK))
        if template not in await _unused(admin, TEMPLATE_PREFIX):
            await _make_template(admin, admin_url, template)
        await _drop_left_overs(admin)
        await admin.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))


async def drop_database(admin_url: str, name: str) -> None:
    """Drop it even where somebody is still connected."""
    async with connected(admin_url) as admin:
        await admin.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))


async def make_roles(admin: AsyncConnection) -> None:
    """The services' role, and the group that gives it its rights."""
    login = f"LOGIN PASSWORD '{APP_ROLE}'"
    await admin.execute(text(MAKE_ROLE.format(name=GROUP, attributes="NOLOGIN")))
    await admin.execute(text(MAKE_ROLE.format(name=APP_ROLE, attributes=login)))
    await admin.execute(text(f"GRANT {GROUP} TO {APP_ROLE}"))


async def _unused(admin: AsyncConnection, prefix: str) -> list[str]:
    found = await admin.scalars(text(UNUSED_DATABASES), {"prefix": prefix})
    return list(found)


async def _make_template(admin: AsyncConnection, admin_url: str, template: str) -> None:
    making = f"{TEMPLATE_PREFIX}making"
    await admin.execute(text(f'DROP DATABASE IF EXISTS "{making}" WITH (FORCE)'))
    await make_roles(admin)
    await admin.execute(text(f'CREATE DATABASE "{making}"'))
    await migrate(with_database(admin_url, making), [seed_agents])
    await admin.execute(text(f'ALTER DATABASE "{making}" RENAME TO "{template}"'))


async def _drop_left_overs(admin: AsyncConnection) -> None:
    """What runs that were killed could not drop themselves; their names say when they began."""
    unused = [name for name in await _unused(admin, TEMPLATE_PREFIX) if name != template_name()]
    for name in await _unused(admin, CLONE_PREFIX):
        began = name.removeprefix(CLONE_PREFIX).partition("_")[0]
        if began.isdigit() and int(began) < time.time() - LEFT_OVER_AFTER_S:
            unused.append(name)
    for name in unused:
        await admin.execute(text(f'DROP DATABASE IF EXISTS "{name}"'))


class WorkerDatabase:
    """This process's clone. `owner_url` may do anything in it, `url` what the services may do."""

    def __init__(self, admin_url: str, worker: str) -> None:
        self._admin_url = admin_url
        self.name = f"{CLONE_PREFIX}{int(time.time())}_{os.getpid()}_{worker}"
        self.owner_url = with_database(admin_url, self.name)
        self.url = with_database(admin_url, self.name, login=APP_LOGIN)
        self._loop = BackgroundLoop("test database")
        self._open = AsyncExitStack()
        self._loop.run(clone_template(admin_url, self.name), within=120)
        self._connection = self._loop.run(self._connect())
        self._emptying = self._loop.run(self._script_that_empties())

    def empty(self) -> None:
        """Leave in it what the migrations put there, and nothing else."""
        self._loop.run(self._execute(self._emptying))

    def drop(self) -> None:
        self._loop.run(self._open.aclose())
        self._loop.run(drop_database(self._admin_url, self.name))
        self._loop.close()

    async def _connect(self) -> AsyncConnection:
        settings = {
            "synchronous_commit": "off",
            "lock_timeout": "10s",
            # Tables may be emptied in any order, and no trigger has a say.
            "session_replication_role": "replica",
        }
        return await self._open.enter_async_context(connected(self.owner_url, settings=settings))

    async def _execute(self, script: str) -> None:
        await self._connection.exec_driver_sql(script)

    async def _script_that_empties(self) -> str:
        """One round trip. DELETE, because TRUNCATE of small tables costs ten times as much."""
        tables = list(await self._connection.scalars(text(TABLES)))
        deletes = [f"DELETE FROM {name};" for name in tables]  # noqa: S608 - from the catalogue
        seeds = [await self._insert_of_what_is_there(name) for name in tables]
        return "\n".join(["DO $empty$ BEGIN", *deletes, *seeds, "END $empty$"])

    async def _insert_of_what_is_there(self, table: str) -> str:
        rows = await self._connection.scalar(
            text(f"SELECT CAST(json_agg(t) AS text) FROM {table} t")  # noqa: S608
        )
        if rows is None:
            return ""
        columns = await self._connection.scalar(text(COLUMNS), {"name": table})
        return (
            f"INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE "  # noqa: S608
            f"SELECT {columns} FROM json_populate_recordset(NULL::{table}, $seed${rows}$seed$);"
        )
