"""Publishing to RabbitMQ: a whole batch leaves at once, and only what is confirmed counts."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, cast
from uuid import UUID

from aiormq.abc import ChannelFrame
from aiormq.exceptions import PublishError
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from shared.infrastructure.amqp import Link, Lost
from shared.messaging import Outgoing

# Whatever aiormq sets: a frame when the broker confirmed, an exception when it refused.
Confirms = Mapping[UUID, asyncio.Future[object]]
Frames = list[Basic.Publish | ContentHeader | ContentBody]

PERSISTENT = 2
#: a large batch is handed to the socket in pieces of about this size
PIECE_BYTES = 256 * 1024


@dataclass(frozen=True)
class Sent:
    """What became of a batch; an id in neither set was refused, so it is not there."""

    confirmed: set[UUID]
    #: perhaps arrived, perhaps not
    unknown: set[UUID]
    #: a queue is not there
    has_no_route: bool


class _Book(Protocol):
    """How aiormq's channel keeps account of what waits for a confirm."""

    number: int
    max_content_size: int
    delivery_tag: int
    confirmations: dict[int, asyncio.Future[object]]
    message_id_delivery_tag: dict[str, int]
    write_queue: asyncio.Queue[ChannelFrame]


class Publisher:
    """Writes many messages as one piece, each entered in aiormq's book of awaited confirms.

    `basic_publish` makes a task, a timer and a lock for every message: three times the CPU.
    """

    def __init__(self, link: Link) -> None:
        self.link = link
        self._book = cast("_Book", link.channel)
        self._writing = asyncio.Lock()
        link.closed.add_done_callback(lambda _: self._stop_waiting())

    async def send(self, messages: Sequence[Outgoing], *, within: float) -> Sent:
        """Raises Lost when nothing could be sent."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + within
        confirms = await self.link.call(self._written(messages), within=within)
        try:
            if confirms:
                await asyncio.wait(confirms.values(), timeout=max(0.0, deadline - clock()))
        finally:
            self._strike_out(confirms)
        sent = _outcome(confirms)
        if sent.unknown and self.link.is_open and not await self.link.is_blocked():
            # Too slow, and no word of why. (A blocked broker will answer once it is unblocked.)
            self.link.abort()
        return sent

    async def _written(self, messages: Sequence[Outgoing]) -> Confirms:
        """One batch after the other: the broker counts what it gets, and so do we."""
        async with self._writing:
            if await self.link.is_blocked():
                raise Lost("the broker is short of memory or disk")
            if not self.link.is_open:
                raise Lost("closed")
            try:
                confirms = await self._write(messages)
            except BaseException:
                # Something was counted that never left: from here on the two counts differ.
                self.link.abort()
                raise
        if not self.link.is_open:
            self._stop_waiting()
        return confirms

    async def _write(self, messages: Sequence[Outgoing]) -> Confirms:
        confirms: dict[UUID, asyncio.Future[object]] = {}
        frames: Frames = []
        size = 0
        for message in messages:
            if str(message.id) in self._book.message_id_delivery_tag:
                continue  # on its way already, and a return could not tell the two apart
            confirms[message.id] = self._expect_confirm(str(message.id))
            frames += _frames(message, self._book.max_content_size)
            size += len(message.body)
            if size > PIECE_BYTES:
                await self._put(frames)
                frames, size = [], 0
        if frames:
            await self._put(frames)
        return confirms

    def _expect_confirm(self, message_id: str) -> asyncio.Future[object]:
        confirm: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._book.delivery_tag += 1
        self._book.confirmations[self._book.delivery_tag] = confirm
        self._book.message_id_delivery_tag[message_id] = self._book.delivery_tag
        return confirm

    async def _put(self, frames: Frames) -> None:
        number = self._book.number
        # One of its parameters is a future of nobody knows what.
        piece = ChannelFrame.marshall(number, frames)  # pyright: ignore[reportUnknownMemberType]
        await self._book.write_queue.put(piece)

    def _strike_out(self, confirms: Confirms) -> None:
        """What is still open stays in the book as cancelled, so that a late confirm is ignored."""
        for message_id, confirm in confirms.items():
            self._book.message_id_delivery_tag.pop(str(message_id), None)
            confirm.cancel()

    def _stop_waiting(self) -> None:
        for confirm in self._book.confirmations.values():
            confirm.cancel()


def _frames(message: Outgoing, most: int) -> Frames:
    properties = Basic.Properties(
        message_id=str(message.id),
        message_type=message.kind,
        headers=dict(message.headers),
        delivery_mode=PERSISTENT,
    )
    body = message.body
    return [
        Basic.Publish(routing_key=message.queue, mandatory=True),
        ContentHeader(properties=properties, body_size=len(body)),
        *(ContentBody(body[start : start + most]) for start in range(0, len(body), most)),
    ]


def _outcome(confirms: Confirms) -> Sent:
    unknown = {message_id for message_id, confirm in confirms.items() if confirm.cancelled()}
    refused = {
        message_id: confirm.exception()
        for message_id, confirm in confirms.items()
        if message_id not in unknown and confirm.exception() is not None
    }
    return Sent(
        confirmed=confirms.keys() - unknown - refused.keys(),
        unknown=unknown,
        has_no_route=any(isinstance(reason, PublishError) for reason in refused.values()),
    )
