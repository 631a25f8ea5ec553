"""`/v1/crm/tenants/{tenant_id}/tickets`: what people of the shop see to, and what was done."""

import hashlib
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from crm_chatbot.application.once import Once
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.domain.tickets.ticket import CommentId, TicketId
from crm_chatbot.interface.administration import SHOP, Admin, actor_of, known_to
from crm_chatbot.interface.tickets.ticket_views import (
    CommentListQuery,
    CommentPage,
    CommentView,
    HistoryQuery,
    NewComment,
    NewTicket,
    TicketChange,
    TicketEventView,
    TicketHistory,
    TicketListQuery,
    TicketOpened,
    TicketPage,
    TicketView,
)
from shared.interface.access import AnyCaller, Caller, WritingCaller
from shared.interface.parameters import Id, IdempotencyKey
from shared.interface.routes import api_router
from shared.interface.versions import ExpectedVersion, tag

router: APIRouter = api_router(f"{SHOP}/tickets", tag="tickets")

Named = tuple[TenantId, TicketId]


async def named(tenant_id: Id, ticket_id: Id, caller: AnyCaller) -> Named:
    """The ticket that a path names. Raises TenantNotFound."""
    return known_to(caller, tenant_id), TicketId(ticket_id)


@router.post("", status_code=201, summary="Open a ticket")
async def open_ticket(
    tenant_id: Id,
    body: NewTicket,
    app: Admin,
    caller: WritingCaller,
    key: IdempotencyKey,
    response: Response,
) -> TicketOpened:
    """With a `subject`, or from a template: what a customer or an order is called is filled in.

    With an `Idempotency-Key`, asking again within 24 hours returns the first ticket
    (`Idempotent-Replayed: true`) instead of opening another. 409 `conflict`: its order has just
    become another customer's; ask again.
    """
    shop = known_to(caller, tenant_id)
    once = None if key is None else _once(caller, key, body)
    opened = await app.tickets.open(shop, body.draft(), by=actor_of(caller), once=once)
    if opened.is_replay:
        response.headers["Idempotent-Replayed"] = "true"
    response.headers["Location"] = f"/v1/crm/tenants/{shop}/tickets/{opened.ticket.id}"
    tag(response, opened.ticket.version)
    return TicketOpened.with_missing(opened.ticket, opened.missing)


@router.get("", summary="List or search the tickets")
async def list_tickets(
    tenant_id: Id, app: Admin, caller: AnyCaller, wanted: Annotated[TicketListQuery, Query()]
) -> TicketPage:
    """The newest first."""
    shop = known_to(caller, tenant_id)
    asked = wanted.model_dump_json(exclude={"cursor", "limit"})
    context, before = f"tickets:{shop}:{asked}", None
    if wanted.cursor is not None:
        before = int(app.cursors.decode(wanted.cursor, context=context)[0])
    found = await app.tickets.page(
        shop,
        wanted.wanted(),
        is_overdue=bool(wanted.overdue),
        before=before,
        limit=wanted.limit + 1,
    )
    shown = found[: wanted.limit]
    place = [shown[-1].number] if len(found) > wanted.limit else []
    return TicketPage(
        tickets=list(map(TicketView.of, shown)),
        next_cursor=app.cursors.encode(place, context=context) if place else None,
    )


@router.get("/{ticket_id}", summary="Look at a ticket")
async def get_ticket(
    its: Annotated[Named, Depends(named)], app: Admin, _caller: AnyCaller, response: Response
) -> TicketView:
    """Its `ETag` is its version; comments come and go without it."""
    ticket = await app.tickets.get(*its)
    tag(response, ticket.version)
    return TicketView.of(ticket)


@router.patch("/{ticket_id}", summary="Change a ticket")
async def change_ticket(
    its: Annotated[Named, Depends(named)],
    body: TicketChange,
    app: Admin,
    caller: WritingCaller,
    expected: ExpectedVersion,
    response: Response,
) -> TicketView:
    """Only what is named: its status, who sees to it, its board, its words.

    `open`, `in_progress` and `waiting` become `resolved`, with a `resolution`, and then `closed`;
    what is over comes back by `reopen` alone (409 `ticket_cannot_move`). What it is already
    changes nothing. With `If-Match`, only that version (412 `conflict` otherwise).
    """
    ticket = await app.tickets.change(*its, by=actor_of(caller), expected=expected, **body.wishes())
    tag(response, ticket.version)
    return TicketView.of(ticket)


@router.post("/{ticket_id}/reopen", summary="Open a ticket again")
async def reopen_ticket(
    its: Annotated[Named, Depends(named)],
    app: Admin,
    caller: WritingCaller,
    expected: ExpectedVersion,
    response: Response,
) -> TicketView:
    """One that is resolved or closed: 409 `ticket_not_over` where it is neither."""
    ticket = await app.tickets.reopen(*its, by=actor_of(caller), expected=expected)
    tag(response, ticket.version)
    return TicketView.of(ticket)


@router.post("/{ticket_id}/comments", status_code=201, summary="Comment on a ticket")
async def comment(
    its: Annotated[Named, Depends(named)], body: NewComment, app: Admin, caller: WritingCaller
) -> CommentView:
    """For colleagues: customers never see it."""
    return CommentView.of(await app.tickets.comment(*its, body.text, by=actor_of(caller)))


@router.get("/{ticket_id}/comments", summary="Read the comments on a ticket")
async def list_comments(
    its: Annotated[Named, Depends(named)],
    app: Admin,
    _caller: AnyCaller,
    wanted: Annotated[CommentListQuery, Query()],
) -> CommentPage:
    """The newest first."""
    context, before = f"ticket-comments:{its[1]}", None
    if wanted.cursor is not None:
        before = CommentId(UUID(str(app.cursors.decode(wanted.cursor, context=context)[0])))
    found = await app.tickets.comments(*its, before=before, limit=wanted.limit + 1)
    shown = found[: wanted.limit]
    place = [str(shown[-1].id)] if len(found) > wanted.limit else []
    return CommentPage(
        comments=list(map(CommentView.of, shown)),
        next_cursor=app.cursors.encode(place, context=context) if place else None,
    )


@router.get("/{ticket_id}/history", summary="See what happened to a ticket")
async def get_history(
    its: Annotated[Named, Depends(named)],
    app: Admin,
    _caller: AnyCaller,
    wanted: Annotated[HistoryQuery, Query()],
) -> TicketHistory:
    """Every change, and who made it. Nothing of it is ever changed.

    The first page has the newest; on each, the oldest come first.
    """
    context, before = f"ticket-history:{its[1]}", None
    if wanted.cursor is not None:
        before = int(app.cursors.decode(wanted.cursor, context=context)[0])
    found = await app.tickets.history(*its, before=before, limit=wanted.limit + 1)
    shown = found[-wanted.limit :]
    place = [shown[0].place] if len(found) > wanted.limit else []
    return TicketHistory(
        events=list(map(TicketEventView.of, shown)),
        next_cursor=app.cursors.encode(place, context=context) if place else None,
    )


def _once(caller: Caller, key: str, body: NewTicket) -> Once:
    who = "platform" if caller.tenant_id is None else "tenant"
    request = hashlib.sha256(body.model_dump_json().encode()).hexdigest()
    return Once(f"{who}:POST /v1/crm/tenants/tickets", key, request)
