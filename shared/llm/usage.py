"""What every model call cost: recorded per attempt, summed up per day."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Date,
    DateTime,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    cast,
    func,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession

from shared.infrastructure.database import insert_rows, metadata
from shared.llm.chat import ModelCall
from shared.llm.store import NOW, SCHEMA, plain

llm_usage = Table(
    "llm_usage",
    metadata,
    # A call is named by what it was made for: recorded again after a commit whose outcome nobody
    # knows, it stays one call.
    Column("subject_id", Uuid, primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("subject_kind", Text, nullable=False),
    Column("tenant_id", Uuid),
    Column("at", DateTime(timezone=True), nullable=False, server_default=NOW),
    Column("config_name", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cost_micro_usd", BigInteger, nullable=False),
    Column("is_estimated", Boolean, nullable=False),
    Column("error", Text),
    Column("request_id", Text),
    Column("milliseconds", Integer, nullable=False),
    # Rows arrive in the order of time: a few bytes per block find a day.
    Index("ix_llm_usage_at", "at", postgresql_using="brin"),
    schema=SCHEMA,
)


@dataclass(frozen=True, kw_only=True)
class Used:
    """The model calls of one attempt at one piece of work, in their order."""

    subject_kind: Literal["job", "turn"]
    subject_id: UUID
    attempt: int
    tenant_id: UUID | None
    calls: Sequence[ModelCall]


async def record(session: AsyncSession, used: Sequence[Used]) -> None:
    """As part of the caller's transaction, in one statement; harmless the second time."""
    rows: list[dict[str, Any]] = [
        {
            "subject_id": one.subject_id,
            "attempt": one.attempt,
            "place": place,
            "subject_kind": one.subject_kind,
            "tenant_id": one.tenant_id,
            **asdict(call),
            # A provider's own words may hold what PostgreSQL cannot.
            "model": _storable(call.model),
            "request_id": call.request_id and _storable(call.request_id),
        }
        for one in used
        for place, call in enumerate(one.calls)
    ]
    await insert_rows(session, "platform.llm_usage", rows, on_conflict="ON CONFLICT DO NOTHING")


def _storable(words: str) -> str:
    return words[:255].replace("\0", "").encode(errors="replace").decode()


Group = Literal["day", "tenant_id", "config_name", "provider", "model"]


@dataclass(frozen=True, kw_only=True)
class UsageFilter:
    """Whole days, UTC, both ends included."""

    since: date
    until: date
    tenant_id: UUID | None = None
    config_name: str | None = None


@dataclass(frozen=True, kw_only=True)
class UsageSum:
    """What the calls of one group came to; a field that was not grouped by is None."""

    day: date | None = None
    tenant_id: UUID | None = None
    config_name: str | None = None
    provider: str | None = None
    model: str | None = None
    calls: int
    failed_calls: int
    #: calls whose tokens we counted ourselves
    estimated_calls: int
    input_tokens: int
    output_tokens: int
    cost_micro_usd: int


#: A longer answer helps nobody: ask for fewer days, or group by less.
MOST_SUMS = 10_000

_DAY = cast(func.timezone("UTC", llm_usage.c.at), Date).label("day")
_GROUPS: dict[Group, Any] = {
    "day": _DAY,
    "tenant_id": llm_usage.c.tenant_id,
    "config_name": llm_usage.c.config_name,
    "provider": llm_usage.c.provider,
    "model": llm_usage.c.model,
}
_SUMS = (
    func.count().label("calls"),
    func.count(llm_usage.c.error).label("failed_calls"),
    func.count().filter(llm_usage.c.is_estimated).label("estimated_calls"),
    *(
        cast(func.coalesce(func.sum(column), 0), BigInteger).label(column.name)
        for column in (
            llm_usage.c.input_tokens,
            llm_usage.c.output_tokens,
            llm_usage.c.cost_micro_usd,
        )
    ),
)


async def sums(
    session: AsyncSession, wanted: UsageFilter, *, by: Sequence[Group] = ("day", "config_name")
) -> Sequence[UsageSum]:
    """What was used, in the order of the groups; at most MOST_SUMS."""
    usage = llm_usage.c
    # `at` is compared as it is, not as a day: only so does its index help.
    conditions = [usage.at >= _midnight(wanted.since)]
    conditions.append(usage.at < _midnight(wanted.until + timedelta(days=1)))
    if wanted.tenant_id:
        conditions.append(usage.tenant_id == wanted.tenant_id)
    if wanted.config_name:
        conditions.append(usage.config_name == wanted.config_name)
    groups = [_GROUPS[group] for group in dict.fromkeys(by)]
    found = await session.execute(
        select(*groups, *_SUMS)
        .where(*conditions)
        .group_by(*groups)
        .order_by(*groups)
        .limit(MOST_SUMS)
    )
    return [UsageSum(**plain(row)) for row in found.mappings()]


def _midnight(day: date) -> ColumnElement[datetime]:
    """The beginning of a day in UTC, as PostgreSQL sees it."""
    return func.timezone("UTC", cast(day, DateTime(timezone=False)))
