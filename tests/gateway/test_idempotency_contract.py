"""What every `Idempotency` keeps: one key, one request, one job, whoever comes first."""

import asyncio

import pytest
from sqlalchemy import text
from uuid_utils.compat import uuid7

from gateway.application.ports import (
    Idempotency,
    IdempotencyInProgress,
    IdempotencyKeyReused,
    Once,
)
from gateway.domain.job import JobId
from gateway.infrastructure.idempotency import forget_old_keys
from shared.infrastructure.database import transaction
from tests.gateway.builders import once
from tests.gateway.stores import Gateway, SqlGateway

CONTRACT_OF = Idempotency


class Undone(Exception):
    """Raised inside a transaction, so that it is rolled back."""


def an_id() -> JobId:
    return JobId(uuid7())


async def claim(gateway: Gateway, key: Once, job_id: JobId) -> JobId:
    async with gateway.open_work() as work:
        return await work.idempotency.claim(key, job_id)


async def find(gateway: Gateway, key: Once) -> JobId | None:
    async with gateway.open_work() as work:
        return await work.idempotency.find(key)


async def test_the_first_to_claim_a_key_has_it(gateway: Gateway) -> None:
    first, second = an_id(), an_id()

    assert await find(gateway, once()) is None
    assert await claim(gateway, once(), first) == first
    assert await claim(gateway, once(), second) == first
    assert await find(gateway, once()) == first


async def test_a_key_cannot_be_used_for_another_request(gateway: Gateway) -> None:
    await claim(gateway, once(request="one"), an_id())

    with pytest.raises(IdempotencyKeyReused):
        await claim(gateway, once(request="another"), an_id())
    with pytest.raises(IdempotencyKeyReused):
        await find(gateway, once(request="another"))


async def test_the_same_key_of_somebody_else_is_another_key(gateway: Gateway) -> None:
    mine, theirs = an_id(), an_id()

    assert await claim(gateway, once(scope="a", request="one"), mine) == mine
    assert await find(gateway, once(scope="b", request="another")) is None
    assert await claim(gateway, once(scope="b", request="another"), theirs) == theirs
    assert await find(gateway, once(scope="a", request="one")) == mine


async def test_a_key_whose_request_failed_may_be_used_again(gateway: Gateway) -> None:
    with pytest.raises(Undone):
        async with gateway.open_work() as work:
            await work.idempotency.claim(once(), an_id())
            raise Undone
    second = an_id()

    assert await claim(gateway, once(request="better"), second) == second


async def test_a_twin_waits_until_the_first_is_decided(gateway: Gateway) -> None:
    first = an_id()

    async with gateway.open_work() as work:
        await work.idempotency.claim(once(), first)
        twin = asyncio.create_task(claim(gateway, once(), an_id()))
        await asyncio.wait([twin], timeout=0.1)
        is_waiting = not twin.done()

    assert is_waiting
    assert await asyncio.wait_for(twin, 5) == first


async def test_many_twins_agree_on_the_first(gateway: Gateway) -> None:
    claims = await asyncio.gather(*(claim(gateway, once(), an_id()) for _ in range(30)))

    assert len(set(claims)) == 1


@pytest.mark.slow
async def test_a_first_that_is_undecided_for_long_makes_its_twin_come_later(
    postgres: SqlGateway,
) -> None:
    async with postgres.open_work() as work:
        await work.idempotency.claim(once(), an_id())
        with pytest.raises(IdempotencyInProgress) as refusal:
            await asyncio.wait_for(claim(postgres, once(), an_id()), 5)

    assert refusal.value.retry_after_s == 1


async def test_keys_are_forgotten_after_a_day_and_not_before(postgres: SqlGateway) -> None:
    await claim(postgres, once("old"), an_id())
    await postgres.pass_time(24 * 3_600 - 60)
    await claim(postgres, once("young"), an_id())

    await forget_old_keys(postgres.sessions)
    assert await find(postgres, once("old")) is not None
    await postgres.pass_time(120)
    await forget_old_keys(postgres.sessions)

    async with transaction(postgres.sessions) as session:
        left = await session.scalars(text("SELECT key FROM gateway.idempotency_keys"))
        assert list(left) == ["young"]
