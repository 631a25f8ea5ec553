"""WAHA as it calls our webhook: signed with the tenant's secret."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from crm_chatbot.domain.tenants.tenant import TenantId
from shared.whatsapp.connections import ConnectionChange
from tests.crm_chatbot.builders import TENANT
from tests.crm_chatbot.running import Running
from tests.crm_chatbot.waha import Envelope, a_text, signature_of

HOOK = f"/v1/crm/webhook/{TENANT}"
JSON = {"Content-Type": "application/json"}

Headers = list[tuple[str, str]]


@dataclass
class Waha:
    """A WAHA server that knows the tenant's secret."""

    client: httpx.AsyncClient
    secret: str

    async def tell(self, envelope: Envelope, *, hook: str = HOOK) -> httpx.Response:
        raw = json.dumps(envelope).encode()
        return await self.send(raw, [("X-Webhook-Hmac", signature_of(raw, self.secret))], hook=hook)

    async def send(self, raw: bytes, headers: Headers, *, hook: str = HOOK) -> httpx.Response:
        return await self.client.post(hook, content=raw, headers=[*JSON.items(), *headers])


async def connected(service: Running, tenant_id: TenantId, session: str) -> str:
    """The tenant's webhook secret, once it has a session."""
    connections = service.menu.connections
    await connections.put(tenant_id, ConnectionChange(session=session))
    return await connections.rotate_webhook_secret(tenant_id)


numbers: Iterator[int] = iter(range(1_000_000))


def fresh(**payload: Any) -> Envelope:
    """A message that nobody has sent before."""
    now: dict[str, Any] = {"timestamp": int(time.time())}
    return a_text("Halo", stanza=f"FRESH{next(numbers)}", **{**now, **payload})
