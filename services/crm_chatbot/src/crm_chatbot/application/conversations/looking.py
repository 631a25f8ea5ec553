"""Looking at conversations: what people see of them, in lists and one by one. Changes nothing."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from crm_chatbot.domain.conversations.conversation import (
    ConversationId,
    ConversationNotFound,
    ConversationState,
    Happened,
    Mode,
    TakeoverReason,
)
from crm_chatbot.domain.conversations.message import Author, Direction, Kind, Message, MessageState
from crm_chatbot.domain.customers.customer import CustomerId
from crm_chatbot.domain.label import LabelId
from crm_chatbot.domain.orders.order import OrderId
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.domain.turns.turn import Outcome
from crm_chatbot.domain.whatsapp import Rank

#: Unread messages are counted so far; whoever has more has many.
MOST_UNREAD = 100


class Status(StrEnum):
    """How far an outgoing message has come, as the phones show it; only ever further."""

    QUEUED = "queued"
    HANDED = "handed"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    UNKNOWN = "unknown"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, kw_only=True)
class Said:
    """The last words of a conversation."""

    direction: Direction
    kind: Kind
    text: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class LabelSeen:
    """As much of a label as a list shows."""

    id: LabelId
    name: str
    color: str


@dataclass(frozen=True, kw_only=True)
class ConversationSeen:
    """A conversation, whose it is, and what of it is new."""

    id: ConversationId
    tenant_id: TenantId
    customer_id: CustomerId
    customer_name: str | None
    phone: str | None
    chat_id: str
    session: str
    state: ConversationState
    mode: Mode
    mode_reason: TakeoverReason | None
    mode_since: datetime
    handback_at: datetime | None
    #: of the customer's, since a person last read; at most MOST_UNREAD
    unread: int
    last: Said | None
    #: in the order of their names, but for those that were deleted
    labels: Sequence[LabelSeen]
    last_message_at: datetime
    created_at: datetime


@dataclass(frozen=True)
class MessageSeen:
    """A message, and for an outgoing one how far it has come."""

    message: Message
    status: Status | None


@dataclass(frozen=True)
class Step:
    """One entry of a timeline; `number` is its place."""

    number: int
    happened: Happened


@dataclass(frozen=True, kw_only=True)
class LastHeard:
    """The newest message of the customer, and how the turn that considered it ended."""

    state: MessageState
    reason: str | None
    outcome: Outcome | None


@dataclass(frozen=True, kw_only=True)
class LastSpoken:
    """The newest message that went, or is to go, out."""

    author: Author
    status: Status
    reason: str | None
    is_after_heard: bool


@dataclass(frozen=True, kw_only=True)
class Deciding:
    """The turn that is being worked on."""

    started_at: datetime
    failures: int


@dataclass(frozen=True, kw_only=True)
class Situation:
    """Everything that explains why the bot does, or does not, answer at this moment."""

    is_suspended: bool
    time_zone: str
    mode: Mode
    mode_reason: TakeoverReason | None
    mode_since: datetime
    handback_at: datetime | None
    #: when the newest words may be answered
    ready_at: datetime | None
    #: a worker has it in hand
    is_held: bool
    #: as WAHA last told it
    session_status: str | None
    heard: LastHeard | None
    spoken: LastSpoken | None
    #: messages that have not left yet
    leaving: int
    deciding: Deciding | None


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which conversations to list; every condition must hold."""

    mode: Mode | None = None
    state: ConversationState | None = None
    customer_id: CustomerId | None = None
    is_unread: bool | None = None
    updated_since: datetime | None = None
    #: one shop's, and so not for asking across all of them
    label_id: LabelId | None = None


@dataclass(frozen=True)
class Place:
    """Where a page begins: after this conversation."""

    at: datetime
    id: ConversationId


class ConversationReader(Protocol):
    """One tenant's conversations, for looking at; another tenant's are not there."""

    async def these(
        self, tenant_id: TenantId, ids: Sequence[ConversationId], /
    ) -> Sequence[ConversationSeen]:
        """Those that there are, in any order."""
        ...

    async def page(
        self, tenant_id: TenantId, wanted: Wanted, /, *, after: Place | None, limit: int
    ) -> Sequence[ConversationSeen]:
        """Those with the newest messages first."""
        ...

    async def messages(
        self,
        tenant_id: TenantId,
        conversation_id: ConversationId,
        /,
        *,
        before: int | None,
        limit: int,
    ) -> Sequence[MessageSeen]:
        """The newest, or the newest before that `seq`; oldest first."""
        ...

    async def steps(
        self,
        tenant_id: TenantId,
        conversation_id: ConversationId,
        /,
        *,
        before: int | None,
        limit: int,
    ) -> Sequence[Step]:
        """The newest, or the newest before that one; oldest first."""
        ...

    async def situation(self, tenant_id: TenantId, conversation_id: ConversationId, /) -> Situation:
        """Raises ConversationNotFound."""
        ...


class Directory(Protocol):
    """Whose something is: for those who run the platform, across all tenants, by id alone."""

    async def tenant_of_conversation(
        self, conversation_id: ConversationId, /
    ) -> TenantId | None: ...

    async def tenant_of_customer(self, customer_id: CustomerId, /) -> TenantId | None: ...

    async def tenant_of_order(self, order_id: OrderId, /) -> TenantId | None: ...

    async def newest(
        self, wanted: Wanted, /, *, after: Place | None, limit: int
    ) -> Sequence[tuple[TenantId, ConversationId]]:
        """Everybody's conversations, those with the newest messages first; labels are not asked."""
        ...


@dataclass(frozen=True)
class Looking:
    """What people look at: their own shop's conversations, or everybody's."""

    reader: ConversationReader
    directory: Directory

    async def find(self, tenant_id: TenantId, conversation_id: ConversationId) -> ConversationSeen:
        """Raises ConversationNotFound."""
        for found in await self.reader.these(tenant_id, [conversation_id]):
            return found
        raise ConversationNotFound(conversation_id=conversation_id)

    async def page(
        self, tenant_id: TenantId | None, wanted: Wanted, *, after: Place | None, limit: int
    ) -> Sequence[ConversationSeen]:
        """Those with the newest messages first; None: of all tenants."""
        if tenant_id is not None:
            return await self.reader.page(tenant_id, wanted, after=after, limit=limit)
        newest = await self.directory.newest(wanted, after=after, limit=limit)
        by_tenant: defaultdict[TenantId, list[ConversationId]] = defaultdict(list)
        for whose, conversation_id in newest:
            by_tenant[whose].append(conversation_id)
        seen: dict[ConversationId, ConversationSeen] = {}
        for whose, ids in by_tenant.items():
            # As each tenant itself: nothing but ids is ever told across them.
            seen |= {one.id: one for one in await self.reader.these(whose, ids)}
        return [seen[conversation_id] for _, conversation_id in newest if conversation_id in seen]


#: Of these the sender is sure, or not asked yet; of others the phones know more.
_SETTLED: Mapping[MessageState, Status] = {
    MessageState.QUEUED: Status.QUEUED,
    MessageState.HANDED: Status.HANDED,
    MessageState.FAILED: Status.FAILED,
    MessageState.WITHDRAWN: Status.WITHDRAWN,
}


def status_of(message: Message, ranks: Sequence[int]) -> Status | None:
    """`ranks` are what WhatsApp told of its parts; it has come as far as the last of them."""
    if message.direction is not Direction.OUT:
        return None
    if message.state in _SETTLED:
        return _SETTLED[message.state]
    told = [Rank(rank) for rank in ranks]
    if Rank.ERROR in told:
        return Status.FAILED
    is_complete = 0 < len(told) >= len(message.wa_ids)
    reached = min(told) if is_complete else Rank.SERVER
    if reached >= Rank.READ:
        return Status.READ
    if reached >= Rank.DEVICE:
        return Status.DELIVERED
    is_doubtful = message.state is MessageState.UNKNOWN and not is_complete
    return Status.UNKNOWN if is_doubtful else Status.SENT
