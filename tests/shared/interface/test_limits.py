"""How many requests a key may make in a minute."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from shared.infrastructure.redis import Hints
from shared.interface.limits import Quota, RateLimit
from tests.waiting import until

WITHIN_S = 10.0


class Wall:
    """Wall-clock time that a test moves; it begins 15 seconds into a minute."""

    def __init__(self) -> None:
        self.now = 60_000_015.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
async def alone(wall: Wall) -> AsyncGenerator[RateLimit]:
    limit = RateLimit(Hints(None), 3, share_every_s=0.01, now=wall)
    yield limit
    await limit.close()


def taken(limit: RateLimit, key: str = "a") -> Quota:
    quota = limit.take(key)
    assert quota is not None
    return quota


async def test_the_request_after_the_last_is_one_too_many(alone: RateLimit) -> None:
    quotas = [taken(alone) for _ in range(4)]

    assert [quota.is_exceeded for quota in quotas] == [False, False, False, True]
    assert dict(quotas[0].headers) == {
        b"ratelimit-limit": b"3",
        b"ratelimit-remaining": b"2",
        b"ratelimit-reset": b"45",
    }
    assert (b"ratelimit-remaining", b"0") in quotas[3].headers


async def test_every_key_has_its_own_limit(alone: RateLimit) -> None:
    for _ in range(4):
        alone.take("a")

    assert not taken(alone, "b").is_exceeded


async def test_the_next_minute_begins_anew(alone: RateLimit, wall: Wall) -> None:
    for _ in range(4):
        alone.take("a")

    wall.now += 44
    assert taken(alone).is_exceeded
    wall.now += 1
    assert not taken(alone).is_exceeded


async def test_zero_is_no_limit() -> None:
    assert RateLimit(Hints(None), 0).take("a") is None


async def test_processes_count_together(redis_url: str, wall: Wall) -> None:
    hints = Hints(redis_url, timeout_s=5)
    here, there = (RateLimit(hints, 1_000, share_every_s=0.01, now=wall) for _ in range(2))

    for _ in range(600):
        here.take("a")
        there.take("a")

    def both_know() -> bool:
        return taken(here).is_exceeded and taken(there).is_exceeded

    await until(both_know, "600 and 600 are more than 1,000", within=WITHIN_S)
    await here.close()
    await there.close()
    await hints.close()


async def test_requests_made_while_telling_the_others_are_not_lost(
    redis_url: str, wall: Wall
) -> None:
    hints = Hints(redis_url, timeout_s=5)
    limit = RateLimit(hints, 1_000, share_every_s=0.001, now=wall)
    shared = f"requests:{int(wall.now) // 60}:a"

    used = 0
    for _ in range(200):
        used = taken(limit).used
        await asyncio.sleep(0)

    async def all_are_told() -> bool:
        return await hints.count({shared: 0}, ttl_s=60) == {shared: 200}

    assert used == 200
    await until(all_are_told, "Redis has counted 200", within=WITHIN_S)
    assert taken(limit).used == 201
    await limit.close()
    await hints.close()


async def test_redis_away_leaves_the_limit_of_each_process(wall: Wall) -> None:
    hints = Hints("redis://127.0.0.1:1")
    limit = RateLimit(hints, 3, share_every_s=0.001, now=wall)

    quotas: list[Quota] = []
    for _ in range(4):
        quotas.append(taken(limit))
        await asyncio.sleep(0.02)

    assert [quota.is_exceeded for quota in quotas] == [False, False, False, True]
    await limit.close()
    await hints.close()
