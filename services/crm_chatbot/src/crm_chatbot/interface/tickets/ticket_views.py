"""Tickets as clients see them: the schemas of requests and answers."""

from datetime import datetime
from typing import Annotated, Any, cast
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints

from crm_chatbot.application.tickets.tickets import Draft, Wishes
from crm_chatbot.domain.conversations.conversation import ConversationId
from crm_chatbot.domain.customers.customer import CustomerId
from crm_chatbot.domain.orders.order import OrderId
from crm_chatbot.domain.tickets.board import BoardId
from crm_chatbot.domain.tickets.status import Status
from crm_chatbot.domain.tickets.ticket import (
    LONGEST_ASSIGNEE,
    LONGEST_SUBJECT,
    LONGEST_TEXT,
    Comment,
    Priority,
    Ticket,
    TicketEvent,
    Wanted,
)
from crm_chatbot.interface.tenants.views import Body


def _no_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


def unsaid(description: str | None = None) -> Any:  # noqa: ANN401 - fits a field of any type
    """A field that may be left out, and is not null."""
    return Field(default=None, json_schema_extra=_no_default, description=description)


UNSAID = unsaid()

Subject = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_SUBJECT)]
Description = Annotated[str, StringConstraints(max_length=LONGEST_TEXT)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_TEXT)]
Assignee = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_ASSIGNEE)]

_ID = "01a2291f-80d3-779e-9633-aec14a80209f"


def such_as(**facts: Any) -> ConfigDict:
    """What a schema describes is told by an example, too."""
    return ConfigDict(json_schema_extra={"examples": [facts]})


class NewTicket(Body):
    """A ticket that is not there yet; with a template, what is left out the template says."""

    model_config = such_as(
        subject="Paket ORD-1001 belum sampai",
        description="Sejak Senin.",
        priority="high",
        conversation_id=_ID,
        assignee_id="sari",
    )

    template_id: UUID | None = Field(None, description="Fill this template in.")
    subject: Subject | None = Field(None, description="Needed, unless a template says it.")
    description: Description | None = None
    priority: Priority | None = Field(None, description="`none`, unless a template says another.")
    board_id: UUID | None = Field(None, description="The default board, unless it is said.")
    conversation_id: UUID | None = None
    customer_id: UUID | None = Field(
        None, description="Whoever the conversation or the order is with, unless it is said."
    )
    order_id: UUID | None = None
    assignee_id: Assignee | None = Field(None, description="Whoever you call so.")

    def draft(self) -> Draft:
        return Draft(**{name: getattr(self, name) for name in self.model_fields_set})


class TicketChange(Body):
    """What is to be otherwise."""

    model_config = such_as(status="resolved", resolution="Paket ada di tetangga.")

    status: Status = UNSAID
    resolution: Text = unsaid("Needed with `resolved`; afterwards it may be put in better words.")
    priority: Priority = UNSAID
    assignee_id: Assignee | None = unsaid("null: nobody.")
    subject: Subject = UNSAID
    description: Description = UNSAID
    board_id: UUID = unsaid("Put it on this board.")

    def wishes(self) -> Wishes:
        return cast("Wishes", {name: getattr(self, name) for name in self.model_fields_set})


_TICKET: dict[str, Any] = {
    "id": _ID,
    "tenant_id": _ID,
    "number": 17,
    "board_id": _ID,
    "subject": "Paket ORD-1001 belum sampai",
    "description": "Sejak Senin.",
    "status": "open",
    "priority": "high",
    "assignee_id": "sari",
    "resolution": None,
    "conversation_id": _ID,
    "customer_id": _ID,
    "order_id": None,
    "opened_by": "bot",
    "reason": None,
    "due_at": "2026-05-04T09:00:00Z",
    "clock_left_s": None,
    "breached_at": None,
    "resolved_at": None,
    "closed_at": None,
    "version": 1,
    "created_at": "2026-05-04T05:00:00Z",
    "updated_at": "2026-05-04T05:00:00Z",
}


class TicketView(BaseModel):
    """A ticket as it is now."""

    model_config = such_as(**_TICKET)

    id: UUID
    tenant_id: UUID
    number: int = Field(description="What people call it by: #17.")
    board_id: UUID
    subject: str
    description: str
    status: Status
    priority: Priority
    assignee_id: str | None
    resolution: str | None = Field(description="How it was resolved, the last time that it was.")
    conversation_id: UUID | None
    customer_id: UUID | None
    order_id: UUID | None
    opened_by: str = Field(description="A key, `platform`, `bot`, or a rule.")
    reason: str | None = Field(description="Of those that code opens: what they are about.")
    due_at: datetime | None = Field(
        description="Until when it is to be resolved, while its clock runs."
    )
    clock_left_s: int | None = Field(
        description="Seconds of business hours that are left, while its clock stands."
    )
    breached_at: datetime | None = Field(description="When its time ran out.")
    resolved_at: datetime | None
    closed_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, ticket: Ticket) -> "TicketView":
        return cls.model_validate(vars(ticket))


class TicketOpened(TicketView):
    """A ticket that was just opened."""

    model_config = such_as(**_TICKET, missing=["order_number"])

    missing: list[str] = Field(description="Variables of the template that nobody knew.")

    @classmethod
    def with_missing(cls, ticket: Ticket, missing: tuple[str, ...]) -> "TicketOpened":
        return cls.model_validate({**vars(ticket), "missing": list(missing)})


class TicketPage(BaseModel):
    """Tickets, the newest first."""

    tickets: list[TicketView]
    next_cursor: str | None = Field(description="Pass it as `cursor` for older ones.")


class TicketListQuery(Body):
    """Which tickets, and which page of them."""

    status: list[Status] = Field([], max_length=20, description="Any of these.")
    priority: list[Priority] = Field([], max_length=20, description="Any of these.")
    assignee_id: Assignee | None = Field(None, examples=["sari"])
    board_id: UUID | None = None
    customer_id: UUID | None = None
    conversation_id: UUID | None = None
    order_id: UUID | None = None
    overdue: StrictBool | None = Field(
        None, strict=False, description="`true`: those whose time ran out and that are not over."
    )
    q: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = Field(
        None, description="A part of the subject or description, or a number.", examples=["paket"]
    )
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = Field(None, description="The last page's `next_cursor`.")

    def wanted(self) -> Wanted:
        return Wanted(
            statuses=frozenset(self.status),
            priorities=frozenset(self.priority),
            assignee_id=self.assignee_id,
            board_id=None if self.board_id is None else BoardId(self.board_id),
            customer_id=None if self.customer_id is None else CustomerId(self.customer_id),
            conversation_id=(
                None if self.conversation_id is None else ConversationId(self.conversation_id)
            ),
            order_id=None if self.order_id is None else OrderId(self.order_id),
            words=self.q,
        )


class NewComment(Body):
    """Something for colleagues; customers never see it."""

    model_config = such_as(text="Kurir sudah ditelepon.")

    text: Text


class CommentView(BaseModel):
    """What somebody wrote beside a ticket."""

    model_config = such_as(
        id=_ID,
        author=f"key {_ID}",
        text="Kurir sudah ditelepon.",
        created_at="2026-05-04T05:00:00Z",
    )

    id: UUID
    author: str
    text: str = Field(description="Empty: its customer was erased.")
    created_at: datetime

    @classmethod
    def of(cls, comment: Comment) -> "CommentView":
        return cls.model_validate(vars(comment))


class CommentPage(BaseModel):
    """Comments, the newest first."""

    comments: list[CommentView]
    next_cursor: str | None = Field(description="Pass it as `cursor` for older ones.")


class CommentListQuery(Body):
    """Which page of comments."""

    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = Field(None, description="The last page's `next_cursor`.")


class TicketEventView(BaseModel):
    """Something that happened to a ticket."""

    model_config = such_as(
        what="ticket.moved",
        at="2026-05-04T05:00:00Z",
        actor="platform",
        facts={"from": "open", "to": "in_progress"},
    )

    what: str
    at: datetime
    actor: str
    facts: dict[str, Any]

    @classmethod
    def of(cls, event: TicketEvent) -> "TicketEventView":
        return cls(
            what=event.what, at=event.occurred_at, actor=event.actor, facts=dict(event.facts)
        )


class TicketHistory(BaseModel):
    """What happened to a ticket, the oldest first."""

    events: list[TicketEventView]
    next_cursor: str | None = Field(description="Pass it as `cursor` for what was before.")


class HistoryQuery(Body):
    """Which page of what happened."""

    limit: int = Field(50, ge=1, le=100)
    cursor: str | None = Field(None, description="The last page's `next_cursor`.")
