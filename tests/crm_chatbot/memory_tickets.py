"""Tickets, boards and templates in memory: one tenant's at a time."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import cast

from crm_chatbot.domain.conversations.conversation import ConversationId
from crm_chatbot.domain.customers.customer import CustomerId
from crm_chatbot.domain.tickets.board import (
    Board,
    BoardId,
    BoardInUse,
    BoardIsDefault,
    BoardNameTaken,
    BoardNotFound,
)
from crm_chatbot.domain.tickets.template import (
    TemplateId,
    TemplateNameTaken,
    TemplateNotFound,
    TicketTemplate,
)
from crm_chatbot.domain.tickets.ticket import (
    ERASED,
    Comment,
    CommentId,
    Ticket,
    TicketEvent,
    TicketId,
    TicketNotFound,
    TicketOpenAlready,
    Wanted,
)
from shared.domain import ChangedMeanwhile


@dataclass
class TicketDesk:
    """Everything that one tenant's transactions may change of its tickets."""

    tickets: dict[TicketId, Ticket] = field(default_factory=dict[TicketId, Ticket])
    newest_number: int = 0
    events: list[tuple[TicketId, TicketEvent]] = field(
        default_factory=list[tuple[TicketId, TicketEvent]]
    )
    comments: dict[CommentId, Comment] = field(default_factory=dict[CommentId, Comment])
    boards: dict[BoardId, Board] = field(default_factory=dict[BoardId, Board])
    templates: dict[TemplateId, TicketTemplate] = field(
        default_factory=dict[TemplateId, TicketTemplate]
    )


@dataclass
class MemoryTickets:
    """Honours crm_chatbot.domain.tickets.ticket.Tickets."""

    desk: TicketDesk

    async def get(self, ticket_id: TicketId, /) -> Ticket:
        if ticket_id not in self.desk.tickets:
            raise TicketNotFound(ticket_id=ticket_id)
        return copy.deepcopy(self.desk.tickets[ticket_id])

    async def lock(self, ticket_id: TicketId, /) -> Ticket:
        return await self.get(ticket_id)

    async def open_for(self, reason: str, /) -> Ticket | None:
        every = self.desk.tickets.values()
        found = (one for one in every if one.reason == reason and not one.is_over)
        return copy.deepcopy(next(found, None))

    async def next_number(self) -> int:
        self.desk.newest_number += 1
        return self.desk.newest_number

    async def add(self, ticket: Ticket, /) -> None:
        other = await self.open_for(ticket.reason) if ticket.reason is not None else None
        if other is not None:
            raise TicketOpenAlready(number=other.number)
        self._put(ticket)

    async def save(self, ticket: Ticket, /) -> None:
        stored = self.desk.tickets.get(ticket.id)
        if stored is None or stored.version != ticket.version:
            raise ChangedMeanwhile
        twin = await self.open_for(ticket.reason) if ticket.reason is not None else None
        if twin is not None and twin.id != ticket.id and not ticket.is_over:
            raise ChangedMeanwhile
        ticket.version += 1
        self._put(ticket)

    async def page(self, wanted: Wanted, /, *, before: int | None, limit: int) -> Sequence[Ticket]:
        newest_first = sorted(self.desk.tickets.values(), key=lambda one: -one.number)
        found = [
            one
            for one in newest_first
            if (before is None or one.number < before) and _is_wanted(one, wanted)
        ]
        return copy.deepcopy(found[:limit])

    async def comment(self, comment: Comment, /) -> None:
        self.desk.comments[comment.id] = comment
        event = TicketEvent(
            what="ticket.commented",
            occurred_at=comment.created_at,
            actor=comment.author,
            facts={"comment": str(comment.id)},
        )
        self.desk.events.append((comment.ticket_id, event))

    async def comments(
        self, ticket_id: TicketId, /, *, before: CommentId | None, limit: int
    ) -> Sequence[Comment]:
        newest_first = sorted(self.desk.comments.values(), key=lambda one: one.id)[::-1]
        its = [one for one in newest_first if one.ticket_id == ticket_id]
        return [one for one in its if before is None or one.id < before][:limit]

    async def note(
        self, ticket_id: TicketId, event: TicketEvent, /, *, unless_since: datetime
    ) -> None:
        is_known = any(
            whose == ticket_id and one.what == event.what and one.occurred_at > unless_since
            for whose, one in self.desk.events
        )
        if not is_known:
            self.desk.events.append((ticket_id, event))

    async def events(
        self, ticket_id: TicketId, /, *, before: int | None, limit: int
    ) -> Sequence[TicketEvent]:
        its = [
            replace(event, place=place)
            for place, (whose, event) in enumerate(self.desk.events, start=1)
            if whose == ticket_id and (before is None or place < before)
        ]
        return its[-limit:]

    async def hand_on(self, gone: CustomerId, kept: CustomerId, /) -> None:
        for ticket in self.desk.tickets.values():
            ticket.customer_id = kept if ticket.customer_id == gone else ticket.customer_id

    async def move(self, gone: ConversationId, kept: ConversationId, /) -> None:
        for ticket in self.desk.tickets.values():
            is_moved = ticket.conversation_id == gone
            ticket.conversation_id = kept if is_moved else ticket.conversation_id

    async def forget(self, customer_id: CustomerId, /) -> None:
        for ticket in self.desk.tickets.values():
            if ticket.customer_id != customer_id:
                continue
            ticket.subject, ticket.description = ERASED, ""
            ticket.resolution = None if ticket.resolution is None else ""
            ticket.version += 1
            for comment in self.desk.comments.values():
                if comment.ticket_id == ticket.id:
                    self.desk.comments[comment.id] = replace(comment, text="")

    def _put(self, ticket: Ticket) -> None:
        for event in cast("list[TicketEvent]", ticket.release_events()):
            self.desk.events.append((ticket.id, event))
        self.desk.tickets[ticket.id] = copy.deepcopy(ticket)


def _is_wanted(ticket: Ticket, wanted: Wanted) -> bool:
    names = ("assignee_id", "board_id", "customer_id", "conversation_id", "order_id")
    is_late = wanted.overdue_at is not None and (
        ticket.breached_at is not None
        or (ticket.due_at is not None and ticket.due_at < wanted.overdue_at)
    )
    said = f"{ticket.subject}\n{ticket.description}".lower()
    words = wanted.words
    return (
        (not wanted.statuses or ticket.status in wanted.statuses)
        and (not wanted.priorities or ticket.priority in wanted.priorities)
        and all(getattr(wanted, one) in {None, getattr(ticket, one)} for one in names)
        and (wanted.overdue_at is None or (is_late and not ticket.is_over))
        and (
            words is None or words.lower() in said or words.removeprefix("#") == str(ticket.number)
        )
    )


@dataclass
class MemoryBoards:
    """Honours crm_chatbot.domain.tickets.board.Boards."""

    desk: TicketDesk

    async def get(self, board_id: BoardId, /) -> Board:
        if board_id not in self.desk.boards:
            raise BoardNotFound(board_id=board_id)
        return copy.deepcopy(self.desk.boards[board_id])

    async def hold(self, board_id: BoardId, /) -> Board:
        return await self.get(board_id)

    async def default(self) -> Board | None:
        return next((one for one in await self.all() if one.is_default), None)

    async def all(self) -> Sequence[Board]:
        every = sorted(self.desk.boards.values(), key=lambda one: (one.created_at, one.id))
        return copy.deepcopy(every)

    async def add(self, board: Board, /) -> None:
        is_second = board.is_default and await self.default() is not None
        if is_second or any(one.name == board.name for one in await self.all()):
            raise BoardNameTaken(name=board.name)
        self.desk.boards[board.id] = copy.deepcopy(board)

    async def save(self, board: Board, /) -> None:
        if any(one.name == board.name and one.id != board.id for one in await self.all()):
            raise BoardNameTaken(name=board.name)
        stored = self.desk.boards.get(board.id)
        if stored is None or stored.version != board.version:
            raise ChangedMeanwhile
        board.version += 1
        self.desk.boards[board.id] = copy.deepcopy(board)
        self.desk.boards[board.id].is_default = stored.is_default

    async def make_default(self, board_id: BoardId, /) -> None:
        await self.get(board_id)
        for board in self.desk.boards.values():
            is_default = board.id == board_id
            board.version += board.is_default != is_default
            board.is_default = is_default

    async def remove(self, board_id: BoardId, /) -> None:
        if (await self.get(board_id)).is_default:
            raise BoardIsDefault
        if any(one.board_id == board_id for one in self.desk.tickets.values()):
            raise BoardInUse
        del self.desk.boards[board_id]


@dataclass
class MemoryTicketTemplates:
    """Honours crm_chatbot.domain.tickets.template.TicketTemplates."""

    desk: TicketDesk

    async def get(self, template_id: TemplateId, /) -> TicketTemplate:
        if template_id not in self.desk.templates:
            raise TemplateNotFound(template_id=template_id)
        return copy.deepcopy(self.desk.templates[template_id])

    async def all(self) -> Sequence[TicketTemplate]:
        return copy.deepcopy(sorted(self.desk.templates.values(), key=lambda one: one.name))

    async def add(self, template: TicketTemplate, /) -> None:
        if any(one.name == template.name for one in self.desk.templates.values()):
            raise TemplateNameTaken(name=template.name)
        self.desk.templates[template.id] = copy.deepcopy(template)

    async def save(self, template: TicketTemplate, /) -> None:
        every = self.desk.templates.values()
        if any(one.name == template.name and one.id != template.id for one in every):
            raise TemplateNameTaken(name=template.name)
        stored = self.desk.templates.get(template.id)
        if stored is None or stored.version != template.version:
            raise ChangedMeanwhile
        template.version += 1
        self.desk.templates[template.id] = copy.deepcopy(template)

    async def remove(self, template_id: TemplateId, /) -> None:
        await self.get(template_id)
        del self.desk.templates[template_id]
