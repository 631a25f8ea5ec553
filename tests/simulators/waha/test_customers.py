"""Pretend customers, as tests, demonstrations and the chat page move them."""

import base64
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession

from simulators.main import create_app
from simulators.serving import serve
from simulators.waha import feed as feeds
from simulators.waha.feed import Feed
from simulators.waha.people import Customer, Customers
from simulators.waha.pictures import photo
from simulators.waha.server import Waha
from tests.simulators.waha.house import BUDI, BUDI_LID, House
from tests.waiting import until


@pytest.fixture
async def shop(house: House) -> House:
    house.session()
    await house.customer(lid=BUDI_LID)
    return house


async def listed(house: House) -> list[dict[str, Any]]:
    answer = await house.ask("GET", "/phone/api/toko-contoh/customers")
    found: list[dict[str, Any]] = await answer.json()
    return found


async def test_customers_are_listed_with_the_last_thing_that_was_said(shop: House) -> None:
    await shop.customer("628111", "Sari")
    await shop.says("Halo")
    await shop.text("Hai kak")

    budi, sari = await listed(shop)
    assert (budi["name"], budi["unread"], budi["last"]["text"]) == ("Budi", 1, "Hai kak")
    assert (sari["name"], sari["unread"], sari["last"]) == ("Sari", 0, None)


async def test_a_customer_who_is_added_again_is_changed(shop: House) -> None:
    changed = await shop.customer(name="Budi Santoso", writes_as="lid")

    assert (changed["name"], changed["lid"], changed["writes_as"]) == (
        "Budi Santoso",
        BUDI_LID,
        "lid",
    )
    assert len(await listed(shop)) == 1


async def test_a_number_may_be_written_with_a_plus(shop: House) -> None:
    await shop.customer("+628111", "Sari")

    assert [one["phone"] for one in await listed(shop)] == [BUDI, "628111"]


@pytest.mark.parametrize("body", [{"phone": "081-2"}, {"phone": "62812", "age": 7}, {}])
async def test_a_customer_who_makes_no_sense_is_refused(shop: House, body: dict[str, Any]) -> None:
    answer = await shop.ask("POST", "/phone/api/toko-contoh/customers", body)

    assert answer.status == 422


@pytest.mark.parametrize(
    "path", ["nobody/customers", "toko-contoh/customers/1/messages", "toko-contoh/messages/1/media"]
)
async def test_who_is_not_there_is_not_found(shop: House, path: str) -> None:
    assert (await shop.ask("GET", f"/phone/api/{path}")).status == 404


async def test_a_message_may_bring_its_own_file(shop: House) -> None:
    data = base64.b64encode(photo("mine")).decode()

    sent = await shop.says("lihat", type="file", data=data, mimetype="image/png", filename="a.png")

    path = f"/phone/api/toko-contoh/messages/{sent['plain_id']}/media"
    answer = await shop.ask("GET", path)
    assert (sent["filename"], sent["size"]) == ("a.png", len(photo("mine")))
    assert await answer.read() == photo("mine")
    assert "sandbox" in answer.headers["Content-Security-Policy"]


async def test_a_file_that_is_no_base64_is_refused(shop: House) -> None:
    path = f"/phone/api/toko-contoh/customers/{BUDI}/messages"

    answer = await shop.ask("POST", path, {"type": "image", "data": "a"})

    assert answer.status == 422


async def test_the_owners_phone_speaks_for_the_shop(shop: House) -> None:
    sent = await shop.says("Ini saya, pemiliknya", writer="shop")

    (heard,) = await shop.receiver.hears("message.any")
    assert (sent["from"], sent["source"]) == ("shop", "app")
    assert (heard.payload["fromMe"], heard.payload["source"]) == (True, "app")
    assert shop.receiver.of("message") == []


async def test_the_owners_phone_reads_what_customers_wrote(shop: House) -> None:
    await shop.says("Halo")

    said = await shop.does("read", reader="shop")

    assert said == {"read": 1}
    assert [one["ticks"] for one in await shop.chat()] == ["read"]


async def test_a_call_is_told_of(shop: House) -> None:
    said = await shop.does("call", is_video=True)

    (heard,) = await shop.receiver.hears("call.received")
    assert said == {"id": heard.payload["id"]}
    assert heard.payload["isVideo"] is True


async def test_typing_is_told_of_and_stops(shop: House) -> None:
    await shop.does("typing", is_typing=True)
    await shop.does("typing", is_typing=False)

    heard = await shop.receiver.hears("presence.update", times=2)
    states = {one.payload["presences"][0]["lastKnownPresence"] for one in heard}
    assert states == {"typing", "paused"}


async def test_a_message_with_a_known_id_is_not_said_twice(shop: House) -> None:
    for _ in range(2):
        await shop.says("Halo", id="3EB0SAME")

    assert len(await shop.chat()) == 1
    await until(lambda: not shop.waha.deliveries.on_the_way, "all is delivered", within=5)
    assert len(shop.receiver.of("message")) == 1


async def test_the_phones_hear_live_of_everything(shop: House) -> None:
    async with shop.listening() as heard:
        sent = await shop.says("Halo")
        await shop.changes("PUT", sent, "/reaction", emoji="👍", writer="shop")
        await shop.does("typing", is_typing=True)
        await shop.customer("628111", "Sari")
        await shop.call("POST", "/api/sessions/toko-contoh/stop")
        await until(lambda: len(heard) == 6, "six events", within=5, every=0.01)

    assert [event for event, _ in heard] == [
        "message", "message", "message", "typing", "customer", "session",
    ]  # fmt: skip
    assert [facts["ticks"] for event, facts in heard if event == "message"] == [
        "sent", "delivered", "delivered",
    ]  # fmt: skip
    assert heard[2][1]["reactions"] == {"shop": "👍"}
    assert heard[-1][1]["status"] == "STOPPED"


async def test_who_stops_listening_is_forgotten(shop: House) -> None:
    session = shop.waha.session("toko-contoh")
    async with shop.listening():
        while_listening = session.feed.listeners

    await until(lambda: session.feed.listeners == 0, "nobody listens", within=5)
    assert while_listening == 1


async def test_listening_does_not_keep_the_simulator_from_ending() -> None:
    waha = Waha()
    waha.add_session("toko")

    async with ClientSession() as http:
        async with serve(create_app(waha=waha)) as url:
            stream = await http.get(f"{url}/phone/api/toko/events")

        with pytest.raises(ClientError):
            await stream.read()


async def test_a_quiet_stream_shows_that_it_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "KEEP_ALIVE_S", 0.01)
    stream = Feed().listen()

    assert (await anext(stream)).startswith(b"retry: 1000")
    assert await anext(stream) == b": still here\n\n"


async def test_who_does_not_keep_up_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "QUEUE_LIMIT", 2)
    feed = Feed()
    stream = feed.listen()
    await anext(stream)

    for n in range(9):
        feed.publish("message", {"n": n})

    assert [frame async for frame in stream] == []
    assert feed.listeners == 0


def test_a_customer_has_one_entry_under_both_identities() -> None:
    customers = Customers()
    budi = customers.add(Customer(BUDI, "Budi", BUDI_LID))

    assert customers.find(f"{BUDI}@c.us") is budi
    assert customers.find(f"{BUDI_LID}@lid") is budi
    assert customers.find("1@c.us") is None
    assert customers.meet(BUDI) is budi
