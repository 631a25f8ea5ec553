"""What people do with conversations: take over, hand back, write, note, and read."""

import unicodedata
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from crm_chatbot.application.conversations.outbound import hand_next
from crm_chatbot.application.conversations.takeover import hand_back, take_over
from crm_chatbot.application.once import Once
from crm_chatbot.application.ports import OpenWork, Work
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
from crm_chatbot.domain.tenants.tenant import Tenant, TenantId
from shared.domain import Clock, Conflict, Invalid

#: It is sent in parts, of which there are not many: nothing of a person's words may be left out.
TEXT_LIMIT = 8_000
NOTE_LIMIT = 8_000

_API = TakeoverReason.API

#: What a person says, found while the conversation is locked; what it raises undoes everything.
Compose = Callable[[Work, Tenant, Conversation], Awaitable[str]]


class TextRejected(Invalid):
    message = "A text has 1 to {limit} characters, and not only blank ones."
    at = "/text"


class CustomerErased(Conflict):
    message = "This customer was erased: there is nobody to write to."


class TenantSuspended(Conflict):
    message = "This shop is suspended: nothing is sent for it."


@dataclass(frozen=True)
class Accepted:
    """A message that is stored, and will be sent; a replay was stored by an earlier request."""

    message_id: MessageId
    is_replay: bool


@dataclass(frozen=True, kw_only=True)
class ConversationService:
    """Every change is made while the conversation is locked, and noted in its timeline."""

    open_work: OpenWork
    now: Clock
    new_id: Callable[[], UUID]
    #: how long the sender may be silent before it is asked again
    patience_s: float

    async def take_over(
        self,
        tenant_id: TenantId,
        conversation_id: ConversationId,
        *,
        handback_after_s: int | None = None,
    ) -> None:
        """Silence the bot at once, for so long (0: for ever; None: as the shop wishes).

        Where it is silent already, its rest begins anew. Raises ConversationNotFound.
        """
        async with self._changing(tenant_id, conversation_id) as (work, conversation):
            tenant = await work.tenants.get(tenant_id)
            await self._silence(work, conversation, tenant, handback_after_s)
            await self._hand_next(work, conversation)

    async def hand_back(self, tenant_id: TenantId, conversation_id: ConversationId) -> None:
        """Let the bot answer what comes from now on.

        Raises ConversationNotFound, AlreadyInMode.
        """
        async with self._changing(tenant_id, conversation_id) as (work, conversation):
            await hand_back(work, conversation, _API, now=self.now(), new_id=self.new_id)

    async def say(
        self,
        tenant_id: TenantId,
        conversation_id: ConversationId,
        text: str,
        *,
        once: Once | None = None,
    ) -> Accepted:
        """Write to the customer as a person, who takes over with it.

        Raises TextRejected, ConversationNotFound, TenantSuspended, CustomerErased,
        IdempotencyKeyReused.
        """
        refuse_unsayable(text, TEXT_LIMIT)

        async def words(_work: Work, _tenant: Tenant, _conversation: Conversation) -> str:
            return text

        return await self.compose(tenant_id, conversation_id, words, once=once)

    async def compose(
        self,
        tenant_id: TenantId,
        conversation_id: ConversationId,
        words: Compose,
        *,
        once: Once | None = None,
    ) -> Accepted:
        """The same with words that depend on the chat; a replay does not ask for them again.

        Raises ConversationNotFound, TenantSuspended, CustomerErased, IdempotencyKeyReused, and
        whatever `words` does.
        """
        message_id = MessageId(self.new_id())
        async with self._changing(tenant_id, conversation_id) as (work, conversation):
            first = await work.idempotency.claim(once, message_id) if once else message_id
            if first != message_id:
                return Accepted(MessageId(first), is_replay=True)
            tenant = await _tenant_to_send_for(work, conversation)
            text = await words(work, tenant, conversation)
            await self._silence(work, conversation, tenant)
            message = self._written(conversation, message_id, text, Direction.OUT)
            await work.messages.add([message])
            await work.timeline.note(
                conversation.id, "message.queued", message_id=message_id, author=message.author
            )
            await self._hand_next(work, conversation)
        return Accepted(message_id, is_replay=False)

    async def note(
        self, tenant_id: TenantId, conversation_id: ConversationId, text: str
    ) -> Message:
        """Write something down that only colleagues see.

        Raises TextRejected, ConversationNotFound.
        """
        refuse_unsayable(text, NOTE_LIMIT)
        message_id = MessageId(self.new_id())
        async with self._changing(tenant_id, conversation_id) as (work, conversation):
            note = self._written(conversation, message_id, text, Direction.NOTE)
            await work.messages.add([note])
        return note

    async def read(self, tenant_id: TenantId, conversation_id: ConversationId) -> None:
        """Somebody has seen everything that there is. Raises ConversationNotFound."""
        async with self._changing(tenant_id, conversation_id) as (_, conversation):
            conversation.read_seq = conversation.last_seq

    @asynccontextmanager
    async def _changing(
        self, tenant_id: TenantId, conversation_id: ConversationId
    ) -> AsyncGenerator[tuple[Work, Conversation]]:
        """Lock a conversation, let the caller change it, save it: one transaction."""
        async with self.open_work(tenant_id) as work:
            conversation = await work.conversations.lock(conversation_id)
            yield work, conversation
            await work.conversations.save(conversation)

    async def _silence(
        self,
        work: Work,
        conversation: Conversation,
        tenant: Tenant,
        handback_after_s: int | None = None,
    ) -> None:
        rest = tenant.handback_after_s if handback_after_s is None else handback_after_s
        await take_over(
            work,
            conversation,
            _API,
            now=self.now(),
            new_id=self.new_id,
            handback_after_s=rest,
        )

    async def _hand_next(self, work: Work, conversation: Conversation) -> None:
        await hand_next(work, conversation, now=self.now(), patience_s=self.patience_s)

    def _written(
        self, conversation: Conversation, message_id: MessageId, text: str, direction: Direction
    ) -> Message:
        now = self.now()
        is_note = direction is Direction.NOTE
        return Message(
            id=message_id,
            conversation_id=conversation.id,
            seq=conversation.next_seq(now),
            direction=direction,
            author=Author.PERSON,
            created_at=now,
            state=MessageState.KEPT if is_note else MessageState.QUEUED,
            text=text,
            session=None if is_note else conversation.session,
        )


async def _tenant_to_send_for(work: Work, conversation: Conversation) -> Tenant:
    tenant = await work.tenants.get(conversation.tenant_id)
    if not tenant.is_active:
        raise TenantSuspended
    if conversation.is_forgotten:
        raise CustomerErased
    return tenant


def refuse_unsayable(text: str, limit: int) -> None:
    """Raises TextRejected."""
    # Zero-width characters (category Cf) say no more than spaces do.
    is_said = any(not c.isspace() and unicodedata.category(c) not in {"Cf", "Cc"} for c in text)
    if len(text) > limit or not is_said:
        raise TextRejected(limit=limit)
