"""Looking at conversations that are kept in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from crm_chatbot.application.conversations.looking import (
    MOST_UNREAD,
    ConversationSeen,
    Deciding,
    LabelSeen,
    LastHeard,
    LastSpoken,
    MessageSeen,
    Place,
    Said,
    Situation,
    Step,
    Wanted,
    status_of,
)
from crm_chatbot.domain.conversations.conversation import (
    Conversation,
    ConversationId,
    ConversationNotFound,
)
from crm_chatbot.domain.conversations.message import Direction, Message, MessageState
from crm_chatbot.domain.customers.customer import CustomerId
from crm_chatbot.domain.orders.order import OrderId
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.domain.turns.turn import TurnStatus
from tests.crm_chatbot.fakes import MemoryCrm
from tests.crm_chatbot.memory_chats import Chats

_SAID = {Direction.IN, Direction.OUT}
_LEAVING = {MessageState.QUEUED, MessageState.HANDED}


@dataclass
class MemoryReader:
    """Honours crm_chatbot.application.conversations.looking.ConversationReader."""

    crm: MemoryCrm

    async def these(
        self, tenant_id: TenantId, ids: Sequence[ConversationId], /
    ) -> Sequence[ConversationSeen]:
        chats = self._chats(tenant_id)
        return [_seen(chats, one) for one in chats.conversations.values() if one.id in ids]

    async def page(
        self, tenant_id: TenantId, wanted: Wanted, /, *, after: Place | None, limit: int
    ) -> Sequence[ConversationSeen]:
        chats = self._chats(tenant_id)
        seen = [_seen(chats, one) for one in chats.conversations.values()]
        if (label_id := wanted.label_id) is not None:
            seen = [one for one in seen if (one.id, label_id) in chats.labelled]
        return _newest([one for one in seen if _is_wanted(one, wanted, after)])[:limit]

    async def messages(
        self,
        tenant_id: TenantId,
        conversation_id: ConversationId,
        /,
        *,
        before: int | None,
        limit: int,
    ) -> Sequence[MessageSeen]:
        chats = self._chats(tenant_id)
        found = _messages(chats, conversation_id)
        earlier = [one for one in found if before is None or one.seq < before]
        return [MessageSeen(one, status_of(one, _ranks(chats, one))) for one in earlier[-limit:]]

    async def steps(
        self,
        tenant_id: TenantId,
        conversation_id: ConversationId,
        /,
        *,
        before: int | None,
        limit: int,
    ) -> Sequence[Step]:
        timeline = self._chats(tenant_id).timeline
        found = [
            Step(number, happened)
            for number, (whose, happened) in enumerate(timeline, start=1)
            if whose == conversation_id and (before is None or number < before)
        ]
        return found[-limit:]

    async def situation(self, tenant_id: TenantId, conversation_id: ConversationId, /) -> Situation:
        chats = self._chats(tenant_id)
        conversation = chats.conversations.get(conversation_id)
        if conversation is None:
            raise ConversationNotFound(conversation_id=conversation_id)
        tenant = self.crm.stored.tenants[tenant_id]
        session = chats.sessions.get(conversation.session)
        messages = _messages(chats, conversation_id)
        return Situation(
            is_suspended=not tenant.is_active,
            time_zone=tenant.time_zone,
            mode=conversation.mode,
            mode_reason=conversation.mode_reason,
            mode_since=conversation.mode_since,
            handback_at=conversation.handback_at,
            ready_at=conversation.ready_at,
            is_held=conversation.lease_worker is not None,
            session_status=session.status if session else None,
            heard=_heard(chats, messages),
            spoken=_spoken(chats, messages),
            leaving=sum(one.state in _LEAVING for one in messages),
            deciding=_deciding(chats, conversation_id),
        )

    def _chats(self, tenant_id: TenantId) -> Chats:
        return self.crm.stored.chats.get(tenant_id, Chats())


@dataclass
class MemoryDirectory:
    """Honours crm_chatbot.application.conversations.looking.Directory."""

    crm: MemoryCrm

    async def tenant_of_conversation(self, conversation_id: ConversationId, /) -> TenantId | None:
        return next((t for t, c in self._every() if conversation_id in c.conversations), None)

    async def tenant_of_customer(self, customer_id: CustomerId, /) -> TenantId | None:
        return next((t for t, c in self._every() if customer_id in c.customers), None)

    async def tenant_of_order(self, order_id: OrderId, /) -> TenantId | None:
        every = self.crm.stored.deals.items()
        return next((t for t, deals in every if order_id in deals.orders), None)

    async def newest(
        self, wanted: Wanted, /, *, after: Place | None, limit: int
    ) -> Sequence[tuple[TenantId, ConversationId]]:
        seen = [_seen(c, one) for _, c in self._every() for one in c.conversations.values()]
        found = _newest([one for one in seen if _is_wanted(one, wanted, after)])
        return [(one.tenant_id, one.id) for one in found[:limit]]

    def _every(self) -> Iterator[tuple[TenantId, Chats]]:
        yield from self.crm.stored.chats.items()


def _newest(seen: list[ConversationSeen]) -> list[ConversationSeen]:
    return sorted(seen, key=lambda one: (one.last_message_at, one.id), reverse=True)


def _is_wanted(seen: ConversationSeen, wanted: Wanted, after: Place | None) -> bool:
    asked = (
        (wanted.mode, seen.mode),
        (wanted.state, seen.state),
        (wanted.customer_id, seen.customer_id),
        (wanted.is_unread, seen.unread > 0),
    )
    if any(value not in {None, has} for value, has in asked):
        return False
    if wanted.updated_since and seen.last_message_at < wanted.updated_since:
        return False
    return after is None or (seen.last_message_at, seen.id) < (after.at, after.id)


def _seen(chats: Chats, conversation: Conversation) -> ConversationSeen:
    customer = chats.customers[conversation.customer_id]
    messages = _messages(chats, conversation.id)
    new = [m for m in messages if m.direction is Direction.IN and m.seq > conversation.read_seq]
    return ConversationSeen(
        id=conversation.id,
        tenant_id=conversation.tenant_id,
        customer_id=conversation.customer_id,
        customer_name=customer.name,
        phone=customer.phone,
        chat_id=conversation.chat_id,
        session=conversation.session,
        state=conversation.state,
        mode=conversation.mode,
        mode_reason=conversation.mode_reason,
        mode_since=conversation.mode_since,
        handback_at=conversation.handback_at,
        unread=min(len(new), MOST_UNREAD),
        last=_said(messages),
        labels=_labels(chats, conversation.id),
        last_message_at=conversation.last_message_at,
        created_at=conversation.created_at,
    )


def _labels(chats: Chats, conversation_id: ConversationId) -> list[LabelSeen]:
    found = [chats.labels[one] for whose, one in chats.labelled if whose == conversation_id]
    active = sorted((one for one in found if one.is_active), key=lambda one: one.name_key)
    return [LabelSeen(id=one.id, name=one.name, color=one.color) for one in active]


def _said(messages: Sequence[Message]) -> Said | None:
    said = [one for one in messages if one.direction in _SAID]
    if not said:
        return None
    last = said[-1]
    return Said(direction=last.direction, kind=last.kind, text=last.text, at=last.created_at)


def _messages(chats: Chats, conversation_id: ConversationId) -> list[Message]:
    found = [one for one in chats.messages.values() if one.conversation_id == conversation_id]
    return sorted(found, key=lambda one: one.seq)


def _ranks(chats: Chats, message: Message) -> list[int]:
    names = [(message.session, one) for one in (*message.wa_ids, message.stanza_id)]
    return [rank for name, (rank, _) in chats.acks.items() if name in names]


def _heard(chats: Chats, messages: Sequence[Message]) -> LastHeard | None:
    heard = [one for one in messages if one.direction is Direction.IN]
    if not heard:
        return None
    last = heard[-1]
    turn = chats.turns.get(last.turn_id) if last.turn_id else None
    return LastHeard(
        state=last.state,
        reason=last.reason,
        outcome=turn.outcome if turn else None,
    )


def _spoken(chats: Chats, messages: Sequence[Message]) -> LastSpoken | None:
    spoken = [one for one in messages if one.direction is Direction.OUT]
    status = status_of(spoken[-1], _ranks(chats, spoken[-1])) if spoken else None
    if status is None:
        return None
    heard = max((one.seq for one in messages if one.direction is Direction.IN), default=0)
    last = spoken[-1]
    return LastSpoken(
        author=last.author, status=status, reason=last.reason, is_after_heard=last.seq > heard
    )


def _deciding(chats: Chats, conversation_id: ConversationId) -> Deciding | None:
    for turn in chats.turns.values():
        if turn.conversation_id == conversation_id and turn.status is TurnStatus.RUNNING:
            return Deciding(started_at=turn.started_at, failures=turn.failures)
    return None
