"""What happens on WhatsApp, in our own words: whatever engine told it, and however often."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any, Protocol

from crm_chatbot.domain.conversations.conversation import ConversationId
from crm_chatbot.domain.conversations.message import Kind, MessageId
from crm_chatbot.domain.customers.customer import Identity

#: A longer text is cut: nobody reads it, and a model would be paid for it.
LONGEST_TEXT = 8_000


class Rank(IntEnum):
    """How far a message of ours has come."""

    ERROR = -1
    PENDING = 0
    SERVER = 1
    DEVICE = 2
    READ = 3
    PLAYED = 4


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened; `key` is the same however often, and under what name, it is told."""

    key: str
    #: WAHA's name for it
    name: str
    session: str


def message_key(session: str, stanza_id: str) -> str:
    """The key of a message, by which it is known before it has come."""
    return f"{session}:message:{stanza_id}"


@dataclass(frozen=True, kw_only=True)
class Ignored(Event):
    """Nothing that concerns a shop; `reason` is a code."""

    reason: str
    chat_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class InChat(Event):
    """Something that happened in the chat with one person."""

    chat_id: str
    #: who the person is: the chat's own identity first, then any other that is known
    identities: Sequence[Identity]


@dataclass(frozen=True, kw_only=True)
class Said(InChat):
    """A message, as it was said."""

    stanza_id: str
    text: str = ""
    kind: Kind = Kind.TEXT
    #: media, place, quoted message, contacts: whatever is not text
    content: Mapping[str, Any] = field(default_factory=dict[str, Any])
    #: WhatsApp's own time; None where it made no sense
    sent_at: datetime | None = None
    #: what the person calls themselves
    push_name: str | None = None


@dataclass(frozen=True, kw_only=True)
class MessageCame(Said):
    """The customer wrote."""


@dataclass(frozen=True, kw_only=True)
class OwnerTyped(Said):
    """Something left our number that WAHA was not asked for: the owner typed on the phone."""


@dataclass(frozen=True, kw_only=True)
class OwnEcho(Said):
    """What we sent through WAHA comes back as news."""


@dataclass(frozen=True, kw_only=True)
class Edited(InChat):
    """A message says something else now."""

    stanza_id: str
    text: str
    is_ours: bool = False
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Revoked(InChat):
    """A message was taken back for everybody."""

    stanza_id: str
    is_ours: bool = False
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Reacted(InChat):
    """Somebody put an emoji to a message, or took it away (None)."""

    stanza_id: str
    emoji: str | None
    is_ours: bool = False


@dataclass(frozen=True, kw_only=True)
class Acked(Event):
    """A message of ours came further, or did not."""

    stanza_id: str
    rank: Rank
    #: WhatsApp's code, when rank is ERROR
    error: str | None = None
    #: until when WhatsApp lets this number write to nobody new
    restricted_until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class SessionChanged(Event):
    """WAHA's session has another status."""

    status: str
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Called(InChat):
    """Somebody called our number; `outcome` is received, accepted or rejected."""

    call_id: str
    outcome: str
    is_video: bool = False
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What became of an event; `reason` is a code, and None when it was taken."""

    event: Event
    reason: str | None = None
    chat_id: str | None = None
    conversation_id: ConversationId | None = None
    message_id: MessageId | None = None


class Inbox(Protocol):
    """Every event of one tenant that was ever heard, once."""

    async def record(self, heard: Heard, /) -> bool:
        """False when it was heard before: then nothing is recorded."""
        ...

    async def unheard(self, keys: Collection[str], /) -> Collection[str]:
        """Those of them that nobody has recorded yet."""
        ...

    async def forget_chats(self, chat_ids: Collection[str], /) -> None:
        """That something was heard remains, and not in which chat."""
        ...


class Acks(Protocol):
    """How far each message of ours has come; only ever further."""

    async def advance(
        self, session: str, stanza_id: str, rank: Rank, /, *, error: str | None = None
    ) -> bool:
        """False when it had come as far before."""
        ...


@dataclass(frozen=True, kw_only=True)
class SessionSeen:
    """A session as it was last told or looked at."""

    session: str
    status: str
    since: datetime
    #: until when everything that WAHA knows is known here, too
    caught_up_at: datetime | None = None


class WhatsAppSessions(Protocol):
    """The sessions of one tenant, and how far their history is known."""

    async def get(self, session: str, /) -> SessionSeen | None: ...

    async def changed(self, session: str, status: str, at: datetime, /) -> bool:
        """False when that is no news, or older than what is known."""
        ...

    async def look(self, session: str, now: datetime, /, *, older_than_s: float) -> bool:
        """Whether the caller may catch up now: nobody else did so for that long."""
        ...

    async def look_soon(self, session: str, now: datetime, /) -> None:
        """Let the next look be due at once."""
        ...

    async def caught_up(self, session: str, until: datetime, /) -> None:
        """Everything up to then is known."""
        ...
