"""WAHA as its callers see it: in memory, and over HTTP against a server that speaks as it does."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import pytest

from shared.contracts import WhatsAppPlace, WhatsAppText
from shared.settings import Shop
from shared.whatsapp.connections import Connection
from shared.whatsapp.ids import stanza_in
from shared.whatsapp.waha import WORKING, Described, Verdict, Waha, WahaFailed
from shared.whatsapp.waha_http import http_waha
from simulators.journal import Journal
from simulators.main import create_app
from simulators.serving import serve
from simulators.waha.engines import EngineName
from simulators.waha.people import Customer
from simulators.waha.server import API_KEY
from simulators.waha.server import Waha as Server
from simulators.waha.sessions import Status
from tests.shared.whatsapp.fake_waha import MemoryWaha

CONTRACT_OF = Waha

Build = Callable[[EngineName], AbstractAsyncContextManager["World"]]
SESSION = "toko"
BUDI, LID = "6281200000002@c.us", "111222333444555"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
TEXT = WhatsAppText(text="Siap kak, stok masih ada 12.")


@dataclass
class World:
    """A WAHA, and a hand on what is behind it."""

    waha: Waha
    connection: Connection
    move: Callable[[Status], None]
    texts: Callable[[str], list[str]]


@asynccontextmanager
async def in_memory(engine: EngineName) -> AsyncGenerator[World]:
    waha = MemoryWaha(takes_ids=engine != "WEBJS")
    waha.lids[LID] = "6281200000002"

    def move(status: Status) -> None:
        waha.statuses[SESSION] = status

    connection = Connection(UUID(int=1), SESSION, "http://waha", "key", is_own=True)
    yield World(waha, connection, move, waha.sent)


@asynccontextmanager
async def over_http(engine: EngineName) -> AsyncGenerator[World]:
    server = Server()
    session = server.add_session(SESSION, engine=engine)
    session.customers.add(Customer("6281200000002", "Budi", LID))

    def texts(chat_id: str) -> list[str]:
        customer = session.customers.find(chat_id)
        return [one.body for one in session.chat_with(customer)] if customer else []

    async with serve(create_app(journal=Journal(), waha=server)) as url:
        waha = http_waha(Shop(waha_server_url=url, waha_timeout_s=5))
        connection = Connection(UUID(int=1), SESSION, url, API_KEY, is_own=True)
        yield World(waha, connection, partial(server.move, session), texts)
        await waha.close()


@pytest.fixture(params=["memory", "http"])
def build(request: pytest.FixtureRequest) -> Build:
    return in_memory if request.param == "memory" else over_http


@pytest.fixture
async def world(build: Build) -> AsyncGenerator[World]:
    async with build("GOWS") as world:
        yield world


async def history(world: World, chat_id: str = BUDI) -> list[str]:
    found = await world.waha.history(world.connection, chat_id, since=LONG_AGO, from_me=True)
    return [stanza_in(one) or "" for one in found]


@pytest.mark.parametrize("engine", ["GOWS", "NOWEB", "WEBJS"])
async def test_what_is_sent_arrives_and_its_id_is_told(build: Build, engine: EngineName) -> None:
    async with build(engine) as world:
        stanza_id = await world.waha.send(world.connection, BUDI, TEXT)

        assert world.texts(BUDI) == [TEXT.text]
        assert await history(world) == [stanza_id]


@pytest.mark.parametrize("engine", ["GOWS", "NOWEB"])
async def test_under_an_id_that_was_chosen_before_it_arrives_once(
    build: Build, engine: EngineName
) -> None:
    async with build(engine) as world:
        wa_id = await world.waha.new_message_id(world.connection)
        told = [await world.waha.send(world.connection, BUDI, TEXT, wa_id=wa_id) for _ in range(3)]

        assert wa_id is not None
        assert told == [wa_id] * 3
        assert world.texts(BUDI) == [TEXT.text]


async def test_an_engine_may_take_no_ids(build: Build) -> None:
    async with build("WEBJS") as world:
        assert await world.waha.new_message_id(world.connection) is None


async def test_a_place_is_sent(world: World) -> None:
    place = WhatsAppPlace(latitude=-6.2, longitude=106.816666, title="Toko Contoh")

    assert await world.waha.send(world.connection, BUDI, place)
    assert world.texts(BUDI) == [""]


async def test_a_chat_is_marked_seen_and_typed_in(world: World) -> None:
    await world.waha.mark_seen(world.connection, BUDI)
    await world.waha.start_typing(world.connection, BUDI)
    await world.waha.stop_typing(world.connection, BUDI)


async def test_history_begins_where_it_is_asked_to(world: World) -> None:
    await world.waha.send(world.connection, BUDI, TEXT)

    def ask(since: datetime, *, from_me: bool | None = None) -> Awaitable[Sequence[Described]]:
        return world.waha.history(world.connection, BUDI, since=since, from_me=from_me)

    tomorrow = datetime(2100, 1, 1, tzinfo=UTC)
    assert len(await ask(LONG_AGO)) == 1
    assert list(await ask(tomorrow)) == []
    assert list(await ask(LONG_AGO, from_me=False)) == []


async def test_history_is_the_newest_of_it_and_tells_text_and_time(world: World) -> None:
    for text in ("satu", "dua", "tiga"):
        await world.waha.send(world.connection, BUDI, WhatsAppText(text=text))

    [newest] = await world.waha.history(world.connection, BUDI, since=LONG_AGO, most=1)

    assert (newest["body"], newest["fromMe"]) == ("tiga", True)
    assert isinstance(newest["timestamp"], int)


async def test_history_goes_on_where_the_last_page_ended(world: World) -> None:
    for text in ("satu", "dua", "tiga"):
        await world.waha.send(world.connection, BUDI, WhatsAppText(text=text))

    page = await world.waha.history(world.connection, BUDI, since=LONG_AGO, most=2, offset=1)

    assert [one["body"] for one in page] == ["dua", "satu"]


async def test_chats_are_told_with_their_last_message(world: World) -> None:
    await world.waha.send(world.connection, BUDI, TEXT)

    [chat] = await world.waha.chats(world.connection)

    assert chat["id"] == BUDI
    assert chat["lastMessage"]["body"] == TEXT.text


async def test_the_liveliest_chats_come_first(world: World) -> None:
    ani = "6281200000009@c.us"
    for chat_id in (BUDI, ani):
        await world.waha.send(world.connection, chat_id, TEXT)

    first = await world.waha.chats(world.connection, most=1)
    second = await world.waha.chats(world.connection, most=1, offset=1)

    assert [one["id"] for one in (*first, *second)] == [ani, BUDI]


async def test_a_hidden_number_is_found_where_it_is_known(world: World) -> None:
    assert await world.waha.phone_of_lid(world.connection, LID) == "6281200000002"
    assert await world.waha.phone_of_lid(world.connection, "999888777666555") is None


async def test_a_session_tells_its_status_and_whose_it_is(world: World) -> None:
    facts = await world.waha.session(world.connection)
    me = await world.waha.me(world.connection)

    assert (facts.name, facts.status) == (SESSION, WORKING)
    assert facts.me is not None
    assert me is not None
    assert me["id"] == facts.me["id"]


async def test_a_session_that_does_not_work_sends_nothing(world: World) -> None:
    world.move("SCAN_QR_CODE")

    with pytest.raises(WahaFailed) as failed:
        await world.waha.send(world.connection, BUDI, TEXT)

    assert (failed.value.verdict, failed.value.status) == (Verdict.SESSION, "SCAN_QR_CODE")
    assert (await world.waha.session(world.connection)).status == "SCAN_QR_CODE"


async def test_the_code_to_scan_is_a_picture_while_there_is_one(world: World) -> None:
    with pytest.raises(WahaFailed) as failed:
        await world.waha.qr(world.connection)
    world.move("SCAN_QR_CODE")

    assert failed.value.verdict is Verdict.SESSION
    assert (await world.waha.qr(world.connection)).startswith(b"\x89PNG")


async def test_media_that_is_gone_is_not_found(world: World) -> None:
    url = f"http://localhost:3000/api/files/{SESSION}/false_{BUDI}_3EB0A.jpeg"

    with pytest.raises(WahaFailed, match="not_found"):
        await world.waha.media(world.connection, url)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:3000/api/files/warung/x.jpeg",
        "http://localhost:3000/api/sessions",
    ],
)
async def test_media_of_others_is_not_fetched(world: World, url: str) -> None:
    with pytest.raises(WahaFailed, match="media_elsewhere"):
        await world.waha.media(world.connection, url)
