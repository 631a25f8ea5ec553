"""Customers who buy, in their own words: each writes again only once they were answered."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from tests.shop import Json, Shop
from tests.waiting import until

#: Everything that the shop says of a purchase unasked, by a word that nothing else has.
KINDS: Mapping[str, str] = {
    "summary": "Ringkasan pesanan",
    "link": "Silakan bayar pesanan",
    "transfer": "Silakan transfer tepat",
    "receipt": "sudah kami terima. Terima kasih",
    "held up": "sudah masuk. Staf kami akan memeriksanya",
    "refund": "sudah dikembalikan",
    "ran out": "Waktu pembayaran pesanan",
    "no link": "belum bisa dibuat",
    "delay": "sedang dibuat",
}
WARES = "Kopi Gayo"
PRICE, FEE = 85_000, 10_000
ADDRESS = "Jl. Dago No. 12, Bandung 40135"
#: What the bot says beside a summary, or a link, which may come before or behind it.
_BESIDE = re.compile("ringkasan|menunggu pembayaran", re.IGNORECASE)
_LINK = re.compile(r"https?://\S+")
_PATIENCE_S = 60.0
#: between two looks at a phone, of which there are many
_LOOK_S = 0.2


@dataclass(frozen=True)
class Buyer:
    """A customer of one shop, and their phone."""

    shop: Shop
    phone: str
    address: str = ADDRESS

    async def fills(self, quantity: int = 1) -> str:
        """The cart; what they are told of it."""
        return await self.says(f"pesan {quantity} {WARES}")

    async def checks_out(self) -> str:
        """As far as the summary; empty where there is none."""
        await self.says("checkout")
        before = len(await self.shop.heard(self.phone))
        await self.shop.says(self.phone, f"kirim ke {self.address}")
        return await self._first("summary", after=before)

    async def agrees(self) -> str | None:
        """To the summary: the link; None where the shop has not got it any more."""
        before = len(await self.shop.heard(self.phone))
        await self.shop.says(self.phone, "ya")
        found = _LINK.findall(await self._first("link", after=before))
        return found[-1] if found else None

    async def orders(self, quantity: int = 1) -> str | None:
        """The whole way to a link; None where the shop has run out meanwhile."""
        if "ORD-" not in await self.fills(quantity):
            return None
        if not await self.checks_out():
            return None
        return await self.agrees()

    async def says(self, words: str) -> str:
        """The first answer."""
        before = len(await self.shop.heard(self.phone))
        await self.shop.says(self.phone, words)

        async def answered() -> list[str]:
            return (await self.shop.heard(self.phone))[before:]

        found = await until(
            answered, f"{self.phone} is answered", within=_PATIENCE_S, every=_LOOK_S
        )
        return found[0]

    async def told(self) -> dict[str, int]:
        """How often they heard what of their purchase."""
        return dict(
            Counter(
                kind
                for text in await self.shop.heard(self.phone)
                for kind, words in KINDS.items()
                if words in text
            )
        )

    async def hears(self, *, within: float = _PATIENCE_S, **kinds: int) -> None:
        """Wait until they have heard that often, or more, of each kind; `_` stands for a blank."""
        wanted = {kind.replace("_", " "): count for kind, count in kinds.items()}

        async def enough() -> bool:
            told = await self.told()
            return all(told.get(kind, 0) >= count for kind, count in wanted.items())

        await until(enough, f"{self.phone} hears {wanted}", within=within, every=_LOOK_S)

    async def links(self) -> set[str]:
        """Every address that they were told."""
        return {link for text in await self.shop.heard(self.phone) for link in _LINK.findall(text)}

    async def order(self) -> Json:
        """Their newest order, as the API shows it."""
        customer = (await self.shop.conversation(self.phone))["customer"]["id"]
        path = f"/v1/crm/tenants/{self.shop.tenant_id}/orders?customer_id={customer}&limit=1"
        [order] = (await self.shop.api("GET", path))["orders"]
        return order

    async def payments(self) -> list[Json]:
        """Of that order, the oldest first."""
        path = f"/v1/crm/orders/{(await self.order())['id']}/payments"
        return list((await self.shop.api("GET", path))["payments"])

    async def _first(self, kind: str, *, after: int) -> str:
        """That; empty where they were answered otherwise: there will be none."""

        async def answered() -> list[str]:
            heard = (await self.shop.heard(self.phone))[after:]
            return [text for text in heard if KINDS[kind] in text or not _BESIDE.search(text)]

        found = await until(
            answered, f"{self.phone} is answered", within=_PATIENCE_S, every=_LOOK_S
        )
        return next((text for text in found if KINDS[kind] in text), "")
