"""One event being taken: the transaction, and what is done with whatever event it is."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from crm_chatbot.application.conversations.outbound import hand_next, our_words
from crm_chatbot.application.conversations.takeover import silence
from crm_chatbot.application.ports import Work
from crm_chatbot.application.whatsapp.acquaintance import Acquaintance, Chat
from crm_chatbot.domain.conversations.conversation import (
    Conversation,
    ConversationId,
    TakeoverReason,
)
from crm_chatbot.domain.conversations.message import (
    Author,
    Direction,
    Message,
    MessageId,
    MessageState,
)
from crm_chatbot.domain.tenants.tenant import Tenant
from crm_chatbot.domain.whatsapp import Event, Heard, InChat, Said


class Calls(list[tuple[ConversationId, TakeoverReason]]):
    """Hand-overs of one transaction, in their order."""


class HeardBefore(Exception):
    """Nothing of it is done a second time."""


@dataclass(frozen=True)
class Reception:
    """What became of an event; `reason` is a code."""

    outcome: Literal["taken", "ignored", "duplicate"]
    reason: str | None = None


@dataclass(frozen=True)
class Fate:
    """What becomes of a message that came."""

    state: MessageState
    reason: str | None = None

    @property
    def ignored(self) -> str | None:
        return self.reason if self.state is MessageState.IGNORED else None


@dataclass(frozen=True, kw_only=True)
class Hearing:
    """The transaction in which an event is taken, whose shop it is, and what time it is."""

    work: Work
    tenant: Tenant
    now: datetime
    new_id: Callable[[], UUID]
    stale_after_s: float
    #: how long the sender may be silent
    patience_s: float
    #: where somebody of the shop has to answer from now on: told once everything else is locked
    calls: Calls = field(default_factory=Calls)

    @property
    def acquaintance(self) -> Acquaintance:
        return Acquaintance(self.work, self.tenant.id, self.now, self.new_id)

    async def record(
        self,
        event: Event,
        reason: str | None = None,
        *,
        conversation: Conversation | None = None,
        message_id: MessageId | None = None,
    ) -> Reception:
        """Write down what becomes of it. Raises HeardBefore."""
        heard = Heard(
            event=event,
            reason=reason,
            chat_id=_chat_of(event, conversation),
            conversation_id=conversation.id if conversation else None,
            message_id=message_id,
        )
        if not await self.work.inbox.record(heard):
            raise HeardBefore
        return Reception("ignored" if reason else "taken", reason)

    async def keep(
        self, event: Said, chat: Chat, fate: Fate, *, revoked_at: datetime | None = None
    ) -> tuple[Reception, Message]:
        """Record it, and build the message; it has no place yet."""
        message_id = MessageId(self.new_id())
        conversation = chat.conversation
        reception = await self.record(
            event, fate.ignored, conversation=conversation, message_id=message_id
        )
        conversation.chat_id, conversation.session = event.chat_id, event.session
        message = Message(
            id=message_id,
            conversation_id=conversation.id,
            seq=0,
            direction=Direction.IN,
            author=Author.CUSTOMER,
            created_at=self.now,
            state=fate.state,
            reason=fate.reason,
            kind=event.kind,
            text=event.text,
            content=event.content,
            session=event.session,
            stanza_id=event.stanza_id,
            provider_at=event.sent_at,
            revoked_at=revoked_at,
        )
        return reception, message

    async def add(self, conversation: Conversation, message: Message) -> None:
        """Give a message its place, and note that it is there."""
        message.seq = conversation.next_seq(self.now)
        await self.work.messages.add([message])
        await self.work.conversations.save(conversation)
        what = "message.ignored" if message.state is MessageState.IGNORED else "message.received"
        facts = {"message_id": message.id, "seq": message.seq, "kind": message.kind}
        code = {"code": message.reason} if message.reason else {}
        await self.work.timeline.note(conversation.id, what, author=message.author, **facts, **code)

    def is_stale(self, sent_at: datetime | None) -> bool:
        """Whether it lay about for so long that a bot's answer would only puzzle."""
        return sent_at is not None and self.now - sent_at > timedelta(seconds=self.stale_after_s)

    async def person_takes_over(self, conversation: Conversation, reason: TakeoverReason) -> None:
        """The bot falls silent; whatever else waits may leave."""
        if await silence(
            self.work,
            conversation,
            reason,
            now=self.now,
            new_id=self.new_id,
            handback_after_s=self.tenant.handback_after_s,
        ):
            self.calls.append((conversation.id, reason))

    async def say(self, conversation: Conversation, text: str) -> None:
        """Words of the shop's own, whoever answers."""
        message_id = MessageId(self.new_id())
        message = our_words(conversation, message_id, text, author=Author.SYSTEM, now=self.now)
        await self.work.messages.add([message])
        await self.work.timeline.note(conversation.id, "message.queued", message_id=message.id)
        await self.hand_next(conversation)
        await self.work.conversations.save(conversation)

    async def hand_next(self, conversation: Conversation) -> None:
        await hand_next(self.work, conversation, now=self.now, patience_s=self.patience_s)


def _chat_of(event: Event, conversation: Conversation | None) -> str | None:
    """Where it happened; not if whoever is there was erased."""
    is_forgotten = conversation is not None and conversation.is_forgotten
    return event.chat_id if isinstance(event, InChat) and not is_forgotten else None
