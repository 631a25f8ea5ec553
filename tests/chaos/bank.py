"""A shop's pretend bank: its pay pages, its dashboard, and what it knows of the shop's money."""

from dataclasses import dataclass
from typing import Any, Literal

from tests.chaos.stack import Stack
from tests.shop import Json, Shop, asked

Provider = Literal["midtrans", "xendit"]

#: how keys for play money begin
KEYS = {"midtrans": "SB-Mid-server-", "xendit": "xnd_development_"}
TOKEN = "of-a-pretend-bank"  # noqa: S105 - it opens nothing
#: Minutes between two tries of a notice are fractions of a second, and nobody counts calls.
_SETTINGS: dict[Provider, dict[str, Any]] = {
    "midtrans": {"retry_scale": 0.005, "refund_confirmed_after_s": 0.5},
    "xendit": {
        "retry_scale": 0.0005,
        "refund_confirmed_after_s": 0.5,
        "rate_limit_per_minute": 100_000,
    },
}
#: what a customer presses on the page to pay by QRIS
_BUTTONS = {"midtrans": "other_qris", "xendit": "QRIS"}


@dataclass(frozen=True, kw_only=True)
class Page:
    """Somewhere to pay that the bank has made; amounts in rupiah."""

    reference: str
    #: by which its address can be told
    name: str
    amount: int
    #: somebody may still pay there
    is_open: bool
    #: what has come, whatever became of it later
    paid: int
    #: what went back to the customer
    refunded: int


@dataclass(frozen=True)
class Bank:
    """One provider, and one shop's account with it."""

    shop: Shop
    provider: Provider

    @property
    def _key(self) -> str:
        return KEYS[self.provider] + self.shop.session

    async def open(self, stack: Stack) -> None:
        """The account, here and there; notices go to the stack's first chatbot."""
        callback = f"{stack.url(stack.chatbots[0])}/v1/crm/payments/callback/{self.provider}"
        account = {"secret": self._key}
        if self.provider == "midtrans":
            merchant = {"server_key": self._key, "notification_url": callback}
        else:
            account["callback_token"] = TOKEN
            merchant = {
                "secret_key": self._key,
                "callback_token": TOKEN,
                "webhook_url": callback,
                "refund_webhook_url": callback,
            }
        await self.control("PUT", "merchants", merchant)
        await self.control("PUT", "settings", _SETTINGS[self.provider])
        place = f"/v1/crm/tenants/{self.shop.tenant_id}/payment-accounts/{self.provider}"
        await self.shop.api("PUT", place, account)

    async def control(self, method: str, path: str, body: Json = None) -> Json:
        """Tell the bank how to behave, or play its customers."""
        url = f"{self.shop.places.simulators}/{self.provider}/control/{path}"
        return await asked(self.shop.http, method, url, body)

    async def pays(self, link: str) -> None:
        """As a customer does: open the page, pick QRIS, press the button."""
        page = link
        for button in (_BUTTONS[self.provider], "pay"):
            async with self.shop.http.post(page, data={"do": button}) as answer:
                assert answer.status == 200, await answer.text()
                page = str(answer.url)

    async def pages(self) -> list[Page]:
        """All that it has made and has not replaced itself."""
        if self.provider == "midtrans":
            return [_session(one) for one in await self.control("GET", "orders")]
        return [_invoice(one) for one in await self.control("GET", "invoices")]


def _session(told: Json) -> Page:
    tries = told["transactions"]
    came = sum(one["gross_amount"] for one in tries if one["paid_at"])
    waits = not tries or tries[-1]["status"] == "pending"
    return Page(
        reference=told["order_id"],
        name=told["token"],
        amount=told["amount"],
        is_open=waits and not (told["is_void"] and not tries),
        paid=came,
        refunded=sum(one["refunded"] for one in tries),
    )


def _invoice(told: Json) -> Page:
    invoice = told["invoice"]
    is_paid = invoice["status"] in {"PAID", "SETTLED"}
    done = [one["amount"] for one in told["refunds"] if one["status"] == "SUCCEEDED"]
    return Page(
        reference=invoice["external_id"],
        name=invoice["id"],
        amount=invoice["amount"],
        is_open=invoice["status"] == "PENDING",
        paid=invoice.get("paid_amount", invoice["amount"]) if is_paid else 0,
        refunded=sum(done),
    )
