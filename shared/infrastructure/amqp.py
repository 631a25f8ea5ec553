"""A connection to RabbitMQ on which nothing waits without a bound, and the queues behind it."""

import asyncio
import logging
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar, cast

# aiormq is what aio-pika is made of. On RabbitMQ 3.10 and 2 cores, with uvloop, CPU per message:
# publish + confirm 25 us over its frames, 80 us over its basic_publish, 110 us over aio-pika's
# Message; consume + ack 55 us over aiormq, 83 us over aio-pika.
import aiormq
from aiormq.channel import Channel
from aiormq.connection import TCPTransportFactory, TLSTransportFactory
from aiormq.exceptions import AMQPError, ChannelPreconditionFailed
from yarl import URL

from shared.messaging import CarrierUnavailable

Answer = TypeVar("Answer")

#: the longest wait for any single answer of the broker
PATIENCE_S = 5.0
CLOSE_WITHIN_S = 1.0
#: RabbitMQ's own guess (60 s) lets a dead peer go unnoticed for three minutes
HEARTBEAT_S = 10
#: the first version with at-least-once dead-lettering
OLDEST = (3, 10)

_TROUBLE = (AMQPError, OSError, EOFError, TimeoutError, RuntimeError)

# It tells of every failed try to connect, with a traceback; our listeners say it once a minute.
logging.getLogger("aiormq").setLevel(logging.CRITICAL)


class Lost(Exception):
    """The connection broke, or the broker did not answer in time."""


class BrokerUnsuitable(CarrierUnavailable):
    """The broker answers, but cannot carry for us before a person acts; says what to do."""


class Link:
    """One connection with one channel. After `Lost`, none of its deliveries is ours any more."""

    def __init__(self, url: str, name: str) -> None:
        self._socket = _Socket()
        address = URL(url)
        self._connection = aiormq.Connection(
            address.with_query({"heartbeat": HEARTBEAT_S, **address.query}),
            transport_factory=self._socket,
            client_properties={"connection_name": name},
        )
        self.channel: Channel

    async def open(self) -> None:
        """Raises Lost, or BrokerUnsuitable."""
        try:
            await self.call(self._connect())
            channel = await self.call(self._connection.channel(on_return_raises=True))
            self._check_version()
        except BaseException:
            self.abort()
            raise
        self.channel = cast("Channel", channel)
        #: done when the channel or its connection has closed, whoever closed it
        self.closed = cast("asyncio.Future[object]", self.channel.closing)

    @property
    def is_open(self) -> bool:
        return self._connection.is_opened and not self.channel.is_closed

    async def is_blocked(self) -> bool:
        """Whether the broker takes no messages at present: its memory or its disk is short."""
        try:
            async with asyncio.timeout(0):
                await self._connection.ready()
        except TimeoutError:
            return True
        return False

    async def call(self, asked: Awaitable[Answer], *, within: float = PATIENCE_S) -> Answer:
        """Wait for the broker, but not for ever. Raises Lost."""
        try:
            async with asyncio.timeout(within):
                return await asked
        except asyncio.CancelledError as cancelled:
            # aiormq cancels the calls of a connection that closes: that is not us being cancelled.
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            raise Lost("closed") from cancelled
        except _TROUBLE as error:
            raise Lost(f"{type(error).__name__}: {error}"[:200]) from error

    async def depth(self, queue: str, *, within: float = PATIENCE_S) -> int:
        """How many messages are ready there. Raises Lost, also when there is no such queue."""
        answer = await self.call(self.channel.queue_declare(queue, passive=True), within=within)
        return answer.message_count or 0

    async def close(self) -> None:
        """Say good-bye, so that the broker gives what we held to others at once."""
        with suppress(Lost):
            goodbye = self._connection.close(ConnectionError("closed by us"))
            await self.call(goodbye, within=CLOSE_WITHIN_S)
        self.abort()

    def abort(self) -> None:
        """Drop the connection without a word; whoever waits for it finds out at once."""
        self._socket.abort()

    async def _connect(self) -> None:
        # aiormq's decorator hides the type.
        await self._connection.connect()  # pyright: ignore[reportUnknownMemberType]

    def _check_version(self) -> None:
        version = str(self._connection.server_properties.get("version", ""))
        numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
        if len(numbers) == len(OLDEST) and numbers < OLDEST:
            raise BrokerUnsuitable(
                f"RabbitMQ {version} is too old: it cannot dead-letter at least once. "
                "Upgrade it to 3.10 or newer, or leave RABBITMQ_URL empty."
            )


@asynccontextmanager
async def linked(url: str, name: str, queues: Sequence[str]) -> AsyncGenerator[Link]:
    """A link whose queues are there. Raises Lost, or BrokerUnsuitable."""
    link = await opened(url, name, queues)
    try:
        yield link
    finally:
        await link.close()


async def opened(url: str, name: str, queues: Sequence[str]) -> Link:
    """As `linked`, for a link that outlives a block: its owner closes it."""
    link = Link(url, name)
    await link.open()
    try:
        await declare(link, queues)
    except BaseException:
        link.abort()
        raise
    return link


async def declare(link: Link, queues: Sequence[str]) -> None:
    """Harmless where they are there already. Raises Lost, or BrokerUnsuitable."""
    for queue in queues:
        await _declare(link, dead(queue), DEAD_ARGUMENTS)
        await _declare(link, queue, arguments_of(queue))


def dead(queue: str) -> str:
    """Where `queue`'s messages go that nobody can read, or that were delivered too often."""
    return f"{queue}.dead"


def arguments_of(queue: str) -> dict[str, Any]:
    """How we declare `queue`; whoever declares it elsewhere must use the same."""
    return {
        "x-queue-type": "quorum",
        "x-delivery-limit": 20,
        # The default exchange: no binding that could be missing.
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": dead(queue),
        # Needs reject-publish as well: else it is silently at-most-once.
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
        "x-max-length": 100_000,
    }


#: Looking at a dead letter counts as a delivery, and RabbitMQ 4 drops what exceeds its limit of 20.
DEAD_ARGUMENTS: dict[str, Any] = {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000}


async def _declare(link: Link, queue: str, arguments: dict[str, Any]) -> None:
    try:
        await link.call(link.channel.queue_declare(queue, durable=True, arguments=arguments))
    except Lost as lost:
        if not isinstance(lost.__cause__, ChannelPreconditionFailed):
            raise
        raise BrokerUnsuitable(
            f"RabbitMQ has a queue {queue!r} that was declared differently: {lost.__cause__}. "
            f"Delete it (`rabbitmqctl delete_queue {queue}`): it is made anew at once, and what it "
            "held is asked for again. Or give our queues other names (RABBITMQ_..._QUEUE)."
        ) from lost


class _Socket(aiormq.TransportFactory):
    """Keeps hold of the socket: aiormq only ever closes politely, and a frozen peer never would."""

    def __init__(self) -> None:
        self._writer: StreamWriter | None = None

    async def create(self, url: URL, **options: Any) -> tuple[StreamReader, StreamWriter]:
        factory = TLSTransportFactory() if url.scheme == "amqps" else TCPTransportFactory()
        reader, self._writer = await factory.create(url, **options)
        return reader, self._writer

    def abort(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()
