"""A listener that remembers what it heard, and messages to send it."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import aiormq
from uuid_utils.compat import uuid7

from shared.infrastructure.amqp import arguments_of
from shared.messaging import Handle, Incoming, Outcome, Outgoing, Transport
from tests.waiting import until

WITHIN_S = 15.0


def a_message(
    queue: str, body: bytes = b"{}", *, id_: UUID | None = None, kind: str = "Asked"
) -> Outgoing:
    return Outgoing(id_ or uuid7(), queue, kind, body, {"traceparent": "00-abc"})


def some_messages(queue: str, count: int) -> list[Outgoing]:
    return [a_message(queue) for _ in range(count)]


def ids(messages: Sequence[Outgoing | Incoming]) -> set[str]:
    return {str(message.id) for message in messages}


async def settled(batch: Sequence[Incoming]) -> Sequence[Outcome]:
    return [Outcome.DONE for _ in batch]


async def unreadable(batch: Sequence[Incoming]) -> Sequence[Outcome]:
    return [Outcome.DEAD for _ in batch]


async def plenty() -> int:
    return 1_000


@dataclass
class Hearing:
    """Everything that was handed over, batch by batch; `handle` decides what becomes of it."""

    handle: Handle = settled
    batches: list[list[Incoming]] = field(default_factory=list[list[Incoming]])

    async def __call__(self, batch: Sequence[Incoming], /) -> Sequence[Outcome]:
        self.batches.append(list(batch))
        return await self.handle(batch)

    @property
    def heard(self) -> list[Incoming]:
        return [message for batch in self.batches for message in batch]

    @property
    def times(self) -> Counter[str]:
        """How often each id was heard."""
        return Counter(message.id for message in self.heard)

    async def hears(self, wanted: Sequence[Outgoing], *, within: float = WITHIN_S) -> None:
        """Returns once all of them were heard."""
        expected = ids(wanted)
        await until(lambda: expected <= ids(self.heard), "everything is heard", within=within)


@asynccontextmanager
async def listening(
    transport: Transport,
    queue: str,
    hearing: Handle,
    *,
    prefetch: int = 100,
    room: Callable[[], Awaitable[int]] = plenty,
) -> AsyncGenerator[None]:
    """Listen until the block ends; a listener that ends by itself is an error."""
    task = asyncio.create_task(transport.listen(queue, hearing, prefetch=prefetch, room=room))
    try:
        yield
    finally:
        ended = task.done()
        task.cancel()
        results = await asyncio.gather(task, return_exceptions=True)
        assert not ended, results


def of_a_short_queue(queue: str) -> dict[str, Any]:
    """Instead of `arguments_of`: full after about ten messages."""
    return {**arguments_of(queue), "x-max-length": 10}


async def delete_queues(url: str, *queues: str) -> None:
    """With their dead letters."""
    async with aiormq.connect(url) as connection:
        channel = await connection.channel()
        for queue in queues:
            await channel.queue_delete(queue)
            await channel.queue_delete(f"{queue}.dead")
