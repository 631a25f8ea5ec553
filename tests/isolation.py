"""Looking for a tenant's rows where another's code runs, also where its filters were cut out."""

import inspect
import pkgutil
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from uuid import UUID

from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.infrastructure.database import Sessions, transaction

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
class Target:
    """What somebody else's code does with one shop's things; `ids` are called by their places."""

    act: Attempt
    ids: Sequence[object]


async def findings(
    theirs: Target, nobodys: Target, *, move_in: Attempt, word: str, whose: UUID, owner: Sessions
) -> list[str]:
    """What is wrong with how code treats another's things; nothing, one hopes.

    It acts on things that never were, then `move_in` brings a shop whose texts hold `word`, and it
    acts on the like of those: it must not be able to tell the difference, nor make one.
    """
    with_nobodys = await _told(nobodys)
    await move_in()
    before = await everything_of(owner, whose)
    with_theirs = await _told(theirs)
    found = [f"changed {row}" for row in before ^ await everything_of(owner, whose)]
    if word in with_theirs:
        found.append(f"told {with_theirs}")
    if with_theirs != with_nobodys:
        found.append(f"told apart: {with_theirs} from {with_nobodys}")
    return found


async def _told(target: Target) -> str:
    try:
        outcome = repr(await target.act())
    except DBAPIError as error:
        outcome = f"refused: {getattr(error.orig, 'sqlstate', None)}"
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not tell
        outcome = f"{type(error).__name__}: {error}"
    for place, one in enumerate(target.ids):
        outcome = outcome.replace(str(one), f"<{place}>")
    return outcome


def methods_of(store: type) -> set[str]:
    """The names of what it can be asked."""
    found = vars(store).items()
    return {name for name, one in found if inspect.isfunction(one) and name[0] != "_"}


def stores_in(package: ModuleType) -> dict[str, type]:
    """Every class in its modules, however deep, that keeps something in PostgreSQL, by its name."""
    modules = [
        import_module(module.name)
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    ]
    classes = [one for module in modules for one in vars(module).values() if inspect.isclass(one)]
    return {one.__name__: one for one in classes if one.__name__.startswith("Sql")}
