"""The demo's shop: opened once, and connected to the pretend WhatsApp at each start."""

from dataclasses import dataclass
from typing import Any, cast

import httpx

from standalone.pretend import PretendWhatsApp
from standalone.telling import PromiseBroken, ask, until

SESSION = "kopi-senja"
_WORKDAY = [{"opens": "08:00", "closes": "20:00"}]
SHOP: dict[str, object] = {
    "name": "Kopi Senja",
    "prompt": "You are the friendly assistant of Kopi Senja, a coffee roaster in Bandung. Call "
    "customers kak. Be brief.",
    "language": "id",
    "time_zone": "Asia/Jakarta",
    "currency": "IDR",
    "business_hours": dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat"), _WORKDAY),
    # Quick, for somebody who watches.
    "pace": {"quiet_s": 0.5, "longest_s": 4},
}


@dataclass(frozen=True)
class Shop:
    """An open shop whose WhatsApp works."""

    tenant_id: str
    session: str


async def open_shop(http: httpx.AsyncClient, whatsapp: PretendWhatsApp) -> Shop:
    """Open the shop, unless it is open, and connect it. Raises PromiseBroken."""
    tenant_id = await _found(http) or str((await ask(http, "POST", "/v1/crm/tenants", SHOP))["id"])
    place = f"/v1/crm/tenants/{tenant_id}/whatsapp"
    connection = {"session": SESSION, "server_url": whatsapp.url, "api_key": whatsapp.api_key}
    await ask(http, "PUT", place, connection)
    made = await ask(http, "POST", f"{place}/webhook-secret")
    await _connect(whatsapp, tenant_id, made["webhook"])
    seen = await ask(http, "GET", place)
    if seen["status"] != "SCAN_QR_CODE" or not seen["qr"]:
        raise PromiseBroken(f"a new session should wait for a scan, and is {seen['status']}")
    async with httpx.AsyncClient(base_url=whatsapp.url, timeout=10) as phone:
        await ask(phone, "POST", f"/phone/api/{SESSION}/pair")

    async def works() -> bool | None:
        return (await ask(http, "GET", place))["status"] == "WORKING" or None

    await until(works, "the shop's WhatsApp works")
    return Shop(tenant_id, SESSION)


async def _found(http: httpx.AsyncClient) -> str | None:
    listed = await ask(http, "GET", "/v1/crm/tenants?limit=100")
    tenants = cast("list[dict[str, Any]]", listed["tenants"])
    return next((str(one["id"]) for one in tenants if one["name"] == SHOP["name"]), None)


async def _connect(whatsapp: PretendWhatsApp, tenant_id: str, webhook: object) -> None:
    """As a person does who has WAHA's page open: a session that tells us what happens."""
    session = {
        "name": SESSION,
        "start": True,
        "config": {"metadata": {"tenant_id": tenant_id}, "webhooks": [webhook]},
    }
    headers = {"X-Api-Key": whatsapp.api_key}
    async with httpx.AsyncClient(base_url=whatsapp.url, headers=headers, timeout=10) as waha:
        await ask(waha, "POST", "/api/sessions", session)
