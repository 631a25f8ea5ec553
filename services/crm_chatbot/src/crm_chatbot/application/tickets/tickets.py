"""What people of the shop do with tickets: open them, see to them, and look what was done."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Unpack
from uuid import UUID

from crm_chatbot.application.once import Once
from crm_chatbot.application.ports import OpenWork, Work
from crm_chatbot.application.tickets import clock
from crm_chatbot.application.tickets.boards import default_board
from crm_chatbot.application.tickets.opening import NewTicket, open_ticket
from crm_chatbot.application.tickets.templates import values_of
from crm_chatbot.domain.conversations.conversation import ConversationId, ConversationNotFound
from crm_chatbot.domain.customers.customer import Customer, CustomerId, CustomerNotFound
from crm_chatbot.domain.orders.order import Order, OrderId
from crm_chatbot.domain.tenants.tenant import Tenant, TenantId
from crm_chatbot.domain.tickets.board import Board, BoardId
from crm_chatbot.domain.tickets.clock import Standing
from crm_chatbot.domain.tickets.status import Status
from crm_chatbot.domain.tickets.template import TemplateId
from crm_chatbot.domain.tickets.ticket import (
    Comment,
    CommentId,
    Described,
    Priority,
    Ticket,
    TicketEvent,
    TicketId,
    TicketOpenAlready,
    TicketRejected,
    Wanted,
)
from shared.domain import ChangedMeanwhile, ChangedSince, Clock, Invalid


class LinksDisagree(Invalid):
    message = "This is of another customer: a ticket is about one."
    at = "/{field}"


class Wishes(Described, total=False):
    """What may be changed about a ticket."""

    status: Status


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A ticket as it is asked for: what is not said, its template says."""

    template_id: TemplateId | None = None
    subject: str | None = None
    description: str | None = None
    priority: Priority | None = None
    board_id: BoardId | None = None
    conversation_id: ConversationId | None = None
    customer_id: CustomerId | None = None
    order_id: OrderId | None = None
    assignee_id: str | None = None


@dataclass(frozen=True)
class Opened:
    """A replay was opened by an earlier request; `missing`: variables that nobody knew."""

    ticket: Ticket
    is_replay: bool = False
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TicketService:
    """Every change is made while the ticket is locked, and is one of its events."""

    open_work: OpenWork
    now: Clock
    new_id: Callable[[], UUID]

    async def open(
        self, tenant_id: TenantId, draft: Draft, *, by: str, once: Once | None = None
    ) -> Opened:
        """Whoever its conversation or order is with is its customer.

        Raises TenantNotFound, TemplateNotFound, BoardNotFound, CustomerNotFound,
        ConversationNotFound, OrderNotFound, LinksDisagree, TicketRejected, IdempotencyKeyReused,
        ChangedMeanwhile.
        """
        now, ticket_id = self.now(), TicketId(self.new_id())
        async with self.open_work(tenant_id) as work:
            tenant = await work.tenants.get(tenant_id)
            first = await work.idempotency.claim(once, ticket_id) if once else ticket_id
            if first != ticket_id:
                return Opened(await work.tickets.get(TicketId(first)), is_replay=True)
            about = await _about(work, draft)
            wish, missing = await _filled_in(work, tenant, draft, about)
            board = await self._board(work, tenant, draft.board_id, now)
            wish = replace(wish, board_id=board.id, assignee_id=draft.assignee_id)
            ticket = await open_ticket(work, wish, by=by, now=now, new_id=lambda: ticket_id)
        return Opened(ticket, missing=missing)

    async def get(self, tenant_id: TenantId, ticket_id: TicketId) -> Ticket:
        """Raises TicketNotFound."""
        async with self.open_work(tenant_id) as work:
            return await work.tickets.get(ticket_id)

    async def page(
        self,
        tenant_id: TenantId,
        wanted: Wanted,
        *,
        is_overdue: bool = False,
        before: int | None,
        limit: int,
    ) -> Sequence[Ticket]:
        """The newest first; with `before`, those of smaller numbers. Raises TenantNotFound."""
        if is_overdue:
            wanted = replace(wanted, overdue_at=self.now())
        async with self.open_work(tenant_id) as work:
            await work.tenants.get(tenant_id)
            return await work.tickets.page(wanted, before=before, limit=limit)

    async def change(
        self,
        tenant_id: TenantId,
        ticket_id: TicketId,
        *,
        by: str,
        expected: int | None = None,
        **wishes: Unpack[Wishes],
    ) -> Ticket:
        """Only what is named; with `expected`, only that version.

        Raises TicketNotFound, BoardNotFound, TicketRejected, TicketCannotMove, ChangedSince.
        """
        now = self.now()
        async with self.open_work(tenant_id) as work:
            if "board_id" in wishes:
                await work.ticket_boards.hold(wishes["board_id"])
            ticket = await _locked(work, ticket_id, expected)
            was = Standing.of(ticket)
            if _change(ticket, now, by, wishes):
                await clock.follow(work, ticket, was, now=now)
                await work.tickets.save(ticket)
            if ticket.status is Status.RESOLVED and was.status is not Status.RESOLVED:
                await _tell(work, ticket, "ticket.resolved")
        return ticket

    async def reopen(
        self, tenant_id: TenantId, ticket_id: TicketId, *, by: str, expected: int | None = None
    ) -> Ticket:
        """Raises TicketNotFound, TicketNotOver, TicketOpenAlready, ChangedSince."""
        now = self.now()
        async with self.open_work(tenant_id) as work:
            ticket = await _locked(work, ticket_id, expected)
            was = Standing.of(ticket)
            ticket.reopen(now, by=by)
            twin = await work.tickets.open_for(ticket.reason) if ticket.reason else None
            if twin is not None:
                raise TicketOpenAlready(number=twin.number)
            await clock.follow(work, ticket, was, now=now)
            await work.tickets.save(ticket)
            await _tell(work, ticket, "ticket.reopened")
        return ticket

    async def comment(
        self, tenant_id: TenantId, ticket_id: TicketId, text: str, *, by: str
    ) -> Comment:
        """For colleagues only. Raises TicketNotFound, TicketRejected."""
        comment = Comment(
            id=CommentId(self.new_id()),
            ticket_id=ticket_id,
            author=by,
            text=text,
            created_at=self.now(),
        )
        comment.begin()
        async with self.open_work(tenant_id) as work:
            await work.tickets.get(ticket_id)
            await work.tickets.comment(comment)
        return comment

    async def comments(
        self, tenant_id: TenantId, ticket_id: TicketId, *, before: CommentId | None, limit: int
    ) -> Sequence[Comment]:
        """The newest first; with `before`, those that are older. Raises TicketNotFound."""
        async with self.open_work(tenant_id) as work:
            await work.tickets.get(ticket_id)
            return await work.tickets.comments(ticket_id, before=before, limit=limit)

    async def history(
        self, tenant_id: TenantId, ticket_id: TicketId, *, before: int | None, limit: int
    ) -> Sequence[TicketEvent]:
        """The newest, the oldest of them first; with `before`, of earlier places.

        Raises TicketNotFound.
        """
        async with self.open_work(tenant_id) as work:
            await work.tickets.get(ticket_id)
            return await work.tickets.events(ticket_id, before=before, limit=limit)

    async def _board(
        self, work: Work, tenant: Tenant, board_id: BoardId | None, now: datetime
    ) -> Board:
        if board_id is not None:
            return await work.ticket_boards.hold(board_id)
        return await default_board(work, tenant, now=now, new_id=self.new_id)


async def _locked(work: Work, ticket_id: TicketId, expected: int | None) -> Ticket:
    conversation_id = (await work.tickets.get(ticket_id)).conversation_id
    if conversation_id is not None:
        # What happens is told there; and it is locked before tickets.
        try:
            await work.conversations.lock(conversation_id)
        except ConversationNotFound:
            raise ChangedMeanwhile from None
    ticket = await work.tickets.lock(ticket_id)
    if expected not in {None, ticket.version}:
        raise ChangedSince(name=f"#{ticket.number}", version=ticket.version)
    return ticket


def _change(ticket: Ticket, now: datetime, by: str, wishes: Wishes) -> bool:
    """Whether anything is otherwise. Raises TicketRejected, TicketCannotMove."""
    described: dict[str, Any] = {**wishes}
    status = described.pop("status", ticket.status)
    # What it is resolved with belongs to the step, not to what was there before.
    is_resolving = status is Status.RESOLVED and status is not ticket.status
    resolution = described.pop("resolution", None) if is_resolving else None
    is_moved = ticket.move_to(status, now, by=by, resolution=resolution)
    return ticket.describe(now, by=by, **described) or is_moved


async def _tell(work: Work, ticket: Ticket, what: str) -> None:
    if ticket.conversation_id is not None:
        await work.timeline.note(ticket.conversation_id, what, number=ticket.number)


@dataclass(frozen=True)
class _About:
    """What a ticket is linked to."""

    customer: Customer | None
    order: Order | None


async def _about(work: Work, draft: Draft) -> _About:
    """Locked in their order, so that nothing of it goes.

    Raises LinksDisagree, ChangedMeanwhile, and NotFounds.
    """
    owners: dict[str, CustomerId] = {}
    if draft.customer_id is not None:
        owners["customer_id"] = (await work.customers.lock(draft.customer_id)).id
    if draft.conversation_id is not None:
        conversation = await work.conversations.lock(draft.conversation_id)
        owners["conversation_id"] = conversation.customer_id
    order = None
    if draft.order_id is not None:
        order = await work.orders.get(draft.order_id)
        owners["order_id"] = order.customer_id
        if len(owners) == 1:
            await _stays(work, order.customer_id)
    whose = next(iter(owners.values()), None)
    for field, owner in owners.items():
        if owner != whose:
            raise LinksDisagree(field=field)
    return _About(None if whose is None else await work.customers.get(whose), order)


async def _stays(work: Work, customer_id: CustomerId) -> None:
    """Whoever merges them waits for us. Raises ChangedMeanwhile where somebody just has."""
    try:
        await work.customers.lock(customer_id)
    except CustomerNotFound:
        raise ChangedMeanwhile from None


async def _filled_in(
    work: Work, tenant: Tenant, draft: Draft, about: _About
) -> tuple[NewTicket, tuple[str, ...]]:
    """What is said counts, then what the template says; and which variables nobody knew."""
    wish = NewTicket(
        subject=draft.subject or "",
        description=draft.description or "",
        priority=draft.priority or Priority.NONE,
        conversation_id=draft.conversation_id,
        customer_id=None if about.customer is None else about.customer.id,
        order_id=draft.order_id,
    )
    if draft.template_id is None:
        if draft.subject is None:
            raise TicketRejected(field="subject", reason="needed, unless a template says it")
        return wish, ()
    template = await work.ticket_templates.get(draft.template_id)
    filled = template.filled_in(values_of(tenant, about.customer, about.order))
    wish = replace(
        wish,
        subject=filled.subject if draft.subject is None else draft.subject,
        description=filled.description if draft.description is None else draft.description,
        priority=template.default_priority if draft.priority is None else draft.priority,
    )
    return wish, filled.missing
