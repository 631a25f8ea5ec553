"""A ticket: something that people of the shop have to see to, and everything that became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType, Protocol, TypedDict, Unpack
from uuid import UUID

from crm_chatbot.domain.conversations.conversation import ConversationId
from crm_chatbot.domain.customers.customer import CustomerId
from crm_chatbot.domain.orders.order import OrderId
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.domain.tickets.board import BoardId
from crm_chatbot.domain.tickets.status import Status
from shared.domain import Aggregate, Conflict, DomainEvent, Invalid, NotFound, says_something

TicketId = NewType("TicketId", UUID)
CommentId = NewType("CommentId", UUID)

LONGEST_SUBJECT = 500
LONGEST_TEXT = 8_000
LONGEST_ASSIGNEE = 100
#: What is left of the subject of a customer who was erased.
ERASED = "erased"


class Priority(StrEnum):
    """The most pressing last."""

    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    URGENT = "urgent"


#: Where a ticket may go from where it is. What is over comes back by `reopen` alone.
MOVES: Mapping[Status, frozenset[Status]] = {
    Status.OPEN: frozenset({Status.IN_PROGRESS, Status.WAITING, Status.RESOLVED}),
    Status.IN_PROGRESS: frozenset({Status.OPEN, Status.WAITING, Status.RESOLVED}),
    Status.WAITING: frozenset({Status.IN_PROGRESS, Status.RESOLVED}),
    Status.RESOLVED: frozenset({Status.CLOSED}),
    Status.CLOSED: frozenset(),
}
#: Nobody has to do anything about these any more.
OVER = frozenset({Status.RESOLVED, Status.CLOSED})


class TicketNotFound(NotFound):
    message = "There is no ticket {ticket_id}."


class TicketCannotMove(Conflict):
    message = "A ticket that is {current} cannot become {wanted}."
    at = "/status"


class TicketNotOver(Conflict):
    message = "A ticket that is {current} need not be opened again."


class TicketOpenAlready(Conflict):
    message = "Ticket {number} is about the same, and open."


class TicketRejected(Invalid):
    message = "{field}: {reason}"
    at = "/{field}"


class Described(TypedDict, total=False):
    """What may be changed about a ticket, but for its status."""

    subject: str
    description: str
    priority: Priority
    #: whoever the shop calls so; None: nobody
    assignee_id: str | None
    board_id: BoardId
    #: how it was resolved, put in better words
    resolution: str


@dataclass(frozen=True, kw_only=True)
class TicketEvent(DomainEvent):
    """Something that happened to a ticket. `facts`: ids, codes and numbers; nobody's words."""

    what: str
    actor: str
    facts: Mapping[str, object] = field(default_factory=dict[str, object])
    #: its place in the history, greater than that of earlier ones; 0: it is not kept there yet
    place: int = field(default=0, compare=False)

    @classmethod
    def noticed_again(cls, now: datetime, *, by: str) -> "TicketEvent":
        """What it was opened for happened once more; the ticket stays as it is."""
        return cls(what="ticket.noticed_again", occurred_at=now, actor=by)


@dataclass(frozen=True, kw_only=True)
class Comment:
    """What somebody wrote beside a ticket; customers never see it. Empty: it was erased."""

    id: CommentId
    ticket_id: TicketId
    author: str
    text: str
    created_at: datetime

    def begin(self) -> None:
        """It is new. Raises TicketRejected where it says nothing, or too much."""
        _refuse_bad_text("text", self.text, is_needed=True)


@dataclass(eq=False, kw_only=True)
class Ticket(Aggregate):
    """Each change is recorded as an event; `version` grows with each time it is saved."""

    id: TicketId
    tenant_id: TenantId
    #: what people call it by: 1, 2, ... within a shop
    number: int
    board_id: BoardId
    subject: str
    opened_by: str
    created_at: datetime
    updated_at: datetime
    description: str = ""
    status: Status = Status.OPEN
    priority: Priority = Priority.NONE
    assignee_id: str | None = None
    #: how it was resolved, the last time that it was
    resolution: str | None = None
    conversation_id: ConversationId | None = None
    customer_id: CustomerId | None = None
    order_id: OrderId | None = None
    #: of those that code opens, what they are about: one that is not over for each
    reason: str | None = None
    #: until when it is to be resolved, while its clock runs
    due_at: datetime | None = None
    #: seconds of business hours that are left, while its clock stands
    clock_left_s: int | None = None
    breached_at: datetime | None = None
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    version: int = 1

    @property
    def is_over(self) -> bool:
        return self.status in OVER

    def begin(self) -> None:
        """It is new. Raises TicketRejected where it is not as it may be."""
        self._refuse_bad(
            subject=self.subject, description=self.description, assignee_id=self.assignee_id
        )
        self.record("ticket.opened", self.created_at, by=self.opened_by, priority=self.priority)

    def describe(self, now: datetime, *, by: str, **wishes: Unpack[Described]) -> bool:
        """Only what is named; False where that is as it was.

        Raises TicketRejected, and then nothing has changed.
        """
        changed = {name: new for name, new in wishes.items() if new != getattr(self, name)}
        self._refuse_bad(**changed)
        words: list[str] = []
        for name, new in changed.items():
            before = getattr(self, name)
            setattr(self, name, new)
            if name in _TOLD:
                facts = {"from": _plain(before), "to": _plain(new)}
                self.record(_TOLD[name], now, by=by, **facts)
            else:
                words.append(name)
        if words:
            self.record("ticket.described", now, by=by, fields=words)
        return bool(changed)

    def move_to(
        self, status: Status, now: datetime, *, by: str, resolution: str | None = None
    ) -> bool:
        """False where it is there already. To resolve it needs a resolution.

        Raises TicketCannotMove, TicketRejected.
        """
        before = self.status
        if status is before:
            return False
        if status not in MOVES[before]:
            raise TicketCannotMove(current=before, wanted=status)
        if status is Status.RESOLVED:
            _refuse_bad_text("resolution", resolution or "", is_needed=True)
            self.resolution, self.resolved_at = resolution, now
        if status is Status.CLOSED:
            self.closed_at = now
        self.status = status
        self.record("ticket.moved", now, by=by, **{"from": before, "to": status})
        return True

    def reopen(self, now: datetime, *, by: str) -> None:
        """The only way back for what was over. Raises TicketNotOver."""
        if not self.is_over:
            raise TicketNotOver(current=self.status)
        before, self.status = self.status, Status.OPEN
        self.resolved_at = self.closed_at = None
        self.record("ticket.reopened", now, by=by, **{"from": before})

    def record(self, what: str, now: datetime, *, by: str, **facts: object) -> None:
        """It is changed, and this is what happened; the store keeps it."""
        self.updated_at = now
        self._record(TicketEvent(what=what, occurred_at=now, actor=by, facts=facts))

    def _refuse_bad(self, **fields: object) -> None:
        for name, value in fields.items():
            if name == "subject":
                _refuse_bad_subject(str(value))
            elif name == "assignee_id" and value is not None:
                _refuse_bad_assignee(str(value))
            elif name == "resolution" and not self.is_over:
                raise TicketRejected(field=name, reason="only of what was resolved")
            elif name in {"description", "resolution"}:
                _refuse_bad_text(name, str(value), is_needed=name == "resolution")


#: Fields whose changes are told from what to what; of others only that they were changed.
_TOLD = {
    "priority": "ticket.prioritised",
    "assignee_id": "ticket.assigned",
    "board_id": "ticket.put_on_board",
}


def _plain(value: object) -> object:
    """As it comes back from where it is kept."""
    return str(value) if isinstance(value, UUID) else value


def _refuse_bad_subject(subject: str) -> None:
    is_right = len(subject) <= LONGEST_SUBJECT and subject.isprintable()
    if not is_right or not says_something(subject):
        reason = f"1 to {LONGEST_SUBJECT} printable characters"
        raise TicketRejected(field="subject", reason=reason)


def _refuse_bad_assignee(assignee_id: str) -> None:
    is_right = len(assignee_id) <= LONGEST_ASSIGNEE and assignee_id.isprintable()
    if not is_right or not says_something(assignee_id):
        reason = f"1 to {LONGEST_ASSIGNEE} printable characters"
        raise TicketRejected(field="assignee_id", reason=reason)


def _refuse_bad_text(name: str, text: str, *, is_needed: bool) -> None:
    if len(text) > LONGEST_TEXT or "\0" in text or (is_needed and not says_something(text)):
        least = "1" if is_needed else "0"
        reason = f"{least} to {LONGEST_TEXT} characters, and not only blank ones"
        raise TicketRejected(field=name, reason=reason)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which tickets of a list; what is left out does not matter."""

    statuses: frozenset[Status] = frozenset()
    priorities: frozenset[Priority] = frozenset()
    assignee_id: str | None = None
    board_id: BoardId | None = None
    customer_id: CustomerId | None = None
    conversation_id: ConversationId | None = None
    order_id: OrderId | None = None
    #: those whose time had run out by then, and that are not over
    overdue_at: datetime | None = None
    #: a part of the subject or the description, or the number
    words: str | None = None


class Tickets(Protocol):
    """Every ticket of one tenant. They are locked after everything else."""

    async def get(self, ticket_id: TicketId, /) -> Ticket:
        """To be read, not changed. Raises TicketNotFound."""
        ...

    async def lock(self, ticket_id: TicketId, /) -> Ticket:
        """Raises TicketNotFound."""
        ...

    async def open_for(self, reason: str, /) -> Ticket | None:
        """The one about this that is not over, locked."""
        ...

    async def next_number(self) -> int:
        """1, 2, ...: gaps are possible, doubles are not.

        Whoever has taken one is alone with opening tickets until the transaction ends.
        """
        ...

    async def add(self, ticket: Ticket, /) -> None:
        """With what happened to it. Raises TicketOpenAlready where one for its reason is open."""
        ...

    async def save(self, ticket: Ticket, /) -> None:
        """With what happened to it since it was loaded. Raises ChangedMeanwhile."""
        ...

    async def page(self, wanted: Wanted, /, *, before: int | None, limit: int) -> Sequence[Ticket]:
        """To be read, the newest first; with `before`, those of smaller numbers."""
        ...

    async def comment(self, comment: Comment, /) -> None:
        """Beside a ticket that is there, with the event of it; its version stays."""
        ...

    async def comments(
        self, ticket_id: TicketId, /, *, before: CommentId | None, limit: int
    ) -> Sequence[Comment]:
        """The newest first; with `before`, those that are older."""
        ...

    async def note(
        self, ticket_id: TicketId, event: TicketEvent, /, *, unless_since: datetime
    ) -> None:
        """Beside a ticket that is locked; its version stays.

        Not where the same was noted after `unless_since`.
        """
        ...

    async def events(
        self, ticket_id: TicketId, /, *, before: int | None, limit: int
    ) -> Sequence[TicketEvent]:
        """The newest of them, the oldest of these first; with `before`, of earlier places."""
        ...

    async def hand_on(self, gone: CustomerId, kept: CustomerId, /) -> None:
        """Two customers turned out to be one: all tickets are theirs who stays."""
        ...

    async def move(self, gone: ConversationId, kept: ConversationId, /) -> None:
        """Two conversations became one."""
        ...

    async def forget(self, customer_id: CustomerId, /) -> None:
        """All words of and about the customer; that there were tickets remains."""
        ...
