"""A shop on WhatsApp, from a customer's words to the bot's, through every service and back."""

import asyncio
import base64
import itertools
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack

import aiohttp
import pytest

from simulators.main import create_app
from simulators.perception import with_words
from simulators.serving import serve
from simulators.waha.pictures import photo, silent_voice
from tests.flows.platform import Platform, Start
from tests.shop import Json, Places, Shop, asked, customers, open_shop
from tests.waiting import until

BUDI, SARI = "6281200000002", "6281200000003"
SETTINGS = {
    "WA_PACING": "false",
    "WAHA_ALLOWED_HOSTS": "127.0.0.1",
    "CATCH_UP_EVERY_S": "0.5",
    "RESEND_ASK_AFTER_S": "2",
}


class World:
    """A platform, a pretend WhatsApp, and shops on it."""

    def __init__(self, platform: Platform, http: aiohttp.ClientSession, whatsapp: str) -> None:
        self.platform = platform
        self._http = http
        url = str(platform.http.base_url).rstrip("/")
        self.simulators = whatsapp
        self._places = Places(lambda: url, whatsapp, whatsapp)

    async def shop(self, **wishes: Json) -> Shop:
        return await open_shop(self._http, self._places, **wishes)


async def a_world(stack: AsyncExitStack, start: Start, **more: str) -> World:
    whatsapp = await stack.enter_async_context(serve(create_app()))
    platform = await stack.enter_async_context(start(**SETTINGS | more))
    timeout = aiohttp.ClientTimeout(total=15)
    http = await stack.enter_async_context(aiohttp.ClientSession(timeout=timeout))
    return World(platform, http, whatsapp)


@pytest.fixture
async def world(start: Start) -> AsyncGenerator[World]:
    async with AsyncExitStack() as stack:
        yield await a_world(stack, start)


@pytest.fixture
async def shop(world: World) -> Shop:
    return await world.shop()


async def test_a_customer_is_answered_on_each_carrier(start_on_each_carrier: Start) -> None:
    async with AsyncExitStack() as stack:
        shop = await (await a_world(stack, start_on_each_carrier)).shop()

        indonesian = await shop.answer(BUDI, "halo kak, ini bot ya?")
        english = await shop.answer(SARI, "Hello, am I talking to a bot?")

    assert "bot" in indonesian
    assert "bot" in english
    assert indonesian != english


async def test_who_waits_for_a_slow_model_is_asked_to_and_then_answered(start: Start) -> None:
    async with AsyncExitStack() as stack:
        slow = {"OFFLINE_DELAY_S": "1.5", "TURN_PATIENCE_S": "0.3"}
        shop = await (await a_world(stack, start, **slow)).shop()

        await shop.says(BUDI, "buka jam berapa kak?")
        heard = await shop.hears(BUDI, 2)
        chat = await shop.conversation(BUDI)
        told = await shop.api("GET", f"/v1/crm/conversations/{chat['id']}/timeline")

    assert heard[0] == "Sebentar ya, masih saya cek."
    assert "[offline model]" in heard[1]
    assert [step["what"] for step in told["steps"]].count("turn.delayed") == 1


async def test_what_is_written_in_one_breath_gets_one_answer(world: World) -> None:
    shop = await world.shop(pace={"quiet_s": 0.6, "longest_s": 5})
    for words in ("halo", "saya mau tanya", "buka jam berapa?"):
        await shop.says(BUDI, words)

    await shop.hears(BUDI, 1)
    await is_idle(shop)

    assert len(await shop.heard(BUDI)) == 1


async def test_who_asks_for_a_person_gets_one_until_the_conversation_is_handed_back(
    shop: Shop,
) -> None:
    await shop.answer(BUDI, "mau ngomong sama admin asli")
    chat = await shop.conversation(BUDI)
    assert (chat["mode"], chat["mode_reason"]) == ("human", "customer_asked")

    await shop.says(BUDI, "halo? ada orang?")
    await is_recorded(shop, chat["id"], "for_person")
    await shop.api(
        "POST", f"/v1/crm/conversations/{chat['id']}/messages", {"text": "Ya, saya Sari"}
    )
    assert (await shop.hears(BUDI, 2))[1] == "Ya, saya Sari"
    await shop.api("POST", f"/v1/crm/conversations/{chat['id']}/handback")

    assert await shop.answer(BUDI, "makasih")
    assert (await shop.conversation(BUDI))["mode"] == "bot"


async def test_the_bot_is_silent_once_the_owner_types_on_the_phone(shop: Shop) -> None:
    await shop.answer(BUDI, "halo")
    await shop.says(BUDI, "Halo kak, saya bantu ya", writer="shop")
    chat = await is_in_mode(shop, BUDI, "human")

    await shop.says(BUDI, "oke")
    await is_recorded(shop, chat["id"], "for_person")

    assert len(await shop.heard(BUDI)) == 2
    assert chat["mode_reason"] == "phone"


async def test_what_no_webhook_told_is_found_in_the_history(shop: Shop) -> None:
    await shop.answer(BUDI, "halo")
    await shop.control("PUT", "weather", {"outage": True})
    await shop.says(BUDI, "buka jam berapa?")
    await shop.control("PUT", "weather", {})

    assert len(await shop.hears(BUDI, 2, within=20)) == 2


async def test_the_timeline_says_why_the_bot_did_not_answer(shop: Shop) -> None:
    await shop.answer(BUDI, "halo")
    chat = await shop.conversation(BUDI)
    await shop.api("POST", f"/v1/crm/conversations/{chat['id']}/takeover")
    await shop.says(BUDI, "halo lagi")
    await is_recorded(shop, chat["id"], "for_person")

    told = await shop.api("GET", f"/v1/crm/conversations/{chat['id']}/timeline")

    steps = [step["what"] for step in told["steps"]]
    for step in ("message.received", "turn.committed", "message.sent", "conversation.taken_over"):
        assert step in steps
    assert "person" in told["verdict"].lower()


async def test_ticks_reach_whoever_looks_at_the_conversation(shop: Shop) -> None:
    await shop.answer(BUDI, "halo")
    chat = await shop.conversation(BUDI)
    await shop.phones("POST", f"customers/{BUDI}/read", {})

    async def is_read() -> bool:
        page = await shop.api("GET", f"/v1/crm/conversations/{chat['id']}/messages")
        return any(one["status"] == "read" for one in page["messages"])

    await until(is_read, "the reply is read", within=10)


async def test_a_voice_note_is_answered_politely_and_once(shop: Shop) -> None:
    answer = await shop.answer(BUDI, "", type="voice")

    await shop.says(BUDI, "", type="voice")
    await is_idle(shop)

    assert answer
    assert (await shop.heard(BUDI)).count(answer) == 1


@pytest.fixture
async def seeing_shop(world: World) -> Shop:
    """Its config's model takes in pictures and voices."""
    await world.platform.configure(
        "seeing",
        provider="openai",
        model_name="gpt-4o",
        api_key_env="LLM_TEST_KEY",
        base_url=f"{world.simulators}/openai/v1",
        vision=True,
        transcription_model="whisper-1",
    )
    return await world.shop(llm_config="seeing", engine="WEBJS")


async def test_the_words_in_a_picture_are_read_and_answered(seeing_shop: Shop) -> None:
    picture = with_words(photo("kopi"), "Kopi Susu Gula Aren [1 liter]")

    answer = await seeing_shop.answer(BUDI, "ini ada?", type="image", data=encoded(picture))

    assert answer == "You said: [picture: Kopi Susu Gula Aren (1 liter)] ini ada?"
    steps = await timeline(seeing_shop, BUDI)
    assert "The bot looked at the picture." in steps
    chat = await seeing_shop.conversation(BUDI)
    page = await seeing_shop.api("GET", f"/v1/crm/conversations/{chat['id']}/messages")
    assert page["messages"][0]["content"] == {"told": "Kopi Susu Gula Aren [1 liter]"}


async def test_a_voice_note_is_listened_to_and_answered(seeing_shop: Shop) -> None:
    voice = with_words(silent_voice(2), "saya mau pesan dua kopi")

    answer = await seeing_shop.answer(BUDI, "", type="voice", data=encoded(voice))
    later = await seeing_shop.answer(BUDI, "jadi berapa?")

    assert answer == "You said: [voice message in words:] saya mau pesan dua kopi"
    assert later == "You said: jadi berapa?"
    assert (await timeline(seeing_shop, BUDI)).count("The bot listened to the voice message.") == 1


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ({"media": "gone"}, "the WAHA server does not have the file any more"),
        ({"media": "failed"}, "the WAHA server has not kept the file"),
        ({"data": "PGh0bWw+"}, "the file is of no kind that can be read"),
        ({}, "the model told nothing that makes sense"),
    ],
)
async def test_a_voice_that_cannot_be_read_is_answered_politely_and_the_timeline_says_why(
    seeing_shop: Shop, sent: Json, why: str
) -> None:
    answer = await seeing_shop.answer(BUDI, "", type="voice", **sent)

    assert answer.startswith("Maaf, saya belum bisa mendengarkan")
    assert f"The bot could not take in the voice message: {why}." in await timeline(
        seeing_shop, BUDI
    )


def encoded(file: bytes) -> str:
    return base64.b64encode(file).decode()


async def timeline(shop: Shop, phone: str) -> list[str]:
    chat = await shop.conversation(phone)
    told = await shop.api("GET", f"/v1/crm/conversations/{chat['id']}/timeline")
    return [step["says"] for step in told["steps"]]


async def test_two_bots_that_talk_to_each_other_fall_silent(world: World) -> None:
    """P13: each is the other's customer."""
    shops = [await world.shop(session=name, name=name) for name in ("kopi", "teh")]
    numbers = [await own_number(shop) for shop in shops]
    await shops[0].says(numbers[1], "halo")
    await is_silent(shops[0], numbers[1])

    messages = await shops[0].phones("GET", f"customers/{numbers[1]}/messages")

    assert len(messages) <= 1 + 2 * 8 + 2
    modes = [(await s.conversation(n))["mode"] for s, n in zip(shops, numbers[::-1], strict=True)]
    assert "human" in modes


@pytest.mark.timeout(240)
async def test_of_five_hundred_old_messages_none_is_answered(shop: Shop) -> None:
    """P13: a person is called, once in each chat."""
    phones = customers(20)
    for number in range(500):
        await shop.says(phones[number % 20], f"pesan lama {number}", age_s=3_600)

    async def told() -> list[list[str]]:
        """Of each chat, in which states its messages are; once all of them have come."""
        path = f"/v1/crm/conversations?tenant_id={shop.tenant_id}&limit=100"
        chats = (await shop.api("GET", path))["conversations"]
        pages = [
            await shop.api("GET", f"/v1/crm/conversations/{chat['id']}/messages?limit=100")
            for chat in chats
        ]
        states = [[one["state"] for one in page["messages"]] for page in pages]
        return states if sum(map(len, states)) >= 500 + 20 else []

    states = await until(told, "all are known", within=90, every=0.5)

    assert [Counter(one) for one in states] == [{"ignored": 25, "kept": 1}] * 20
    assert [await shop.heard(phone) for phone in phones] == [[]] * 20


async def own_number(shop: Shop) -> str:
    accounts = await asked(shop.http, "GET", f"{shop.places.simulators}/phone/api/sessions")
    return str(next(one["phone"] for one in accounts if one["name"] == shop.session))


async def is_silent(shop: Shop, phone: str, *, for_s: float = 4.0, within: float = 60.0) -> None:
    """Nothing new for a while. Raises AssertionError when there is no end to it."""
    began = changed = time.monotonic()
    count = -1
    for _ in itertools.count():
        now = len(await shop.phones("GET", f"customers/{phone}/messages"))
        if now != count:
            count, changed = now, time.monotonic()
        if time.monotonic() - changed > for_s:
            return
        assert time.monotonic() - began < within, f"{count} messages and no end"
        await asyncio.sleep(0.2)


async def is_in_mode(shop: Shop, phone: str, mode: str) -> Json:
    async def found() -> Json:
        chat = await shop.conversation(phone)
        return chat if chat["mode"] == mode else None

    return await until(found, f"{phone}'s conversation is the {mode}'s", within=10)


async def is_recorded(shop: Shop, chat_id: str, state: str) -> None:
    """The newest thing that the customer wrote is in this state."""

    async def recorded() -> bool:
        page = await shop.api("GET", f"/v1/crm/conversations/{chat_id}/messages")
        return any(one["direction"] == "in" and one["state"] == state for one in page["messages"])

    await until(recorded, f"a message is {state}", within=10)


async def is_idle(shop: Shop) -> None:
    """Everything that was written has been considered, and every reply has left."""
    path = f"/v1/crm/conversations?tenant_id={shop.tenant_id}&limit=100"

    async def idle() -> bool:
        for chat in (await shop.api("GET", path))["conversations"]:
            page = await shop.api("GET", f"/v1/crm/conversations/{chat['id']}/messages")
            if any(one["state"] in {"new", "queued", "handed"} for one in page["messages"]):
                return False
        return True

    await until(idle, "nothing waits", within=15)
