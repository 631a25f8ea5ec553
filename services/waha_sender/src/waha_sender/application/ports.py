"""What the sender needs from outside, and the transaction of one tenant that it works in."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from shared.contracts import Message
from waha_sender.application.deliveries import Claim, Delivery
from waha_sender.application.pacing import Pace


class Deliveries(Protocol):
    """One tenant's messages in their parts. What is handed out is locked."""

    async def add(self, parts: Sequence[Delivery], /) -> bool:
        """False where the message is known already: then nothing changes."""
        ...

    async def of(self, message_id: UUID, /) -> list[Delivery]:
        """A message's parts in order; none where it is not known."""
        ...

    async def held(self, claim: Claim, /) -> Delivery | None:
        """The claimed part; None when the claim has passed on, or the part has ended."""
        ...

    async def save(self, delivery: Delivery, /) -> None: ...

    async def ids_in_chat(self, session: str, chat_id: str, /) -> set[str]:
        """The stanza ids under which parts have left for this chat."""
        ...


class Paces(Protocol):
    """One tenant's sessions and chats: how they are, and what they have sent."""

    async def of(self, session: str, /) -> Pace:
        """Locked; as if new where nothing was ever sent."""
        ...

    async def save(self, pace: Pace, /) -> None: ...

    async def last_in_chat(self, session: str, chat_id: str, /) -> datetime | None:
        """When a message of ours left for this chat."""
        ...

    async def note_sent(self, session: str, chat_id: str, at: datetime, /) -> None: ...

    async def forget_chat(self, session: str, chat_id: str, /) -> None:
        """That anything ever left for this chat."""
        ...


class Outbox(Protocol):
    """What crm_chatbot must hear once the transaction has committed."""

    async def say(self, message: Message, headers: Mapping[str, str], /) -> None: ...


@dataclass(frozen=True)
class Work:
    """One tenant's transaction: commits when its block ends, rolls back when it raises."""

    deliveries: Deliveries
    paces: Paces
    outbox: Outbox


OpenWork = Callable[[UUID], AbstractAsyncContextManager[Work]]


class Leases(Protocol):
    """Who may send what: the one look across tenants, on behalf of one worker. Ids only."""

    async def claim(
        self, most: int, /, *, share: int, in_hand: Sequence[UUID], patience_s: float
    ) -> Sequence[Claim]:
        """Take parts that may leave now: the first open one of each chat.

        Of each session at most `share` are in hand at once, by all workers together. `in_hand`
        are the lease tokens that this worker knows of; `patience_s` is how long another may be
        silent before what it holds is free.
        """
        ...

    async def beat(self) -> None:
        """Say that this worker lives."""
        ...

    async def leave(self) -> None:
        """Say good-bye: what this worker holds is free at once."""
        ...

    async def overdue(
        self, most: int, /, *, older_than_s: float, patience_s: float
    ) -> Sequence[tuple[UUID, UUID]]:
        """Tenants and messages that could not leave for so long, and are in nobody's hand."""
        ...

    async def forget(self, most: int, /, *, older_than_s: float) -> int:
        """Outcomes, and when chats were last written to, that are so old: how many were forgotten.

        A message whose parts have not all ended is spared. Workers that are long dead go, too.
        """
        ...
