"""`/v1/crm/tenants/{tenant_id}/whatsapp`: how a shop's WhatsApp is reached, and how it is."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated, Literal

from fastapi import Query, Request, Response

from crm_chatbot.application.feed import Thing
from crm_chatbot.interface.administration import Admin, Administration, known_to
from crm_chatbot.interface.whatsapp.views import (
    ConnectionBody,
    ConnectionShown,
    LookAsked,
    WebhookSecret,
    WhatsAppShown,
)
from shared.interface.access import AnyCaller, WritingCaller
from shared.interface.parameters import Id
from shared.interface.problems import Problem
from shared.interface.routes import api_router
from shared.whatsapp.connections import Connection, NotConnected
from shared.whatsapp.waha import SessionFacts, Verdict, WahaFailed

router = api_router("/v1/crm/tenants/{tenant_id}/whatsapp", tag="whatsapp")

SCAN = "SCAN_QR_CODE"

_PNG = {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}}


@router.put("", summary="Connect a shop's WhatsApp")
async def connect(
    tenant_id: Id, body: ConnectionBody, app: Admin, caller: WritingCaller
) -> ConnectionShown:
    """Where its WAHA session is. Whatever is in our own network is refused."""
    tenant = await app.tenants.get(known_to(caller, tenant_id))
    connected = await app.connections.put(tenant.id, body.change())
    app.changed(tenant.id, Thing.WHATSAPP)
    return ConnectionShown.of(connected)


@router.get(
    "", response_model=WhatsAppShown, responses={200: _PNG}, summary="Look at a shop's WhatsApp"
)
async def look_at_whatsapp(
    tenant_id: Id,
    app: Admin,
    caller: AnyCaller,
    format: Annotated[  # noqa: A002 - the query's own name
        Literal["json", "png"], Query(description="`png`: the code to scan, and nothing else.")
    ] = "json",
) -> Response:
    """Asks the WAHA server: 502 or 503 where it does not answer, 409 where it has no session."""
    tenant = await app.tenants.get(known_to(caller, tenant_id))
    view = await app.connections.show(tenant.id)
    with _told_as_problems():
        connection = await app.connections.find(tenant.id)
        facts = await app.waha.session(connection)
    qr = await _qr(app, connection, facts) if caller.may_write else None
    if format == "png":
        return _as_png(qr, facts)
    shown = WhatsAppShown.seen(view, facts, qr)
    return Response(shown.model_dump_json(), media_type="application/json")


@router.post("/webhook-secret", status_code=201, summary="Make a new webhook secret")
async def rotate_webhook_secret(
    tenant_id: Id, app: Admin, caller: WritingCaller, request: Request
) -> WebhookSecret:
    """The one before is believed for another day: change WAHA over whenever you like."""
    tenant = await app.tenants.get(known_to(caller, tenant_id))
    secret = await app.connections.rotate_webhook_secret(tenant.id)
    app.changed(tenant.id, Thing.WHATSAPP)
    return WebhookSecret.made(secret, f"{request.base_url}v1/crm/webhook/{tenant.id}")


@router.post("/catch-up", status_code=202, summary="Look for what no webhook told")
async def catch_up(tenant_id: Id, app: Admin, caller: WritingCaller) -> LookAsked:
    """WAHA's history is read soon, as it is after each outage and every few minutes anyway."""
    tenant = await app.tenants.get(known_to(caller, tenant_id))
    view = await app.connections.show(tenant.id)
    await app.reminder.remind(tenant.id, view.session)
    return LookAsked(session=view.session)


async def _qr(app: Administration, connection: Connection, facts: SessionFacts) -> bytes | None:
    if facts.status != SCAN:
        return None
    try:
        return await app.waha.qr(connection)
    except WahaFailed:
        return None  # it was scanned, or ran out, a moment ago


def _as_png(qr: bytes | None, facts: SessionFacts) -> Response:
    if qr is None:
        raise Problem(409, "nothing_to_scan", f"The session is {facts.status}.")
    return Response(qr, media_type="image/png", headers={"Cache-Control": "no-store"})


@contextmanager
def _told_as_problems() -> Generator[None]:
    try:
        yield
    except NotConnected as nowhere:  # though it is there: on a server that is not
        detail = "The platform has no WAHA server of its own: name one."
        raise Problem(409, "no_waha_server", detail) from nowhere
    except WahaFailed as failed:
        status = 503 if failed.verdict is Verdict.RETRY else 502
        if failed.code == "session_unknown":
            status = 409
        headers = {"Retry-After": "5"} if status == 503 else {}
        detail = f"WAHA: {failed.detail or failed.code}"
        raise Problem(status, failed.code, detail, headers=headers) from failed
