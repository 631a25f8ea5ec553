"""A shop for one dialogue alone, and everything that is known of it afterwards."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypedDict, cast

import httpx

from standalone.chat import Chat
from standalone.phones import Customer
from standalone.pretend import PretendWorld
from standalone.promises import ask, until
from standalone.rehearsal import bank_books
from standalone.rehearsal.script import Dialogue
from standalone.shop import Body, Opening, Plan, Shop
from standalone.wares import DELIVERY, DISCOUNTS, PRODUCTS

#: SKU -> (on hand, promised).
Stock = Mapping[str, tuple[int, int]]

_OPEN = ("DRAFT", "AWAITING_PAYMENT")
_WISHES: Body = {
    "prompt": "You are the friendly assistant of Kopi Gladi, a coffee roaster in Bandung. Call "
    "customers kak. Be brief.",
    "language": "id",
    "time_zone": "Asia/Jakarta",
    "currency": "IDR",
    "pace": {"quiet_s": 0.4, "longest_s": 4},
    "limits": {"turns_per_hour": 1_000, "turns_per_day": 1_000},
}
#: WAHA asks again as long as nobody takes its webhooks: quicker than in life.
_RETRIES = {"policy": "linear", "delaySeconds": 0.3, "attempts": 100}


class _Usage(TypedDict):
    usage: Mapping[str, float]
    models: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """How it all stands, as the API, the phone and the bank tell it."""

    orders: Sequence[dict[str, Any]]
    stock: Stock
    state: str
    mode: str
    concerns: Sequence[str]
    #: subjects of the tickets that are open, the oldest first
    tickets: Sequence[str]
    #: what the customer's phone shows, the oldest first
    chat: Sequence[dict[str, Any]]
    links: int
    taken: int
    #: calls, input_tokens, output_tokens, cost_usd
    usage: Mapping[str, float]
    #: who has answered: a fallback is another than was asked for
    models: Sequence[str]

    @property
    def said(self) -> Sequence[str]:
        return [str(one["text"]) for one in self.chat if one["from"] == "shop"]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One dialogue's shop and customer, on a running platform."""

    http: httpx.AsyncClient
    outside: httpx.AsyncClient
    shop: Shop
    chat: Chat

    async def stock(self) -> Stock:
        listed = await ask(self.http, "GET", f"{self.shop.place}/products?limit=100")
        products = cast("list[dict[str, Any]]", listed["products"])
        return {
            one["sku"]: (one["on_hand"], one["reserved"])
            for product in products
            for one in product["variants"]
        }

    async def orders(self) -> Sequence[dict[str, Any]]:
        """The oldest first."""
        listed = await ask(self.http, "GET", f"{self.shop.place}/orders?limit=100")
        return cast("list[dict[str, Any]]", listed["orders"])[::-1]

    async def facts(self) -> Facts:
        chat = await self.chat.conversation()
        raised = await ask(self.http, "GET", f"{self.shop.place}/concerns?limit=100")
        waiting = await ask(self.http, "GET", f"{self.shop.place}/tickets?status=open&limit=100")
        tickets = cast("list[dict[str, Any]]", waiting["tickets"])
        books = await bank_books.of(self.outside, self.shop)
        return Facts(
            orders=await self.orders(),
            stock=await self.stock(),
            state=chat["state"] if chat else "",
            mode=chat["mode"] if chat else "",
            concerns=[one["code"] for one in cast("list[dict[str, Any]]", raised["concerns"])],
            tickets=[str(one["subject"]) for one in tickets][::-1],
            chat=await self.chat.customer.chat(),
            links=books.links,
            taken=books.taken,
            **await self._usage(),
        )

    async def _usage(self) -> _Usage:
        path = f"/v1/usage?tenant_id={self.shop.tenant_id}&by=provider&by=model"
        groups = cast("list[dict[str, Any]]", (await ask(self.http, "GET", path))["usage"])
        names = ("calls", "input_tokens", "output_tokens", "cost_usd")
        return {
            "usage": {name: sum(one[name] for one in groups) for name in names},
            "models": [f"{one['provider']}/{one['model']}" for one in groups],
        }

    async def close(self) -> None:
        """Nothing of it is left waiting: no cart, no link, no customer. Raises PromiseBroken."""
        for order in await self.orders():
            if order["status"] in _OPEN:
                path = f"/v1/crm/orders/{order['id']}/status"
                await ask(self.http, "PUT", path, {"status": "CANCELLED", "reason": "rehearsed"})

        async def nothing_is_open() -> bool | None:
            return (await bank_books.of(self.outside, self.shop)).links == 0 or None

        await until(nothing_is_open, "every link is closed", within=self.chat.patience_s)
        # Or the bank would be asked about it for days, by then the real one.
        bank = self.shop.plan.bank
        await ask(self.http, "DELETE", f"{self.shop.place}/payment-accounts/{bank}")
        await ask(self.http, "POST", f"{self.shop.place}/suspend")


@dataclass(frozen=True, kw_only=True)
class Stages:
    """Where dialogues are given a stage."""

    http: httpx.AsyncClient
    outside: httpx.AsyncClient
    world: PretendWorld
    #: the model's configuration
    config: str
    #: tells one run's shops from another's
    run: str
    #: how long anybody waits for anything (seconds)
    patience_s: float

    @asynccontextmanager
    async def stage(self, dialogue: Dialogue, number: int) -> AsyncGenerator[Stage]:
        """A new shop, open while the block lasts. Raises PromiseBroken."""
        opening = Opening(self.http, self.world)
        shop = await opening.new_shop(self._plan(dialogue, number))
        session = shop.plan.session
        account = {
            "name": session,
            "webhooks": [{**await opening.webhook(shop), "retries": _RETRIES}],
            "metadata": {"tenant_id": shop.tenant_id},
            "shop": "Kopi Gladi",
        }
        await ask(self.outside, "POST", "/waha/control/sessions", account)
        customer = await Customer.met(self.outside, session, "Budi", f"62812{number:08}")
        chat = Chat(self.http, shop.tenant_id, customer, self.patience_s)
        stage = Stage(http=self.http, outside=self.outside, shop=shop, chat=chat)
        yield stage
        await stage.close()

    def _plan(self, dialogue: Dialogue, number: int) -> Plan:
        session = f"rehearsal-{self.run}-{number}"
        name = f"Kopi Gladi {self.run}-{number}"
        return Plan(
            session=session,
            wishes={**_WISHES, "name": name, "llm_config": self.config},
            products=[_stocked(product, dialogue.stock) for product in PRODUCTS],
            delivery=DELIVERY,
            discounts=DISCOUNTS,
            bank=dialogue.bank,
        )


def _stocked(product: Body, stock: Mapping[str, int]) -> Body:
    variants = [
        {**one, "stock": stock.get(one["sku"], one["stock"])} for one in product["variants"]
    ]
    return {**product, "variants": variants}
