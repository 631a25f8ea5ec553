"""`/v1/crm/tenants/{tenant_id}/events` over a real connection: what live screens are told."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.application.feed import Change, Feed, Thing
from crm_chatbot.infrastructure.feed import Pile
from crm_chatbot.interface import events_api
from crm_chatbot.wiring import SERVICE
from shared.interface.streams import Streams
from tests.crm_chatbot.builders import NOON, OTHER_TENANT, TENANT
from tests.crm_chatbot.running import SHOP, TENANTS, Running, running
from tests.crm_chatbot.test_feed_contract import DriversUUID
from tests.served import WITHIN_S, said, served, serving
from tests.waiting import until

EVENTS = f"{SHOP}/events"


@dataclass(frozen=True)
class Event:
    """One server-sent event."""

    name: str
    changes: list[dict[str, Any]]

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(one["kind"], one["id"]) for one in self.changes]


@dataclass(frozen=True)
class Screen:
    """Somebody who looks, and what they hear."""

    answer: httpx.Response
    events: AsyncGenerator[Event]

    async def next(self) -> Event:
        """The next one that says what changed, or that it is ready."""
        while (event := await asyncio.wait_for(anext(self.events), WITHIN_S)).name == "lost":
            pass  # on a busy machine Redis may be late at any time
        return event

    async def ends(self) -> None:
        """Whatever is told until then."""
        async with asyncio.timeout(WITHIN_S):
            async for _ in self.events:
                pass

    async def hears(self, kind: str, which: object) -> None:
        """Whatever else is told before."""
        while (kind, str(which)) not in (await self.next()).told:
            pass


async def events_in(answer: httpx.Response) -> AsyncGenerator[Event]:
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields.get("event"):
            yield Event(fields["event"], json.loads(fields["data"])["changes"])
            fields = {}


@asynccontextmanager
async def a_screen(
    api: Running, url: str, who: str = "reader", path: str = EVENTS
) -> AsyncGenerator[Screen]:
    async with api.client(who, url=url) as client, client.stream("GET", path) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Screen(answer, events_in(answer))


@pytest.fixture
async def url(api: Running, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[str]:
    # On a busy machine Redis is now and then late, and then nobody asks it for five seconds.
    monkeypatch.setattr(api.ground.hints, "_timeout_s", 5.0)
    async with serving(api.app) as url:
        yield url


async def rename(api: Running, name: str, tenant_id: object = TENANT) -> None:
    async with api.client("platform") as client:
        answer = await client.patch(f"{TENANTS}/{tenant_id}", json={"name": name})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("who", ["reader", "tenant", "platform"])
async def test_a_screen_is_ready_and_then_hears_what_changed(
    api: Running, url: str, who: str
) -> None:
    async with a_screen(api, url, who) as screen:
        ready = await screen.next()
        await rename(api, "Kopi Budi")
        changed = await screen.next()

    assert ready == Event("ready", [])
    [change] = changed.changes
    assert changed.name == "changed"
    assert set(change) == {"kind", "id", "at", "conversation_id"}
    assert (change["kind"], change["id"]) == ("tenant", str(TENANT))
    assert change["conversation_id"] is None
    assert "Kopi" not in str(changed)


async def test_everybody_hears_and_other_shops_hear_nothing(api: Running, url: str) -> None:
    async with (
        a_screen(api, url) as one,
        a_screen(api, url, "platform") as another,
        a_screen(api, url, "other", f"{TENANTS}/{OTHER_TENANT}/events") as others,
    ):
        for screen in (one, another, others):
            assert (await screen.next()).name == "ready"
        await rename(api, "Kopi Budi")
        await rename(api, "Teh Cici", OTHER_TENANT)

        assert (await one.next()).told == [("tenant", str(TENANT))]
        assert (await another.next()).told == [("tenant", str(TENANT))]
        assert (await others.next()).told == [("tenant", str(OTHER_TENANT))]


async def test_settings_that_no_work_stores_are_told_too(api: Running, url: str) -> None:
    account = f"{SHOP}/payment-accounts/manual"
    details = {"details": "BCA 123 a.n. Ani"}
    async with a_screen(api, url) as screen, api.client("platform") as client:
        await screen.next()
        whatsapp = {"session": "kopi-ani", "server_url": "https://93.184.216.34", "api_key": "k"}
        assert (await client.put(f"{SHOP}/whatsapp", json=whatsapp)).status_code == 200
        await screen.hears("whatsapp", TENANT)
        assert (await client.post(f"{SHOP}/whatsapp/webhook-secret")).status_code == 201
        await screen.hears("whatsapp", TENANT)
        assert (await client.put(account, json=details)).status_code == 200
        await screen.hears("payment_accounts", TENANT)
        assert (await client.delete(account)).status_code == 204
        await screen.hears("payment_accounts", TENANT)
        key = (await client.post(f"{SHOP}/keys", json={"name": "till", "scope": "tenant"})).json()
        await screen.hears("key", key["id"])
        assert (await client.delete(f"{SHOP}/keys/{key['id']}")).status_code == 204
        await screen.hears("key", key["id"])


async def test_what_was_refused_is_not_told(api: Running, url: str) -> None:
    async with a_screen(api, url) as screen:
        await screen.next()
        with pytest.raises(RuntimeError):
            async with api.menu.open_work(TENANT) as work:
                await work.delivery.put(await work.delivery.get())
                raise RuntimeError
        await rename(api, "Kopi Budi")

        assert (await screen.next()).told == [("tenant", str(TENANT))]


async def test_processes_hear_each_other_through_redis(
    api: Running, url: str, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    async with a_screen(api, url) as screen:
        await screen.next()
        # `running` would open its shops a second time.
        async with served((SERVICE,), database_url, redis_url, tmp_path / "other") as service:
            await rename(Running(service.app, api.keys), "Kopi Budi")

            await screen.hears("tenant", TENANT)


async def test_without_redis_one_process_still_hears_itself(
    database_url: str, tmp_path: Path
) -> None:
    async with (
        running(database_url, None, tmp_path) as api,
        serving(api.app) as url,
        a_screen(api, url) as screen,
    ):
        await screen.next()
        await rename(api, "Kopi Budi")
        await screen.hears("tenant", TENANT)

        # Ids that were read come in a kind of the driver's own.
        which = DriversUUID("00000000-0000-4000-8000-0000000000aa")
        feed: Feed = api.app.state.crm_administration.feed
        feed.publish(TENANT, [Change(Thing.ORDER, which, NOON, which)])
        await screen.hears("order", which)


async def test_there_is_an_end_to_how_many_may_look(api: Running, url: str) -> None:
    state = api.app.state
    state.crm_administration = replace(state.crm_administration, streams=Streams(most=1))

    async with a_screen(api, url) as screen, api.client("tenant", url=url) as client:
        await screen.next()
        refused = await client.get(EVENTS)
        other = f"{TENANTS}/{OTHER_TENANT}/events"
        async with a_screen(api, url, "other", other) as of_another_shop:
            await of_another_shop.next()

    assert said(refused) == "429 too_many_streams"
    assert refused.headers["retry-after"] == "5"

    async def has_room() -> bool:
        async with api.client(url=url) as client, client.stream("GET", EVENTS) as answer:
            return answer.status_code == 200

    await until(has_room, "the place is free again", within=WITHIN_S)


async def test_who_may_no_longer_read_is_hung_up_on(
    api: Running, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events_api, "ASKED_EVERY_S", 0.05)
    async with api.client("platform") as client:
        made = (await client.post(f"{SHOP}/keys", json={"name": "a screen's"})).json()
    api = Running(api.app, {**api.keys, "screen": made["secret"]})

    async with a_screen(api, url, "screen") as screen:
        await screen.next()
        async with api.client("platform") as client:
            gone = await client.delete(f"{SHOP}/keys/{made['id']}")
        assert gone.status_code == 204

        await screen.ends()


async def test_a_screen_is_let_go_when_the_server_ends(api: Running) -> None:
    async with AsyncExitStack() as server, AsyncExitStack() as client:
        url = await server.enter_async_context(serving(api.app))
        screen = await client.enter_async_context(a_screen(api, url))
        await screen.next()

        await server.aclose()

        # In the middle of an answer that has no end: that is how a browser knows to come back.
        with pytest.raises(httpx.RemoteProtocolError):
            await screen.ends()


async def test_who_takes_nothing_is_hung_up_on(
    api: Running, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events_api, "TAKEN_WITHIN_S", 0.2)
    state = api.app.state
    state.crm_administration = replace(state.crm_administration, streams=Streams(most=1))
    lazy = socket.socket()
    lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    where = urlsplit(url)
    lazy.connect((where.hostname, where.port))
    key = api.keys["reader"]
    head = f"GET {EVENTS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n"
    lazy.sendall(head.encode())

    async def status() -> int:
        async with api.client(url=url) as client, client.stream("GET", EVENTS) as answer:
            return answer.status_code

    async def is_there() -> bool:
        return await status() == 429

    async def is_gone() -> bool:
        told = [Change(Thing.ORDER, uuid7(), NOON) for _ in range(Pile.MOST)]
        state.crm_administration.feed.publish(TENANT, told)
        return await status() == 200

    await until(is_there, "the lazy one has come", within=WITHIN_S)
    await until(is_gone, "the lazy one was hung up on", within=3 * WITHIN_S)
    lazy.close()
