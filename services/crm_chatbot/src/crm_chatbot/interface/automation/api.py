"""`.../automation-rules` of a shop: what is done by itself when something happens in its chats."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from crm_chatbot.domain.automation import RuleId
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.interface.administration import SHOP, Admin, known_to
from crm_chatbot.interface.automation.views import RuleBody, RuleOrderBody, Rules, RuleView
from shared.interface.access import AnyCaller, WritingCaller
from shared.interface.parameters import Id
from shared.interface.routes import api_router
from shared.interface.versions import ExpectedVersion, tag

router: APIRouter = api_router(f"{SHOP}/automation-rules", tag="automation")

Named = tuple[TenantId, RuleId]


async def named(tenant_id: Id, rule_id: Id, caller: AnyCaller) -> Named:
    """The rule that a path names. Raises TenantNotFound."""
    return known_to(caller, tenant_id), RuleId(rule_id)


@router.get("", summary="List a shop's automation rules")
async def list_rules(tenant_id: Id, app: Admin, caller: AnyCaller) -> Rules:
    """In the order in which they run."""
    return Rules.of(await app.automation.all(known_to(caller, tenant_id)))


@router.post("", status_code=201, summary="Add an automation rule")
async def add_rule(
    tenant_id: Id, body: RuleBody, app: Admin, caller: WritingCaller, response: Response
) -> RuleView:
    """It runs after all others, of which a shop has at most 50 (409 `too_many_rules`)."""
    rule = await app.automation.add(known_to(caller, tenant_id), **body.said())
    response.headers["Location"] = f"/v1/crm/tenants/{tenant_id}/automation-rules/{rule.id}"
    tag(response, rule.version)
    return RuleView.of(rule)


@router.put("/order", summary="Put a shop's automation rules into another order")
async def order_rules(
    tenant_id: Id, body: RuleOrderBody, app: Admin, caller: WritingCaller
) -> Rules:
    """Each of them has to be named once: 422 `rule_order_rejected` otherwise."""
    return Rules.of(await app.automation.arrange(known_to(caller, tenant_id), body.said()))


@router.get("/{rule_id}", summary="Look at an automation rule")
async def get_rule(
    its: Annotated[Named, Depends(named)], app: Admin, _caller: AnyCaller, response: Response
) -> RuleView:
    """Its `ETag` is its version."""
    rule = await app.automation.get(*its)
    tag(response, rule.version)
    return RuleView.of(rule)


@router.put("/{rule_id}", summary="Replace an automation rule")
async def replace_rule(
    its: Annotated[Named, Depends(named)],
    body: RuleBody,
    app: Admin,
    _caller: WritingCaller,
    expected: ExpectedVersion,
    response: Response,
) -> RuleView:
    """It keeps its place. With `If-Match`, only that version (412 `conflict` otherwise)."""
    rule = await app.automation.replace(*its, expected=expected, **body.said())
    tag(response, rule.version)
    return RuleView.of(rule)


@router.delete("/{rule_id}", status_code=204, summary="Remove an automation rule")
async def remove_rule(
    its: Annotated[Named, Depends(named)], app: Admin, _caller: WritingCaller
) -> None:
    """What it did stays done."""
    await app.automation.remove(*its)
