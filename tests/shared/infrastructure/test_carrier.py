"""The carrier: whatever becomes of RabbitMQ, everything that was published is heard."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from uuid import UUID

import aiormq
import pytest
from prometheus_client import REGISTRY

from shared.infrastructure import carrier as module
from shared.infrastructure.amqp import BrokerUnsuitable
from shared.infrastructure.carrier import Carrier
from shared.infrastructure.database import Sessions, connect, sessions_of
from shared.infrastructure.postgres_queue import PostgresTransport
from shared.infrastructure.rabbitmq import RabbitTransport
from shared.messaging import CarrierUnavailable, Incoming, Outcome, Outgoing
from tests.chaos.process import free_port
from tests.shared.brokers import PrivateRabbit
from tests.shared.infrastructure.hearing import (
    Hearing,
    a_message,
    listening,
    of_a_short_queue,
    settled,
    some_messages,
    unreadable,
)
from tests.waiting import until

pytestmark = pytest.mark.slow

ON_DISK_AFTER_S = 1.5


@pytest.fixture
def postgres(sessions: Sessions) -> PostgresTransport:
    return PostgresTransport(sessions)


@pytest.fixture
async def carrier(
    broker: PrivateRabbit, queue: str, postgres: PostgresTransport
) -> AsyncGenerator[Carrier]:
    carrier = Carrier(RabbitTransport(broker.url, [queue], patience_s=1.5), postgres)
    yield carrier
    async with asyncio.timeout(5):
        await carrier.close()


async def on_postgres(postgres: PostgresTransport, queue: str) -> int:
    return (await postgres.depths()).get(queue, (0, 0))[0]


async def test_while_rabbitmq_is_well_postgresql_carries_nothing(
    carrier: Carrier, queue: str, postgres: PostgresTransport
) -> None:
    sent = some_messages(queue, 20)

    await carrier.prepare()
    assert len(await carrier.publish(sent)) == 20

    assert not carrier.is_degraded
    assert await on_postgres(postgres, queue) == 0


async def test_everything_is_heard_although_the_broker_is_killed_again_and_again(
    broker: PrivateRabbit, carrier: Carrier, queue: str
) -> None:
    sent: list[Outgoing] = []
    hearing, is_over = Hearing(), asyncio.Event()

    async def publish_all_the_time() -> None:
        while not is_over.is_set():
            batch = some_messages(queue, 5)
            assert await carrier.publish(batch) == {message.id for message in batch}
            sent.extend(batch)
            await asyncio.sleep(0.02)

    async with listening(carrier, queue, hearing), asyncio.TaskGroup() as tasks:
        tasks.create_task(publish_all_the_time())
        for _ in range(2):
            await asyncio.sleep(ON_DISK_AFTER_S)
            broker.kill()
            await until(lambda: carrier.is_degraded, "PostgreSQL carries", within=10)
            await asyncio.to_thread(broker.start)
            await until(lambda: not carrier.is_degraded, "RabbitMQ carries", within=30)
        is_over.set()
        await hearing.hears(sent, within=20)


async def test_only_the_first_batch_waits_for_a_frozen_broker(
    broker: PrivateRabbit, carrier: Carrier, queue: str
) -> None:
    before, during, hearing = some_messages(queue, 5), some_messages(queue, 30), Hearing()
    await carrier.publish(before)

    broker.freeze()
    took = list[float]()
    for start in range(0, 30, 5):
        began = time.monotonic()
        assert len(await carrier.publish(during[start : start + 5])) == 5
        took.append(time.monotonic() - began)
    async with listening(carrier, queue, hearing):
        await hearing.hears(during, within=5)
        broker.thaw()
        await hearing.hears(before)

    assert took[0] < 2
    assert max(took[1:]) < 0.5


class Ruin(RabbitTransport):
    """Answers, and confirms nothing: as a quorum queue does that was killed while it was made."""

    tries = 0

    async def publish(self, messages: Sequence[Outgoing], /) -> set[UUID]:
        self.tries += 1
        raise CarrierUnavailable("no confirm in time")

    async def is_reachable(self) -> bool:
        return True


async def test_a_broker_that_answers_but_confirms_nothing_is_tried_less_and_less_often(
    postgres: PostgresTransport, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LEFT_ALONE_S", 0.05)
    ruin = Ruin("amqp://127.0.0.1/", [queue])
    carrier = Carrier(ruin, postgres)

    ends = time.monotonic() + 1.0
    while time.monotonic() < ends:
        assert len(await carrier.publish(some_messages(queue, 1))) == 1
        await asyncio.sleep(0.005)
    await carrier.close()

    assert 3 <= ruin.tries <= 7


async def test_a_broker_short_of_memory_stops_nothing(
    broker: PrivateRabbit, carrier: Carrier, queue: str
) -> None:
    limit = ("set_vm_memory_high_watermark", "absolute")
    sent, hearing = some_messages(queue, 20), Hearing()
    await carrier.publish(sent[:5])

    await asyncio.to_thread(broker.control, *limit, "1MB")
    try:
        async with listening(carrier, queue, hearing):
            for start in (5, 10, 15):
                assert len(await carrier.publish(sent[start : start + 5])) == 5
            await hearing.hears(sent, within=5)
            assert carrier.is_degraded
    finally:
        await asyncio.to_thread(broker.control, *limit, "1GB")

    await until(lambda: not carrier.is_degraded, "RabbitMQ carries", within=10)


async def test_what_a_full_queue_refuses_goes_to_postgresql(
    broker: PrivateRabbit,
    carrier: Carrier,
    queue: str,
    postgres: PostgresTransport,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shared.infrastructure.amqp.arguments_of", of_a_short_queue)
    await carrier.prepare()

    first, second = some_messages(queue, 30), some_messages(queue, 5)
    confirmed = await carrier.publish(first) | await carrier.publish(second)

    assert len(confirmed) == 35
    assert await on_postgres(postgres, queue) >= 5
    counted = REGISTRY.get_sample_value("aip_messages_by_fallback_total", {"queue": queue})
    assert counted == await on_postgres(postgres, queue)


async def test_queues_declared_differently_are_refused_at_the_start_and_survived_later(
    broker: PrivateRabbit, carrier: Carrier, queue: str
) -> None:
    async with aiormq.connect(broker.url) as connection:
        channel = await connection.channel()
        await channel.queue_declare(queue, durable=True)
    sent, hearing = some_messages(queue, 5), Hearing()

    with pytest.raises(BrokerUnsuitable, match="declared differently"):
        await carrier.prepare()
    async with listening(carrier, queue, hearing):
        assert len(await carrier.publish(sent)) == 5
        await hearing.hears(sent)


async def test_dead_letters_of_both_are_seen_and_put_back(
    broker: PrivateRabbit, carrier: Carrier, queue: str, postgres: PostgresTransport
) -> None:
    by_rabbit, by_postgres, hearing = a_message(queue), a_message(queue), Hearing()
    await carrier.publish([by_rabbit])
    await postgres.publish([by_postgres])
    async with listening(carrier, queue, Hearing(unreadable)):
        await until(lambda: dead_are(carrier, queue, 2), "both are set aside", within=5)

    letters = [letter.id for letter in await carrier.dead_letters(queue)]
    moved = await carrier.replay(queue, letters)
    async with listening(carrier, queue, hearing):
        await hearing.hears([by_rabbit, by_postgres])

    assert (len(letters), moved) == (2, 2)


async def dead_are(carrier: Carrier, queue: str, count: int) -> bool:
    return (await carrier.depths()).get(queue, (0, 0))[1] == count


async def test_two_listeners_never_overfill_one_room(
    carrier: Carrier, queue: str, postgres: PostgresTransport
) -> None:
    """Both carriers hold plenty, and there is room for three at a time."""
    await carrier.publish(on_rabbit := some_messages(queue, 60))
    await postgres.publish(elsewhere := some_messages(queue, 60))
    in_hand, most, freed = 0, 0, asyncio.Condition()
    work: set[asyncio.Task[None]] = set()

    async def room() -> int:
        async with freed:
            await freed.wait_for(lambda: in_hand < 3)
            return 3 - in_hand

    async def finish(count: int) -> None:
        nonlocal in_hand
        await asyncio.sleep(0.005)
        in_hand -= count
        async with freed:
            freed.notify_all()

    async def handle(batch: Sequence[Incoming]) -> Sequence[Outcome]:
        nonlocal in_hand, most
        in_hand += len(batch)
        most = max(most, in_hand)
        work.add(asyncio.create_task(finish(len(batch))))
        return await settled(batch)

    hearing = Hearing(handle)
    async with listening(carrier, queue, hearing, room=room):
        await hearing.hears([*on_rabbit, *elsewhere])
    await asyncio.gather(*work)

    assert most <= 3
    assert set(hearing.times.values()) == {1}


async def test_when_the_database_is_away_as_well_nothing_is_claimed_to_be_sent(
    queue: str,
) -> None:
    engine = connect(f"postgresql://nobody@127.0.0.1:{free_port()}/nowhere")
    rabbit = RabbitTransport(f"amqp://127.0.0.1:{free_port()}/", [queue])
    carrier = Carrier(rabbit, PostgresTransport(sessions_of(engine)))

    with pytest.raises(CarrierUnavailable):
        await carrier.publish(some_messages(queue, 2))
    async with asyncio.timeout(2):
        assert not await carrier.is_reachable()

    await carrier.close()
    await engine.dispose()
