"""Tenants in PostgreSQL, each seen by its own transactions only."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, insert, select, text, update

from crm_chatbot.application.feed import Thing
from crm_chatbot.domain.language import Language
from crm_chatbot.domain.money import Currency
from crm_chatbot.domain.tenants.business_hours import BusinessHours, Day, Opening
from crm_chatbot.domain.tenants.tenant import (
    Pace,
    ReplyLimits,
    Tenant,
    TenantId,
    TenantNotFound,
    TenantStatus,
)
from crm_chatbot.infrastructure.tables import tenants
from shared.domain import ChangedMeanwhile
from shared.infrastructure.database import Sessions, reading
from shared.infrastructure.late import LateSession

# Through the one function that may look across tenants.
_PAGE = text("SELECT * FROM crm.all_tenants(CAST(:before AS uuid), :limit)").columns(*tenants.c)


class SqlTenants:
    """Honours crm_chatbot.domain.tenants.tenant.Tenants."""

    def __init__(self, session: LateSession) -> None:
        self._session = session

    async def get(self, tenant_id: TenantId, /) -> Tenant:
        found = await self._session.execute(select(tenants).where(tenants.c.id == tenant_id))
        row = found.mappings().one_or_none()
        if row is None:
            raise TenantNotFound(tenant_id=tenant_id)
        return tenant_of(row)

    async def add(self, tenant: Tenant, /) -> None:
        await self._session.execute(insert(tenants).values(row_of(tenant)))
        self._session.touched(Thing.TENANT, tenant.id)

    async def save(self, tenant: Tenant, /) -> None:
        seen = update(tenants).where(tenants.c.id == tenant.id, tenants.c.version == tenant.version)
        changed = {**row_of(tenant), "version": tenant.version + 1}
        version = await self._session.scalar(seen.values(changed).returning(tenants.c.version))
        if version is None:
            raise ChangedMeanwhile
        tenant.version = version
        self._session.touched(Thing.TENANT, tenant.id)


class SqlTenantList:
    """Honours crm_chatbot.application.tenants.TenantList."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def page(self, *, before: TenantId | None, limit: int) -> Sequence[Tenant]:
        async with reading(self._sessions) as connection:
            rows = await connection.execute(_PAGE, {"before": before, "limit": limit})
            return [tenant_of(row) for row in rows.mappings()]


def row_of(tenant: Tenant) -> dict[str, Any]:
    """A tenant as its row; `tenant_of` is the way back, and a test holds the two together."""
    return {
        "id": tenant.id,
        "name": tenant.name,
        "status": tenant.status,
        "prompt": tenant.prompt,
        "language": tenant.language,
        "time_zone": tenant.time_zone,
        "currency": tenant.currency.code,
        "business_hours": _hours_row(tenant.business_hours),
        "llm_config": tenant.llm_config,
        **vars(tenant.pace),
        **vars(tenant.limits),
        "handback_after_s": tenant.handback_after_s,
        "is_moderated": tenant.is_moderated,
        "pay_within_s": tenant.pay_within_s,
        "version": tenant.version,
        "created_at": tenant.created_at,
        "updated_at": tenant.updated_at,
    }


def tenant_of(row: RowMapping) -> Tenant:
    """A row as the tenant that it was."""
    return Tenant(
        id=TenantId(UUID(str(row["id"]))),
        name=row["name"],
        status=TenantStatus(row["status"]),
        prompt=row["prompt"],
        language=Language(row["language"]),
        time_zone=row["time_zone"],
        currency=Currency(row["currency"]),
        business_hours=_hours_of(row["business_hours"]),
        llm_config=row["llm_config"],
        pace=Pace(row["quiet_s"], row["longest_s"]),
        limits=ReplyLimits(row["turns_per_hour"], row["turns_per_day"]),
        handback_after_s=row["handback_after_s"],
        is_moderated=row["is_moderated"],
        pay_within_s=row["pay_within_s"],
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _hours_row(hours: BusinessHours) -> dict[str, list[list[int]]]:
    return {
        day.value: [[one.starts, one.ends] for one in openings]
        for day, openings in hours.week.items()
    }


def _hours_of(row: dict[str, list[list[int]]]) -> BusinessHours:
    return BusinessHours(
        {
            Day(day): tuple(Opening(starts, ends) for starts, ends in openings)
            for day, openings in row.items()
        }
    )
