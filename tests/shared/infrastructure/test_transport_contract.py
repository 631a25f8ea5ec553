"""What every carrier promises: the same tests on RabbitMQ, on PostgreSQL, and on both as one."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from uuid import uuid4

import pytest

from shared.infrastructure.carrier import Carrier
from shared.infrastructure.database import Sessions
from shared.infrastructure.postgres_queue import PostgresTransport
from shared.infrastructure.rabbitmq import RabbitTransport
from shared.messaging import Incoming, Outcome, Outgoing, Transport
from tests.chaos.process import free_port
from tests.shared.infrastructure.hearing import (
    Hearing,
    a_message,
    delete_queues,
    ids,
    listening,
    settled,
    some_messages,
    unreadable,
)
from tests.waiting import until

CONTRACT_OF = Transport

AnyTransport = RabbitTransport | PostgresTransport | Carrier


@pytest.fixture(params=["rabbitmq", "postgres", "carrier", "carrier without rabbitmq"])
async def transport(
    request: pytest.FixtureRequest, rabbitmq_url: str, sessions: Sessions, queue: str
) -> AsyncGenerator[AnyTransport]:
    nobody_there = f"amqp://127.0.0.1:{free_port()}/"
    made: dict[str, AnyTransport] = {
        "rabbitmq": RabbitTransport(rabbitmq_url, [queue]),
        "postgres": PostgresTransport(sessions),
        "carrier": Carrier(RabbitTransport(rabbitmq_url, [queue]), PostgresTransport(sessions)),
        "carrier without rabbitmq": Carrier(
            RabbitTransport(nobody_there, [queue]), PostgresTransport(sessions)
        ),
    }
    transport = made[request.param]
    if not isinstance(transport, PostgresTransport):
        await transport.prepare()
    yield transport
    for each in made.values():
        await each.close()
    await delete_queues(rabbitmq_url, queue)


async def nothing_waits(transport: AnyTransport, queue: str) -> bool:
    return (await transport.depths()).get(queue, (0, 0))[0] == 0


async def test_a_message_arrives_as_it_was_sent(transport: AnyTransport, queue: str) -> None:
    sent, hearing = a_message(queue, b"\x00 any bytes \xff"), Hearing()

    async with listening(transport, queue, hearing):
        assert await transport.publish([sent]) == {sent.id}
        await hearing.hears([sent])

    assert hearing.heard == [Incoming(str(sent.id), sent.kind, sent.body, sent.headers)]


async def test_a_settled_message_is_gone(transport: AnyTransport, queue: str) -> None:
    sent, first, second = some_messages(queue, 20), Hearing(), Hearing()
    async with listening(transport, queue, first):
        await transport.publish(sent)
        await first.hears(sent)
        await until(lambda: nothing_waits(transport, queue), "nothing waits", within=5)

    later = a_message(queue)
    async with listening(transport, queue, second):
        await transport.publish([later])
        await second.hears([later])

    assert ids(second.heard) == ids([later])


async def test_messages_wait_for_a_listener(transport: AnyTransport, queue: str) -> None:
    sent, hearing = some_messages(queue, 3), Hearing()

    await transport.publish(sent)
    async with listening(transport, queue, hearing):
        await hearing.hears(sent)

    assert set(hearing.times.values()) == {1}


async def test_a_waiting_listener_hears_at_once(transport: AnyTransport, queue: str) -> None:
    first, later, hearing = a_message(queue), a_message(queue), Hearing()

    async with listening(transport, queue, hearing):
        await transport.publish([first])
        await hearing.hears([first])
        await asyncio.sleep(0.1)  # it looked again, found nothing, and waits
        await transport.publish([later])
        await hearing.hears([later], within=0.7)


async def test_many_messages_are_sent_and_handed_over_together(
    transport: AnyTransport, queue: str
) -> None:
    sent, hearing = some_messages(queue, 250), Hearing()

    confirmed = await transport.publish(sent)
    async with listening(transport, queue, hearing):
        await hearing.hears(sent)

    assert confirmed == {message.id for message in sent}
    assert len(hearing.batches) < 125
    assert set(hearing.times.values()) == {1}


async def test_nothing_is_published_when_nothing_is_given(transport: AnyTransport) -> None:
    assert await transport.publish([]) == set()


async def test_a_large_message_arrives_whole(transport: AnyTransport, queue: str) -> None:
    sent, hearing = a_message(queue, bytes(range(256)) * 4_096), Hearing()

    async with listening(transport, queue, hearing):
        assert await transport.publish([sent, a_message(queue)]) >= {sent.id}
        await hearing.hears([sent])

    assert sent.body in [message.body for message in hearing.heard]


async def test_what_is_sent_twice_under_one_id_is_heard_once_or_twice(
    transport: AnyTransport, queue: str
) -> None:
    id_, last, hearing = uuid4(), a_message(queue), Hearing()
    twins = [a_message(queue, id_=id_), a_message(queue, id_=id_)]

    await transport.publish(twins)
    await transport.publish(twins[:1])
    await transport.publish([last])
    async with listening(transport, queue, hearing):
        await hearing.hears([*twins, last])
        await until(lambda: nothing_waits(transport, queue), "nothing waits", within=5)

    assert 1 <= hearing.times[str(id_)] <= 3


async def test_an_unreadable_message_is_set_aside_and_looked_at(
    transport: AnyTransport, queue: str
) -> None:
    sent, hearing = a_message(queue, b"\xff gibberish"), Hearing(unreadable)

    async with listening(transport, queue, hearing):
        await transport.publish([sent])
        await until(lambda: transport.dead_letters(queue), "it is set aside", within=5)

    for _ in range(3):  # looking takes nothing away
        letters = await transport.dead_letters(queue)
        found = [(one.id, one.queue, one.kind, one.body, one.headers) for one in letters]
        assert found == [(str(sent.id), queue, sent.kind, sent.body, sent.headers)]
    await until(lambda: counted(transport, queue, (0, 1)), "it is counted", within=5)


async def counted(transport: AnyTransport, queue: str, expected: tuple[int, int]) -> bool:
    return (await transport.depths()).get(queue) == expected


async def test_only_what_is_unreadable_is_set_aside(transport: AnyTransport, queue: str) -> None:
    sent = some_messages(queue, 30)
    bad = ids(sent[::7])

    async def judge(batch: Sequence[Incoming]) -> Sequence[Outcome]:
        return [Outcome.DEAD if one.id in bad else Outcome.DONE for one in batch]

    await transport.publish(sent)
    async with listening(transport, queue, Hearing(judge)):
        await until(lambda: counted(transport, queue, (0, len(bad))), "all is settled", within=5)

    assert {letter.id for letter in await transport.dead_letters(queue)} == bad


async def test_dead_letters_can_be_put_back(transport: AnyTransport, queue: str) -> None:
    sent, hearing = some_messages(queue, 3), Hearing()
    async with listening(transport, queue, Hearing(unreadable)):
        await transport.publish(sent)
        await until(lambda: counted(transport, queue, (0, 3)), "they are set aside", within=5)

    moved = await transport.replay(queue, [*ids(sent[:2]), str(uuid4()), "no id of ours"])
    async with listening(transport, queue, hearing):
        await hearing.hears(sent[:2])

    assert moved == 2
    assert hearing.heard[0].kind == sent[0].kind
    assert {letter.id for letter in await transport.dead_letters(queue)} == ids(sent[2:])


async def test_no_more_dead_letters_are_shown_than_asked_for(
    transport: AnyTransport, queue: str
) -> None:
    sent = some_messages(queue, 3)
    async with listening(transport, queue, Hearing(unreadable)):
        await transport.publish(sent)
        await until(lambda: counted(transport, queue, (0, 3)), "they are set aside", within=5)

    assert len(await transport.dead_letters(queue, limit=2)) == 2


async def test_a_batch_that_could_not_be_handled_is_handed_over_again_without_haste(
    transport: AnyTransport, queue: str
) -> None:
    sent, is_broken = some_messages(queue, 5), True

    async def fail(batch: Sequence[Incoming]) -> Sequence[Outcome]:
        if is_broken:
            raise OSError("the database is away")
        return await settled(batch)

    hearing = Hearing(fail)
    await transport.publish(sent)
    async with listening(transport, queue, hearing):
        await hearing.hears(sent)
        await asyncio.sleep(1.0)  # long enough for thousands, if nothing paused
        calls = len(hearing.batches)
        is_broken = False
        await until(lambda: nothing_waits(transport, queue), "all is settled", within=10)
        await until(lambda: len(hearing.batches) > calls, "it is handed over again", within=10)

    assert 2 <= calls <= 10
    assert ids(hearing.batches[-1]) <= ids(sent)
    assert await transport.dead_letters(queue) == []


async def test_an_answer_of_the_wrong_length_counts_as_a_failure(
    transport: AnyTransport, queue: str
) -> None:
    sent, answers = some_messages(queue, 2), iter([[Outcome.DONE]])

    async def answer(batch: Sequence[Incoming]) -> Sequence[Outcome]:
        return next(answers, [Outcome.DONE for _ in batch])

    hearing = Hearing(answer)
    await transport.publish(sent)
    async with listening(transport, queue, hearing):
        await until(lambda: len(hearing.batches) > 1, "it is handed over again", within=5)
        await hearing.hears(sent)
        await until(lambda: nothing_waits(transport, queue), "all is settled", within=5)


async def test_no_batch_is_larger_than_the_room(transport: AnyTransport, queue: str) -> None:
    sent, free, in_hand, most = some_messages(queue, 40), 7, 0, 0
    freed = asyncio.Condition()

    async def room() -> int:
        async with freed:
            await freed.wait_for(lambda: free > in_hand)
            return free - in_hand

    async def handle(batch: Sequence[Incoming]) -> Sequence[Outcome]:
        nonlocal in_hand, most
        in_hand += len(batch)
        most = max(most, in_hand)
        asyncio.get_running_loop().call_later(0.02, lambda: finish(len(batch)))
        return await settled(batch)

    tasks: set[asyncio.Task[None]] = set()

    def finish(count: int) -> None:
        tasks.add(asyncio.create_task(make_room(count)))

    async def make_room(count: int) -> None:
        nonlocal in_hand
        in_hand -= count
        async with freed:
            freed.notify_all()

    hearing = Hearing(handle)
    await transport.publish(sent)
    async with listening(transport, queue, hearing, room=room):
        await hearing.hears(sent)
        await until(lambda: in_hand == 0, "all work is over", within=5)

    assert most <= 7
    assert len(tasks) >= 40 / 7


async def test_a_listener_that_is_stopped_leaves_what_it_had_not_settled_to_the_next(
    transport: AnyTransport, queue: str
) -> None:
    sent, begun, second = some_messages(queue, 10), asyncio.Event(), Hearing()

    async def hang(_: Sequence[Incoming]) -> Sequence[Outcome]:
        begun.set()
        await asyncio.Event().wait()
        return []

    await transport.publish(sent)
    async with listening(transport, queue, Hearing(hang)):
        async with asyncio.timeout(10):
            await begun.wait()

    async with listening(transport, queue, second):
        await second.hears(sent, within=5)


async def test_two_listeners_share_the_load(transport: AnyTransport, queue: str) -> None:
    sent: list[Outgoing] = []

    async def slowly(batch: Sequence[Incoming]) -> Sequence[Outcome]:
        await asyncio.sleep(0.02)
        return await settled(batch)

    one, other = Hearing(slowly), Hearing(slowly)
    async with (
        listening(transport, queue, one, prefetch=5),
        listening(transport, queue, other, prefetch=5),
    ):
        async with asyncio.timeout(15):
            while not (one.heard and other.heard):
                sent += (more := some_messages(queue, 20))
                await transport.publish(more)
                await asyncio.sleep(0.05)
        await until(lambda: ids(sent) <= ids([*one.heard, *other.heard]), "all is heard", within=10)
        # Before the first of them leaves, and the other gets what it had not settled.
        heard_by_both = ids(one.heard) & ids(other.heard)

    assert heard_by_both == set()


async def test_it_says_whether_it_can_be_reached(transport: AnyTransport) -> None:
    async with asyncio.timeout(2):
        assert await transport.is_reachable()
