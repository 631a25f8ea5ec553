"""The outbox: a row leaves it only once the carrier has confirmed the message."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from shared.contracts import CancelPrompt
from shared.infrastructure.database import Sessions, transaction
from shared.infrastructure.outbox import Envelope, Relay, announce
from shared.messaging import CarrierUnavailable, Outgoing
from tests.waiting import until


@dataclass
class Pigeons:
    """A carrier of which only `publish` is used; loses what it is told to."""

    lost: set[str] = field(default_factory=set[str])
    is_away: bool = False
    tries: int = 0
    carried: list[Outgoing] = field(default_factory=list[Outgoing])

    async def publish(self, messages: Sequence[Outgoing], /) -> set[UUID]:
        self.tries += 1
        if self.is_away:
            raise CarrierUnavailable
        arrived = [message for message in messages if message.queue not in self.lost]
        self.carried += arrived
        return {message.id for message in arrived}


def relay_of(sessions: Sessions, pigeons: Pigeons) -> Relay:
    return Relay(sessions, "gateway", pigeons, poll_every_s=0.05)


async def write(sessions: Sessions, *queues: str) -> list[Outgoing]:
    """Commit messages whose writer has died: any relay may send them."""
    said = await commit(sessions, *queues)
    async with transaction(sessions) as session:
        await session.execute(text("UPDATE gateway.outbox SET claimed_until = NULL"))
    return said


async def commit(sessions: Sessions, *queues: str) -> list[Outgoing]:
    async with transaction(sessions) as session:
        return await announce(
            session,
            "gateway",
            [Envelope(queue, CancelPrompt(job_id=uuid4()), {"trace": "1"}) for queue in queues],
        )


async def left(sessions: Sessions) -> list[str]:
    async with transaction(sessions) as session:
        return list(await session.scalars(text("SELECT queue FROM gateway.outbox ORDER BY queue")))


async def test_a_message_goes_as_it_was_written_and_its_row_goes_with_it(
    sessions: Sessions,
) -> None:
    pigeons = Pigeons()
    await write(sessions, "a", "b")

    assert await relay_of(sessions, pigeons).relay_once() == 2

    assert sorted(message.queue for message in pigeons.carried) == ["a", "b"]
    assert {message.kind for message in pigeons.carried} == {"CancelPrompt"}
    assert pigeons.carried[0].headers == {"trace": "1"}
    assert CancelPrompt.model_validate_json(pigeons.carried[0].body)
    assert await left(sessions) == []


async def test_what_the_carrier_did_not_confirm_stays(sessions: Sessions) -> None:
    pigeons = Pigeons(lost={"b"})
    await write(sessions, "a", "b")

    await relay_of(sessions, pigeons).relay_once()

    assert await left(sessions) == ["b"]


async def test_what_stays_is_sent_again_under_the_same_id(sessions: Sessions) -> None:
    pigeons = Pigeons(lost={"b"})
    relay = relay_of(sessions, pigeons)
    await write(sessions, "b")
    await relay.relay_once()
    async with transaction(sessions) as session:
        first = await session.scalar(text("SELECT id FROM gateway.outbox"))
        await session.execute(text("UPDATE gateway.outbox SET claimed_until = NULL"))

    pigeons.lost.clear()
    await relay.relay_once()

    assert [message.id for message in pigeons.carried] == [first]


async def test_nothing_is_forgotten_while_the_carrier_is_away(sessions: Sessions) -> None:
    await write(sessions, "a")

    with pytest.raises(CarrierUnavailable):
        await relay_of(sessions, Pigeons(is_away=True)).relay_once()

    assert await left(sessions) == ["a"]


async def test_a_message_of_a_transaction_that_failed_is_never_sent(sessions: Sessions) -> None:
    pigeons = Pigeons()
    with pytest.raises(ZeroDivisionError):
        async with transaction(sessions) as session:
            await announce(session, "gateway", [Envelope("a", CancelPrompt(job_id=uuid4()))])
            _ = 1 / 0

    assert await relay_of(sessions, pigeons).relay_once() == 0


async def test_two_relays_share_the_rows(sessions: Sessions) -> None:
    pigeons = Pigeons()
    await write(sessions, *(str(number) for number in range(100)))

    moved = await asyncio.gather(*(relay_of(sessions, pigeons).relay_once() for _ in range(4)))

    assert sum(moved) == len({message.id for message in pigeons.carried}) == 100


async def test_what_was_just_committed_belongs_to_whoever_wrote_it(sessions: Sessions) -> None:
    pigeons = Pigeons()
    said = await commit(sessions, "a")

    assert await relay_of(sessions, pigeons).relay_once() == 0
    assert [message.queue for message in said] == ["a"]


async def test_what_is_handed_over_leaves_at_once_and_its_row_goes_with_it(
    sessions: Sessions,
) -> None:
    pigeons = Pigeons()
    relay = relay_of(sessions, pigeons)
    running = asyncio.create_task(relay.run())
    said = await commit(sessions, "a", "b")

    relay.hand_over(said)

    async def is_empty() -> bool:
        return await left(sessions) == []

    await until(is_empty, "the rows are gone", within=5)
    assert pigeons.carried == said
    running.cancel()


async def test_what_is_handed_over_while_the_carrier_is_away_is_found_by_looking(
    sessions: Sessions,
) -> None:
    pigeons = Pigeons(is_away=True)
    relay = relay_of(sessions, pigeons)
    running = asyncio.create_task(relay.run())
    relay.hand_over(await commit(sessions, "a"))
    await until(lambda: pigeons.tries, "the relay meets the outage", within=5)

    pigeons.is_away = False
    async with transaction(sessions) as session:
        await session.execute(text("UPDATE gateway.outbox SET claimed_until = NULL"))

    await until(lambda: pigeons.carried, "the message is carried", within=5)
    running.cancel()


async def test_nothing_handed_over_is_left_behind_at_the_end(sessions: Sessions) -> None:
    pigeons = Pigeons()
    relay = relay_of(sessions, pigeons)
    relay.hand_over(await commit(sessions, "a"))

    await relay.flush()

    assert (len(pigeons.carried), await left(sessions)) == (1, [])


async def test_more_than_it_wants_in_memory_is_left_for_the_table(sessions: Sessions) -> None:
    pigeons = Pigeons()
    relay = Relay(sessions, "gateway", pigeons, fresh_limit=1)

    for message in await commit(sessions, "a", "b"):
        relay.hand_over([message])
    await relay.flush()

    assert await left(sessions) == ["b"]
