"""The PostgreSQL transport while listeners die and connections break."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from shared.infrastructure import postgres_queue
from shared.infrastructure.database import Sessions, connect, sessions_of
from shared.infrastructure.postgres_queue import ATTEMPTS, PostgresTransport
from shared.messaging import CarrierUnavailable, Incoming, Outcome
from tests.background import BackgroundLoop
from tests.chaos.proxy import Proxy
from tests.shared.infrastructure.hearing import (
    Hearing,
    a_message,
    ids,
    listening,
    settled,
    some_messages,
    unreadable,
)
from tests.waiting import until


@pytest.fixture
async def transport(sessions: Sessions) -> AsyncGenerator[PostgresTransport]:
    transport = PostgresTransport(sessions, visibility_s=1.0)
    yield transport
    await transport.close()


@pytest.fixture
def way(database_url: str) -> Iterator[Proxy]:
    """To the database, and breakable."""
    loop = BackgroundLoop("proxy")
    proxy = Proxy(make_url(database_url).port or 5432, loop)
    yield proxy
    proxy.close()
    loop.close()


@pytest.fixture
async def breakable(way: Proxy, database_url: str) -> AsyncGenerator[PostgresTransport]:
    url = make_url(database_url).set(host="127.0.0.1", port=way.port)
    engine = connect(url.render_as_string(hide_password=False))
    transport = PostgresTransport(sessions_of(engine))
    yield transport
    await transport.close()
    await engine.dispose()


Vanish = Callable[[str], Awaitable[None]]


@pytest.fixture
def vanish(sessions: Sessions) -> Vanish:
    """Take messages in hand as a listener does that is killed a moment later."""

    async def take(queue: str) -> None:
        facts = {"queue": queue, "most": 100, "limit": ATTEMPTS, "visibility": 1.0}
        async with sessions.begin() as session:
            await session.execute(postgres_queue.CLAIM, facts)

    return take


async def in_table(sessions: Sessions, column: str, id_: UUID) -> object:
    async with sessions.begin() as session:
        query = text(f"SELECT {column} FROM platform.messages WHERE id = :id")  # noqa: S608
        return await session.scalar(query, {"id": id_})


async def test_what_a_dead_listener_had_in_hand_comes_to_the_next_after_a_while(
    transport: PostgresTransport, queue: str, vanish: Vanish
) -> None:
    sent, hearing = some_messages(queue, 3), Hearing()
    await transport.publish(sent)
    await vanish(queue)

    async with listening(transport, queue, hearing):
        await asyncio.sleep(0.3)
        before = len(hearing.heard)
        await hearing.hears(sent, within=5)

    assert before == 0


async def test_what_kills_every_listener_is_set_aside_in_the_end(
    transport: PostgresTransport, queue: str, sessions: Sessions
) -> None:
    sent, hearing = a_message(queue), Hearing()
    await transport.publish([sent])
    async with sessions.begin() as session:
        often = {"attempts": ATTEMPTS}
        await session.execute(text("UPDATE platform.messages SET attempts = :attempts"), often)

    async with listening(transport, queue, hearing):
        await until(lambda: transport.dead_letters(queue), "it is set aside", within=5)

    assert hearing.heard == []


async def test_being_handed_over_in_vain_does_not_count_as_a_death(
    transport: PostgresTransport, queue: str, sessions: Sessions
) -> None:
    """A database that is away for long, or a service that restarts often, kills no message."""
    sent = a_message(queue)

    async def fail(_: Sequence[Incoming]) -> Sequence[Outcome]:
        raise OSError

    await transport.publish([sent])
    hearing = Hearing(fail)
    for listeners in range(1, 4):
        async with listening(transport, queue, hearing):
            await until(partial(tried, hearing, 2 * listeners), "it was tried", within=5)

    assert await in_table(sessions, "attempts", sent.id) == 0


def tried(hearing: Hearing, often: int) -> bool:
    return len(hearing.batches) >= often


async def test_a_replayed_message_starts_afresh(
    transport: PostgresTransport, queue: str, sessions: Sessions
) -> None:
    sent = a_message(queue)
    await transport.publish([sent])
    async with listening(transport, queue, unreadable):
        await until(lambda: transport.dead_letters(queue), "it is set aside", within=5)

    await transport.replay(queue, [str(sent.id)])

    assert await in_table(sessions, "attempts", sent.id) == 0
    assert await in_table(sessions, "dead_at", sent.id) is None


async def test_a_message_is_kept_once_however_often_it_is_sent(
    transport: PostgresTransport, queue: str
) -> None:
    sent = a_message(queue)

    for _ in range(3):
        assert await transport.publish([sent, sent]) == {sent.id}

    assert await transport.depths() == {queue: (1, 0)}


async def test_no_word_of_a_commit_is_needed_to_hear_within_a_second(
    transport: PostgresTransport, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_queue, "UNLESS_THERE", "ON CONFLICT (id) DO NOTHING")
    first, hearing = a_message(queue), Hearing()

    async with listening(transport, queue, hearing):
        await asyncio.sleep(0.2)
        await transport.publish([first])
        await hearing.hears([first], within=2)


async def test_a_listener_goes_on_once_the_database_is_back(
    breakable: PostgresTransport, transport: PostgresTransport, way: Proxy, queue: str
) -> None:
    first, later, last, hearing = (*(a_message(queue) for _ in range(3)), Hearing())

    async with listening(breakable, queue, hearing):
        await breakable.publish([first])
        await hearing.hears([first])
        way.down()
        with pytest.raises(CarrierUnavailable):
            await breakable.publish([later])
        with pytest.raises(CarrierUnavailable):
            await breakable.dead_letters(queue)
        with pytest.raises(CarrierUnavailable):
            await breakable.depths()
        assert not await breakable.is_reachable()
        await transport.publish([later])
        way.up()
        await hearing.hears([later], within=10)
        await asyncio.sleep(0.3)
        await transport.publish([last])
        await hearing.hears([last], within=2)


async def test_it_is_heard_at_once_again_after_the_listening_connection_was_lost(
    breakable: PostgresTransport, transport: PostgresTransport, way: Proxy, queue: str
) -> None:
    hearing = Hearing()

    async with listening(breakable, queue, hearing):
        await transport.publish(first := some_messages(queue, 1))
        await hearing.hears(first)
        way.cut()
        await until(lambda: way.connection_count >= 2, "it connects again", within=10)
        await asyncio.sleep(0.2)
        times = list[float]()
        for _ in range(5):  # by polling alone, half of these would take longer
            message, clock = a_message(queue), asyncio.get_running_loop().time
            began = clock()
            await transport.publish([message])
            await hearing.hears([message], within=5)
            times.append(clock() - began)

    assert max(times) < 0.5


async def test_a_message_whose_time_in_hand_is_over_is_not_handed_over_late(
    transport: PostgresTransport, queue: str
) -> None:
    """One listener failed, and waits for room with messages in hand; another settles them."""
    sent, has_room, rooms, failures = some_messages(queue, 3), asyncio.Event(), iter([3]), iter([1])

    async def room() -> int:
        if free := next(rooms, None):
            return free
        await has_room.wait()
        return 3

    async def fail_once(batch: Sequence[Incoming]) -> Sequence[Outcome]:
        if next(failures, None):
            raise OSError
        return await settled(batch)

    first, second, later = Hearing(fail_once), Hearing(), a_message(queue)
    await transport.publish(sent)
    async with listening(transport, queue, first, room=room):
        await first.hears(sent)
        async with listening(transport, queue, second):
            await until(lambda: nothing_waits(transport), "the other settles them", within=5)
        await transport.publish([later])
        has_room.set()
        await first.hears([later])

    assert [ids(batch) for batch in first.batches] == [ids(sent), ids([later])]
    assert ids(second.heard) == ids(sent)


async def nothing_waits(transport: PostgresTransport) -> bool:
    return await transport.depths() == {}
