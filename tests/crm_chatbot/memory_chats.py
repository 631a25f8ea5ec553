"""Customers, conversations and messages in memory, one tenant's at a time."""

import copy
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from crm_chatbot.domain.conversations.conversation import (
    Conversation,
    ConversationId,
    ConversationNotFound,
    Happened,
)
from crm_chatbot.domain.conversations.message import (
    MOST_LOOKED_AT,
    MOST_REPEATS,
    TEXTS_WITHIN_S,
    TURNS_WITHIN_S,
    Author,
    Direction,
    Kind,
    Lately,
    Message,
    MessageId,
    MessageNotFound,
    MessageState,
    TurnId,
)
from crm_chatbot.domain.customers.customer import Customer, CustomerId, CustomerNotFound, Identity
from crm_chatbot.domain.label import Label, LabelId
from crm_chatbot.domain.turns.turn import Execution, Turn
from crm_chatbot.domain.whatsapp import Heard, Rank, SessionSeen

Kept = TypeVar("Kept", Customer, Conversation, Message)


@dataclass
class Chats:
    """Everything that one tenant's transactions may change of its chats."""

    customers: dict[CustomerId, Customer] = field(default_factory=dict[CustomerId, Customer])
    conversations: dict[ConversationId, Conversation] = field(
        default_factory=dict[ConversationId, Conversation]
    )
    messages: dict[MessageId, Message] = field(default_factory=dict[MessageId, Message])
    heard: dict[str, Heard] = field(default_factory=dict[str, Heard])
    acks: dict[tuple[str, str], tuple[Rank, str | None]] = field(
        default_factory=dict[tuple[str, str], tuple[Rank, str | None]]
    )
    sessions: dict[str, SessionSeen] = field(default_factory=dict[str, SessionSeen])
    looked_at: dict[str, datetime] = field(default_factory=dict[str, datetime])
    turns: dict[TurnId, Turn] = field(default_factory=dict[TurnId, Turn])
    executions: list[Execution] = field(default_factory=list[Execution])
    #: by scope and key: for what, what was made, and when
    once: dict[tuple[str, str], tuple[str, UUID, datetime]] = field(
        default_factory=dict[tuple[str, str], tuple[str, UUID, datetime]]
    )
    labels: dict[LabelId, Label] = field(default_factory=dict[LabelId, Label])
    #: by whom each label was applied to each conversation, and when
    labelled: dict[tuple[ConversationId, LabelId], tuple[str, datetime]] = field(
        default_factory=dict[tuple[ConversationId, LabelId], tuple[str, datetime]]
    )
    timeline: list[tuple[ConversationId, Happened]] = field(
        default_factory=list[tuple[ConversationId, Happened]]
    )


def _kept(thing: Kept) -> Kept:
    return copy.deepcopy(thing)


@dataclass
class MemoryCustomers:
    """Honours crm_chatbot.domain.customers.customer.Customers."""

    chats: Chats

    async def known_as(self, identities: Sequence[Identity], /) -> list[Customer]:
        found = [
            _kept(one)
            for one in self.chats.customers.values()
            if set(one.identities) & set(identities)
        ]
        return sorted(found, key=lambda one: (one.created_at, one.id))

    async def look_ahead(self, identities: Sequence[Identity], /) -> list[Customer]:
        return await self.known_as(identities)

    async def get(self, customer_id: CustomerId, /) -> Customer:
        return await self.lock(customer_id)

    async def lock(self, customer_id: CustomerId, /) -> Customer:
        if customer_id not in self.chats.customers:
            raise CustomerNotFound(customer_id=customer_id)
        return _kept(self.chats.customers[customer_id])

    async def add(self, *customers: Customer) -> bool:
        names = [name for one in customers for name in one.identities]
        if await self.known_as(names) or len(set(names)) < len(names):
            return False
        self.chats.customers |= {one.id: _kept(one) for one in customers}
        return True

    async def save(self, customer: Customer, /) -> None:
        customer.version += 1
        others = {
            identity
            for other in self.chats.customers.values()
            if other.id != customer.id
            for identity in other.identities
        }
        stored = _kept(customer)
        stored.identities = tuple(one for one in customer.identities if one not in others)
        self.chats.customers[customer.id] = stored

    async def remove(self, customer: Customer, /) -> None:
        del self.chats.customers[customer.id]


@dataclass
class MemoryConversations:
    """Honours crm_chatbot.domain.conversations.conversation.Conversations."""

    chats: Chats

    async def lock(self, conversation_id: ConversationId, /) -> Conversation:
        if conversation_id not in self.chats.conversations:
            raise ConversationNotFound(conversation_id=conversation_id)
        return _kept(self.chats.conversations[conversation_id])

    async def lock_of(self, customer_id: CustomerId, /) -> Conversation | None:
        found = self.chats.conversations.values()
        return next((_kept(one) for one in found if one.customer_id == customer_id), None)

    async def lock_all_of(self, customer_ids: Sequence[CustomerId], /) -> list[Conversation]:
        found = [_kept(one) for one in self.chats.conversations.values()]
        return sorted(
            (one for one in found if one.customer_id in customer_ids), key=lambda one: one.id
        )

    async def add(self, *conversations: Conversation) -> None:
        for conversation in conversations:
            await self.save(conversation)

    async def save(self, conversation: Conversation, /) -> None:
        self.chats.conversations[conversation.id] = _kept(conversation)

    async def absorb(self, kept: Conversation, gone: Conversation, /) -> None:
        for message in self.chats.messages.values():
            if message.conversation_id == gone.id:
                message.conversation_id = kept.id
                message.seq += kept.last_seq
        self.chats.timeline = [
            (kept.id if whose == gone.id else whose, step) for whose, step in self.chats.timeline
        ]
        for whose, label_id in [one for one in self.chats.labelled if one[0] == gone.id]:
            moved = self.chats.labelled.pop((whose, label_id))
            self.chats.labelled.setdefault((kept.id, label_id), moved)
        kept.last_seq += gone.last_seq
        del self.chats.conversations[gone.id]
        await self.save(kept)


@dataclass
class MemoryMessages:
    """Honours crm_chatbot.domain.conversations.message.Messages."""

    chats: Chats

    async def add(self, messages: Sequence[Message], /) -> None:
        self.chats.messages |= {message.id: _kept(message) for message in messages}

    async def save(self, message: Message, /) -> None:
        self.chats.messages[message.id] = _kept(message)

    async def get(self, message_id: MessageId, /) -> Message:
        if message_id not in self.chats.messages:
            raise MessageNotFound(message_id=message_id)
        return _kept(self.chats.messages[message_id])

    async def by_stanza(self, session: str, stanza_id: str, /) -> Message | None:
        for message in self.chats.messages.values():
            is_it = message.stanza_id == stanza_id or stanza_id in message.wa_ids
            if message.session == session and is_it:
                return _kept(message)
        return None

    async def unanswered(self, conversation_id: ConversationId, /, *, most: int) -> list[Message]:
        return [m for m in self._of(conversation_id) if m.state is MessageState.NEW][:most]

    async def leaving(self, conversation_id: ConversationId, /) -> list[Message]:
        leaving = {MessageState.QUEUED, MessageState.HANDED}
        return [message for message in self._of(conversation_id) if message.state in leaving]

    async def entrusted(self, conversation_id: ConversationId, /) -> list[MessageId]:
        asked = [m for m in self._of(conversation_id) if m.asks and m.direction is Direction.OUT]
        return [message.id for message in asked]

    async def newest(self, conversation_id: ConversationId, /, *, most: int) -> list[Message]:
        return self._of(conversation_id)[-most:]

    async def lately(self, conversation_id: ConversationId, now: datetime, /) -> Lately:
        turns_since = now - timedelta(seconds=TURNS_WITHIN_S)
        texts_since = now - timedelta(seconds=TEXTS_WITHIN_S)
        newest = await self.newest(conversation_id, most=MOST_LOOKED_AT)
        by_bot = {
            message.turn_id
            for message in newest
            if message.direction is Direction.OUT
            and message.author is Author.BOT
            and message.created_at > turns_since
        }
        texts = tuple(
            message.text
            for message in newest
            if message.direction is Direction.IN
            and message.kind is Kind.TEXT
            and message.created_at > texts_since
        )
        return Lately(len(by_bot - {None}), texts[-MOST_REPEATS:])

    async def look_back(
        self, conversation_ids: Collection[ConversationId], now: datetime, /
    ) -> None:
        """Nothing is saved by that here."""

    async def leave_to_person(self, conversation_id: ConversationId, /, *, reason: str) -> int:
        left = await self.unanswered(conversation_id, most=1_000_000)
        for message in left:
            message.state, message.reason = MessageState.FOR_PERSON, reason
            await self.save(message)
        return len(left)

    async def erase(self, conversation_id: ConversationId, /) -> None:
        for message in self._of(conversation_id):
            message.text, message.content, message.reaction = "", {}, None
            await self.save(message)
        for key, heard in self.chats.heard.items():
            if heard.conversation_id == conversation_id:
                self.chats.heard[key] = replace(heard, chat_id=None)

    async def cover(
        self, conversation_id: ConversationId, turn_id: TurnId, /, *, seqs: Sequence[int]
    ) -> None:
        for message in self._of(conversation_id):
            if message.seq in seqs and message.direction is Direction.IN:
                message.state, message.turn_id = MessageState.COVERED, turn_id
                await self.save(message)

    def _of(self, conversation_id: ConversationId) -> list[Message]:
        found = self.chats.messages.values()
        mine = [_kept(message) for message in found if message.conversation_id == conversation_id]
        return sorted(mine, key=lambda message: message.seq)


@dataclass
class MemoryTimeline:
    """Honours crm_chatbot.domain.conversations.conversation.Timeline."""

    chats: Chats
    now: datetime

    async def note(self, conversation_id: ConversationId, what: str, /, **facts: object) -> None:
        self.chats.timeline.append((conversation_id, Happened(what=what, at=self.now, facts=facts)))


@dataclass
class MemoryInbox:
    """Honours crm_chatbot.domain.whatsapp.Inbox."""

    chats: Chats

    async def record(self, heard: Heard, /) -> bool:
        return self.chats.heard.setdefault(heard.event.key, heard) is heard

    async def unheard(self, keys: Collection[str], /) -> Collection[str]:
        return set(keys) - self.chats.heard.keys()

    async def forget_chats(self, chat_ids: Collection[str], /) -> None:
        for key, heard in self.chats.heard.items():
            if heard.chat_id in chat_ids:
                self.chats.heard[key] = replace(heard, chat_id=None)


@dataclass
class MemoryAcks:
    """Honours crm_chatbot.domain.whatsapp.Acks."""

    chats: Chats

    async def advance(
        self, session: str, stanza_id: str, rank: Rank, /, *, error: str | None = None
    ) -> bool:
        known = self.chats.acks.get((session, stanza_id))
        if known is not None and not _is_news(known[0], rank):
            return False
        self.chats.acks[session, stanza_id] = (rank, error)
        return True


def _is_news(known: Rank, new: Rank) -> bool:
    if new is Rank.ERROR:
        return known in {Rank.PENDING, Rank.SERVER}
    return new > known and (known is not Rank.ERROR or new >= Rank.DEVICE)


@dataclass
class MemoryWhatsAppSessions:
    """Honours crm_chatbot.domain.whatsapp.WhatsAppSessions."""

    chats: Chats

    async def get(self, session: str, /) -> SessionSeen | None:
        return self.chats.sessions.get(session)

    async def changed(self, session: str, status: str, at: datetime, /) -> bool:
        known = self.chats.sessions.get(session)
        if known and known.status != "UNKNOWN" and (at < known.since or known.status == status):
            return False
        self.chats.sessions[session] = SessionSeen(
            session=session,
            status=status,
            since=at,
            caught_up_at=known.caught_up_at if known else None,
        )
        self.chats.looked_at.pop(session, None)
        return True

    async def look(self, session: str, now: datetime, /, *, older_than_s: float) -> bool:
        last = self.chats.looked_at.get(session)
        if last is not None and last >= now - timedelta(seconds=older_than_s):
            return False
        self.chats.looked_at[session] = now
        self._seen(session, now)
        return True

    async def look_soon(self, session: str, now: datetime, /) -> None:
        self.chats.looked_at.pop(session, None)
        self._seen(session, now)

    async def caught_up(self, session: str, until: datetime, /) -> None:
        known = self._seen(session, until)
        if known.caught_up_at is None or known.caught_up_at < until:
            self.chats.sessions[session] = replace(known, caught_up_at=until)

    def _seen(self, session: str, now: datetime) -> SessionSeen:
        unknown = SessionSeen(session=session, status="UNKNOWN", since=now)
        return self.chats.sessions.setdefault(session, unknown)
