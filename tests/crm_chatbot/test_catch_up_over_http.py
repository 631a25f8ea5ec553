"""Webhooks are lost on their way from a WAHA server, and nothing that was said is."""

import json
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shared.whatsapp.connections import ConnectionChange
from simulators.main import create_app
from simulators.serving import serve
from simulators.waha import payloads
from simulators.waha.engines import EngineName
from simulators.waha.messages import Message
from simulators.waha.people import Customer
from simulators.waha.phone import Draft, Phone
from simulators.waha.server import API_KEY
from simulators.waha.server import Waha as Server
from simulators.waha.sessions import Session
from tests.crm_chatbot.builders import TENANT
from tests.crm_chatbot.running import Running, running
from tests.crm_chatbot.waha import signature_of
from tests.served import HERE
from tests.waiting import until

SESSION = "toko"
JSON = {"Content-Type": "application/json"}
ENGINES: Sequence[EngineName] = ("GOWS", "NOWEB", "WEBJS")


@dataclass
class Street:
    """A shop, its WAHA server, and a customer; no webhook ever leaves by itself."""

    service: Running
    server: Server
    session: Session
    budi: Customer
    secret: str

    def writes(self, text: str, **more: Any) -> Message:
        """Budi does, unless the writer is the shop."""
        phone = Phone(self.server, self.session)
        return phone.send(self.budi, Draft(text=text, **more))

    async def hears(self, event: str, payload: object) -> dict[str, Any]:
        """What the webhook is answered, when it comes at last."""
        told = {"event": event, "session": SESSION, "payload": payload}
        raw = json.dumps(told).encode()
        headers = {**JSON, "X-Webhook-Hmac": signature_of(raw, self.secret)}
        async with self.service.client("stranger") as client:
            url = f"{HERE}/v1/crm/webhook/{TENANT}"
            answer = await client.post(url, content=raw, headers=headers)
        heard: dict[str, Any] = answer.json()
        return heard

    async def chats(self) -> list[dict[str, Any]]:
        async with self.service.client() as client:
            found: list[dict[str, Any]] = (await client.get("/v1/crm/conversations")).json()[
                "conversations"
            ]
        return found

    async def messages(self) -> list[dict[str, Any]]:
        """Of the only chat; nothing while there is none, or more than one."""
        match await self.chats():
            case [chat]:
                async with self.service.client() as client:
                    answer = await client.get(f"/v1/crm/conversations/{chat['id']}/messages")
                found: list[dict[str, Any]] = answer.json()["messages"]
                return found
            case _:
                return []

    async def from_customer(self) -> list[str]:
        return [one["text"] for one in await self.messages() if one["author"] == "customer"]


Open = Callable[..., Any]


@pytest.fixture
def street(database_url: str, redis_url: str, tmp_path: Path) -> Open:
    @asynccontextmanager
    async def open_street(engine: EngineName = "GOWS", **env: str) -> AsyncGenerator[Street]:
        server = Server()
        session = server.add_session(SESSION, engine=engine)
        budi = session.customers.add(Customer("6281200000002", "Budi", "111222333444555"))
        async with serve(create_app(waha=server)) as url:
            given = {
                "RUN": "api,worker",
                "WAHA_SERVER_URL": url,
                "WAHA_API_KEY": API_KEY,
                "SWEEP_EVERY_S": "0.1",
                "CATCH_UP_EVERY_S": "0.3",
                **env,
            }
            async with running(database_url, redis_url, tmp_path, environment=given) as service:
                connections = service.menu.connections
                await connections.put(TENANT, ConnectionChange(session=SESSION))
                secret = await connections.rotate_webhook_secret(TENANT)
                yield Street(service, server, session, budi, secret)

    return open_street


@pytest.mark.parametrize("engine", ENGINES)
async def test_a_message_that_only_the_history_knows_is_found_once(
    street: Open, engine: EngineName
) -> None:
    async with street(engine) as here:
        lost = here.writes("Ada kopi gayo?")
        await until(here.from_customer, "it is found", within=10)
        payload = here.server.shown(here.session, lost)

        late = [await here.hears(event, payload) for event in ("message", "message.any")]

        assert late == [{"outcome": "duplicate"}] * 2
        assert await here.from_customer() == ["Ada kopi gayo?"]


async def test_whatever_was_lost_is_found_in_order(street: Open) -> None:
    texts = [f"pesan {n}" for n in range(12)]
    async with street() as here:
        here.writes(texts[0])
        await until(here.from_customer, "the first is found", within=10)
        for text in texts[1:]:
            here.writes(text)

        async def all_found() -> bool:
            return len(await here.from_customer()) == len(texts)

        await until(all_found, "all are found", within=10)
        assert await here.from_customer() == texts


async def test_an_owner_who_answered_on_the_phone_has_the_chat(street: Open) -> None:
    async with street() as here:
        here.writes("Ada kopi?")
        here.writes("Ada, kak. Saya kirim ya", writer="shop")

        async def is_a_persons() -> bool:
            return any(one["mode"] == "human" for one in await here.chats())

        await until(is_a_persons, "the owner has it", within=10)
        [chat] = await here.chats()
        assert chat["mode_reason"] == "phone"


async def test_a_session_that_works_again_is_looked_into_at_once(street: Open) -> None:
    async with street(CATCH_UP_EVERY_S="3600") as here:
        here.writes("pertama")
        await until(here.from_customer, "the first look", within=10)
        here.server.move(here.session, "FAILED")
        await here.hears("session.status", {"name": SESSION, "status": "FAILED"})
        here.writes("kedua")
        here.server.move(here.session, "WORKING")
        await here.hears("session.status", {"name": SESSION, "status": "WORKING"})

        async def second_found() -> bool:
            return "kedua" in await here.from_customer()

        await until(second_found, "long before it would be time", within=10)


async def test_who_cannot_wait_asks_for_it(street: Open) -> None:
    async with street(CATCH_UP_EVERY_S="3600") as here:
        here.writes("pertama")
        await until(here.from_customer, "the first look", within=10)
        here.writes("kedua")
        async with here.service.client() as client:
            answer = await client.post(f"/v1/crm/tenants/{TENANT}/whatsapp/catch-up")

        async def second_found() -> bool:
            return "kedua" in await here.from_customer()

        assert (answer.status_code, answer.json()) == (202, {"session": SESSION})
        await until(second_found, "long before it would be time", within=10)


@pytest.mark.parametrize("engine", ["NOWEB", "WEBJS"])
async def test_who_writes_under_a_hidden_identity_turns_out_to_be_known(
    street: Open, engine: EngineName
) -> None:
    async with street(engine) as here:
        here.writes("dari nomor")
        await until(here.from_customer, "known by number", within=10)
        here.budi.writes_as = "lid"
        here.writes("dari lid")

        async def is_one() -> bool:
            return "dari lid" in await here.from_customer()

        await until(is_one, "they are one", within=10)
        assert await here.from_customer() == ["dari nomor", "dari lid"]


# -- what became of messages that were heard


async def until_found(here: Street, text: str) -> None:
    async def is_there() -> bool:
        return text in await here.from_customer()

    await until(is_there, f"{text!r} is found", within=10)


async def test_an_edit_that_only_the_history_knows_is_found(street: Open) -> None:
    async with street("WEBJS") as here:
        message = here.writes("Ada kopi gayo?")
        await until_found(here, "Ada kopi gayo?")
        Phone(here.server, here.session).edit(message, "Ada kopi toraja?")

        async def is_edited() -> bool:
            return any(one["edited_at"] for one in await here.messages())

        await until(is_edited, "the edit is found", within=10)


async def test_a_revocation_that_only_the_history_knows_is_found(street: Open) -> None:
    async with street("WEBJS") as here:
        message = here.writes("Salah kirim")
        await until_found(here, "Salah kirim")
        Phone(here.server, here.session).revoke(message)

        async def is_revoked() -> bool:
            return any(one["revoked_at"] for one in await here.messages())

        await until(is_revoked, "the revocation is found", within=10)
        late = payloads.revoked(here.session, message, files="")
        assert await here.hears("message.revoked", late) == {"outcome": "duplicate"}


@pytest.mark.parametrize("engine", ["GOWS", "NOWEB"])
async def test_engines_that_keep_messages_as_they_came_tell_of_no_change(
    street: Open, engine: EngineName
) -> None:
    async with street(engine) as here:
        phone = Phone(here.server, here.session)
        changed, gone = here.writes("Ada kopi gayo?"), here.writes("Salah kirim")
        phone.edit(changed, "Ada kopi toraja?")
        phone.revoke(gone)
        await until_found(here, "Salah kirim")

        assert await here.from_customer() == ["Ada kopi gayo?", "Salah kirim"]


@pytest.mark.parametrize("engine", ENGINES)
async def test_how_far_a_message_came_is_found_though_no_webhook_told(
    street: Open, engine: EngineName
) -> None:
    async with street(engine) as here:
        here.writes("Ada kopi?")
        await until_found(here, "Ada kopi?")
        ours = here.writes("Ada, kak", writer="shop")

        async def is_heard() -> bool:
            return any(one["text"] == "Ada, kak" for one in await here.messages())

        await until(is_heard, "the owner's words are found", within=10)
        Phone(here.server, here.session).read(here.budi)

        async def is_read() -> bool:
            return any(one["status"] == "read" for one in await here.messages())

        await until(is_read, "that it was read is found", within=10)
        told = payloads.ack(here.session, ours, error=None)
        assert await here.hears("message.ack", told) == {"outcome": "duplicate"}
