"""`/v1/crm/tenants`: shops, opened by the platform and shaped by themselves."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from crm_chatbot.domain.tenants.tenant import TenantId, TenantNotFound, TenantStatus
from crm_chatbot.interface.administration import Admin, Administration, known_to
from crm_chatbot.interface.tenants.views import (
    NewTenant,
    PromptBody,
    TenantChange,
    TenantListQuery,
    TenantPage,
    TenantView,
)
from shared.interface.access import AnyCaller, PlatformCaller, WritingCaller
from shared.interface.parameters import Id
from shared.interface.routes import api_router
from shared.interface.versions import ExpectedVersion, tag

router = api_router("/v1/crm/tenants", tag="tenants")


@router.post("", status_code=201, summary="Open a shop")
async def open_tenant(
    body: NewTenant, app: Admin, _caller: PlatformCaller, response: Response
) -> TenantView:
    """With a WhatsApp session of its own, not yet connected: see `.../whatsapp`."""
    tenant = await app.tenants.open(**body.manner(), name=body.name)
    response.headers["Location"] = f"/v1/crm/tenants/{tenant.id}"
    tag(response, tenant.version)
    return TenantView.of(tenant)


@router.get("", summary="List the shops")
async def list_tenants(
    app: Admin, caller: AnyCaller, wanted: Annotated[TenantListQuery, Query()]
) -> TenantPage:
    """The newest first; a shop's own key sees only itself."""
    context = f"tenants:{caller.tenant_id or 'platform'}"
    before: TenantId | None = None
    if wanted.cursor is not None:
        before = TenantId(UUID(str(app.cursors.decode(wanted.cursor, context=context)[0])))
    if caller.tenant_id is not None:
        return await _only(app, TenantId(caller.tenant_id))
    found = await app.every_tenant.page(before=before, limit=wanted.limit + 1)
    shown = found[: wanted.limit]
    last = str(shown[-1].id) if len(found) > wanted.limit else None
    return TenantPage(
        tenants=list(map(TenantView.of, shown)),
        next_cursor=last and app.cursors.encode([last], context=context),
    )


@router.get("/{tenant_id}", summary="Look at a shop")
async def get_tenant(
    tenant_id: Id, app: Admin, caller: AnyCaller, response: Response
) -> TenantView:
    """Its `ETag` is its version."""
    tenant = await app.tenants.get(known_to(caller, tenant_id))
    tag(response, tenant.version)
    return TenantView.of(tenant)


@router.patch("/{tenant_id}", summary="Change a shop")
async def change_tenant(
    tenant_id: Id,
    body: TenantChange,
    app: Admin,
    caller: WritingCaller,
    expected: ExpectedVersion,
    response: Response,
) -> TenantView:
    """Only what is named. With `If-Match`, only that version (412 `conflict` otherwise)."""
    tenant = await app.tenants.change(
        known_to(caller, tenant_id), expected=expected, **body.wishes()
    )
    tag(response, tenant.version)
    return TenantView.of(tenant)


@router.put("/{tenant_id}/prompt", summary="Tell the bot how to behave")
async def change_prompt(
    tenant_id: Id,
    body: PromptBody,
    app: Admin,
    caller: WritingCaller,
    expected: ExpectedVersion,
    response: Response,
) -> TenantView:
    """In force from the next answer on."""
    tenant = await app.tenants.change(
        known_to(caller, tenant_id), expected=expected, prompt=body.prompt
    )
    tag(response, tenant.version)
    return TenantView.of(tenant)


@router.post("/{tenant_id}/suspend", summary="Let a shop's bot fall silent")
async def suspend_tenant(tenant_id: Id, app: Admin, _caller: PlatformCaller) -> TenantView:
    """Its webhooks are taken and dropped. A second time is no mistake."""
    tenant = await app.tenants.become(TenantId(tenant_id), TenantStatus.SUSPENDED)
    return TenantView.of(tenant)


@router.post("/{tenant_id}/activate", summary="Let a shop's bot answer again")
async def activate_tenant(tenant_id: Id, app: Admin, _caller: PlatformCaller) -> TenantView:
    """A second time is no mistake."""
    return TenantView.of(await app.tenants.become(TenantId(tenant_id), TenantStatus.ACTIVE))


async def _only(app: Administration, tenant_id: TenantId) -> TenantPage:
    try:
        own = [TenantView.of(await app.tenants.get(tenant_id))]
    except TenantNotFound:
        own = []
    return TenantPage(tenants=own, next_cursor=None)
