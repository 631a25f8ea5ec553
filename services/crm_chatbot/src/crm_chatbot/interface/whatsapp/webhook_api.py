"""`/v1/crm/webhook/{tenant_id}`: what WAHA tells, believed for its signature and nothing else."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, cast

import orjson
from fastapi import Depends, Request, Response
from pydantic import BaseModel, Field

from crm_chatbot.application import Application
from crm_chatbot.application.whatsapp.hearing import Reception
from crm_chatbot.domain.tenants.tenant import Tenant, TenantId
from shared import metrics
from shared.interface.parameters import Id
from shared.interface.problems import Problem
from shared.interface.routes import api_router
from shared.whatsapp.connections import NotConnected

router = api_router("/v1/crm/webhook", tag="webhook")

_SIGNATURE = b"x-webhook-hmac"
_ALGORITHM = b"x-webhook-hmac-algorithm"
_TIMESTAMP = b"x-webhook-timestamp"
#: A number that no engine would send costs time to read.
_LONGEST_NUMBER = 40


class HeardView(BaseModel):
    """What became of an event. Every event that could be read is answered with 2xx."""

    outcome: Literal["taken", "ignored", "duplicate"]
    reason: str | None = Field(None, description="Why it is ignored: a code.")


async def application(request: Request) -> Application:
    app: Application = request.app.state.crm_chatbot
    return app


App = Annotated[Application, Depends(application)]


@router.post(
    "/{tenant_id}",
    response_model=HeardView,
    summary="Hear what happened on WhatsApp",
    responses={202: {"description": "The shop is suspended: nothing was kept."}},
)
async def hear(tenant_id: Id, request: Request, app: App) -> Response:
    """WAHA's webhook. It carries no API key: the signature (`X-Webhook-Hmac`) is over its bytes.

    Answered once it is stored for good; told again, it is a `duplicate`. 503 when it could not be
    stored: WAHA tries again.
    """
    tenant = await app.inbound.tenant(TenantId(tenant_id))
    raw = await _authentic_body(app, tenant, request)
    if not tenant.is_active:
        return _told(Reception("ignored", "tenant_suspended"), status=202)
    envelope = _parsed(raw)
    await _check_session(app, tenant, envelope.get("session"))
    return _told(await app.inbound.receive(tenant, app.understand(envelope)))


async def _authentic_body(app: Application, tenant: Tenant, request: Request) -> bytes:
    """The body, as somebody sent it who knows the tenant's secret. Raises Problem."""
    headers: Sequence[tuple[bytes, bytes]] = request.scope["headers"]
    signatures = [value for name, value in headers if name == _SIGNATURE]
    algorithms = {value for name, value in headers if name == _ALGORITHM}
    secrets = await app.connections.webhook_secrets(tenant.id)
    if not signatures and not secrets and app.webhooks.allows_unsigned:
        return await request.body()
    if len(signatures) != 1 or not secrets or not algorithms <= {b"sha512"}:
        raise _refused("signature_invalid", "The signature is missing or wrong.")
    raw = await request.body()
    if not _is_signed(raw, signatures[0], secrets):
        raise _refused("signature_invalid", "The signature is missing or wrong.")
    _check_time(app, headers)
    return raw


def _is_signed(raw: bytes, signature: bytes, secrets: Sequence[str]) -> bool:
    """Every secret is tried, whichever fits: how long it takes tells nobody anything."""
    made = (hmac.digest(secret.encode(), raw, hashlib.sha512).hex() for secret in secrets)
    fits = [hmac.compare_digest(one.encode(), signature) for one in made]
    return any(fits)


def _check_time(app: Application, headers: Sequence[tuple[bytes, bytes]]) -> None:
    """Only where somebody asked for it: WAHA signs the body, and not this."""
    if not app.webhooks.window_s:
        return
    [stamp] = [value for name, value in headers if name == _TIMESTAMP][:1] or [b""]
    if not stamp.isdigit() or len(stamp) > 15:
        raise _refused("timestamp_out_of_window", "The timestamp is missing or wrong.")
    sent_at = datetime.fromtimestamp(int(stamp) / 1_000, UTC)
    if abs(app.inbound.now() - sent_at) > timedelta(seconds=app.webhooks.window_s):
        raise _refused("timestamp_out_of_window", "The timestamp is missing or wrong.")


async def _check_session(app: Application, tenant: Tenant, session: object) -> None:
    """One tenant's secret is no key to another's session."""
    expected = await _session_of(app, tenant)
    if not session or not isinstance(session, str) or expected not in {None, session}:
        raise _refused("session_unknown", "This session is not the tenant's.", status=403)


async def _session_of(app: Application, tenant: Tenant) -> str | None:
    try:
        return (await app.connections.find(tenant.id)).session
    except NotConnected:
        pass
    try:  # it has a session, and no server that could be asked
        return (await app.connections.show(tenant.id)).session
    except NotConnected:
        return None


def _parsed(raw: bytes) -> Mapping[str, Any]:
    """Any object that JSON can spell, also with half characters in it, which WhatsApp lets pass."""
    try:
        envelope: object = orjson.loads(raw)
    except orjson.JSONDecodeError:
        envelope = _parsed_leniently(raw)
    if not isinstance(envelope, dict):
        raise Problem(400, "malformed_json", "The body must be a JSON object.")
    return cast("Mapping[str, Any]", envelope)


def _parsed_leniently(raw: bytes) -> object:
    try:
        return json.loads(
            raw.decode("utf-8", "replace"), parse_int=_number, parse_constant=lambda _: None
        )
    except (ValueError, RecursionError):
        raise Problem(400, "malformed_json", "The body is not JSON.") from None


def _number(digits: str) -> int | None:
    return int(digits) if len(digits) <= _LONGEST_NUMBER else None


def _refused(code: str, detail: str, *, status: int = 401) -> Problem:
    metrics.webhooks_refused.labels(code).inc()
    return Problem(status, code, detail)


def _told(reception: Reception, *, status: int = 200) -> Response:
    body = {name: value for name, value in asdict(reception).items() if value is not None}
    return Response(orjson.dumps(body), status, media_type="application/json")
