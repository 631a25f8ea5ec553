"""The shop's part of the demo: a customer buys and pays, then a person takes over."""

import time
from dataclasses import dataclass

import httpx

from standalone.chat import Chat
from standalone.demo_shop import PLAN, connected
from standalone.paying import Browser
from standalone.phones import Customer
from standalone.pretend import PretendWorld
from standalone.promises import PromiseBroken, ask, until
from standalone.purchase_story import PurchaseStory
from standalone.shop import Opening, Shop
from standalone.telling import Teller


@dataclass(frozen=True)
class Opened:
    """Where somebody can go on after the story."""

    shop: Shop
    phone_page: str


@dataclass(frozen=True)
class ShopStory:
    """Every word of the bot comes from the running platform, over WhatsApp's own ways."""

    http: httpx.AsyncClient
    world: PretendWorld
    teller: Teller

    async def tell(self) -> Opened:
        """Raises PromiseBroken."""
        self.teller.title("1. A shop on WhatsApp, and a whole purchase")
        shop = await connected(Opening(self.http, self.world))
        self.teller.aside(
            "Kopi Senja is open, with wares and an account at Midtrans (a pretend one). Its QR "
            "code was scanned, and its session is WORKING."
        )
        async with httpx.AsyncClient(base_url=self.world.url, timeout=15) as outside:
            number = f"628{time.time_ns() // 10**7 % 10**9:09}"
            budi = await Customer.met(outside, PLAN.session, "Budi", number)
            chat = Chat(self.http, shop.tenant_id, budi)
            await PurchaseStory(self.http, shop, chat, Browser(outside), self.teller).tell()
            await _TakeOver(self.http, chat, self.teller).tell()
        return Opened(shop, self.world.phone_of(PLAN.session, budi.phone))


@dataclass(frozen=True)
class _TakeOver:
    http: httpx.AsyncClient
    chat: Chat
    teller: Teller

    async def tell(self) -> None:
        self.teller.title("2. A person takes over, and hands back")
        budi = self.chat.customer
        await self.teller.exchange(self.chat, "mau ngomong sama admin asli dong")
        chat_id = await self._a_person_answers()
        self.teller.aside("The bot noticed that a person is wanted. From now on it is silent.")
        await budi.hears_from_owner("Halo kak, ini Sari. Ada yang bisa dibantu?")
        self.teller.said("owner", "Halo kak, ini Sari. Ada yang bisa dibantu?", colour="magenta")
        silence = await self.teller.exchange(self.chat, "bisa kirim besok?")
        await self._is_left_to_a_person("bisa kirim besok?")
        await ask(self.http, "POST", f"/v1/crm/conversations/{chat_id}/handback")
        if silence:
            raise PromiseBroken("the bot spoke while a person had taken over")
        self.teller.aside("POST /v1/crm/conversations/{id}/handback: the bot may answer again.")
        await self.teller.exchange(self.chat, "makasih ya!")
        self.teller.aside(f"Step by step, and why: GET /v1/crm/conversations/{chat_id}/timeline")

    async def _a_person_answers(self) -> str:
        async def found() -> str | None:
            chat = await self.chat.conversation()
            return str(chat["id"]) if chat and chat["mode"] == "human" else None

        return await until(found, "the conversation is a person's")

    async def _is_left_to_a_person(self, words: str) -> None:
        left = {(one["text"], one["state"]) for one in await self.chat.messages()}
        if (words, "for_person") not in left:
            raise PromiseBroken(f"“{words}” was not left to a person")
