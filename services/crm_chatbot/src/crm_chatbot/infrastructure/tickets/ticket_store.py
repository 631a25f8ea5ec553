"""Tickets in PostgreSQL: each with its comments, and with what happened to it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, RowMapping, Select, Update, insert, or_, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError

from crm_chatbot.application.feed import Thing
from crm_chatbot.domain.conversations.conversation import ConversationId
from crm_chatbot.domain.customers.customer import CustomerId
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.domain.tickets.status import Status
from crm_chatbot.domain.tickets.ticket import (
    ERASED,
    OVER,
    Comment,
    CommentId,
    Priority,
    Ticket,
    TicketEvent,
    TicketId,
    TicketNotFound,
    TicketOpenAlready,
    Wanted,
)
from crm_chatbot.infrastructure.service_desk_tables import (
    ticket_comments,
    ticket_events,
    ticket_numbers,
    tickets,
)
from shared.domain import ChangedMeanwhile
from shared.infrastructure.late import LateSession

_t, _c, _e = tickets.c, ticket_comments.c, ticket_events.c


class SqlTickets:
    """Honours crm_chatbot.domain.tickets.ticket.Tickets."""

    def __init__(self, session: LateSession, tenant_id: TenantId) -> None:
        self._session = session
        self._tenant_id = tenant_id

    async def get(self, ticket_id: TicketId, /) -> Ticket:
        return await self._named(ticket_id, select(tickets))

    async def lock(self, ticket_id: TicketId, /) -> Ticket:
        return await self._named(ticket_id, select(tickets).with_for_update())

    async def open_for(self, reason: str, /) -> Ticket | None:
        query = select(tickets).where(_t.reason == reason, _t.status.not_in(OVER))
        return next(iter(await self._found(query.with_for_update())), None)

    async def next_number(self) -> int:
        one_more = (
            postgresql.insert(ticket_numbers)
            .values(tenant_id=self._tenant_id, newest=1)
            .on_conflict_do_update(
                index_elements=["tenant_id"], set_={"newest": ticket_numbers.c.newest + 1}
            )
        )
        return int(await self._session.scalar(one_more.returning(ticket_numbers.c.newest)))

    async def add(self, ticket: Ticket, /) -> None:
        new = postgresql.insert(tickets).values(row_of(ticket)).on_conflict_do_nothing()
        if await self._session.scalar(new.returning(_t.id)) is None:
            other = await self.open_for(ticket.reason or "")
            raise TicketOpenAlready(number=other.number if other else "?")
        await self._write(ticket)

    async def save(self, ticket: Ticket, /) -> None:
        row = {**row_of(ticket), "version": ticket.version + 1}
        seen = update(tickets).where(
            _t.tenant_id == self._tenant_id,
            _t.id == row.pop("id"),
            _t.version == ticket.version,
        )
        try:
            version = await self._session.scalar(seen.values(row).returning(_t.version))
        except IntegrityError as twin:
            # Opened again while another was opened for the same reason.
            raise ChangedMeanwhile from twin
        if version is None:
            raise ChangedMeanwhile
        ticket.version = version
        await self._write(ticket)

    async def page(self, wanted: Wanted, /, *, before: int | None, limit: int) -> Sequence[Ticket]:
        query = select(tickets).where(*_conditions(wanted))
        if before is not None:
            query = query.where(_t.number < before)
        return await self._found(query.order_by(_t.number.desc()).limit(limit))

    async def comment(self, comment: Comment, /) -> None:
        row = {**vars(comment), "tenant_id": self._tenant_id}
        await self._session.execute(insert(ticket_comments).values(row))
        event = TicketEvent(
            what="ticket.commented",
            occurred_at=comment.created_at,
            actor=comment.author,
            facts={"comment": str(comment.id)},
        )
        await self._note(comment.ticket_id, [event])
        self._session.touched(Thing.TICKET, comment.ticket_id)

    async def comments(
        self, ticket_id: TicketId, /, *, before: CommentId | None, limit: int
    ) -> Sequence[Comment]:
        its = (_c.tenant_id == self._tenant_id, _c.ticket_id == ticket_id)
        query = select(ticket_comments).where(*its)
        if before is not None:
            query = query.where(_c.id < before)
        rows = await self._session.execute(query.order_by(_c.id.desc()).limit(limit))
        return [comment_of(row) for row in rows.mappings()]

    async def note(
        self, ticket_id: TicketId, event: TicketEvent, /, *, unless_since: datetime
    ) -> None:
        its = (_e.tenant_id == self._tenant_id, _e.ticket_id == ticket_id)
        same = select(_e.id).where(*its, _e.what == event.what, _e.at > unless_since)
        if await self._session.scalar(same.limit(1)) is None:
            await self._note(ticket_id, [event])
            self._session.touched(Thing.TICKET, ticket_id)

    async def events(
        self, ticket_id: TicketId, /, *, before: int | None, limit: int
    ) -> Sequence[TicketEvent]:
        its = (_e.tenant_id == self._tenant_id, _e.ticket_id == ticket_id)
        query = select(ticket_events).where(*its)
        if before is not None:
            query = query.where(_e.id < before)
        rows = await self._session.execute(query.order_by(_e.id.desc()).limit(limit))
        return [event_of(row) for row in rows.mappings()][::-1]

    async def hand_on(self, gone: CustomerId, kept: CustomerId, /) -> None:
        theirs = (_t.tenant_id == self._tenant_id, _t.customer_id == gone)
        await self._change(update(tickets).where(*theirs).values(customer_id=kept))

    async def move(self, gone: ConversationId, kept: ConversationId, /) -> None:
        its = (_t.tenant_id == self._tenant_id, _t.conversation_id == gone)
        await self._change(update(tickets).where(*its).values(conversation_id=kept))

    async def forget(self, customer_id: CustomerId, /) -> None:
        theirs = (_t.tenant_id == self._tenant_id, _t.customer_id == customer_id)
        emptied = {"subject": ERASED, "description": "", "version": _t.version + 1}
        await self._change(update(tickets).where(*theirs).values(emptied))
        is_told = _t.resolution.is_not(None)
        await self._session.execute(update(tickets).where(*theirs, is_told).values(resolution=""))
        ids = select(_t.id).where(*theirs)
        its = (_c.tenant_id == self._tenant_id, _c.ticket_id.in_(ids))
        await self._session.execute(update(ticket_comments).where(*its).values(text=""))

    async def _named(self, ticket_id: TicketId, query: Select[tuple[Any, ...]]) -> Ticket:
        for ticket in await self._found(query.where(_t.id == ticket_id)):
            return ticket
        raise TicketNotFound(ticket_id=ticket_id)

    async def _found(self, query: Select[tuple[Any, ...]]) -> list[Ticket]:
        rows = await self._session.execute(query.where(_t.tenant_id == self._tenant_id))
        return [ticket_of(row) for row in rows.mappings()]

    async def _change(self, several: Update) -> None:
        changed = await self._session.scalars(several.returning(_t.id))
        self._session.touched(Thing.TICKET, *changed)

    async def _write(self, ticket: Ticket) -> None:
        where = ticket.conversation_id
        self._session.touched(Thing.TICKET, ticket.id, conversation_id=where)
        await self._note(ticket.id, cast("list[TicketEvent]", ticket.release_events()))

    async def _note(self, ticket_id: TicketId, events: Sequence[TicketEvent]) -> None:
        whose = {"tenant_id": self._tenant_id, "ticket_id": ticket_id}
        rows = [
            {
                **whose,
                "what": event.what,
                "at": event.occurred_at,
                "actor": event.actor,
                "facts": dict(event.facts),
            }
            for event in events
        ]
        if rows:
            await self._session.execute(insert(ticket_events), rows)


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.statuses:
        conditions.append(_t.status.in_(wanted.statuses))
    if wanted.priorities:
        conditions.append(_t.priority.in_(wanted.priorities))
    for name in ("assignee_id", "board_id", "customer_id", "conversation_id", "order_id"):
        value = getattr(wanted, name)
        if value is not None:
            conditions.append(_t[name] == value)
    if wanted.overdue_at is not None:
        is_late = or_(_t.breached_at.is_not(None), _t.due_at < wanted.overdue_at)
        conditions.append(is_late & _t.status.not_in(OVER))
    if wanted.words is not None:
        conditions.append(_says(wanted.words))
    return conditions


def _says(words: str) -> ColumnElement[bool]:
    number = words.removeprefix("#")
    said = or_(
        _t.subject.icontains(words, autoescape=True),
        _t.description.icontains(words, autoescape=True),
    )
    if number.isascii() and number.isdigit() and len(number) <= _LONGEST_NUMBER:
        return said | (_t.number == int(number))
    return said


#: Digits: what is longer is no BIGINT.
_LONGEST_NUMBER = 18


def row_of(ticket: Ticket) -> dict[str, Any]:
    """A ticket as its row; `ticket_of` is the way back, and a test holds both."""
    return {name: value for name, value in vars(ticket).items() if name[0] != "_"}


def ticket_of(row: RowMapping) -> Ticket:
    """A row as the ticket that it was."""
    named: dict[str, Any] = {
        **row,
        "status": Status(row["status"]),
        "priority": Priority(row["priority"]),
    }
    return Ticket(**named)


def event_of(row: RowMapping) -> TicketEvent:
    """A row as the event that it was."""
    return TicketEvent(
        what=row["what"],
        occurred_at=row["at"],
        actor=row["actor"],
        facts=row["facts"],
        place=row["id"],
    )


def comment_of(row: RowMapping) -> Comment:
    """A row as the comment that it was."""
    facts: dict[str, Any] = {name: row[name] for name in row if name != "tenant_id"}
    return Comment(**facts)
