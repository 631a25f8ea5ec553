"""The demo's purchase: from "halo" to "pembayaran diterima", and what the shop sees of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import httpx

from standalone.chat import Chat
from standalone.paying import Browser, link_in
from standalone.promises import PromiseBroken, ask, until
from standalone.shop import Shop
from standalone.telling import Teller

_SKU, _BOUGHT = "KG-250", 2
_PRICE, _FEE = 85_000, 10_000
_TOTAL = _BOUGHT * _PRICE + _FEE
_ADDRESS = "kirim ke Jl. Dago No. 12, Bandung 40135"
_LINK, _RECEIPT = r"https?://", "sudah kami terima"


@dataclass(frozen=True)
class PurchaseStory:
    """Told as it happens; a promise that is not kept ends it."""

    http: httpx.AsyncClient
    shop: Shop
    chat: Chat
    browser: Browser
    teller: Teller

    async def tell(self) -> None:
        """Raises PromiseBroken."""
        product, before = await self._stock()
        self._show_stock("before", before)
        for words in ("halo", "ada kopi apa aja kak?", f"pesan {_BOUGHT} kopi gayo 250gr ya"):
            await self.teller.exchange(self.chat, words)
        await self.teller.exchange(self.chat, "udah itu aja, checkout kak")
        await self.teller.exchange(self.chat, _ADDRESS)
        told = len(await self.chat.customer.heard())
        link = link_in("\n".join(await self.teller.exchange(self.chat, "ya")))
        if link is None:
            said = await self.chat.hears(_LINK, after=told)
            self.teller.said("bot", said, colour="green")
            link = str(link_in(said))
        await self._pays(link)
        await self._shows(product, before)

    async def _pays(self, link: str) -> None:
        told = len(await self.chat.customer.heard())
        page = await self.browser.pays(link, "QRIS")
        self.teller.aside(f"On the pay page: QRIS, Bayar. It says “{page.heading}”, {page.amount}.")
        said = await self.chat.hears(_RECEIPT, after=told)
        self.teller.said("shop", said, colour="green")

    async def _shows(self, product: Mapping[str, Any], before: Mapping[str, Any]) -> None:
        order = await self._paid_order()
        self.teller.aside(f"GET /v1/crm/orders/{order['id']}")
        lines = ", ".join(f"{one['quantity']} x {one['name']}" for one in order["lines"])
        self.teller.aside(
            f"{order['number']} is {order['status']}: {lines}; {order['total']['formatted']} "
            "with delivery"
        )
        found = (order["status"], order["total"]["amount"])
        if found != ("PAID", _TOTAL):
            raise PromiseBroken(f"the order should be PAID, {_TOTAL}, and is {found}")
        await self._shows_stock(product, before, order)

    async def _shows_stock(
        self, product: Mapping[str, Any], before: Mapping[str, Any], order: Mapping[str, Any]
    ) -> None:
        _, after = await self._stock()
        self._show_stock("after", after)
        expected = (before["on_hand"] - _BOUGHT, before["reserved"])
        if (after["on_hand"], after["reserved"]) != expected:
            raise PromiseBroken(f"{_SKU} should be {expected} (on hand, promised)")
        place = f"{self.shop.place}/products/{product['id']}/variants/{after['id']}/stock"
        ledger = await ask(self.http, "GET", f"{place}?limit=100")
        moved = cast("list[dict[str, Any]]", ledger["movements"])
        for one in reversed([one for one in moved if one["order_id"] == order["id"]]):
            self.teller.aside(
                f"ledger: {one['kind']:<9} on hand {one['on_hand_change']:+}, "
                f"promised {one['reserved_change']:+}"
            )

    async def _paid_order(self) -> dict[str, Any]:
        chat = await self.chat.conversation()
        customer = chat["customer"]["id"] if chat else ""
        path = f"{self.shop.place}/orders?customer_id={customer}"

        async def paid() -> dict[str, Any] | None:
            listed = await ask(self.http, "GET", path)
            orders = cast("list[dict[str, Any]]", listed["orders"])
            return next((one for one in orders if one["status"] == "PAID"), None)

        order = await until(paid, "the order is paid")
        return cast("dict[str, Any]", await ask(self.http, "GET", f"/v1/crm/orders/{order['id']}"))

    async def _stock(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The product that is bought, and its variant."""
        listed = await ask(self.http, "GET", f"{self.shop.place}/products?limit=100")
        for product in cast("list[dict[str, Any]]", listed["products"]):
            for variant in product["variants"]:
                if variant["sku"] == _SKU:
                    return product, variant
        raise PromiseBroken(f"the shop should sell {_SKU}")

    def _show_stock(self, when: str, variant: Mapping[str, Any]) -> None:
        self.teller.aside(
            f"Stock {when}: {variant['on_hand']} of {_SKU}, {variant['reserved']} of them promised"
        )
