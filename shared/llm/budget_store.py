"""Budgets in PostgreSQL: room is taken before a call and turned into spending after it."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from shared.batching import Gather
from shared.infrastructure.database import Sessions, transaction
from shared.llm.budget_tables import SPENT_TODAY, TODAY
from shared.llm.budgets import BudgetExceeded, Reservation, Scope, Standing, named
from shared.llm.recent import Recent

_STANDINGS = text(f"""
    WITH caps AS (
        SELECT scope, min(cap_micro_usd) AS cap
          FROM (SELECT scope, cap_micro_usd FROM platform.budgets
                 UNION ALL
                SELECT 'platform', CAST(:configured AS bigint)) AS every_cap
         WHERE cap_micro_usd IS NOT NULL
         GROUP BY scope)
    SELECT caps.scope, caps.cap, today.spent_micro_usd AS spent,
           today.reserved_micro_usd
           - (SELECT coalesce(sum(r.amount_micro_usd), 0)::bigint
                FROM platform.reservations r
               WHERE r.expires_at < clock_timestamp() AND r.state = 'held'
                 AND r.scope = caps.scope AND r.day = today.day) AS reserved
      FROM caps
      LEFT JOIN platform.budget_days today
        ON today.scope = caps.scope AND today.day = {TODAY}""")  # noqa: S608 - all of it is ours

_OPEN_DAY = text(f"""
    INSERT INTO platform.budget_days (scope, day, spent_micro_usd, reserved_micro_usd)
    SELECT wanted.scope, {TODAY}, {SPENT_TODAY}, 0
      FROM unnest(CAST(:scopes AS text[])) AS wanted(scope)
     ORDER BY wanted.scope
        ON CONFLICT DO NOTHING""")  # noqa: S608 - all of it is ours

# Rows are locked in the order of their keys, here and everywhere: so nobody waits in a circle.
_LOCK = text(f"""
    SELECT scope, day, spent_micro_usd + reserved_micro_usd AS used
      FROM platform.budget_days
     WHERE scope = ANY(:scopes) AND day = {TODAY}
     ORDER BY scope, day FOR UPDATE""")  # noqa: S608 - all of it is ours

_TAKE = text("""
    WITH given AS (
        SELECT * FROM json_to_recordset(CAST(:taken AS json))
            AS given(id uuid, scope text, day date, amount bigint)),
    sums AS (SELECT scope, day, sum(amount) AS amount FROM given GROUP BY scope, day),
    added AS (
        UPDATE platform.budget_days d SET reserved_micro_usd = d.reserved_micro_usd + sums.amount
          FROM sums WHERE d.scope = sums.scope AND d.day = sums.day)
    INSERT INTO platform.reservations (id, scope, day, amount_micro_usd, expires_at)
    SELECT id, scope, day, amount, clock_timestamp() + make_interval(secs => :lasts_s)
      FROM given""")

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

# What was released may still be settled, by a process that was only slow.
_FORGET = text("""
    DELETE FROM platform.reservations
     WHERE expires_at < clock_timestamp()
       AND (state = 'settled'
            OR state = 'released' AND expires_at < clock_timestamp() - interval '2 days')""")


@dataclass(frozen=True)
class _Wish:
    """Room that somebody wants, in all of these scopes or in none."""

    id: UUID
    amount: int
    capped: Sequence[Standing]


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


#: How often what died or is long settled is cleared away (seconds).
TIDY_EVERY_S = 60.0


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
        self._standings = Recent(self._renew, max_age_s=max_age_s)
        self._tidied_at = time.monotonic()
        self._tidied = Recent(self._tidy)
        # Calls that begin at the same time share one commit: they all lock the same few rows.
        self._together = Gather(self._take)

    async def has_room(self, scopes: Sequence[Scope], /) -> bool:
        standings = await self._standings()
        return all(one.has_room for one in _of(standings, named(scopes)))

    async def reserve(self, scopes: Sequence[Scope], amount: int, /) -> Reservation:
        capped = _of(await self._standings(), named(scopes))
        for one in capped:
            if one.spent >= one.cap:
                raise BudgetExceeded(scope=one.scope)
        if not capped or amount == 0:
            return Reservation(uuid7(), amount)
        wish = _Wish(uuid7(), amount, capped)
        if await self._together(wish):
            # Perhaps a new day has just begun, or calls that died still hold room.
            await self._tidied(afresh=True)
            if full := await self._together(wish):
                raise BudgetExceeded(scope=full)
        return Reservation(wish.id, amount, tuple(one.scope for one in capped))

    async def standings(self) -> Mapping[str, Standing]:
        """How every capped scope stands now. Raises DatabaseUnavailable."""
        found = await self._read()
        if unopened := [scope for scope, one in found.items() if one is None]:
            await self._open_day(unopened)
            found = await self._read()
        return {scope: one for scope, one in found.items() if one}

    async def release_expired(self) -> None:
        """Give back the room of calls that were never settled; forget what is long settled."""
        async with transaction(self._sessions) as session:
            await session.execute(_RELEASE)
        async with transaction(self._sessions) as session:
            await session.execute(_FORGET)

    async def _renew(self, last: Mapping[str, Standing] | None) -> Mapping[str, Standing]:
        if last and time.monotonic() - self._tidied_at > TIDY_EVERY_S:
            self._tidied_at = time.monotonic()
            await self.release_expired()
        return await self.standings()

    async def _read(self) -> Mapping[str, Standing | None]:
        """None for a scope whose day has no row yet."""
        async with transaction(self._sessions) as session:
            rows = await session.execute(_STANDINGS, {"configured": self._configured})
            return {row.scope: None if row.spent is None else _standing(row) for row in rows}

    async def _open_day(self, scopes: Sequence[str]) -> None:
        """The day begins with what was spent while nobody counted."""
        async with transaction(self._sessions) as session:
            await session.execute(_OPEN_DAY, {"scopes": list(scopes)})

    async def _tidy(self, _last: Mapping[str, Standing] | None) -> Mapping[str, Standing]:
        await self.release_expired()
        return await self.standings()

    async def _take(self, wishes: Sequence[_Wish]) -> Sequence[str | None]:
        """For each wish the scope that has no room for it, or None. One commit for all."""
        scopes = {one.scope for wish in wishes for one in wish.capped}
        async with transaction(self._sessions) as session:
            rows = (await session.execute(_LOCK, {"scopes": sorted(scopes)})).all()
            days = {row.scope: row.day for row in rows}
            used = {row.scope: row.used for row in rows}
            full = [_fit(wish, used) for wish in wishes]
            taken = [
                {"id": wish.id, "scope": one.scope, "day": days[one.scope], "amount": wish.amount}
                for wish, scope in zip(wishes, full, strict=True)
                if scope is None
                for one in wish.capped
            ]
            if taken:
                parameters = {"taken": orjson.dumps(taken).decode(), "lasts_s": self._lasts_s}
                await session.execute(_TAKE, parameters)
        return full


def _fit(wish: _Wish, used: dict[str, int]) -> str | None:
    """Add a wish to what is used; or leave it be, and say which scope is too full for it."""
    for one in wish.capped:
        if one.scope not in used or used[one.scope] + wish.amount > one.cap:
            return one.scope
    for one in wish.capped:
        used[one.scope] += wish.amount
    return None


def _standing(row: Row[Any]) -> Standing:
    return Standing(scope=row.scope, cap=row.cap, spent=row.spent, reserved=row.reserved)


def _of(standings: Mapping[str, Standing], scopes: Sequence[str]) -> Sequence[Standing]:
    return [standings[scope] for scope in scopes if scope in standings]
