"""Budgets in PostgreSQL: caps, what each day has spent, and the room that calls hold meanwhile."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
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
from uuid_utils.compat import uuid7

from shared.infrastructure.database import Row, Sessions, metadata, transaction
from shared.llm.budgets import (
    PLATFORM,
    BudgetExceeded,
    Cap,
    NoSuchBudget,
    Reservation,
    Scope,
    Standing,
    named,
)
from shared.llm.recent import Recent
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
    #: held, then settled or released; remembered for two days, so that nothing counts twice
    Column("state", Text, nullable=False, server_default=text("'held'")),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Index("ix_reservations_expires_at", "expires_at"),
    schema=SCHEMA,
)


def _cap_row(cap: Cap) -> dict[str, Any]:
    return {"scope": cap.scope, "cap_micro_usd": cap.micro_usd}


def _cap(row: Row) -> Cap:
    return Cap(scope=row["scope"], micro_usd=row["cap_micro_usd"], version=row["version"])


async def _count_anew(session: AsyncSession, scope: str) -> None:
    """What was spent while there was no cap is counted by the next call that reserves."""
    await session.execute(
        text("""DELETE FROM platform.budget_days
                 WHERE scope = :scope AND reserved_micro_usd = 0
                   AND day = CAST(statement_timestamp() AT TIME ZONE 'UTC' AS date)"""),
        {"scope": scope},
    )


CAPS = Kind("budget", budgets, budgets.c.scope, NoSuchBudget, _cap_row, _cap, _count_anew)

_STANDINGS = text("""
    WITH caps AS (
        SELECT scope, min(cap_micro_usd) AS cap
          FROM (SELECT scope, cap_micro_usd FROM platform.budgets
                 UNION ALL
                SELECT CAST(:platform AS text), CAST(:configured AS bigint)) AS every_cap
         WHERE cap_micro_usd IS NOT NULL
         GROUP BY scope)
    SELECT caps.scope, caps.cap,
           coalesce(today.spent_micro_usd, 0) AS spent,
           (SELECT coalesce(sum(r.amount_micro_usd), 0)
              FROM platform.reservations r
             WHERE r.scope = caps.scope AND r.state = 'held'
               AND r.day = today.day AND r.expires_at > clock_timestamp())::bigint AS reserved
      FROM caps
      LEFT JOIN platform.budget_days today
        ON today.scope = caps.scope
       AND today.day = CAST(statement_timestamp() AT TIME ZONE 'UTC' AS date)""")

# The first call of a day makes the day's row, and counts what was spent while there was no cap.
_RESERVE = text("""
    WITH wanted AS MATERIALIZED (
        SELECT w.scope, w.cap, now.day, CAST(:amount AS bigint) AS amount,
               CASE WHEN EXISTS (SELECT FROM platform.budget_days d
                                  WHERE d.scope = w.scope AND d.day = now.day) THEN 0
                    ELSE (SELECT coalesce(sum(u.cost_micro_usd), 0)::bigint
                            FROM platform.llm_usage u
                           WHERE u.at >= CAST(now.day AS timestamp) AT TIME ZONE 'UTC'
                             AND (w.scope = CAST(:platform AS text)
                                  OR CAST(u.tenant_id AS text) = w.scope))
                END AS spent
          FROM json_to_recordset(CAST(:wanted AS json)) AS w(scope text, cap bigint),
               (SELECT CAST(statement_timestamp() AT TIME ZONE 'UTC' AS date) AS day) AS now
         ORDER BY w.scope),
    taken AS (
        INSERT INTO platform.budget_days AS d (scope, day, spent_micro_usd, reserved_micro_usd)
        SELECT scope, day, spent, amount FROM wanted WHERE spent + amount <= cap
        ON CONFLICT (scope, day) DO UPDATE
           SET reserved_micro_usd = d.reserved_micro_usd + excluded.reserved_micro_usd
         WHERE d.spent_micro_usd + d.reserved_micro_usd + excluded.reserved_micro_usd
               <= (SELECT cap FROM wanted WHERE wanted.scope = d.scope)
        RETURNING scope, day)
    INSERT INTO platform.reservations (id, scope, day, amount_micro_usd, expires_at)
    SELECT :id, taken.scope, taken.day, wanted.amount,
           clock_timestamp() + make_interval(secs => :lasts_s)
      FROM taken JOIN wanted ON wanted.scope = taken.scope
    RETURNING scope""")

# Rows are locked in the order of their keys, here and everywhere: so nobody waits in a circle.
_CLOSE = """
    sums AS (
        SELECT scope, day, sum(actual) AS actual,
               coalesce(sum(amount_micro_usd) FILTER (WHERE state = 'held'), 0) AS held
          FROM mine GROUP BY scope, day),
    locked AS (
        SELECT d.scope, d.day, sums.actual, sums.held
          FROM platform.budget_days d JOIN sums ON sums.scope = d.scope AND sums.day = d.day
         ORDER BY d.scope, d.day FOR UPDATE OF d)
    UPDATE platform.budget_days d
       SET spent_micro_usd = d.spent_micro_usd + locked.actual,
           reserved_micro_usd = d.reserved_micro_usd - locked.held
      FROM locked WHERE d.scope = locked.scope AND d.day = locked.day"""

_SETTLE = text(f"""
    WITH mine AS (
        SELECT r.id, r.scope, r.day, r.amount_micro_usd, r.state, given.actual
          FROM platform.reservations r
          JOIN json_to_recordset(CAST(:given AS json))
               AS given(id uuid, scope text, actual bigint)
            ON given.id = r.id AND given.scope = r.scope
         WHERE r.state <> 'settled'
         ORDER BY r.id, r.scope FOR UPDATE OF r),
    closed AS (
        UPDATE platform.reservations r SET state = 'settled'
          FROM mine WHERE r.id = mine.id AND r.scope = mine.scope),
    {_CLOSE}""")  # noqa: S608 - all of it is ours

_RELEASE = text(f"""
    WITH mine AS (
        SELECT r.id, r.scope, r.day, r.amount_micro_usd, r.state, 0 AS actual
          FROM platform.reservations r
         WHERE r.state = 'held' AND r.expires_at < clock_timestamp()
         ORDER BY r.id, r.scope FOR UPDATE OF r SKIP LOCKED),
    closed AS (
        UPDATE platform.reservations r SET state = 'released'
          FROM mine WHERE r.id = mine.id AND r.scope = mine.scope),
    {_CLOSE}""")  # noqa: S608 - all of it is ours

_FORGET = text("""
    DELETE FROM platform.reservations
     WHERE state <> 'held' AND expires_at < clock_timestamp() - interval '2 days'""")


@dataclass(frozen=True)
class Settlement:
    """What a piece of work cost in the end, and the room that was reserved for it."""

    reservations: Sequence[Reservation]
    actual_micro_usd: int


async def settle(session: AsyncSession, settlements: Sequence[Settlement]) -> None:
    """Turn room into spending, in the caller's transaction; harmless the second time.

    Once per transaction, for all that it settles: only then are rows locked in one order.
    No round trip where nothing was reserved.
    """
    given = [share for settlement in settlements for share in _shares(settlement)]
    if given:
        await session.execute(_SETTLE, {"given": orjson.dumps(given).decode()})


def _shares(settlement: Settlement) -> Iterator[dict[str, Any]]:
    """In each scope the first reservation carries the cost; the others give their room back."""
    charged: set[str] = set()
    for reservation in settlement.reservations:
        for scope in reservation.scopes:
            actual = 0 if scope in charged else settlement.actual_micro_usd
            yield {"id": reservation.id, "scope": scope, "actual": actual}
            charged.add(scope)


class SqlBudgets:
    """Fits `shared.llm.budgets.Budgets`."""

    def __init__(
        self,
        sessions: Sessions,
        *,
        platform_daily_usd: float | None = None,
        reservation_lasts_s: float = 1_800,
        max_age_s: float = 1.0,
    ) -> None:
        """`platform_daily_usd`: a cap from the settings; the lower one of two counts."""
        self._sessions = sessions
        self._configured = (
            None if platform_daily_usd is None else round(platform_daily_usd * 1_000_000)
        )
        self._lasts_s = reservation_lasts_s
        self._standings = Recent(lambda _: self.standings(), max_age_s=max_age_s)

    async def has_room(self, scopes: Sequence[Scope], /) -> bool:
        standings = await self._standings()
        return all(one.has_room for one in _of(standings, named(scopes)))

    async def reserve(self, scopes: Sequence[Scope], amount: int, /) -> Reservation:
        reservation = Reservation(uuid7(), amount)
        capped = _of(await self._standings(), named(scopes))
        for one in capped:
            if one.spent >= one.cap:
                raise BudgetExceeded(scope=one.scope)
        if not capped or amount == 0:
            return reservation
        wanted = Reservation(reservation.id, amount, tuple(one.scope for one in capped))
        try:
            await self._take(wanted, capped)
        except BudgetExceeded:
            # Perhaps calls that died still hold room.
            await self.release_expired()
            await self._take(wanted, capped)
        return wanted

    async def standings(self) -> Mapping[str, Standing]:
        """How every capped scope stands now. Raises DatabaseUnavailable."""
        async with transaction(self._sessions) as session:
            rows = await session.execute(
                _STANDINGS, {"platform": PLATFORM, "configured": self._configured}
            )
            return {
                row.scope: Standing(
                    scope=row.scope, cap=row.cap, spent=row.spent, reserved=row.reserved
                )
                for row in rows
            }

    async def release_expired(self) -> None:
        """Give back the room of calls that were never settled; forget what is long settled."""
        async with transaction(self._sessions) as session:
            await session.execute(_RELEASE)
        async with transaction(self._sessions) as session:
            await session.execute(_FORGET)

    async def _take(self, wanted: Reservation, capped: Sequence[Standing]) -> None:
        caps = [{"scope": one.scope, "cap": one.cap} for one in capped]
        async with transaction(self._sessions) as session:
            taken = await session.scalars(
                _RESERVE,
                {
                    "id": wanted.id,
                    "amount": wanted.amount,
                    "wanted": orjson.dumps(caps).decode(),
                    "platform": PLATFORM,
                    "lasts_s": self._lasts_s,
                },
            )
            refused = set(wanted.scopes) - set(taken)
            if refused:
                # Rolls back what other scopes gave.
                raise BudgetExceeded(scope=min(refused))


def _of(standings: Mapping[str, Standing], scopes: Sequence[str]) -> Sequence[Standing]:
    return [standings[scope] for scope in scopes if scope in standings]
