"""The RabbitMQ transport while its broker dies, hangs, forgets, or was set up by somebody else."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime

import aiormq
import pytest
from pamqp.commands import Basic

from shared.infrastructure import amqp_listening
from shared.infrastructure.amqp import BrokerUnsuitable, arguments_of, dead
from shared.infrastructure.rabbitmq import RabbitTransport
from shared.messaging import CarrierUnavailable, Incoming, Outcome
from tests.chaos.process import free_port
from tests.shared.brokers import PrivateRabbit
from tests.shared.infrastructure.hearing import (
    Hearing,
    a_message,
    listening,
    of_a_short_queue,
    plenty,
    settled,
    some_messages,
)
from tests.waiting import until

pytestmark = pytest.mark.slow

#: A quorum queue that was declared less than a second before a kill -9 comes back as a ruin: it can
#: be declared and is empty, but confirms nothing (RabbitMQ 3.10).
ON_DISK_AFTER_S = 1.5


@pytest.fixture
async def transport(broker: PrivateRabbit, queue: str) -> AsyncGenerator[RabbitTransport]:
    transport = RabbitTransport(broker.url, [queue], patience_s=1.5)
    await transport.prepare()
    yield transport
    async with asyncio.timeout(5):
        await transport.close()


async def published(transport: RabbitTransport, queue: str) -> bool:
    try:
        return bool(await transport.publish([a_message(queue)]))
    except CarrierUnavailable:
        return False


async def test_what_was_confirmed_survives_a_kill_and_a_listener_waits_for_the_broker(
    broker: PrivateRabbit, transport: RabbitTransport, queue: str
) -> None:
    sent, later, hearing = some_messages(queue, 300), some_messages(queue, 5), Hearing()
    confirmed = await transport.publish(sent)
    await asyncio.sleep(ON_DISK_AFTER_S)

    broker.kill()
    with pytest.raises(CarrierUnavailable):
        await transport.publish(later)
    async with listening(transport, queue, hearing):
        await asyncio.to_thread(broker.start)
        await hearing.hears(sent)
        await until(lambda: published(transport, queue), "it publishes again", within=15)
        await transport.publish(later)
        await hearing.hears(later)

    assert len(confirmed) == 300


async def test_a_broker_that_was_wiped_gets_its_queues_again(
    broker: PrivateRabbit, transport: RabbitTransport, queue: str
) -> None:
    sent, hearing = some_messages(queue, 5), Hearing()

    async with listening(transport, queue, hearing):
        await transport.publish(some_messages(queue, 5))
        broker.kill()
        broker.wipe()
        await asyncio.to_thread(broker.start)
        await until(lambda: published(transport, queue), "it publishes again", within=15)
        await transport.publish(sent)
        await hearing.hears(sent)


async def test_a_frozen_broker_keeps_nobody_waiting_for_long(
    broker: PrivateRabbit,
    transport: RabbitTransport,
    queue: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(amqp_listening, "PROBE_EVERY_S", 0.3)
    monkeypatch.setattr(amqp_listening, "PROBE_WITHIN_S", 0.5)
    sent, hearing = some_messages(queue, 5), Hearing()

    async with listening(transport, queue, hearing):
        await transport.publish(first := some_messages(queue, 5))
        await hearing.hears(first)
        broker.freeze()
        async with asyncio.timeout(2):
            with pytest.raises(CarrierUnavailable):
                await transport.publish(sent)
        async with asyncio.timeout(2):
            assert not await transport.is_reachable()
        broker.thaw()
        await until(lambda: published(transport, queue), "it publishes again", within=10)
        await transport.publish(sent)
        await hearing.hears(sent)


async def test_closing_does_not_wait_for_a_frozen_broker(broker: PrivateRabbit, queue: str) -> None:
    transport = RabbitTransport(broker.url, [queue])
    async with listening(transport, queue, Hearing()):
        await transport.publish([a_message(queue)])
        broker.freeze()

        async with asyncio.timeout(3):
            await transport.close()

    others = asyncio.all_tasks() - {asyncio.current_task()}
    await until(lambda: all(task.done() for task in others), "nothing is left behind", within=5)


async def test_a_broker_out_of_memory_blocks_publishing_only(
    broker: PrivateRabbit, transport: RabbitTransport, queue: str
) -> None:
    sent, hearing = some_messages(queue, 5), Hearing()
    await transport.publish(sent)
    set_limit = ("set_vm_memory_high_watermark", "absolute")

    await asyncio.to_thread(broker.control, *set_limit, "1MB")
    try:
        with pytest.raises(CarrierUnavailable):
            await transport.publish(some_messages(queue, 5))  # waits for confirms in vain
        async with asyncio.timeout(1):
            with pytest.raises(CarrierUnavailable):
                await transport.publish(some_messages(queue, 5))  # knows
            assert not await transport.is_reachable()
        async with listening(transport, queue, hearing):
            await hearing.hears(sent)
    finally:
        await asyncio.to_thread(broker.control, *set_limit, "1GB")

    await until(transport.is_reachable, "it is reachable again", within=5)
    assert len(await transport.publish(sent)) == 5


async def test_a_broker_that_is_not_there_is_unavailable_at_once(queue: str) -> None:
    transport = RabbitTransport(f"amqp://127.0.0.1:{free_port()}/", [queue])

    async with asyncio.timeout(1):
        await transport.prepare()
        with pytest.raises(CarrierUnavailable):
            await transport.publish([a_message(queue)])
        with pytest.raises(CarrierUnavailable):
            await transport.dead_letters(queue)
        with pytest.raises(CarrierUnavailable):
            await transport.depths()
        assert not await transport.is_reachable()


async def test_a_wrong_password_is_unavailable_and_is_not_told(
    broker: PrivateRabbit, queue: str
) -> None:
    transport = RabbitTransport(broker.url.replace("guest:guest", "guest:s3cret"), [queue])

    with pytest.raises(CarrierUnavailable, match="ACCESS_REFUSED") as refusal:
        await transport.publish([a_message(queue)])

    assert "s3cret" not in str(refusal.value)


async def test_a_queue_that_somebody_declared_differently_is_named_with_a_remedy(
    broker: PrivateRabbit, queue: str
) -> None:
    transport = RabbitTransport(broker.url, [queue])
    async with aiormq.connect(broker.url) as connection:
        channel = await connection.channel()
        arguments = {**arguments_of(queue), "x-max-length": 5}
        await channel.queue_declare(queue, durable=True, arguments=arguments)
    expected = f"'{queue}' .* 'x-max-length' .*rabbitmqctl delete_queue {queue}"

    async with asyncio.timeout(10):
        with pytest.raises(BrokerUnsuitable, match=expected):
            await transport.prepare()
        with pytest.raises(BrokerUnsuitable, match=expected):
            await transport.publish([a_message(queue)])
        with pytest.raises(BrokerUnsuitable, match=expected):
            await transport.listen(queue, settled, prefetch=1, room=plenty)


async def test_a_queue_that_was_deleted_is_made_again(
    broker: PrivateRabbit, transport: RabbitTransport, queue: str
) -> None:
    hearing = Hearing()
    async with listening(transport, queue, hearing):
        await transport.publish(first := some_messages(queue, 2))
        await hearing.hears(first)
        async with aiormq.connect(broker.url) as connection:
            channel = await connection.channel()
            await channel.queue_delete(queue)

        await until(lambda: published(transport, queue), "it publishes again", within=5)
        await transport.publish(later := some_messages(queue, 2))
        await hearing.hears(later)


async def test_a_listener_that_was_silently_forgotten_begins_anew(
    broker: PrivateRabbit,
    transport: RabbitTransport,
    queue: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A queue that is declared again at once: RabbitMQ 3.10 does not tell its consumers."""
    monkeypatch.setattr(amqp_listening, "PROBE_EVERY_S", 0.2)
    monkeypatch.setattr(amqp_listening, "RENEW_AFTER_S", 1.0)
    hearing = Hearing()
    async with listening(transport, queue, hearing):
        await transport.publish(first := some_messages(queue, 2))
        await hearing.hears(first)
        async with aiormq.connect(broker.url) as connection:
            channel = await connection.channel()
            await channel.queue_delete(queue)
            await channel.queue_declare(queue, durable=True, arguments=arguments_of(queue))

        await until(lambda: published(transport, queue), "it publishes again", within=5)
        await until(lambda: len(hearing.heard) > 2, "something is heard", within=5)
        await transport.publish(later := some_messages(queue, 2))
        await hearing.hears(later)


async def test_what_a_missing_queue_returns_is_not_reported_as_sent(
    transport: RabbitTransport, queue: str
) -> None:
    known, lost = a_message(queue), a_message("no such queue")

    assert await transport.publish([known, lost, lost]) == {known.id}


async def test_a_full_queue_takes_no_more_and_loses_nothing(
    broker: PrivateRabbit, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.infrastructure.amqp.arguments_of", of_a_short_queue)
    transport, hearing = RabbitTransport(broker.url, [queue]), Hearing()
    await transport.prepare()
    sent = some_messages(queue, 30)

    confirmed = await transport.publish(sent)
    refused = await transport.publish(some_messages(queue, 5))
    async with listening(transport, queue, hearing):
        await hearing.hears([message for message in sent if message.id in confirmed])
    await transport.close()

    assert confirmed
    assert refused == set()


async def test_batches_published_at_the_same_time_are_told_apart(
    transport: RabbitTransport, queue: str
) -> None:
    batches = [some_messages(queue, 50) for _ in range(10)]
    batches[3].append(a_message("no such queue"))

    answers = await asyncio.gather(*map(transport.publish, batches))

    for place, (batch, confirmed) in enumerate(zip(batches, answers, strict=True)):
        assert place == 3 or confirmed == {message.id for message in batch}
    assert batches[3][-1].id not in answers[3]


async def test_strange_messages_arrive_as_far_as_they_can_be_understood(
    broker: PrivateRabbit, transport: RabbitTransport, queue: str
) -> None:
    hearing = Hearing()
    strange = Basic.Properties(
        headers={
            "traceparent": "00-abc",
            "table": {"deep": [1, bytearray(b"\xff"), None]},
            "number": 3,
            "when": datetime(2026, 1, 1, tzinfo=UTC),
            "x-ours-not": "the broker's",
        },
        priority=255,
        content_encoding="gzip",
    )

    async with listening(transport, queue, hearing):
        await transport.publish(known := [a_message(queue)])
        async with aiormq.connect(broker.url) as connection:
            channel = await connection.channel()
            await channel.basic_publish(b"", routing_key=queue, properties=strange)
        await until(lambda: len(hearing.heard) == 2, "both are heard", within=5)

    (stranger,) = [message for message in hearing.heard if message.kind != known[0].kind]
    assert stranger.id
    assert (stranger.kind, stranger.body) == ("", b"")
    assert stranger.headers == {"traceparent": "00-abc"}


async def test_a_stranger_s_dead_letter_can_be_replayed_by_the_name_it_is_shown_under(
    broker: PrivateRabbit, transport: RabbitTransport, queue: str
) -> None:
    await transport.prepare()
    async with aiormq.connect(broker.url) as connection:
        channel = await connection.channel()
        properties = Basic.Properties(message_id="any name", message_type="Asked")
        await channel.basic_publish(b"1", routing_key=dead(queue), properties=properties)

    (letter,) = await transport.dead_letters(queue)
    moved = await transport.replay(queue, [letter.id])

    assert (letter.id, moved) == ("any name", 1)
    assert await transport.depths() == {queue: (1, 0)}


async def test_acknowledgements_never_cover_what_is_still_in_hand(
    broker: PrivateRabbit, transport: RabbitTransport, queue: str
) -> None:
    """The first batch fails, stays in hand, and later ones of the same channel are settled."""
    sent, room, failures = some_messages(queue, 6), iter([1, 1]), iter([True])

    async def small_then_large() -> int:
        return next(room, 1_000)

    async def fail_once(batch: Sequence[Incoming]) -> Sequence[Outcome]:
        if next(failures, False):
            raise OSError
        if len(batch) == 1:
            return await settled(batch)
        await asyncio.Event().wait()  # the process ends here
        return []

    await transport.publish(sent)
    async with listening(transport, queue, Hearing(fail_once), room=small_then_large):
        await until(lambda: depth_is(transport, queue, 0), "all is in hand", within=5)
        await asyncio.sleep(0.5)

    await until(lambda: depth_is(transport, queue, 5), "the rest came back", within=5)


async def depth_is(transport: RabbitTransport, queue: str, count: int) -> bool:
    return (await transport.depths())[queue][0] == count
