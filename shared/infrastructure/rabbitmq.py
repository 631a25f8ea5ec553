"""The RabbitMQ transport: durable quorum queues, confirmed publishing, reconnects of our own.

Publishing and listening use separate connections, so that a broker that blocks publishers still
takes acknowledgements. Connections are rebuilt here rather than by aio-pika's "robust" ones, which
may hang in a publish, and may come back without their consumers.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from uuid import NAMESPACE_OID, UUID, uuid5

from aiormq.abc import DeliveredMessage

from shared.infrastructure.amqp import Link, Lost, dead, declare, linked, opened
from shared.infrastructure.amqp_listening import Listening, incoming_of
from shared.infrastructure.amqp_publishing import Publisher, Sent
from shared.infrastructure.patience import Backoff, Complaints
from shared.messaging import CarrierUnavailable, DeadLetter, Handle, Outgoing, Room

REACHABLE_WITHIN_S = 1.8
#: RabbitMQ tells consumers that their queue was deleted after about 30 ms; if it was declared again
#: by then, they are never told, and silently get nothing from the new one
LEFT_DELETED_S = 0.5
#: a connection that lasted this long was a good one: the next try need not wait
WELL_AFTER_S = 10.0
#: how many dead letters `replay` is willing to look through
REPLAY_FROM = 10_000


class RabbitTransport:
    """Implements `shared.messaging.Transport` over one broker or cluster."""

    def __init__(
        self, url: str, queues: Sequence[str], *, name: str = "ai-platform", patience_s: float = 5.0
    ) -> None:
        """Both ends need all `queues`; `patience_s` is how long a batch waits for its confirms."""
        self._url = url
        self._queues = list(queues)
        self._name = name
        self._patience_s = patience_s
        self._publisher: Publisher | None = None
        self._connecting = asyncio.Lock()
        self._publishing = Complaints("rabbitmq.publishing")
        self._missed_at: float | None = None

    async def prepare(self) -> None:
        """Try the connection, once. Raises BrokerUnsuitable; an absent broker is no error."""
        with suppress(Lost):
            await self._connected()

    async def publish(self, messages: Sequence[Outgoing], /) -> set[UUID]:
        if not messages:
            return set()
        try:
            publisher = await self._connected()
            await self._restore_queues(publisher.link)
            sent = await publisher.send(messages, within=self._patience_s)
        except Lost as lost:
            self._publishing.about(str(lost))
            raise CarrierUnavailable(str(lost)) from lost
        self._tell(sent, len(messages))
        if sent.unknown and not sent.confirmed:
            raise CarrierUnavailable("no confirm in time")
        return sent.confirmed

    async def listen(self, queue: str, handle: Handle, /, *, prefetch: int, room: Room) -> None:
        """Raises BrokerUnsuitable: waiting does not help against that."""
        backoff, complaints = Backoff(LEFT_DELETED_S), Complaints("rabbitmq.listening")
        while True:
            began = time.monotonic()
            try:
                async with linked(self._url, f"{self._name}: {queue}", self._queues) as link:
                    complaints.over(queue=queue)
                    await Listening(link, queue, handle, room).run(prefetch=prefetch)
                    continue
            except Lost as lost:
                complaints.about(str(lost), queue=queue)
            if time.monotonic() - began > WELL_AFTER_S:
                backoff.reset()
            await asyncio.sleep(backoff.next())

    async def dead_letters(self, queue: str, /, *, limit: int = 100) -> Sequence[DeadLetter]:
        try:
            async with linked(self._url, f"{self._name}: dead letters", self._queues) as link:
                return [_letter(queue, message) for message in await _get(link, queue, limit)]
        except Lost as lost:
            raise CarrierUnavailable(str(lost)) from lost

    async def replay(self, queue: str, ids: Sequence[str], /) -> int:
        try:
            async with linked(self._url, f"{self._name}: replay", self._queues) as link:
                found = [
                    (_outgoing(letter), message)
                    for message in await _get(link, queue, REPLAY_FROM)
                    if (letter := _letter(queue, message)).id in ids
                ]
                back = await self.publish([outgoing for outgoing, _ in found])
                tags = [message.delivery_tag for outgoing, message in found if outgoing.id in back]
                for tag in tags:
                    await link.call(link.channel.basic_ack(tag or 0))
                return len(tags)
        except Lost as lost:
            raise CarrierUnavailable(str(lost)) from lost

    async def depths(self) -> dict[str, tuple[int, int]]:
        """How many messages wait in each queue, and among its dead letters."""
        try:
            link = (await self._connected()).link
            return {
                queue: (await link.depth(queue), await link.depth(dead(queue)))
                for queue in self._queues
            }
        except Lost as lost:
            raise CarrierUnavailable(str(lost)) from lost

    async def is_reachable(self) -> bool:
        try:
            async with asyncio.timeout(REACHABLE_WITHIN_S):
                link = (await self._connected()).link
                if await link.is_blocked():
                    return False  # it would not answer us either
                await link.depth(self._queues[0], within=REACHABLE_WITHIN_S)
                return True
        except (TimeoutError, Lost, CarrierUnavailable):
            return False

    async def close(self) -> None:
        if self._publisher is not None:
            await self._publisher.link.close()

    async def _connected(self) -> Publisher:
        async with self._connecting:
            if self._publisher is None or not self._publisher.link.is_open:
                link = await opened(self._url, f"{self._name}: publishing", self._queues)
                self._publisher = Publisher(link)
            return self._publisher

    async def _restore_queues(self, link: Link) -> None:
        if self._missed_at and time.monotonic() - self._missed_at > LEFT_DELETED_S:
            self._missed_at = None
            await declare(link, self._queues)

    def _tell(self, sent: Sent, count: int) -> None:
        if len(sent.confirmed) == count:
            self._publishing.over()
        elif sent.has_no_route:
            self._publishing.about("a queue is missing")
            self._missed_at = self._missed_at or time.monotonic()
        else:
            self._publishing.about(
                "no confirm in time" if sent.unknown else "refused: a queue is full"
            )


async def _get(link: Link, queue: str, limit: int) -> list[DeliveredMessage]:
    """Dead letters, oldest first; what is not acknowledged goes back when the link closes."""
    there = min(limit, await link.depth(dead(queue)))
    return [await link.call(link.channel.basic_get(dead(queue))) for _ in range(there)]


def _letter(queue: str, message: DeliveredMessage) -> DeadLetter:
    incoming = incoming_of(message)
    return DeadLetter(incoming.id, queue, incoming.kind, incoming.body, incoming.headers)


def _outgoing(letter: DeadLetter) -> Outgoing:
    return Outgoing(_uuid(letter.id), letter.queue, letter.kind, letter.body, letter.headers)


def _uuid(id_: str) -> UUID:
    """A stranger's message may be named in any way."""
    try:
        return UUID(id_)
    except ValueError:
        return uuid5(NAMESPACE_OID, id_)
