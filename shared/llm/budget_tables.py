"""The tables of budgets: caps, what each day has spent, and the room that calls hold meanwhile."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.ext.asyncio import AsyncSession

from shared.infrastructure.database import Row, metadata
from shared.llm.budgets import Cap, NoSuchBudget
from shared.llm.store import NOW, SCHEMA, Kind

budgets = Table(
    "budgets",
    metadata,
    #: `platform`, or a tenant's id
    Column("scope", Text, primary_key=True),
    Column("cap_micro_usd", BigInteger),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    schema=SCHEMA,
)

#: Only for scopes with a cap. Every change of `reserved` is one row's lock, so no two calls can
#: take the same room.
budget_days = Table(
    "budget_days",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("spent_micro_usd", BigInteger, nullable=False),
    Column("reserved_micro_usd", BigInteger, nullable=False),
    schema=SCHEMA,
    postgresql_with={"fillfactor": "50"},
)

reservations = Table(
    "reservations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("day", Date, nullable=False),
    Column("amount_micro_usd", BigInteger, nullable=False),
    #: held, then settled or released; remembered until it expires, so that nothing counts twice
    Column("state", Text, nullable=False, server_default=text("'held'")),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Index("ix_reservations_expires_at", "expires_at"),
    schema=SCHEMA,
)


def _cap_row(cap: Cap) -> dict[str, Any]:
    return {"scope": cap.scope, "cap_micro_usd": cap.micro_usd}


def _cap(row: Row) -> Cap:
    return Cap(scope=row["scope"], micro_usd=row["cap_micro_usd"], version=row["version"])


TODAY = "CAST(statement_timestamp() AT TIME ZONE 'UTC' AS date)"

SPENT_TODAY = f"""
    (SELECT coalesce(sum(u.cost_micro_usd), 0)::bigint
       FROM platform.llm_usage u
      WHERE u.at >= CAST({TODAY} AS timestamp) AT TIME ZONE 'UTC'
        AND (wanted.scope = 'platform' OR CAST(u.tenant_id AS text) = wanted.scope))"""  # noqa: S608 - all of it is ours

_COUNT_ANEW = text(f"""
    UPDATE platform.budget_days d
       SET spent_micro_usd = greatest(d.spent_micro_usd, {SPENT_TODAY})
      FROM (SELECT CAST(:scope AS text) AS scope) AS wanted
     WHERE d.scope = wanted.scope AND d.day = {TODAY}""")  # noqa: S608 - all of it is ours


async def _count_anew(session: AsyncSession, scope: str) -> None:
    """What was spent while there was no cap counts too."""
    await session.execute(_COUNT_ANEW, {"scope": scope})


CAPS = Kind("budget", budgets, budgets.c.scope, NoSuchBudget, _cap_row, _cap, _count_anew)
