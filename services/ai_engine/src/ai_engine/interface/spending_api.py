"""`/v1/usage` and `/v1/budgets`: what models cost, and what they may cost in a day."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ai_engine.interface.administration import (
    Admin,
    Administration,
    actor,
    history_of,
)
from ai_engine.interface.config_views import Body, History, Number
from shared.interface.access import AnyCaller, Caller, PlatformCaller
from shared.interface.problems import invalid, not_found
from shared.interface.routes import api_router
from shared.interface.versions import ExpectedVersion, tag
from shared.llm.budgets import PLATFORM, Cap, NoSuchBudget, Standing
from shared.llm.usage import Group, UsageFilter, UsageSum

usage = api_router("/v1/usage", tag="usage")
budgets = api_router("/v1/budgets", tag="budgets")

MILLION = 1_000_000
LONGEST = timedelta(days=366)

Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2999, 12, 31))]


class UsageQuery(BaseModel):
    """Which calls are summed, and into which groups."""

    model_config = ConfigDict(extra="forbid")

    since: Day | None = Field(None, description="The first day (UTC). By default 30 days in all.")
    until: Day | None = Field(None, description="The last day (UTC). By default today.")
    tenant_id: UUID | None = None
    config_name: Annotated[str, StringConstraints(max_length=255)] | None = None
    by: list[Group] = Field(["day", "config_name"], max_length=5, description="The groups.")


class UsageView(BaseModel):
    """What one group's calls came to; fields that were not grouped by are null."""

    day: date | None
    tenant_id: UUID | None = Field(description="Also null for calls of the platform itself.")
    config_name: str | None
    provider: str | None
    model: str | None
    calls: int
    failed_calls: int
    estimated_calls: int = Field(description="Calls whose provider did not count their tokens.")
    input_tokens: int
    output_tokens: int
    cost_usd: float

    @classmethod
    def of(cls, one: UsageSum) -> "UsageView":
        return cls.model_validate(vars(one) | {"cost_usd": one.cost_micro_usd / MILLION})


class UsageList(BaseModel):
    """Sums in the order of their groups."""

    since: date
    until: date
    usage: list[UsageView]


@usage.get("", summary="What models cost")
async def list_usage(
    app: Admin, caller: AnyCaller, wanted: Annotated[UsageQuery, Query()]
) -> UsageList:
    """Sums of all model calls, failed ones too; a tenant sees its own only."""
    until = wanted.until or app.now().date()
    since = wanted.since or until - timedelta(days=29)
    if not timedelta(0) <= until - since < LONGEST:
        raise invalid("/query/since", "invalid", "must not be after `until`, nor 366 days before.")
    if wanted.tenant_id and not _may_see(caller, str(wanted.tenant_id)):
        raise not_found()
    filtered = UsageFilter(
        since=since,
        until=until,
        tenant_id=caller.tenant_id or wanted.tenant_id,
        config_name=wanted.config_name,
    )
    sums = await app.usage(filtered, wanted.by)
    return UsageList(since=since, until=until, usage=[UsageView.of(one) for one in sums])


class BudgetBody(Body):
    """What a scope may spend in a day."""

    daily_usd: Annotated[Number, Field(ge=0, le=1_000_000_000)] | None = Field(
        description="US dollars per day (UTC). 0 stops all calls; null lifts the limit."
    )


class BudgetView(BaseModel):
    """A scope's budget, and how it stands today."""

    scope: str = Field(description="`platform`, or a tenant's id.")
    daily_usd: float | None = Field(
        description="The limit in force (the lower of this and LLM_DAILY_BUDGET_USD); null: none."
    )
    spent_today_usd: float | None = Field(description="Null where nothing limits.")
    reserved_usd: float | None = Field(description="Held by calls that are under way.")
    version: int = Field(description="0 where the limit comes from the settings alone.")

    @classmethod
    def of(cls, scope: str, version: int, now: Standing | None) -> "BudgetView":
        return cls(
            scope=scope,
            daily_usd=now.cap / MILLION if now else None,
            spent_today_usd=now.spent / MILLION if now else None,
            reserved_usd=now.reserved / MILLION if now else None,
            version=version,
        )


class BudgetList(BaseModel):
    """Every scope that has a budget."""

    budgets: list[BudgetView]


@budgets.get("", summary="List budgets")
async def list_budgets(app: Admin, _caller: PlatformCaller) -> BudgetList:
    """Every scope that has one, by scope."""
    views = await _views(app)
    return BudgetList(budgets=[views[scope] for scope in sorted(views)])


@budgets.get("/{scope}", summary="Look at a budget")
async def get_budget(scope: str, app: Admin, caller: AnyCaller, response: Response) -> BudgetView:
    """`platform`, or a tenant's id; a tenant sees its own only."""
    view = (await _views(app)).get(scope)
    if view is None or not _may_see(caller, scope):
        raise NoSuchBudget(name=scope)
    tag(response, view.version)
    return view


@budgets.put("/{scope}", summary="Set a budget")
async def set_budget(
    scope: str,
    body: BudgetBody,
    app: Admin,
    caller: PlatformCaller,
    expected: ExpectedVersion,
    response: Response,
) -> BudgetView:
    """In force within two seconds. With `If-Match`, only over that version."""
    micro_usd = None if body.daily_usd is None else round(body.daily_usd * MILLION)
    cap = await app.configuration.caps.put(
        Cap(scope=_known_scope(scope), micro_usd=micro_usd), actor=actor(caller), expected=expected
    )
    tag(response, cap.version)
    return (await _views(app))[cap.scope]


@budgets.get("/{scope}/history", summary="Who changed a budget")
async def budget_history(scope: str, app: Admin, _caller: PlatformCaller) -> History:
    """The newest change first; amounts are millionths of a US dollar."""
    return history_of(await app.configuration.caps.history(scope))


async def _views(app: Administration) -> Mapping[str, BudgetView]:
    standings = await app.standings()
    versions = {cap.scope: cap.version for cap in await app.configuration.caps.all()}
    return {
        scope: BudgetView.of(scope, versions.get(scope, 0), standings.get(scope))
        for scope in {*versions, *standings}
    }


def _known_scope(text: str) -> str:
    """A tenant's id only as we spell it: else one tenant could have two budgets."""
    try:
        if text == PLATFORM or str(UUID(text)) == text:
            return text
    except ValueError:
        pass
    raise NoSuchBudget(name=text)


def _may_see(caller: Caller, scope: str) -> bool:
    return caller.is_platform or scope == str(caller.tenant_id)
