"""`/v1/crm/tenants/{tenant_id}/ticket-templates`: what tickets of a kind say."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.domain.tickets.template import TemplateId
from crm_chatbot.interface.administration import SHOP, Admin, known_to
from crm_chatbot.interface.tickets.board_views import (
    NewTicketTemplate,
    TicketTemplateChange,
    TicketTemplateList,
    TicketTemplateView,
)
from shared.interface.access import AnyCaller, WritingCaller
from shared.interface.parameters import Id
from shared.interface.routes import api_router
from shared.interface.versions import ExpectedVersion, tag

router: APIRouter = api_router(f"{SHOP}/ticket-templates", tag="tickets")

Named = tuple[TenantId, TemplateId]


async def named(tenant_id: Id, template_id: Id, caller: AnyCaller) -> Named:
    """The template that a path names. Raises TenantNotFound."""
    return known_to(caller, tenant_id), TemplateId(template_id)


@router.get("", summary="List the ticket templates")
async def list_templates(tenant_id: Id, app: Admin, caller: AnyCaller) -> TicketTemplateList:
    """By their names."""
    found = await app.ticket_templates.all(known_to(caller, tenant_id))
    return TicketTemplateList(templates=list(map(TicketTemplateView.of, found)))


@router.post("", status_code=201, summary="Add a ticket template")
async def add_template(
    tenant_id: Id, body: NewTicketTemplate, app: Admin, caller: WritingCaller, response: Response
) -> TicketTemplateView:
    """With variables, such as `{customer_name}`; one that there is not is refused (422)."""
    shop = known_to(caller, tenant_id)
    template = await app.ticket_templates.add(shop, **body.terms())
    response.headers["Location"] = f"/v1/crm/tenants/{shop}/ticket-templates/{template.id}"
    tag(response, template.version)
    return TicketTemplateView.of(template)


@router.get("/{template_id}", summary="Look at a ticket template")
async def get_template(
    its: Annotated[Named, Depends(named)], app: Admin, _caller: AnyCaller, response: Response
) -> TicketTemplateView:
    """Its `ETag` is its version."""
    template = await app.ticket_templates.get(*its)
    tag(response, template.version)
    return TicketTemplateView.of(template)


@router.patch("/{template_id}", summary="Change a ticket template")
async def change_template(
    its: Annotated[Named, Depends(named)],
    body: TicketTemplateChange,
    app: Admin,
    _caller: WritingCaller,
    expected: ExpectedVersion,
    response: Response,
) -> TicketTemplateView:
    """Only what is named. With `If-Match`, only that version (412 `conflict` otherwise)."""
    template = await app.ticket_templates.change(*its, expected=expected, **body.terms())
    tag(response, template.version)
    return TicketTemplateView.of(template)


@router.delete("/{template_id}", status_code=204, summary="Remove a ticket template")
async def remove_template(
    its: Annotated[Named, Depends(named)], app: Admin, _caller: WritingCaller
) -> None:
    """Tickets that were made from it stay as they are."""
    await app.ticket_templates.remove(*its)
