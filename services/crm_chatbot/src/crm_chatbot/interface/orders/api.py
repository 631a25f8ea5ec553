"""`/v1/crm/orders`: what customers ordered, how far it is, and what a person decides about it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from crm_chatbot.domain.orders.order import OrderId, OrderNotFound
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.interface.administration import Admin, Administration, actor_of, known_to
from crm_chatbot.interface.orders.views import (
    AddressBody,
    OrderEvents,
    OrderEventView,
    OrderListQuery,
    OrderNoteBody,
    OrderPage,
    OrderView,
    StatusBody,
)
from shared.interface.access import AnyCaller, Caller, WritingCaller
from shared.interface.parameters import Id
from shared.interface.problems import invalid
from shared.interface.routes import api_router
from shared.interface.versions import ExpectedVersion, tag

router: APIRouter = api_router("/v1/crm", tag="orders")


@router.get("/tenants/{tenant_id}/orders", summary="List a shop's orders")
async def list_orders(
    tenant_id: Id, app: Admin, caller: AnyCaller, wanted: Annotated[OrderListQuery, Query()]
) -> OrderPage:
    """The newest first."""
    shop = (await app.tenants.get(known_to(caller, tenant_id))).id
    if wanted.since is not None and wanted.since.tzinfo is None:
        raise invalid("/query/since", "invalid", "Say in which time zone.")
    asked = wanted.model_dump_json(exclude={"cursor", "limit"})
    context, before = f"orders:{shop}:{asked}", None
    if wanted.cursor is not None:
        before = OrderId(UUID(str(app.cursors.decode(wanted.cursor, context=context)[0])))
    found = await app.orders.page(shop, wanted.wanted(), before=before, limit=wanted.limit + 1)
    shown = found[: wanted.limit]
    last = str(shown[-1].id) if len(found) > wanted.limit else None
    return OrderPage(
        orders=list(map(OrderView.of, shown)),
        next_cursor=last and app.cursors.encode([last], context=context),
    )


@router.get("/orders/{order_id}", summary="Look at an order")
async def get_order(order_id: Id, app: Admin, caller: AnyCaller, response: Response) -> OrderView:
    """Its `ETag` is its version."""
    order = await app.orders.get(*await _named(app, caller, order_id))
    tag(response, order.version)
    return OrderView.of(order)


@router.get("/orders/{order_id}/events", summary="See what happened to an order")
async def list_events(order_id: Id, app: Admin, caller: AnyCaller) -> OrderEvents:
    """The oldest first; nothing of it is ever changed."""
    events = await app.orders.events(*await _named(app, caller, order_id))
    return OrderEvents(events=list(map(OrderEventView.of, events)))


@router.put("/orders/{order_id}/status", summary="Decide about an order")
async def put_status(
    order_id: Id,
    body: StatusBody,
    app: Admin,
    caller: WritingCaller,
    expected: ExpectedVersion,
    response: Response,
) -> OrderView:
    """By hand it becomes FULFILLED or CANCELLED; one that is PAID_ATTENTION also PAID.

    The last needs a `reason`. Anything else is 409 `illegal_transition`; an order becomes PAID
    by a payment. What it is already changes nothing.
    """
    order = await app.orders.rule(
        *await _named(app, caller, order_id), body.ruling(actor_of(caller)), expected=expected
    )
    tag(response, order.version)
    return OrderView.of(order)


@router.put("/orders/{order_id}/note", summary="Write a note on an order")
async def put_note(
    order_id: Id,
    body: OrderNoteBody,
    app: Admin,
    caller: WritingCaller,
    expected: ExpectedVersion,
    response: Response,
) -> OrderView:
    """It takes the place of what was there, such as wishes that the bot wrote down."""
    order = await app.orders.annotate(
        *await _named(app, caller, order_id), body.note, actor=actor_of(caller), expected=expected
    )
    tag(response, order.version)
    return OrderView.of(order)


@router.put("/orders/{order_id}/address", summary="Send an order elsewhere")
async def put_address(
    order_id: Id,
    body: AddressBody,
    app: Admin,
    caller: WritingCaller,
    expected: ExpectedVersion,
    response: Response,
) -> OrderView:
    """A cart costs what delivery to there costs; what was confirmed keeps its fee.

    `{"pickup": true}`: it is picked up, where the shop offers that (409 `pickup_not_offered`).
    """
    order = await app.orders.send_to(
        *await _named(app, caller, order_id),
        body.place(),
        actor=actor_of(caller),
        expected=expected,
    )
    tag(response, order.version)
    return OrderView.of(order)


async def _named(app: Administration, caller: Caller, order_id: UUID) -> tuple[TenantId, OrderId]:
    """The order that a path names, and whose it is. Raises OrderNotFound."""
    if caller.tenant_id is not None:
        return TenantId(caller.tenant_id), OrderId(order_id)
    found = await app.looking.directory.tenant_of_order(OrderId(order_id))
    if found is None:
        raise OrderNotFound(order_id=order_id)
    return found, OrderId(order_id)
