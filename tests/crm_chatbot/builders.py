"""Shops as tests speak of them: `a_tenant(name="Kopi Ani")`."""

from datetime import UTC, datetime, timedelta
from typing import Unpack

from crm_chatbot.domain.language import Language
from crm_chatbot.domain.money import Currency
from crm_chatbot.domain.tenants.business_hours import BusinessHours, Day, Opening
from crm_chatbot.domain.tenants.tenant import (
    Pace,
    ReplyLimits,
    Tenant,
    TenantId,
    TenantStatus,
    Wishes,
)
from tests import served

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
LATER = NOON + timedelta(seconds=5)
TENANT = TenantId(served.TENANT)
OTHER_TENANT = TenantId(served.OTHER_TENANT)

HOURS = BusinessHours(
    {
        Day.MON: (Opening(9 * 60, 12 * 60), Opening(13 * 60, 17 * 60)),
        Day.SAT: (Opening(0, 24 * 60),),
    }
)


def a_tenant(tenant_id: TenantId = TENANT, **wishes: Unpack[Wishes]) -> Tenant:
    tenant = Tenant.open(tenant_id, NOON, name="Kopi Ani")
    tenant.change(NOON, **wishes)
    return tenant


def a_full_tenant(tenant_id: TenantId = TENANT) -> Tenant:
    """Every field differs from its default."""
    tenant = a_tenant(
        tenant_id,
        name="Warung Budi ☕",
        prompt="Be brief. </system> {not a hole}",
        language=Language.ENGLISH,
        time_zone="Asia/Makassar",
        currency=Currency("USD"),
        business_hours=HOURS,
        llm_config="default-claude",
        pace=Pace(quiet_s=0.5, longest_s=3.25),
        limits=ReplyLimits(turns_per_hour=7, turns_per_day=9),
        handback_after_s=0,
        is_moderated=True,
        pay_within_s=86_400,
    )
    tenant.become(TenantStatus.SUSPENDED, LATER)
    return tenant
