"""Listening to a RabbitMQ queue: what arrives while a batch is handled makes the next batch."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import cast

from aiormq.abc import DeliveredMessage

from shared import logs
from shared.infrastructure.amqp import Link, Lost
from shared.infrastructure.patience import Backoff, Complaints
from shared.messaging import Handle, Incoming, Outcome, Room

log = logs.get()

#: A frozen broker keeps the connection open and says nothing: it is asked for a sign of life.
PROBE_EVERY_S = 5.0
PROBE_WITHIN_S = 5.0
#: A consumer may have been forgotten without a word; one that hears nothing begins anew.
RENEW_AFTER_S = 60.0


@dataclass(frozen=True)
class Held:
    """A delivery that is ours until it is settled, or until its channel closes."""

    tag: int
    incoming: Incoming


@dataclass
class Listening:
    """One consumer on one link; what it holds when it ends is the broker's again."""

    link: Link
    queue: str
    handle: Handle
    room: Room
    _hand: deque[Held] = field(default_factory=deque[Held])
    _heard_at: float = field(default_factory=time.monotonic)
    _bell: asyncio.Event = field(default_factory=asyncio.Event)
    _backoff: Backoff = field(default_factory=Backoff)
    _complaints: Complaints = field(default_factory=lambda: Complaints("messages.not_handled"))

    async def run(self, *, prefetch: int) -> None:
        """Returns when nothing was heard for long: begin anew, on a new link. Raises Lost."""
        channel = self.link.channel
        # The queue was deleted, say: only a new link makes it anew.
        channel.on_consumer_cancel_callbacks.add(lambda _: self.link.abort())
        self.link.closed.add_done_callback(lambda _: self._bell.set())
        watchdog = asyncio.create_task(self._watch())
        try:
            await self.link.call(channel.basic_qos(prefetch_count=prefetch))
            await self.link.call(channel.basic_consume(self.queue, self._arrive))
            while await self._something_in_hand():
                await self._hand_over()
        finally:
            watchdog.cancel()

    async def _arrive(self, message: DeliveredMessage) -> None:
        self._hand.append(Held(cast("int", message.delivery_tag), incoming_of(message)))
        self._bell.set()

    async def _something_in_hand(self) -> bool:
        """Wait for it; False when that took too long."""
        while not self._hand:
            self._check_link()
            if time.monotonic() - self._heard_at > RENEW_AFTER_S:
                return False
            self._bell.clear()
            await self._bell.wait()
        return True

    async def _hand_over(self) -> None:
        batch: list[Held] = []
        try:
            room = await self.room()
            self._check_link()
            batch = [self._hand.popleft() for _ in range(min(max(1, room), len(self._hand)))]
            outcomes = await self.handle([held.incoming for held in batch])
            verdicts = list(zip(batch, outcomes, strict=True))
        except Lost:
            raise
        except Exception as error:  # noqa: BLE001 - the batch stays, whatever the reason
            self._hand.extendleft(reversed(batch))
            await self._pause(error)
            return
        self._backoff.reset()
        self._complaints.over(queue=self.queue)
        self._heard_at = time.monotonic()
        await self.link.call(self._settle(verdicts))

    async def _pause(self, error: Exception) -> None:
        self._complaints.about(type(error).__name__, queue=self.queue, exc_info=error)
        await asyncio.wait([self.link.closed], timeout=self._backoff.next())

    async def _settle(self, verdicts: Sequence[tuple[Held, Outcome]]) -> None:
        channel = self.link.channel
        for held, outcome in verdicts:
            if outcome is Outcome.DEAD:
                await channel.basic_reject(held.tag, requeue=False, wait=False)
        done = [held.tag for held, outcome in verdicts if outcome is Outcome.DONE]
        if done:
            # Covers all before it: batches leave the hand in order, and come back to its head.
            await channel.basic_ack(done[-1], multiple=True, wait=False)

    def _check_link(self) -> None:
        if not self.link.is_open:
            raise Lost("closed")

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(PROBE_EVERY_S)
            try:
                await self.link.depth(self.queue, within=PROBE_WITHIN_S)
            except Lost:
                self.link.abort()
                return
            self._bell.set()


def incoming_of(message: DeliveredMessage) -> Incoming:
    """Anybody may have put it there: whatever is not ours in it is left out."""
    properties = message.header.properties
    return Incoming(
        # Without an id of its own, it gets the same one each time.
        id=properties.message_id or sha256(message.body).hexdigest(),
        kind=properties.message_type or "",
        body=message.body,
        headers={
            name: value
            for name, value in (properties.headers or {}).items()
            if isinstance(value, str) and not name.startswith("x-")
        },
    )
