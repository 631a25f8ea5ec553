"""The carrier: RabbitMQ, and PostgreSQL for whatever RabbitMQ does not confirm."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

from shared import logs, metrics
from shared.infrastructure.amqp import BrokerUnsuitable
from shared.infrastructure.patience import Backoff
from shared.infrastructure.postgres_queue import PostgresTransport
from shared.infrastructure.rabbitmq import RabbitTransport
from shared.messaging import (
    CarrierUnavailable,
    DeadLetter,
    Handle,
    Incoming,
    Outcome,
    Outgoing,
    Room,
)

log = logs.get()

#: how long a RabbitMQ that failed is left alone: doubles while it answers but confirms nothing
LEFT_ALONE_S = 1.0
LEFT_ALONE_AT_MOST_S = 60.0
ASK_EVERY_S = 1.0
#: how often a RabbitMQ that a person has to mend is tried again
MENDED_AFTER_S = 60.0


class Carrier:
    """Implements `shared.messaging.Transport`: as long as the database works, everything moves.

    While RabbitMQ is away no batch waits for it: one that it did not confirm goes to PostgreSQL, as
    does every later one until RabbitMQ answers again. Listeners hear both all the time.
    """

    def __init__(self, rabbit: RabbitTransport, postgres: PostgresTransport) -> None:
        self._rabbit = rabbit
        self._postgres = postgres
        self._waiting_for_rabbit: asyncio.Task[None] | None = None
        self._backoff = Backoff(LEFT_ALONE_S, LEFT_ALONE_AT_MOST_S)

    @property
    def is_degraded(self) -> bool:
        """Whether PostgreSQL carries for RabbitMQ at present."""
        return self._waiting_for_rabbit is not None

    async def prepare(self) -> None:
        """Raises BrokerUnsuitable; a RabbitMQ that is merely absent is no error."""
        await self._rabbit.prepare()

    async def publish(self, messages: Sequence[Outgoing], /) -> set[UUID]:
        confirmed = await self._publish_on_rabbit(messages)
        rest = [message for message in messages if message.id not in confirmed]
        if not rest:
            return confirmed
        try:
            confirmed |= await self._postgres.publish(rest)
        except CarrierUnavailable:
            if not confirmed:
                raise
        else:
            for message in rest:
                metrics.messages_by_fallback.labels(message.queue).inc()
        return confirmed

    async def listen(self, queue: str, handle: Handle, /, *, prefetch: int, room: Room) -> None:
        turns = _Turns(handle, room)
        async with asyncio.TaskGroup() as both:
            both.create_task(
                self._postgres.listen(queue, turns.handle, prefetch=prefetch, room=turns.room)
            )
            both.create_task(
                self._listen_on_rabbit(queue, turns.handle, prefetch=prefetch, room=room)
            )

    async def dead_letters(self, queue: str, /, *, limit: int = 100) -> Sequence[DeadLetter]:
        """Those that can be reached."""
        letters = list(await self._postgres.dead_letters(queue, limit=limit))
        try:
            letters += await self._rabbit.dead_letters(queue, limit=limit)
        except CarrierUnavailable as away:
            log.warning("carrier.dead_letters_unseen", reason=str(away))
        return letters[:limit]

    async def replay(self, queue: str, ids: Sequence[str], /) -> int:
        """From those that can be reached."""
        moved = await self._postgres.replay(queue, ids)
        if moved < len(ids):
            try:
                moved += await self._rabbit.replay(queue, ids)
            except CarrierUnavailable as away:
                log.warning("carrier.dead_letters_unseen", reason=str(away))
        return moved

    async def depths(self) -> dict[str, tuple[int, int]]:
        """How many messages wait in each queue that can be reached, and among its dead letters."""
        depths = await self._postgres.depths()
        with suppress(CarrierUnavailable):
            for queue, (waiting, dead) in (await self._rabbit.depths()).items():
                here = depths.get(queue, (0, 0))
                depths[queue] = (waiting + here[0], dead + here[1])
        return depths

    async def is_reachable(self) -> bool:
        by_rabbit, by_postgres = await asyncio.gather(
            self._rabbit.is_reachable(), self._postgres.is_reachable()
        )
        return by_rabbit or by_postgres

    async def close(self) -> None:
        if self._waiting_for_rabbit is not None:
            self._waiting_for_rabbit.cancel()
            await asyncio.gather(self._waiting_for_rabbit, return_exceptions=True)
        await self._rabbit.close()
        await self._postgres.close()

    async def _publish_on_rabbit(self, messages: Sequence[Outgoing]) -> set[UUID]:
        if self._waiting_for_rabbit is not None:
            return set()
        try:
            confirmed = await self._rabbit.publish(messages)
        except CarrierUnavailable as away:
            if self._waiting_for_rabbit is None:
                log.warning("carrier.on_postgres", reason=str(away))
                self._waiting_for_rabbit = asyncio.create_task(self._wait_for_rabbit())
            return set()
        if confirmed:
            self._backoff.reset()
        return confirmed

    async def _wait_for_rabbit(self) -> None:
        await asyncio.sleep(self._backoff.next())
        while True:
            if await self._rabbit.is_reachable():
                break
            await asyncio.sleep(ASK_EVERY_S)
        self._waiting_for_rabbit = None
        log.info("carrier.on_rabbitmq")

    async def _listen_on_rabbit(
        self, queue: str, handle: Handle, /, *, prefetch: int, room: Room
    ) -> None:
        while True:
            try:
                await self._rabbit.listen(queue, handle, prefetch=prefetch, room=room)
            except BrokerUnsuitable as unsuitable:
                reason = str(unsuitable)
                # The sentence says what to do; a traceback says nothing more.
                log.error("carrier.rabbitmq_unsuitable", queue=queue, reason=reason)  # noqa: TRY400
                await asyncio.sleep(MENDED_AFTER_S)


class _Turns:
    """Lets two listeners share one room: what one was granted, the other may have filled since."""

    def __init__(self, handle: Handle, room: Room) -> None:
        self._handle = handle
        self._room = room
        self._turn = asyncio.Lock()

    async def room(self) -> int:
        """For who takes messages in hand only for a while: not while the other is still at it."""
        async with self._turn:
            return await self._room()

    async def handle(self, batch: Sequence[Incoming], /) -> Sequence[Outcome]:
        outcomes: list[Outcome] = []
        async with self._turn:
            while len(outcomes) < len(batch):
                room = max(1, await self._room())
                outcomes += await self._handle(batch[len(outcomes) : len(outcomes) + room])
        return outcomes
