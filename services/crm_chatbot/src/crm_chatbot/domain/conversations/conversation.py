"""A conversation: one customer's chat with a shop, answered by the bot or by a person."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType, Protocol
from uuid import UUID

from crm_chatbot.domain.customers.customer import CustomerId
from crm_chatbot.domain.tenants.tenant import Pace, TenantId
from shared.domain import Aggregate, Conflict, NotFound

ConversationId = NewType("ConversationId", UUID)


class ConversationState(StrEnum):
    """How far a customer has come. Moved by what happened, never by what anybody says."""

    GREETING = "GREETING"  #: has said no more than hello
    BROWSING = "BROWSING"  #: asks about the shop and its wares
    ORDERING = "ORDERING"  #: has something in the cart
    CHECKOUT = "CHECKOUT"  #: was shown the summary, and has not confirmed it yet
    PAYMENT = "PAYMENT"  #: has confirmed, and has not paid yet
    COMPLETED = "COMPLETED"  #: has paid


class Happening(StrEnum):
    """What may move a conversation on: facts that code has recorded."""

    ASKED = "asked"  #: the customer said more than hello
    ITEM_ADDED = "item_added"
    CART_EMPTIED = "cart_emptied"
    SUMMARY_SHOWN = "summary_shown"
    ORDER_CONFIRMED = "order_confirmed"
    ORDER_ENDED = "order_ended"  #: cancelled or expired
    PAID = "paid"


_S, _H = ConversationState, Happening

#: Where each happening leads. What is not named here happens without moving anything.
MOVES: dict[Happening, dict[ConversationState, ConversationState]] = {
    _H.ASKED: {_S.GREETING: _S.BROWSING, _S.COMPLETED: _S.BROWSING},
    _H.ITEM_ADDED: dict.fromkeys(_S, _S.ORDERING),
    _H.CART_EMPTIED: {_S.ORDERING: _S.BROWSING, _S.CHECKOUT: _S.BROWSING},
    _H.SUMMARY_SHOWN: {_S.ORDERING: _S.CHECKOUT},
    _H.ORDER_CONFIRMED: {_S.ORDERING: _S.PAYMENT, _S.CHECKOUT: _S.PAYMENT},
    _H.ORDER_ENDED: dict.fromkeys((_S.ORDERING, _S.CHECKOUT, _S.PAYMENT), _S.BROWSING),
    _H.PAID: dict.fromkeys(_S, _S.COMPLETED),
}


class Mode(StrEnum):
    """Who answers."""

    BOT = "bot"
    HUMAN = "human"


class TakeoverReason(StrEnum):
    """Why a person answers, or why the bot does again."""

    API = "api"  #: somebody asked for it through the API
    PHONE = "phone"  #: the owner typed on the phone
    CUSTOMER = "customer_asked"
    FAILURE = "repeated_failure"
    LOOP = "loop"  #: the bot seems to talk to another bot
    BUDGET = "budget_exceeded"
    STALE = "stale_backlog"
    FLOOD = "flood"  #: more waited than anybody answers one by one
    RULE = "rule"  #: one of the shop's automation rules says so
    SAFETY = "safety"  #: somebody may come to harm
    TIMEOUT = "person_silent"  #: handed back because no person wrote for a while


class ConversationNotFound(NotFound):
    message = "There is no conversation {conversation_id}."


class AlreadyInMode(Conflict):
    message = "This conversation is answered by the {mode} already."


#: What stands in the place of a chat that was forgotten.
_NOWHERE = "erased"


@dataclass(eq=False, kw_only=True)
class Conversation(Aggregate):
    """Changed only while its row is locked, so that `seq` order is the order of commits.

    `epoch` fences turns: whoever claimed the conversation under an older one records nothing.
    """

    id: ConversationId
    tenant_id: TenantId
    customer_id: CustomerId
    session: str
    #: where replies go; the customer's newest identity
    chat_id: str
    created_at: datetime
    last_message_at: datetime
    mode_since: datetime
    state: ConversationState = ConversationState.GREETING
    mode: Mode = Mode.BOT
    mode_reason: TakeoverReason | None = None
    handback_at: datetime | None = None
    last_seq: int = 0
    #: up to where a person has read
    read_seq: int = 0
    #: when its new messages may be answered; None: there are none to answer
    ready_at: datetime | None = None
    first_unanswered_at: datetime | None = None
    lease_worker: UUID | None = None
    epoch: int = 0
    last_inbound_at: datetime | None = None

    @classmethod
    def begin(
        cls,
        conversation_id: ConversationId,
        *,
        tenant_id: TenantId,
        customer_id: CustomerId,
        session: str,
        chat_id: str,
        now: datetime,
    ) -> "Conversation":
        return cls(
            id=conversation_id,
            tenant_id=tenant_id,
            customer_id=customer_id,
            session=session,
            chat_id=chat_id,
            created_at=now,
            last_message_at=now,
            mode_since=now,
        )

    @property
    def is_answered_by_bot(self) -> bool:
        return self.mode is Mode.BOT

    def next_seq(self, now: datetime) -> int:
        """A place for one more message, whoever writes it."""
        self.last_seq += 1
        self.last_message_at = max(self.last_message_at, now)
        return self.last_seq

    def hear(self, pace: Pace, now: datetime) -> None:
        """A message came that wants an answer: wait for more, but not for ever."""
        self.last_inbound_at = now
        if not self.is_answered_by_bot:
            return
        self.first_unanswered_at = self.first_unanswered_at or now
        latest = self.first_unanswered_at + timedelta(seconds=pace.longest_s)
        # Never put off beyond that, by nobody's clock: whoever writes on and on is answered, too.
        self.ready_at = min(latest, now + timedelta(seconds=pace.quiet_s))

    def settle(self) -> None:
        """All that was said is answered, or is nobody's to answer."""
        self.ready_at = self.first_unanswered_at = self.lease_worker = None

    def answered(self, rest: Sequence[datetime], pace: Pace) -> None:
        """All is answered but what came at these times: that is waited for as if it were new."""
        self.settle()
        if rest:
            latest = rest[0] + timedelta(seconds=pace.longest_s)
            self.first_unanswered_at = rest[0]
            self.ready_at = min(latest, rest[-1] + timedelta(seconds=pace.quiet_s))

    def interrupt(self) -> None:
        """Whatever is being decided at this moment must not be recorded."""
        self.epoch += 1
        self.settle()

    def take_over(self, reason: TakeoverReason, now: datetime, *, handback_after_s: int) -> bool:
        """Silence the bot at once; False if it was silent already (then its rest is prolonged)."""
        self.handback_at = now + timedelta(seconds=handback_after_s) if handback_after_s else None
        if not self.is_answered_by_bot:
            return False
        self.mode, self.mode_reason, self.mode_since = Mode.HUMAN, reason, now
        self.interrupt()
        return True

    def hand_back(self, reason: TakeoverReason, now: datetime) -> None:
        """Let the bot answer again. Raises AlreadyInMode."""
        if self.is_answered_by_bot:
            raise AlreadyInMode(mode=self.mode)
        self.mode, self.mode_reason, self.mode_since = Mode.BOT, reason, now
        self.handback_at = None
        self.settle()

    def absorb(self, other: "Conversation") -> None:
        """Be the other conversation, too; a person who answers one of them answers both."""
        if self.is_answered_by_bot and not other.is_answered_by_bot:
            self.mode, self.mode_reason = other.mode, other.mode_reason
            self.mode_since, self.handback_at = other.mode_since, other.handback_at
        if self.state is ConversationState.GREETING:
            self.state = other.state
        ready = [at for at in (self.ready_at, other.ready_at) if at is not None]
        first = [a for a in (self.first_unanswered_at, other.first_unanswered_at) if a is not None]
        inbound = [at for at in (self.last_inbound_at, other.last_inbound_at) if at is not None]
        self.interrupt()
        if ready and self.is_answered_by_bot:
            self.ready_at, self.first_unanswered_at = min(ready), min(first, default=min(ready))
        self.last_inbound_at = max(inbound, default=None)
        self.last_message_at = max(self.last_message_at, other.last_message_at)

    @property
    def is_forgotten(self) -> bool:
        """Nobody knows any more whom replies went to."""
        return self.chat_id == _NOWHERE

    def forget_customer(self) -> None:
        """There is nobody to write to any more."""
        self.interrupt()
        self.chat_id = _NOWHERE

    def happened(self, happening: Happening) -> ConversationState:
        """Move on, if this happening moves anything; the state that it is in now."""
        self.state = MOVES[happening].get(self.state, self.state)
        return self.state


class Conversations(Protocol):
    """Every conversation of one tenant; those that are handed out are locked."""

    async def lock(self, conversation_id: ConversationId, /) -> Conversation:
        """Raises ConversationNotFound."""
        ...

    async def lock_of(self, customer_id: CustomerId, /) -> Conversation | None:
        """The customer's conversation, if there is one."""
        ...

    async def lock_all_of(self, customer_ids: Sequence[CustomerId], /) -> list[Conversation]:
        """At once, in one order for everybody: nobody waits for one while another waits for him."""
        ...

    async def add(self, *conversations: Conversation) -> None: ...

    async def save(self, conversation: Conversation, /) -> None: ...

    async def absorb(self, kept: Conversation, gone: Conversation, /) -> None:
        """Everything of `gone` goes on after what `kept` has; then `gone` is there no more.

        Both are locked by the caller. `kept` is saved with it.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Claim:
    """The right to answer a conversation, for as long as nobody claims it anew."""

    tenant_id: TenantId
    conversation_id: ConversationId
    epoch: int


@dataclass(frozen=True, kw_only=True)
class Happened:
    """One step in a conversation's timeline: what, and the facts that explain it (no words)."""

    what: str
    at: datetime | None = None
    facts: dict[str, object] = field(default_factory=dict[str, object])


class Timeline(Protocol):
    """What happened in each conversation, step by step: why the bot did, or did not, answer."""

    async def note(self, conversation_id: ConversationId, what: str, /, **facts: object) -> None:
        """Facts are ids, codes and numbers; never what anybody wrote."""
        ...
