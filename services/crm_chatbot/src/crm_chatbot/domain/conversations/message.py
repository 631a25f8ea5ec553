"""A message in a conversation: what came in, what goes out, a person's notes, and markers."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NewType, Protocol
from uuid import UUID

from crm_chatbot.domain.conversations.conversation import ConversationId
from crm_chatbot.domain.customers.consent import is_yes
from shared.domain import NotFound

MessageId = NewType("MessageId", UUID)
TurnId = NewType("TurnId", UUID)


class Direction(StrEnum):
    IN = "in"
    OUT = "out"
    NOTE = "note"  #: for colleagues' eyes only
    MARKER = "marker"  #: who answers from here on


class Author(StrEnum):
    CUSTOMER = "customer"
    BOT = "bot"
    PERSON = "person"  #: through the API
    PHONE = "phone"  #: the owner, on the phone itself
    SYSTEM = "system"


class Kind(StrEnum):
    TEXT = "text"
    IMAGE = "image"
    VOICE = "voice"
    VIDEO = "video"
    FILE = "file"
    STICKER = "sticker"
    LOCATION = "location"
    CONTACT = "contact"
    POLL = "poll"
    CALL = "call"
    UNKNOWN = "unknown"


class MessageState(StrEnum):
    """What became of it; which of these fit depends on the direction."""

    NEW = "new"  #: in: waits for a turn
    COVERED = "covered"  #: in: a committed turn has considered it
    FOR_PERSON = "for_person"  #: in: came while a person answers
    IGNORED = "ignored"  #: in: recorded, with a reason, and not answered
    QUEUED = "queued"  #: out: waits for those before it
    HANDED = "handed"  #: out: the sender has it
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"  #: out: may have arrived; nobody can tell
    WITHDRAWN = "withdrawn"  #: out: taken back before it left
    KEPT = "kept"  #: a note or marker, and what the owner typed on the phone


#: Where a message's content holds what a model told of its picture, or understood of its voice.
TOLD = "told"


class MessageNotFound(NotFound):
    message = "There is no message {message_id}."


@dataclass(eq=False, kw_only=True)
class Message:
    """One entry of a conversation's history."""

    id: MessageId
    conversation_id: ConversationId
    seq: int
    direction: Direction
    author: Author
    created_at: datetime
    state: MessageState
    kind: Kind = Kind.TEXT
    text: str = ""
    #: whatever else it is: media, location, quoted text; for an outgoing one WhatsAppContent
    content: Mapping[str, Any] = field(default_factory=dict[str, Any])
    #: why it is in this state: a code
    reason: str | None = None
    session: str | None = None
    stanza_id: str | None = None
    #: WhatsApp's own time; None where it made no sense
    provider_at: datetime | None = None
    turn_id: TurnId | None = None
    wa_ids: Sequence[str] = ()
    #: how often the sender was asked for it, and when it is asked next
    asks: int = 0
    ask_at: datetime | None = None
    reaction: str | None = None
    edited_at: datetime | None = None
    revoked_at: datetime | None = None
    sent_at: datetime | None = None

    @property
    def told(self) -> str:
        """What a model told of its picture or voice; empty where none did."""
        told: Any = self.content.get(TOLD)
        return told if isinstance(told, str) else ""

    @property
    def words(self) -> str:
        """The sender's own: written, or else spoken."""
        return self.text.strip() or (self.told if self.kind is Kind.VOICE else "")

    def end(self, state: MessageState, reason: str | None = None) -> None:
        """It will change no more by itself."""
        self.state, self.reason, self.ask_at = state, reason, None


@dataclass(frozen=True)
class Lately:
    """How lively a chat was in the last minutes."""

    #: within TURNS_WITHIN_S
    bot_turns: int = 0
    #: what the customer said last, within TEXTS_WITHIN_S, the newest last
    texts: Sequence[str] = ()


TURNS_WITHIN_S = 120.0
TEXTS_WITHIN_S = 600.0
#: One every ten seconds: whoever buys in a hurry needs fewer, and two bots soon have more.
MOST_TURNS = 12
MOST_REPEATS = 3
#: As far as one looks back for turns: each may stand behind many messages of a flood.
MOST_LOOKED_AT = 300


def may_loop(messages: int, silence: timedelta) -> bool:
    """Whether it is worth a look: too little was said for a loop, or too long ago, else."""
    return messages >= MOST_REPEATS - 1 and silence < timedelta(seconds=TEXTS_WITHIN_S)


def is_loop(lately: Lately) -> bool:
    """Whether it seems to be another bot that we talk to."""
    tail = [text.strip().casefold() for text in lately.texts[-MOST_REPEATS:]]
    is_repeated = len(tail) == MOST_REPEATS and len(set(tail)) == 1 and bool(tail[0])
    # Whoever buys says yes more than once.
    is_repeated = is_repeated and not is_yes(tail[0])
    return is_repeated or lately.bot_turns > MOST_TURNS


class Messages(Protocol):
    """Every message of one tenant. Callers hold their conversation's lock."""

    async def add(self, messages: Sequence[Message], /) -> None: ...

    async def save(self, message: Message, /) -> None: ...

    async def get(self, message_id: MessageId, /) -> Message:
        """Raises MessageNotFound."""
        ...

    async def by_stanza(self, session: str, stanza_id: str, /) -> Message | None:
        """The message that WhatsApp knows by this id, in either direction."""
        ...

    async def unanswered(self, conversation_id: ConversationId, /, *, most: int) -> list[Message]:
        """Incoming ones in state NEW, oldest first."""
        ...

    async def leaving(self, conversation_id: ConversationId, /) -> list[Message]:
        """Outgoing ones in state QUEUED or HANDED, oldest first."""
        ...

    async def entrusted(self, conversation_id: ConversationId, /) -> list[MessageId]:
        """Those that the sender was ever asked for, oldest first."""
        ...

    async def newest(self, conversation_id: ConversationId, /, *, most: int) -> list[Message]:
        """The last of its history, oldest first."""
        ...

    async def lately(self, conversation_id: ConversationId, now: datetime, /) -> Lately:
        """How lively the chat was in the last minutes."""
        ...

    async def look_back(
        self, conversation_ids: Collection[ConversationId], now: datetime, /
    ) -> None:
        """At several at once: until one is changed, `lately` knows it without another look."""
        ...

    async def leave_to_person(self, conversation_id: ConversationId, /, *, reason: str) -> int:
        """Every incoming one in state NEW becomes FOR_PERSON; returns how many."""
        ...

    async def erase(self, conversation_id: ConversationId, /) -> None:
        """Nothing is left of what anybody said; that something was said remains."""
        ...

    async def cover(
        self, conversation_id: ConversationId, turn_id: TurnId, /, *, seqs: Sequence[int]
    ) -> None:
        """Mark incoming messages as considered by a turn."""
        ...
