"""Automation rules: when something happens in a shop's chats, then something small is done."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from typing import ClassVar, NewType, Protocol, TypedDict, Unpack
from uuid import UUID

from crm_chatbot.domain.conversations.conversation import ConversationId
from crm_chatbot.domain.orders.order import OrderId, OrderStatus
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.domain.tickets.ticket import LONGEST_ASSIGNEE, Priority
from shared.domain import Aggregate, Conflict, Invalid, NotFound, says_something

RuleId = NewType("RuleId", UUID)

LONGEST_NAME = 100
LONGEST_WORD = 50
MOST_WORDS = 20
MOST_ACTIONS = 5
LONGEST_SUBJECT = 200
#: Of one shop: each message is held against all of them.
MOST_RULES = 50
#: Characters of a message in which words are looked for.
_MOST_READ = 4_000

#: In one conversation: who writes all night is told once that nobody is there.
REST_OUTSIDE_HOURS = timedelta(hours=12)
#: The same of words that are answered with words: on the other side may be a bot that answers.
REST_OF_REPLIES = timedelta(hours=1)


class RuleNotFound(NotFound):
    message = "There is no automation rule {rule_id}."


class RuleNameTaken(Conflict):
    message = "Another automation rule is called {name!r}."
    at = "/name"


class TooManyRules(Conflict):
    message = "A shop has at most {most} automation rules."


class RuleRejected(Invalid):
    message = "{field}: {reason}"
    at = "/{field}"


class RuleOrderRejected(Invalid):
    message = "Name every automation rule of the shop, each of them once."
    at = "/rule_ids"


# -- what happens


@dataclass(frozen=True)
class CustomerWrote:
    """A message came that may be answered."""

    text: str
    is_closed: bool

    @cached_property
    def plain(self) -> str:
        """As words are looked for in it: for all rules the same."""
        return plain(self.text[:_MOST_READ])


@dataclass(frozen=True)
class Labelled:
    """A person, or the bot, put a label on a conversation."""

    label_id: UUID


@dataclass(frozen=True)
class OrderMoved:
    """An order is now in another status."""

    order_id: OrderId
    status: OrderStatus


@dataclass(frozen=True)
class TicketRanOut:
    """A ticket was not seen to within its time."""

    ticket_id: UUID


Happened = CustomerWrote | Labelled | OrderMoved | TicketRanOut


# -- when


@dataclass(frozen=True)
class MessageMatches:
    """Any of these words or phrases stands in a customer's message, however it is written."""

    kind: ClassVar[str] = "message_matches"
    words: tuple[str, ...]

    def holds(self, happened: Happened) -> bool:
        return isinstance(happened, CustomerWrote) and any(
            f" {_plain_word(word)} " in f" {happened.plain} " for word in self.words
        )


@dataclass(frozen=True)
class LabelApplied:
    kind: ClassVar[str] = "label_applied"
    label_id: UUID

    def holds(self, happened: Happened) -> bool:
        return isinstance(happened, Labelled) and happened.label_id == self.label_id


@dataclass(frozen=True)
class OutsideHours:
    """A customer wrote while the shop was closed."""

    kind: ClassVar[str] = "outside_hours"

    def holds(self, happened: Happened) -> bool:
        return isinstance(happened, CustomerWrote) and happened.is_closed


@dataclass(frozen=True)
class OrderBecame:
    kind: ClassVar[str] = "order_became"
    statuses: tuple[OrderStatus, ...]

    def holds(self, happened: Happened) -> bool:
        return isinstance(happened, OrderMoved) and happened.status in self.statuses


@dataclass(frozen=True)
class TicketBreached:
    """A ticket need not belong to a conversation."""

    kind: ClassVar[str] = "ticket_breached"

    def holds(self, happened: Happened) -> bool:
        return isinstance(happened, TicketRanOut)


When = MessageMatches | LabelApplied | OutsideHours | OrderBecame | TicketBreached


# -- then


@dataclass(frozen=True)
class PutLabel:
    kind: ClassVar[str] = "label"
    label_id: UUID


@dataclass(frozen=True)
class Assign:
    """The ticket that it is about, or else the conversation's open one, is somebody's."""

    kind: ClassVar[str] = "assign"
    assignee: str


@dataclass(frozen=True)
class OpenTicket:
    """Of each rule's one in a conversation is open at a time."""

    kind: ClassVar[str] = "open_ticket"
    subject: str
    priority: Priority = Priority.NONE


@dataclass(frozen=True)
class Reply:
    """The customer is sent a quick reply, whoever answers them."""

    kind: ClassVar[str] = "quick_reply"
    quick_reply_id: UUID


@dataclass(frozen=True)
class HandOver:
    """A person answers from here on."""

    kind: ClassVar[str] = "hand_over"


Action = PutLabel | Assign | OpenTicket | Reply | HandOver
#: What is done to a conversation, and cannot be done without one.
_TO_CONVERSATIONS = (PutLabel, Reply, HandOver)


class Terms(TypedDict):
    """What a rule says, all of it."""

    name: str
    when: When
    then: tuple[Action, ...]
    is_active: bool


@dataclass(eq=False, kw_only=True)
class Rule(Aggregate):
    """Rules run in the order of their places; `version` grows with each change of its terms."""

    id: RuleId
    tenant_id: TenantId
    name: str
    when: When
    then: tuple[Action, ...]
    created_at: datetime
    updated_at: datetime
    place: int = 0
    is_active: bool = True
    version: int = 1

    def __post_init__(self) -> None:
        _refuse_bad(self.name, self.when, self.then)

    def change(self, now: datetime, **terms: Unpack[Terms]) -> None:
        """Raises RuleRejected, and then nothing has changed."""
        _refuse_bad(terms["name"], terms["when"], terms["then"])
        for name, value in terms.items():
            setattr(self, name, value)
        self.updated_at = now

    @property
    def rest(self) -> timedelta | None:
        """How long it does nothing more in a conversation once it ran there; None: it never rests.

        Two bots could else write to each other for ever.
        """
        if isinstance(self.when, OutsideHours):
            return REST_OUTSIDE_HOURS
        is_answer = any(isinstance(action, Reply) for action in self.then)
        return REST_OF_REPLIES if isinstance(self.when, MessageMatches) and is_answer else None


class Rules(Protocol):
    """Every automation rule of one tenant."""

    async def hold(self) -> None:
        """Nobody else adds, changes or arranges the tenant's rules until the transaction ends."""
        ...

    async def get(self, rule_id: RuleId, /) -> Rule:
        """Raises RuleNotFound."""
        ...

    async def all(self) -> Sequence[Rule]:
        """In their order."""
        ...

    async def active(self) -> Sequence[Rule]:
        """Those that are not switched off, in their order; read once in a transaction."""
        ...

    async def add(self, rule: Rule, /) -> None:
        """Behind all others: its place is given here. Raises RuleNameTaken."""
        ...

    async def save(self, rule: Rule, /) -> None:
        """All but its place. Raises RuleNameTaken, ChangedMeanwhile."""
        ...

    async def remove(self, rule_id: RuleId, /) -> None:
        """Raises RuleNotFound."""
        ...

    async def arrange(self, rule_ids: Sequence[RuleId], /) -> None:
        """They run in this order from now on."""
        ...

    async def is_first_since(
        self, rule_id: RuleId, conversation_id: ConversationId, moment: datetime, /
    ) -> bool:
        """Whether it did not run there since; asked again in the same transaction, it did."""
        ...


def plain(text: str) -> str:
    """Its words without case, accents and all that is between them, one space apart."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    letters = (c for c in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(c))
    return " ".join(re.findall(r"\w+", "".join(letters)))


#: The same few are looked for in each message.
_plain_word = lru_cache(10_000)(plain)


def _refuse_bad(name: str, when: When, then: Sequence[Action]) -> None:
    for field, is_right, reason in _faults(name, when, then):
        if not is_right:
            raise RuleRejected(field=field, reason=reason)


def _faults(name: str, when: When, then: Sequence[Action]) -> Iterator[tuple[str, bool, str]]:
    yield "name", _is_line(name, LONGEST_NAME), f"1 to {LONGEST_NAME} printable characters"
    if isinstance(when, MessageMatches):
        yield from _faults_of_words(when.words)
    if isinstance(when, OrderBecame):
        yield "when/statuses", 0 < len(set(when.statuses)) == len(when.statuses), "each one once"
    yield "then", 0 < len(then) <= MOST_ACTIONS, f"1 to {MOST_ACTIONS} actions"
    yield "then", len(set(then)) == len(then), "each action once"
    for place, action in enumerate(then):
        if isinstance(action, Assign):
            is_right = _is_line(action.assignee, LONGEST_ASSIGNEE)
            reason = f"1 to {LONGEST_ASSIGNEE} printable characters"
            yield f"then/{place}/assignee", is_right, reason
        if isinstance(action, OpenTicket):
            is_right = _is_line(action.subject, LONGEST_SUBJECT)
            reason = f"1 to {LONGEST_SUBJECT} printable characters"
            yield f"then/{place}/subject", is_right, reason
        is_possible = not (
            isinstance(when, TicketBreached) and isinstance(action, _TO_CONVERSATIONS)
        )
        yield f"then/{place}", is_possible, "it needs a conversation, which a ticket may not have"


def _faults_of_words(words: Sequence[str]) -> Iterator[tuple[str, bool, str]]:
    yield "when/words", 0 < len(words) <= MOST_WORDS, f"1 to {MOST_WORDS} words or phrases"
    for place, word in enumerate(words):
        is_word = len(word) <= LONGEST_WORD and word.isprintable() and bool(plain(word))
        reason = f"1 to {LONGEST_WORD} characters, among them a letter or digit"
        yield f"when/words/{place}", is_word, reason


def _is_line(text: str, longest: int) -> bool:
    return 0 < len(text) <= longest and text.isprintable() and says_something(text)
