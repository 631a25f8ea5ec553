"""A shop that is opened over the API: its wares, its account with a bank, and its WhatsApp."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import httpx

from standalone.pretend import PretendWorld
from standalone.promises import ask

Body = Mapping[str, Any]
Bank = Literal["midtrans", "xendit"]

_CALLBACK_TOKEN = "of-a-pretend-bank"  # noqa: S105 - it opens nothing


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a shop is to be, in the words of the API."""

    session: str
    wishes: Body
    products: Sequence[Body]
    delivery: Body | None = None
    discounts: Sequence[Body] = ()
    bank: Bank = "midtrans"


@dataclass(frozen=True)
class Shop:
    """An open shop."""

    tenant_id: str
    plan: Plan

    @property
    def place(self) -> str:
        return f"/v1/crm/tenants/{self.tenant_id}"

    @property
    def bank_key(self) -> str:
        """By which the pretend bank knows the shop."""
        prefix = {"midtrans": "SB-Mid-server-", "xendit": "xnd_development_"}[self.plan.bank]
        return prefix + self.plan.session


@dataclass(frozen=True)
class Opening:
    """Opens shops on the platform, beside a pretend world."""

    http: httpx.AsyncClient
    world: PretendWorld

    async def shop(self, plan: Plan) -> Shop:
        """The shop of this name, opened unless it is, with everything but WhatsApp.

        Raises PromiseBroken.
        """
        tenant_id = await self._known(str(plan.wishes["name"]))
        return (
            await self.new_shop(plan) if tenant_id is None else await self._fitted(plan, tenant_id)
        )

    async def new_shop(self, plan: Plan) -> Shop:
        """The same, and no other has to be looked for. Raises PromiseBroken."""
        tenant = await ask(self.http, "POST", "/v1/crm/tenants", plan.wishes)
        return await self._fitted(plan, str(tenant["id"]))

    async def webhook(self, shop: Shop) -> Body:
        """What WAHA is to be told of the shop. The shop knows its WAHA from then on."""
        place = f"{shop.place}/whatsapp"
        connection = {
            "session": shop.plan.session,
            "server_url": self.world.url,
            "api_key": self.world.waha_key,
        }
        await ask(self.http, "PUT", place, connection)
        made = await ask(self.http, "POST", f"{place}/webhook-secret")
        return cast("Body", made["webhook"])

    async def _known(self, name: str) -> str | None:
        path: str | None = "/v1/crm/tenants?limit=100"
        while path is not None:
            page = await ask(self.http, "GET", path)
            for one in cast("list[dict[str, Any]]", page["tenants"]):
                if one["name"] == name:
                    return str(one["id"])
            cursor = page["next_cursor"]
            path = f"/v1/crm/tenants?limit=100&cursor={cursor}" if cursor else None
        return None

    async def _fitted(self, plan: Plan, tenant_id: str) -> Shop:
        shop = Shop(tenant_id, plan)
        await self._stock(shop)
        await self._bank(shop)
        return shop

    async def _stock(self, shop: Shop) -> None:
        """Every product that is not there yet: what was sold before stays sold."""
        there = await ask(self.http, "GET", f"{shop.place}/products?limit=100")
        known = {one["name"] for one in cast("list[dict[str, Any]]", there["products"])}
        for product in shop.plan.products:
            if product["name"] not in known:
                await ask(self.http, "POST", f"{shop.place}/products", product)
        if shop.plan.delivery is not None:
            await ask(self.http, "PUT", f"{shop.place}/delivery", shop.plan.delivery)
        rules = (await ask(self.http, "GET", f"{shop.place}/discounts"))["discounts"]
        for discount in () if rules else shop.plan.discounts:
            await ask(self.http, "POST", f"{shop.place}/discounts", discount)

    async def _bank(self, shop: Shop) -> None:
        """The shop's account, here and at the bank, which is told where to call."""
        bank, key = shop.plan.bank, shop.bank_key
        callback = f"{self.http.base_url}".rstrip("/") + f"/v1/crm/payments/callback/{bank}"
        account = {"secret": key}
        merchant = {"name": str(shop.plan.wishes["name"])}
        if bank == "midtrans":
            merchant |= {"server_key": key, "notification_url": callback}
        else:
            token = {"callback_token": _CALLBACK_TOKEN}
            account |= token
            merchant |= {"secret_key": key, "webhook_url": callback, **token}
        async with httpx.AsyncClient(base_url=self.world.url, timeout=15) as banks:
            await ask(banks, "PUT", f"/{bank}/control/merchants", merchant)
        await ask(self.http, "PUT", f"{shop.place}/payment-accounts/{bank}", account)
