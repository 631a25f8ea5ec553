"""The shop's part of the demo: customers write, the bot answers, a person takes over."""

import time
from dataclasses import dataclass
from typing import Any, cast

import httpx

from standalone.pretend import PretendWhatsApp
from standalone.shop import Shop, open_shop
from standalone.telling import PromiseBroken, Teller, ask, until


@dataclass(frozen=True)
class ShopStory:
    """Every word of the bot comes from the running platform, over WhatsApp's own ways."""

    http: httpx.AsyncClient
    whatsapp: PretendWhatsApp
    teller: Teller

    async def tell(self) -> str:
        """Gives the page on which to go on as the customer. Raises PromiseBroken."""
        self.teller.title("1. A shop on WhatsApp")
        shop = await open_shop(self.http, self.whatsapp)
        self.teller.aside(
            "Kopi Senja is open. Its QR code was scanned, and its session is WORKING."
        )
        async with httpx.AsyncClient(base_url=self.whatsapp.url, timeout=15) as phones:
            budi = await Customer.met(
                phones, shop, "Budi", f"628{time.time_ns() // 10**7 % 10**9:09}"
            )
            await self._chat(budi)
            await self._take_over(budi)
        return self.whatsapp.phone_of(shop.session, budi.phone)

    async def _chat(self, budi: "Customer") -> None:
        for words in ("halo", "buka jam berapa kak?", "sorry, are you open on Sundays?"):
            self.teller.said(budi.name, words)
            self.teller.said("bot", await budi.asks(words), colour="green")

    async def _take_over(self, budi: "Customer") -> None:
        self.teller.title("2. A person takes over, and hands back")
        words = "mau ngomong sama admin asli dong"
        self.teller.said(budi.name, words)
        self.teller.said("bot", await budi.asks(words), colour="green")
        chat = await self._conversation(budi)
        self.teller.aside("The bot noticed that a person is wanted. From now on it is silent.")
        await budi.hears_from_owner("Halo kak, ini Sari. Ada yang bisa dibantu?")
        self.teller.said("owner", "Halo kak, ini Sari. Ada yang bisa dibantu?", colour="magenta")
        silent_at = await budi.count()
        self.teller.said(budi.name, "bisa kirim besok?")
        await budi.says("bisa kirim besok?")
        await self._left_to_a_person(chat, "bisa kirim besok?")
        await ask(self.http, "POST", f"/v1/crm/conversations/{chat}/handback")
        if await budi.count() != silent_at + 1:
            raise PromiseBroken("the bot spoke while a person had taken over")
        self.teller.aside("POST /v1/crm/conversations/{id}/handback: the bot may answer again.")
        self.teller.said(budi.name, "makasih ya!")
        self.teller.said("bot", await budi.asks("makasih ya!"), colour="green")
        self.teller.aside(f"Step by step, and why: GET /v1/crm/conversations/{chat}/timeline")

    async def _left_to_a_person(self, chat: str, words: str) -> None:
        async def is_left() -> bool | None:
            page = await ask(self.http, "GET", f"/v1/crm/conversations/{chat}/messages?limit=100")
            messages = cast("list[dict[str, Any]]", page["messages"])
            return (words, "for_person") in {(m["text"], m["state"]) for m in messages} or None

        await until(is_left, f"“{words}” is left to a person")

    async def _conversation(self, budi: "Customer") -> str:
        async def answered_by_a_person() -> str | None:
            listed = await ask(self.http, "GET", "/v1/crm/conversations?mode=human&limit=100")
            chats = cast("list[dict[str, Any]]", listed["conversations"])
            return next((str(one["id"]) for one in chats if budi.is_in(one)), None)

        return await until(answered_by_a_person, "the conversation is a person's")


@dataclass(frozen=True)
class Customer:
    """Somebody with a phone, on the pretend WhatsApp."""

    phones: httpx.AsyncClient
    session: str
    phone: str
    name: str

    @classmethod
    async def met(cls, phones: httpx.AsyncClient, shop: Shop, name: str, phone: str) -> "Customer":
        known = {"phone": phone, "name": name}
        await ask(phones, "POST", f"/phone/api/{shop.session}/customers", known)
        return cls(phones, shop.session, phone, name)

    async def asks(self, words: str) -> str:
        """Write, and wait for the answer."""
        before = await self._heard()
        await self.says(words)

        async def answered() -> str | None:
            heard = await self._heard()
            return str(heard[-1]["text"]) if len(heard) > len(before) else None

        return await until(answered, f"an answer to “{words}”")

    async def says(self, words: str) -> None:
        await ask(self.phones, "POST", self._messages, {"text": words})

    async def hears_from_owner(self, words: str) -> None:
        """The shop's owner types on their own phone."""
        await ask(self.phones, "POST", self._messages, {"text": words, "writer": "shop"})

    async def count(self) -> int:
        return len(await self._all())

    def is_in(self, conversation: dict[str, Any]) -> bool:
        return self.phone in str(conversation["chat_id"])

    @property
    def _messages(self) -> str:
        return f"/phone/api/{self.session}/customers/{self.phone}/messages"

    async def _heard(self) -> list[dict[str, Any]]:
        return [one for one in await self._all() if one["from"] == "shop"]

    async def _all(self) -> list[dict[str, Any]]:
        answer = await self.phones.get(self._messages)
        found: list[dict[str, Any]] = answer.json()
        return found
