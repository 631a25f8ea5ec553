"""A client's own name for a request is good for one request, for a day."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import text
from uuid_utils.compat import uuid7

from crm_chatbot.application.once import Idempotency, IdempotencyKeyReused, Once
from crm_chatbot.domain.tenants.tenant import TenantId
from shared.infrastructure.tenancy import tenant_transaction
from tests.crm_chatbot.builders import OTHER_TENANT, TENANT
from tests.crm_chatbot.stores import Crm, SqlCrm

CONTRACT_OF = Idempotency

FIRST, SECOND = uuid7(), uuid7()
ONCE = Once("tenant", "key", "hash")


async def claim(crm: Crm, once: Once, made_id: UUID, tenant: TenantId = TENANT) -> UUID:
    async with crm.open_work(tenant) as work:
        return await work.idempotency.claim(once, made_id)


async def pass_time(crm: Crm, seconds: float) -> None:
    if not isinstance(crm, SqlCrm):
        await crm.pass_time(seconds)
        return
    async with tenant_transaction(crm.sessions, TENANT) as session:
        await session.execute(
            text("""
                UPDATE crm.idempotency_keys
                   SET created_at = created_at - make_interval(secs => :seconds)"""),
            {"seconds": seconds},
        )


async def test_the_first_request_has_the_key(crm: Crm) -> None:
    assert await claim(crm, ONCE, FIRST) == FIRST
    assert await claim(crm, ONCE, SECOND) == FIRST
    assert await claim(crm, ONCE, SECOND) == FIRST


@pytest.mark.parametrize("other", [Once("platform", "key", "x"), Once("tenant", "another", "x")])
async def test_other_names_are_other_requests(crm: Crm, other: Once) -> None:
    await claim(crm, ONCE, FIRST)

    assert await claim(crm, other, SECOND) == SECOND


async def test_each_tenant_has_names_of_its_own(crm: Crm) -> None:
    await claim(crm, ONCE, FIRST)

    assert await claim(crm, Once("tenant", "key", "x"), SECOND, OTHER_TENANT) == SECOND


async def test_a_key_is_for_one_request(crm: Crm) -> None:
    await claim(crm, ONCE, FIRST)

    with pytest.raises(IdempotencyKeyReused):
        await claim(crm, Once("tenant", "key", "another hash"), SECOND)


async def test_a_request_that_came_to_nothing_used_no_key(crm: Crm) -> None:
    with pytest.raises(ZeroDivisionError):
        async with crm.open_work(TENANT) as work:
            await work.idempotency.claim(ONCE, FIRST)
            raise ZeroDivisionError

    assert await claim(crm, ONCE, SECOND) == SECOND


@pytest.mark.parametrize(("age_h", "whose"), [(23.9, FIRST), (24.1, SECOND)])
async def test_a_key_is_remembered_for_a_day(crm: Crm, age_h: float, whose: UUID) -> None:
    await claim(crm, ONCE, FIRST)
    await pass_time(crm, age_h * 3_600)

    assert await claim(crm, ONCE, SECOND) == whose


async def test_of_two_at_once_the_second_waits_for_the_first(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        await work.idempotency.claim(ONCE, FIRST)
        second = asyncio.create_task(claim(crm, ONCE, SECOND))
        await asyncio.wait([second], timeout=0.1)
        is_waiting = not second.done()

    assert is_waiting
    assert await asyncio.wait_for(second, 5) == FIRST
