"""The port to whatever carries messages between services, and what may become of a message."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol
from uuid import UUID


class CarrierUnavailable(Exception):
    """The carrier cannot be reached, or did not answer in time; the outcome is unknown."""


@dataclass(frozen=True)
class Outgoing:
    """A message as it lies in an outbox; `id` stays the same however often it is sent."""

    id: UUID
    queue: str
    kind: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Incoming:
    """A message as it arrives: at least once, in any order, perhaps not readable."""

    id: str
    kind: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class Outcome(Enum):
    """What a handler says of one message. There is no "try again": rows retry, messages do not."""

    DONE = auto()  #: settled, refused or repeated; the carrier may forget it
    DEAD = auto()  #: nothing of ours can read it; keep it aside for a person


Handle = Callable[[Sequence[Incoming]], Awaitable[Sequence[Outcome]]]
Room = Callable[[], Awaitable[int]]


@dataclass(frozen=True)
class DeadLetter:
    """A message that was set aside."""

    id: str
    queue: str
    kind: str
    body: bytes
    headers: Mapping[str, str]


class Transport(Protocol):
    """Carries messages at least once. It may lose them all: every row that waits is asked again."""

    async def publish(self, messages: Sequence[Outgoing], /) -> set[UUID]:
        """Send a batch; returns the ids that are safe with the carrier now.

        An id that is missing from the answer may or may not have arrived. Raises
        CarrierUnavailable when nothing could be sent at all.
        """
        ...

    async def listen(self, queue: str, handle: Handle, /, *, prefetch: int, room: Room) -> None:
        """Hand over what arrives, in batches, until cancelled; reconnects by itself.

        `room` is awaited before each batch, waits while there is none, and says how many messages
        may be handed over (at least 1). At most `prefetch` are taken in hand. A message leaves the
        carrier once its outcome is known. When `handle` raises, the batch stays with the carrier
        and is handed over again after a pause.
        """
        ...

    async def dead_letters(self, queue: str, /, *, limit: int = 100) -> Sequence[DeadLetter]:
        """Look at what was set aside from `queue`, oldest first, leaving it there.

        Raises CarrierUnavailable.
        """
        ...

    async def replay(self, queue: str, ids: Sequence[str], /) -> int:
        """Put dead letters back on `queue`; returns how many moved. Raises CarrierUnavailable."""
        ...

    async def depths(self) -> Mapping[str, tuple[int, int]]:
        """How many messages wait in each queue that can be reached, and among its dead letters.

        Raises CarrierUnavailable.
        """
        ...

    async def is_reachable(self) -> bool:
        """Answers within two seconds."""
        ...

    async def close(self) -> None: ...
