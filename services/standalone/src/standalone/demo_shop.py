"""The demo's shop: opened once, and connected to the pretend WhatsApp at each start."""

import httpx

from standalone.promises import PromiseBroken, ask, until
from standalone.shop import Body, Opening, Plan, Shop
from standalone.wares import DELIVERY, DISCOUNTS, PRODUCTS

_WORKDAY = [{"opens": "08:00", "closes": "20:00"}]
PLAN = Plan(
    session="kopi-senja",
    wishes={
        "name": "Kopi Senja",
        "prompt": "You are the friendly assistant of Kopi Senja, a coffee roaster in Bandung. Call "
        "customers kak. Be brief.",
        "language": "id",
        "time_zone": "Asia/Jakarta",
        "currency": "IDR",
        "business_hours": dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat"), _WORKDAY),
        # Quick, for somebody who watches.
        "pace": {"quiet_s": 0.5, "longest_s": 4},
    },
    products=PRODUCTS,
    delivery=DELIVERY,
    discounts=DISCOUNTS,
)


async def connected(opening: Opening) -> Shop:
    """The shop, open, and its WhatsApp working. Raises PromiseBroken."""
    shop = await opening.shop(PLAN)
    await _begin_session(opening, shop, await opening.webhook(shop))
    place = f"{shop.place}/whatsapp"
    seen = await ask(opening.http, "GET", place)
    if seen["status"] != "SCAN_QR_CODE" or not seen["qr"]:
        raise PromiseBroken(f"a new session should wait for a scan, and is {seen['status']}")
    async with httpx.AsyncClient(base_url=opening.world.url, timeout=10) as phone:
        await ask(phone, "POST", f"/phone/api/{PLAN.session}/pair")

    async def works() -> bool | None:
        return (await ask(opening.http, "GET", place))["status"] == "WORKING" or None

    await until(works, "the shop's WhatsApp works")
    return shop


async def _begin_session(opening: Opening, shop: Shop, webhook: Body) -> None:
    """As a person does who has WAHA's page open: a session that tells us what happens."""
    session = {
        "name": PLAN.session,
        "start": True,
        "config": {"metadata": {"tenant_id": shop.tenant_id}, "webhooks": [webhook]},
    }
    headers = {"X-Api-Key": opening.world.waha_key}
    async with httpx.AsyncClient(base_url=opening.world.url, headers=headers, timeout=10) as waha:
        await ask(waha, "POST", "/api/sessions", session)
