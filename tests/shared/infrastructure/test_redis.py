"""Hints come and go; whatever happens to Redis, nobody gets an error."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import ConnectionPool, Redis

from shared.infrastructure.redis import Hints
from tests.shared.infrastructure.listener import Listener, listening
from tests.waiting import until

#: So that a busy machine's pauses are not taken for Redis's.
PATIENT_S = 5.0


@pytest.fixture
async def hints(redis_url: str) -> AsyncGenerator[Hints]:
    hints = Hints(redis_url, timeout_s=PATIENT_S)
    yield hints
    await hints.close()


@pytest.fixture
async def server(redis_url: str) -> AsyncGenerator[Redis]:
    """The same Redis, for looking at it and spoiling it."""
    client: Redis = Redis.from_pool(ConnectionPool.from_url(redis_url))  # pyright: ignore[reportUnknownMemberType]
    yield client
    await client.aclose()


async def test_values_come_back_as_they_were(hints: Hints) -> None:
    values = {"a": {"x": [1, 2.5, None, True, "é"]}, "b": "text", "c": 0}

    await hints.put(values, ttl_s=60)

    assert await hints.get_many(["a", "b", "c", "d"]) == values
    assert await hints.get("a") == values["a"]
    assert await hints.get("d") is None


async def test_values_are_forgotten_when_asked_or_in_time(hints: Hints) -> None:
    await hints.put({"asked": 1, "kept": 2}, ttl_s=60)
    await hints.put({"in time": 3}, ttl_s=0.01)

    await hints.forget("asked", "never there")

    async def is_forgotten() -> bool:
        return await hints.get("in time") is None

    await until(is_forgotten, "the value expires", within=PATIENT_S)
    assert await hints.get_many(["asked", "kept"]) == {"kept": 2}


async def test_what_cannot_be_read_is_deleted_and_missed(hints: Hints, server: Redis) -> None:
    await server.set("aip:broken", b'{"half":')
    await server.set("aip:bytes", b"\xff\xfe")

    assert await hints.get_many(["broken", "bytes"]) == {}
    assert await server.exists("aip:broken", "aip:bytes") == 0


async def test_a_value_of_another_kind_is_a_miss_and_spares_the_rest(
    hints: Hints, server: Redis
) -> None:
    await hints.put({"fine": 1}, ttl_s=60)
    await server.lpush("aip:list", "x")

    assert await hints.get("list") is None
    assert await hints.count({"list": 1}, ttl_s=60) == {}
    assert await hints.read("list") == []
    assert await hints.get("fine") == 1


async def test_counters_add_up_over_processes_and_expire(
    hints: Hints, redis_url: str, server: Redis
) -> None:
    other = Hints(redis_url, timeout_s=PATIENT_S)

    assert await hints.count({"a": 2, "b": 1}, ttl_s=60) == {"a": 2, "b": 1}
    assert await other.count({"a": 3}, ttl_s=60) == {"a": 5}
    assert 0 < await server.ttl("aip:a") <= 60
    await other.close()


async def test_a_stream_is_read_on_from_where_one_stopped(hints: Hints) -> None:
    await hints.append([("s", {"text": str(n)}) for n in range(3)] + [("other", {"text": "x"})])

    first = await hints.read("s")
    rest = await hints.read("s", first[0][0])

    assert [fields["text"] for _, fields in first] == ["0", "1", "2"]
    assert rest == first[1:]
    assert await hints.read("s", first[-1][0]) == []


async def test_whoever_waits_at_a_stream_is_woken(hints: Hints) -> None:
    waiting = [asyncio.create_task(hints.read("s", wait_s=30)) for _ in range(30)]
    await asyncio.sleep(0)

    await hints.append([("s", {"text": "here"})])

    async with asyncio.timeout(PATIENT_S):
        found = await asyncio.gather(*waiting)
    assert all(entries[0][1] == {"text": "here"} for entries in found)


async def test_waiters_leave_connections_for_others(hints: Hints) -> None:
    waiting = [asyncio.create_task(hints.read(f"s{n}", wait_s=30)) for n in range(100)]

    async with asyncio.timeout(PATIENT_S):
        await hints.put({"a": 1}, ttl_s=60)
        assert await hints.get("a") == 1

    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert await hints.get("a") == 1


async def test_a_stream_is_cut_and_expires(hints: Hints, server: Redis) -> None:
    await hints.append([("s", {"n": str(n)}) for n in range(3_000)], most=100, ttl_s=60)

    assert 100 <= await server.xlen("aip:s") < 300
    assert 0 < await server.ttl("aip:s") <= 60


async def test_a_position_that_is_none_finds_nothing(hints: Hints) -> None:
    await hints.append([("s", {"text": "x"})])

    assert await hints.read("s", "no position") == []
    assert len(await hints.read("s")) == 1


async def everything_misses(hints: Hints) -> None:
    assert await hints.get("a") is None
    assert await hints.get_many(["a", "b"]) == {}
    assert await hints.count({"a": 1}, ttl_s=60) == {}
    assert await hints.read("s") == []
    await hints.put({"a": 1}, ttl_s=60)
    await hints.append([("s", {"text": "x"})])
    await hints.forget("a")


async def test_without_redis_everything_is_a_miss() -> None:
    hints = Hints(None)

    await everything_misses(hints)

    assert not await hints.is_reachable()
    await hints.close()


async def test_nobody_listening_is_a_miss() -> None:
    hints = Hints("redis://127.0.0.1:1")

    await everything_misses(hints)

    assert not await hints.is_reachable()
    await hints.close()


@asynccontextmanager
async def silence() -> AsyncGenerator[Listener]:
    """Takes connections and says nothing."""
    async with listening(Listener(hangs=True)) as listener:
        yield listener


async def test_silence_costs_one_timeout_and_then_nothing_for_a_while() -> None:
    async with silence() as listener:
        hints = Hints(f"redis://127.0.0.1:{listener.port}", timeout_s=0.2, pause_s=60)
        began = time.monotonic()

        for _ in range(100):
            await everything_misses(hints)

        assert 0.2 <= time.monotonic() - began < 2
        assert listener.connections == 1
        await hints.close()


async def test_after_the_pause_redis_is_asked_again() -> None:
    async with silence() as listener:
        hints = Hints(f"redis://127.0.0.1:{listener.port}", timeout_s=0.05, pause_s=0.1)

        async def was_asked_again() -> bool:
            await everything_misses(hints)
            return listener.connections >= 2

        await until(was_asked_again, "a second connection", within=PATIENT_S, every=0.01)
        await hints.close()


async def test_a_waiting_reader_does_not_spin_when_redis_is_away() -> None:
    for hints in (Hints(None), Hints("redis://127.0.0.1:1")):
        began = time.monotonic()

        for _ in range(3):
            assert await hints.read("s", wait_s=0.1) == []

        assert time.monotonic() - began >= 0.3
        await hints.close()


async def test_what_speaks_no_redis_is_a_miss() -> None:
    async with listening(Listener(answer=b"HTTP/1.1 400 Bad Request\r\n\r\n")) as listener:
        listener.ends_with = b"\r\n"
        hints = Hints(f"redis://127.0.0.1:{listener.port}", timeout_s=0.5)

        await everything_misses(hints)

        await hints.close()
