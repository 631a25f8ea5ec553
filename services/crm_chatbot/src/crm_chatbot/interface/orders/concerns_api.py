"""`/v1/crm/tenants/{tenant_id}/concerns`: money that a person of the shop has to decide about."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from crm_chatbot.domain.orders.concern import ConcernId, Since
from crm_chatbot.interface.administration import SHOP, Admin, actor_of, known_to
from crm_chatbot.interface.orders.views import (
    ConcernListQuery,
    ConcernPage,
    ConcernView,
    SettleBody,
)
from shared.interface.access import AnyCaller, WritingCaller
from shared.interface.parameters import Id
from shared.interface.routes import api_router

router: APIRouter = api_router(f"{SHOP}/concerns", tag="concerns")


@router.get("", summary="List what is odd about money")
async def list_concerns(
    tenant_id: Id, app: Admin, caller: AnyCaller, wanted: Annotated[ConcernListQuery, Query()]
) -> ConcernPage:
    """The newest first; with `settled=false`, what nobody has seen to yet."""
    shop = (await app.tenants.get(known_to(caller, tenant_id))).id
    context, before = f"concerns:{shop}:{wanted.settled}", None
    if wanted.cursor is not None:
        at, concern_id = map(str, app.cursors.decode(wanted.cursor, context=context))
        before = Since(datetime.fromisoformat(at), ConcernId(UUID(concern_id)))
    found = await app.concerns.page(
        shop, is_settled=wanted.settled, before=before, limit=wanted.limit + 1
    )
    shown, cursor = found[: wanted.limit], None
    if len(found) > wanted.limit:
        place = [shown[-1].raised_at.isoformat(), str(shown[-1].id)]
        cursor = app.cursors.encode(place, context=context)
    return ConcernPage(concerns=list(map(ConcernView.of, shown)), next_cursor=cursor)


@router.post("/{concern_id}/settle", summary="Settle a concern")
async def settle_concern(
    tenant_id: Id, concern_id: Id, body: SettleBody, app: Admin, caller: WritingCaller
) -> ConcernView:
    """Somebody has seen to it: 409 `concern_settled` where somebody had before."""
    concern = await app.concerns.settle(
        known_to(caller, tenant_id), ConcernId(concern_id), by=actor_of(caller), note=body.note
    )
    return ConcernView.of(concern)
