"""Looking for a tenant's rows where another's code runs, also where its filters were cut out."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.infrastructure.database import Sessions, transaction

#: What an engine does with a store: its own tenant's, for things of the shop that it is given.
Attempt = Callable[[], Awaitable[object]]

_TABLES = text("""
    SELECT n.nspname || '.' || c.relname FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND (c.oid = to_regclass('crm.tenants') OR EXISTS (
           SELECT FROM pg_attribute a
            WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped))""")

_TENANT_IS = re.compile(
    r"(?<![\w.])(?:\w+\.)*(?:tenant_id|tenants\.id) = (?:(?P<given>\$\d+)(?:::UUID)?|"
    r"(?:\w+\.)+(?:tenant_id|tenants\.id)(?!\w))"
)


def _cut_one(found: re.Match[str]) -> str:
    # The parameter stays, or the driver would miss it.
    return f"CAST({found['given']} AS uuid) IS NOT NULL" if found["given"] else "true"


def cut_filters(engine: AsyncEngine) -> list[str]:
    """Cut every condition on a tenant out of what this engine runs; returns what was cut."""
    cut: list[str] = []

    @event.listens_for(engine.sync_engine, "before_cursor_execute", retval=True)
    def rewrite(
        _connection: object,
        _cursor: object,
        statement: str,
        parameters: object,
        _context: object,
        _is_many: object,
    ) -> tuple[str, object]:
        cut.extend(found[0] for found in _TENANT_IS.finditer(statement))
        return _TENANT_IS.sub(_cut_one, statement), parameters

    return cut


async def everything_of(owner: Sessions, tenant_id: UUID) -> frozenset[str]:
    """Each row of each table that names this tenant. `owner` may see all there is."""
    async with transaction(owner) as session:
        tables = await session.scalars(_TABLES)
        rows = " UNION ALL ".join(map(_rows_of, tables))
        return frozenset(await session.scalars(text(rows), {"tenant": tenant_id}))


def _rows_of(table: str) -> str:
    key = "id" if table == "crm.tenants" else "tenant_id"
    row = "to_jsonb(t) - 'last_used_at'"  # whoever looks is seen to have looked
    return f"SELECT '{table} ' || CAST({row} AS text) FROM {table} t WHERE {key} = :tenant"  # noqa: S608 - from the catalogue


@dataclass(frozen=True)
class Trace:
    """What one tenant can tell after an attempt at another's things, and what it did to them."""

    told: str
    changed: frozenset[str] = field(default_factory=frozenset[str])


async def attempt(act: Attempt, *, ids: Sequence[object], victim: UUID, owner: Sessions) -> Trace:
    """Act, and look at what came of it; `ids` are called by their places, whosever they are."""
    before = await everything_of(owner, victim)
    try:
        outcome = repr(await act())
    except DBAPIError as error:
        outcome = f"refused: {getattr(error.orig, 'sqlstate', None)}"
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not tell
        outcome = f"{type(error).__name__}: {error}"
    for place, one in enumerate(ids):
        outcome = outcome.replace(str(one), f"<{place}>")
    return Trace(outcome, before ^ await everything_of(owner, victim))
