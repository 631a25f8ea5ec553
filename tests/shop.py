"""A shop on a pretend WhatsApp, over HTTP alone: its customers write, and hear what we answer."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from simulators.waha.server import API_KEY
from tests.waiting import until

#: whatever JSON may be
Json = Any

SESSION = "toko"
#: WAHA asks again as long as nobody takes its webhooks: quicker than in life, though after a long
#: silence less often, or the retries alone would keep the simulators busy
RETRIES = {"policy": "linear", "delaySeconds": 0.3, "attempts": 300}
SHOP: dict[str, Any] = {
    "name": "Toko Contoh",
    "llm_config": "offline",
    "pace": {"quiet_s": 0.1, "longest_s": 0.5},
    "limits": {"turns_per_hour": 10_000, "turns_per_day": 10_000},
}


@dataclass(frozen=True)
class Places:
    """Where everything is found; the platform may move, when it is started anew."""

    platform: Callable[[], str]
    simulators: str
    #: the simulators again, as the platform is to reach them
    waha: str


@dataclass
class Shop:
    """What customers wrote, by phone, and what they hear."""

    http: aiohttp.ClientSession
    places: Places
    session: str = SESSION
    tenant_id: str = ""
    #: phone -> the ids of what was written, in order
    written: dict[str, list[str]] = field(default_factory=lambda: defaultdict[str, list[str]](list))

    async def says(self, phone: str, text: str, **more: Json) -> Json:
        """A customer writes; WhatsApp has it whatever becomes of us."""
        if phone not in self.written:
            await self.phones("POST", "customers", {"phone": phone})
        path = f"customers/{phone}/messages"
        message = await self.phones("POST", path, {"text": text, **more})
        self.written[phone].append(message["plain_id"])
        return message

    async def heard(self, phone: str) -> list[str]:
        """What the customer's phone shows of us, oldest first."""
        if phone not in self.written:
            return []
        messages = await self.phones("GET", f"customers/{phone}/messages")
        return [one["text"] for one in messages if one["from"] == "shop"]

    async def answer(self, phone: str, text: str, *, within: float = 15.0, **more: Json) -> str:
        """Write, and wait for the next thing that the customer hears."""
        before = len(await self.heard(phone))
        await self.says(phone, text, **more)
        return (await self.hears(phone, before + 1, within=within))[before]

    async def hears(self, phone: str, count: int, *, within: float = 15.0) -> list[str]:
        """Everything that the customer heard, once it is so many."""

        async def enough() -> list[str]:
            heard = await self.heard(phone)
            return heard if len(heard) >= count else []

        return await until(enough, f"{phone} hears {count} messages", within=within, every=0.05)

    async def conversation(self, phone: str) -> Json:
        """The customer's conversation, as the API shows it."""
        page = await self.api("GET", f"/v1/crm/conversations?tenant_id={self.tenant_id}&limit=100")
        return next(one for one in page["conversations"] if phone in one["chat_id"])

    async def phones(self, method: str, path: str, body: Json = None) -> Json:
        """Ask the pretend phones."""
        url = f"{self.places.simulators}/phone/api/{self.session}/{path}"
        return await asked(self.http, method, url, body)

    async def control(self, method: str, path: str, body: Json = None) -> Json:
        """Tell the pretend WAHA how to behave."""
        url = f"{self.places.simulators}/waha/control/{path}"
        return await asked(self.http, method, url, body)

    async def api(self, method: str, path: str, body: Json = None) -> Json:
        """Ask crm_chatbot; as a client does, again where nobody answers."""
        answers: list[Json] = []

        async def is_answered() -> bool:
            try:
                answers.append(
                    await asked(self.http, method, f"{self.places.platform()}{path}", body)
                )
            except (aiohttp.ClientError, TimeoutError, Away):
                return False
            return True

        await until(is_answered, f"{method} {path} is answered", within=30)
        return answers[-1]


async def open_shop(
    http: aiohttp.ClientSession,
    places: Places,
    *,
    session: str = SESSION,
    engine: str = "GOWS",
    **wishes: Json,
) -> Shop:
    """A shop whose WhatsApp works from the start."""
    shop = Shop(http, places, session)
    tenant = await shop.api("POST", "/v1/crm/tenants", SHOP | wishes)
    shop.tenant_id = tenant["id"]
    place = f"/v1/crm/tenants/{shop.tenant_id}/whatsapp"
    connection = {"session": session, "server_url": places.waha, "api_key": API_KEY}
    await shop.api("PUT", place, connection)
    webhook = (await shop.api("POST", f"{place}/webhook-secret"))["webhook"]
    account = {
        "name": session,
        "engine": engine,
        "webhooks": [webhook | {"retries": RETRIES}],
        "metadata": {"tenant_id": shop.tenant_id},
    }
    await shop.control("POST", "sessions", account)
    return shop


class Away(Exception):
    """The platform says that it cannot answer now."""


class Refused(Exception):
    """The answer is a refusal; `status` and the problem's `code` say which."""

    def __init__(self, status: int, code: str, words: str) -> None:
        super().__init__(words)
        self.status, self.code = status, code


async def asked(http: aiohttp.ClientSession, method: str, url: str, body: Json = None) -> Json:
    """Raises Away, Refused, and whatever breaks below HTTP."""
    async with http.request(method, url, json=body) as answer:
        content = await answer.read()
        words = f"{method} {url}: {answer.status} {content[:300]!r}"
        if answer.status == 503:
            raise Away(words)
        told: Mapping[str, Json] | list[Json] = (
            await answer.json(content_type=None) if content else {}
        )
        if answer.status >= 400:
            raise Refused(answer.status, str(dict(told).get("code")), words)
        return told


async def chatter(shop: Shop, *, messages: int, phones: list[str], per_second: float) -> None:
    """Everybody writes in turn, for a while."""
    for number in range(messages):
        await shop.says(phones[number % len(phones)], f"halo, pesan nomor {number}")
        await asyncio.sleep(1 / per_second)


def customers(count: int) -> list[str]:
    """Phone numbers."""
    return [f"62812{number:08}" for number in range(count)]
