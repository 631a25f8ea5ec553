"""How RabbitMQ and its client behave where we rely on it; an upgrade that changes this is noticed.

Each of these facts has cost somebody data who did not know it.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import aio_pika
import aiormq
import pytest
from aiormq.abc import AbstractChannel, DeliveredMessage
from aiormq.exceptions import (
    AMQPError,
    ChannelPreconditionFailed,
    ConnectionClosed,
    DeliveryError,
    PublishError,
)
from pamqp.commands import Basic

from shared.infrastructure.amqp import DEAD_ARGUMENTS, Link, arguments_of, dead
from tests.shared.brokers import PrivateRabbit
from tests.shared.infrastructure.conftest import RETRY_AFTER_MS
from tests.waiting import until

pytestmark = pytest.mark.slow

QUORUM = {"x-queue-type": "quorum"}


@asynccontextmanager
async def a_channel(url: str, **options: Any) -> AsyncGenerator[AbstractChannel]:
    async with asyncio.timeout(30), aiormq.connect(url) as connection:
        yield await connection.channel(**options)


async def declare(channel: AbstractChannel, **arguments: str | int) -> str:
    name = f"fact.{uuid4().hex}"
    await channel.queue_declare(name, durable=True, arguments={**QUORUM, **arguments})
    return name


async def put(channel: AbstractChannel, queue: str, count: int = 1) -> None:
    for number in range(count):
        properties = Basic.Properties(delivery_mode=2, message_id=f"{number}")
        await channel.basic_publish(b"", routing_key=queue, properties=properties, mandatory=True)


async def ready(url: str, queue: str) -> int:
    async with a_channel(url) as channel:
        return (await channel.queue_declare(queue, passive=True)).message_count or 0


async def test_f1_by_default_aio_pika_is_silent_about_a_missing_queue(
    broker: PrivateRabbit,
) -> None:
    async with await aio_pika.connect(broker.url) as connection:
        channel = await connection.channel(publisher_confirms=True)

        answer = await channel.default_exchange.publish(
            aio_pika.Message(b""), "no such queue", mandatory=True, timeout=5
        )

    assert not isinstance(answer, Basic.Ack)  # no exception either: lost, unless one looks


async def test_f1_on_return_raises_makes_it_loud(broker: PrivateRabbit) -> None:
    async with a_channel(broker.url, on_return_raises=True) as channel:
        with pytest.raises(PublishError):
            await put(channel, "no such queue")


@pytest.mark.parametrize(("prefetch", "dead_letters"), [(10, 10), (1, 1)])
async def test_f2_a_crashing_consumer_takes_along_all_that_it_had_fetched(
    broker: PrivateRabbit, prefetch: int, dead_letters: int
) -> None:
    async with a_channel(broker.url) as channel:
        graveyard = await declare(channel)
        arguments: dict[str, str | int] = {
            "x-delivery-limit": 3,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": graveyard,
        }
        queue = await declare(channel, **arguments)
        await put(channel, queue, 10)

    for _ in range(4):
        await fetch_and_crash(broker.url, queue, prefetch)

    await until(lambda: holds(broker.url, graveyard, dead_letters), "they died", within=5)
    assert await ready(broker.url, queue) == 10 - dead_letters


async def holds(url: str, queue: str, count: int) -> bool:
    return await ready(url, queue) == count


async def fetch_and_crash(url: str, queue: str, prefetch: int) -> None:
    """As a process does that is killed: without a word."""
    link, fetched = Link(url, "crashes"), Counter[str]()

    async def hold(message: DeliveredMessage) -> None:
        fetched["messages"] += 1

    await link.open()
    await link.channel.basic_qos(prefetch_count=prefetch)
    await link.channel.basic_consume(queue, hold)
    await until(lambda: fetched["messages"] >= prefetch, "it fetched", within=5)
    link.abort()
    await until(lambda: not link.is_open, "it is gone", within=5)


async def test_f3_nack_requeue_is_no_way_to_retry(broker: PrivateRabbit) -> None:
    """Up to RabbitMQ 4.2 each one counts as a delivery; from 4.3 on none does: an endless loop."""
    deliveries: list[object] = []

    async with a_channel(broker.url) as channel:
        queue = await declare(channel, **{"x-delivery-limit": 3})

        async def refuse(message: DeliveredMessage) -> None:
            headers = message.header.properties.headers or {}
            deliveries.append(headers.get("x-delivery-count", 0))
            await channel.basic_nack(message.delivery_tag or 0, requeue=True)

        await channel.basic_consume(queue, refuse)
        await put(channel, queue)
        await until(lambda: len(deliveries) >= 4, "it came again and again", within=5)
        await asyncio.sleep(0.3)
        version = str(channel.connection.server_properties["version"])

    if tuple(int(part) for part in version.split(".")[:2]) < (4, 3):
        assert deliveries == [0, 1, 2, 3]
    else:
        assert len(deliveries) > 4


async def test_f4_our_queues_dead_letter_at_least_once(broker: PrivateRabbit) -> None:
    """Its dead queue is gone when the message dies, and there again later: nothing is lost."""
    queue = f"fact.{uuid4().hex}"

    await bury_without_a_graveyard(broker.url, queue, arguments_of(queue))
    async with a_channel(broker.url) as channel:
        await channel.queue_declare(dead(queue), durable=True, arguments=DEAD_ARGUMENTS)

    await until(lambda: holds(broker.url, dead(queue), 1), "it was buried", within=10)


@pytest.mark.parametrize("left_out", ["x-dead-letter-strategy", "x-overflow"])
async def test_f4_without_either_argument_a_dead_letter_is_silently_lost(
    broker: PrivateRabbit, left_out: str
) -> None:
    queue = f"fact.{uuid4().hex}"
    arguments = arguments_of(queue)
    del arguments[left_out]

    await bury_without_a_graveyard(broker.url, queue, arguments)
    async with a_channel(broker.url) as channel:
        await channel.queue_declare(dead(queue), durable=True, arguments=DEAD_ARGUMENTS)
        await asyncio.sleep(2.5 * RETRY_AFTER_MS / 1_000)

    assert await ready(broker.url, dead(queue)) == 0


async def bury_without_a_graveyard(url: str, queue: str, arguments: dict[str, Any]) -> None:
    async with a_channel(url) as channel:
        await channel.queue_declare(queue, durable=True, arguments=arguments)
        await put(channel, queue)
        message = await channel.basic_get(queue)
        await channel.basic_reject(message.delivery_tag or 0, requeue=False)
        await asyncio.sleep(0.3)


async def test_a_full_queue_refuses_instead_of_dropping(broker: PrivateRabbit) -> None:
    queue = f"fact.{uuid4().hex}"
    async with a_channel(broker.url) as channel:
        arguments = {**arguments_of(queue), "x-max-length": 1}
        await channel.queue_declare(queue, durable=True, arguments=arguments)

        with pytest.raises(DeliveryError):
            await put(channel, queue, 5)


async def test_f5_a_queue_cannot_be_declared_again_with_other_arguments(
    broker: PrivateRabbit,
) -> None:
    async with a_channel(broker.url) as channel:
        queue = await declare(channel)

        with pytest.raises(ChannelPreconditionFailed, match="inequivalent arg 'x-max-length'"):
            await channel.queue_declare(
                queue, durable=True, arguments={**QUORUM, "x-max-length": 10}
            )

        assert channel.is_closed


async def test_f5_an_unknown_exchange_type_costs_the_whole_connection(
    broker: PrivateRabbit,
) -> None:
    async with asyncio.timeout(30), aiormq.connect(broker.url) as connection:
        channel, other = await connection.channel(), await connection.channel()

        with pytest.raises((ConnectionClosed, asyncio.CancelledError, AMQPError)):
            await channel.exchange_declare("later", exchange_type="x-delayed-message")

        await until(lambda: other.is_closed, "the other channel went too", within=5)


async def test_f6_a_frozen_broker_answers_nothing_and_closes_nothing(
    broker: PrivateRabbit,
) -> None:
    async with a_channel(broker.url) as channel:
        queue = await declare(channel)
        broker.freeze()
        try:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(put(channel, queue), 1.0)
            assert not channel.is_closed
        finally:
            broker.thaw()
