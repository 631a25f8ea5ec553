"""Tickets come to be: by a person, by the bot, or by themselves."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from crm_chatbot.application.ports import Work
from crm_chatbot.application.tickets.boards import default_board
from crm_chatbot.application.tickets.clock import follow
from crm_chatbot.domain.conversations.conversation import ConversationId
from crm_chatbot.domain.customers.customer import CustomerId
from crm_chatbot.domain.orders.order import OrderId
from crm_chatbot.domain.tickets.board import Board, BoardId
from crm_chatbot.domain.tickets.ticket import (
    Priority,
    Ticket,
    TicketEvent,
    TicketId,
    TicketOpenAlready,
)
from shared import metrics

NewId = Callable[[], UUID]

#: How long a reason that repeats rests: a customer may write on and on.
NOTICES_REST = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class NewTicket:
    """What a ticket is to be; `reason`: of those that code opens, what they are about."""

    subject: str
    description: str = ""
    priority: Priority = Priority.NONE
    #: None: the shop's default
    board_id: BoardId | None = None
    conversation_id: ConversationId | None = None
    customer_id: CustomerId | None = None
    order_id: OrderId | None = None
    assignee_id: str | None = None
    reason: str | None = None


async def open_ticket(
    work: Work, wish: NewTicket, *, by: str, now: datetime, new_id: NewId
) -> Ticket:
    """A new ticket, with its number, its board and its clock.

    Of those for one `reason` only one is open at a time: it is returned instead, as it is, and that
    it happened again is noted in its history, once an hour. Everything else is locked before: until
    the transaction ends, nobody else opens any of the shop's tickets.

    Raises TicketRejected, BoardNotFound.
    """
    if wish.reason is not None and (known := await work.tickets.open_for(wish.reason)):
        return await _noticed_again(work, known, by=by, now=now)
    number = await work.tickets.next_number()
    board = await _board(work, wish, now=now, new_id=new_id)
    ticket = Ticket(
        id=TicketId(new_id()),
        tenant_id=work.tenant_id,
        number=number,
        board_id=board.id,
        opened_by=by,
        created_at=now,
        updated_at=now,
        **{name: value for name, value in vars(wish).items() if name != "board_id"},
    )
    ticket.begin()
    await follow(work, ticket, None, now=now)
    try:
        await work.tickets.add(ticket)
    except TicketOpenAlready:
        # Between our look and our turn to open tickets somebody opened it.
        twin = await work.tickets.open_for(wish.reason or "")
        if twin is None:
            raise
        return await _noticed_again(work, twin, by=by, now=now)
    if ticket.conversation_id is not None:
        facts = {"ticket_id": ticket.id, "number": number, "by": by}
        await work.timeline.note(ticket.conversation_id, "ticket.opened", **facts)
    metrics.tickets_opened.labels(kind_of(wish.reason)).inc()
    return ticket


def kind_of(reason: str | None) -> str:
    """What it is about, without which one it is: `handover`; `wished` where somebody asked."""
    return reason.partition(":")[0] if reason else "wished"


async def _noticed_again(work: Work, ticket: Ticket, *, by: str, now: datetime) -> Ticket:
    event = TicketEvent.noticed_again(now, by=by)
    await work.tickets.note(ticket.id, event, unless_since=now - NOTICES_REST)
    return ticket


async def _board(work: Work, wish: NewTicket, *, now: datetime, new_id: NewId) -> Board:
    if wish.board_id is not None:
        return await work.ticket_boards.hold(wish.board_id)
    tenant = await work.tenants.get(work.tenant_id)
    return await default_board(work, tenant, now=now, new_id=new_id)
