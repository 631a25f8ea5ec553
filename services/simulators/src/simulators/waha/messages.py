"""What was said in one chat, as WhatsApp itself keeps it: the truth behind webhooks and history."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Literal

from simulators.waha import names
from simulators.waha.people import Customer

Kind = Literal["text", "image", "file", "voice", "video", "location"]
Source = Literal["api", "app"]
#: what WAHA makes of a file that a customer sent: keeps it; says where it was, but has it no
#: longer; never downloaded it; failed to
Fate = Literal["kept", "gone", "not_downloaded", "failed"]


class Ack(IntEnum):
    """How far a message came."""

    ERROR = -1
    PENDING = 0
    SERVER = 1
    DEVICE = 2
    READ = 3
    PLAYED = 4


@dataclass(frozen=True)
class Media:
    """A file in a message."""

    content: bytes
    mimetype: str
    filename: str | None = None
    fate: Fate = "kept"
    since: float = field(default_factory=time.time)


@dataclass(frozen=True)
class Location:
    """A place in a message."""

    latitude: float
    longitude: float
    name: str | None = None
    address: str | None = None


@dataclass(kw_only=True)
class Message:
    """One message, from the shop (`from_me`) or from a customer."""

    plain_id: str
    customer: Customer
    chat_id: str  #: as WAHA named the chat when it passed
    from_me: bool
    source: Source
    at: float  #: seconds since 1970
    kind: Kind = "text"
    body: str = ""
    media: Media | None = None
    location: Location | None = None
    reply_to: "Message | None" = None
    ack: Ack = Ack.SERVER
    is_edited: bool = False
    is_revoked: bool = False
    edited_at: float = 0.0
    #: as it was before it was first changed, if it was
    first: "Message | None" = None
    #: who reacted (the shop or the customer) -> emoji
    reactions: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def participant(self) -> str | None:
        """Who wrote it, where a chat has many people."""
        return None if names.is_direct(self.chat_id) else self.customer.phone_chat

    @property
    def id(self) -> str:
        return names.message_id(
            self.plain_id,
            chat_id=self.chat_id,
            from_me=self.from_me,
            participant=self.participant,
        )

    @property
    def timestamp(self) -> int:
        return int(self.at)

    @property
    def as_written(self) -> "Message":
        """As if nobody had changed it."""
        return replace(self.first, ack=self.ack) if self.first else self

    def keep_as_written(self) -> None:
        """It is about to be changed."""
        self.first = self.first or replace(self)


class Chat:
    """The messages with one customer, in the order in which WhatsApp took them."""

    def __init__(self, customer: Customer) -> None:
        self.customer = customer
        self._messages: dict[str, Message] = {}

    def __iter__(self) -> Iterator[Message]:
        return iter(self._messages.values())

    def __len__(self) -> int:
        return len(self._messages)

    def find(self, any_id: str) -> Message | None:
        """By plain id or message id."""
        return self._messages.get(names.plain_id(any_id))

    def add(self, message: Message) -> bool:
        """False if WhatsApp has a message with this id: the second changes nothing."""
        if message.plain_id in self._messages:
            return False
        self._messages[message.plain_id] = message
        return True

    @property
    def last(self) -> Message | None:
        return next(reversed(self._messages.values()), None)

    def unread(self, *, by_shop: bool) -> list[Message]:
        """What the shop (or else the customer) has received and not read."""
        return [m for m in self if m.from_me is not by_shop and 0 < m.ack < Ack.READ]

    def undelivered(self, *, to_shop: bool) -> list[Message]:
        return [m for m in self if m.from_me is not to_shop and m.ack == Ack.SERVER]
