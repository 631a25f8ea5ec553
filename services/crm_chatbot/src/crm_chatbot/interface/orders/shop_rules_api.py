"""`.../delivery` and `.../discounts` of a shop: its orders are priced by them and the catalog."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from crm_chatbot.domain.orders.discount import DiscountId
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.interface.administration import SHOP, Admin, known_to
from crm_chatbot.interface.orders.shop_rules_views import (
    DeliveryBody,
    DiscountChange,
    Discounts,
    DiscountView,
    NewDiscount,
)
from shared.interface.access import AnyCaller, WritingCaller
from shared.interface.parameters import Id
from shared.interface.routes import api_router
from shared.interface.versions import ExpectedVersion, tag

router: APIRouter = api_router(SHOP, tag="orders")

Named = tuple[TenantId, DiscountId]


async def named(tenant_id: Id, discount_id: Id, caller: AnyCaller) -> Named:
    """The discount that a path names. Raises TenantNotFound."""
    return known_to(caller, tenant_id), DiscountId(discount_id)


@router.get("/delivery", summary="Look at a shop's delivery table")
async def get_delivery(tenant_id: Id, app: Admin, caller: AnyCaller) -> DeliveryBody:
    """Empty, as long as the shop has not said how it delivers: then no order needs an address."""
    return DeliveryBody.of(await app.rules.delivery(known_to(caller, tenant_id)))


@router.put("/delivery", summary="Replace a shop's delivery table")
async def put_delivery(
    tenant_id: Id, body: DeliveryBody, app: Admin, caller: WritingCaller
) -> DeliveryBody:
    """It holds for carts, from the next time they are looked at; what is confirmed stays."""
    terms = body.terms()
    await app.rules.deliver(known_to(caller, tenant_id), terms)
    return DeliveryBody.of(terms)


@router.get("/discounts", summary="List a shop's discounts")
async def list_discounts(tenant_id: Id, app: Admin, caller: AnyCaller) -> Discounts:
    """In the order in which they hold; nothing else ever takes anything off a price."""
    found = await app.rules.discounts(known_to(caller, tenant_id))
    return Discounts(discounts=list(map(DiscountView.of, found)))


@router.post("/discounts", status_code=201, summary="Add a discount")
async def add_discount(
    tenant_id: Id, body: NewDiscount, app: Admin, caller: WritingCaller, response: Response
) -> DiscountView:
    """With a `code`, for customers who write it; else for everybody."""
    rule = await app.rules.add_discount(known_to(caller, tenant_id), **body.said())
    response.headers["Location"] = f"/v1/crm/tenants/{tenant_id}/discounts/{rule.id}"
    tag(response, rule.version)
    return DiscountView.of(rule)


@router.get("/discounts/{discount_id}", summary="Look at a discount")
async def get_discount(
    its: Annotated[Named, Depends(named)], app: Admin, _caller: AnyCaller, response: Response
) -> DiscountView:
    """Its `ETag` is its version."""
    rule = await app.rules.discount(*its)
    tag(response, rule.version)
    return DiscountView.of(rule)


@router.patch("/discounts/{discount_id}", summary="Change a discount")
async def change_discount(
    its: Annotated[Named, Depends(named)],
    body: DiscountChange,
    app: Admin,
    _caller: WritingCaller,
    expected: ExpectedVersion,
    response: Response,
) -> DiscountView:
    """Only what is named. With `If-Match`, only that version (412 `conflict` otherwise)."""
    rule = await app.rules.change_discount(*its, expected=expected, **body.said())
    tag(response, rule.version)
    return DiscountView.of(rule)


@router.delete("/discounts/{discount_id}", status_code=204, summary="Remove a discount")
async def remove_discount(
    its: Annotated[Named, Depends(named)], app: Admin, _caller: WritingCaller
) -> None:
    """What it took off orders that are confirmed stays off."""
    await app.rules.remove_discount(*its)
