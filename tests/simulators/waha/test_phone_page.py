"""The chat page in a real Chromium: chats both ways live, on a narrow phone, by mouse and keys."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from simulators.waha.server import Waha
from tests.chromium import Tab, opened
from tests.simulators.waha.house import BUDI, BUDI_CHAT, House
from tests.waiting import until

pytestmark = pytest.mark.slow

NARROW = 360
SARI = "6281233334444"
WRITTEN = "[...document.querySelectorAll('.bubble .text')].map(e => e.textContent)"


@pytest.fixture
async def tab(chromium: str) -> AsyncGenerator[Tab]:
    async with opened(chromium) as tab:
        await tab.resize(NARROW, 740, is_phone=True)
        yield tab
        assert tab.complaints == []


@pytest.fixture
async def shop(house: House) -> House:
    house.session()
    return house


async def open_chat(house: House, tab: Tab, *, phone: str = BUDI, more: str = "") -> None:
    await tab.go(f"{house.url}/phone?session=toko-contoh&customer={phone}&lang=en{more}")
    await tab.sees("document.querySelector('#composer').checkVisibility()")


async def say(tab: Tab, text: str) -> None:
    await tab.click("#text")
    await tab.write(text)
    await tab.press("Enter")
    await tab.sees(f"{WRITTEN}.includes({text!r})")


async def fits(tab: Tab) -> None:
    """Nothing sticks out at the sides."""
    assert await tab.run("document.documentElement.scrollWidth") == NARROW
    sticking_out = (
        "[...document.querySelectorAll('button, input, textarea, .bubble, h1, h2, .menu, dialog')]"
        f".filter(e => e.checkVisibility() && (e.getBoundingClientRect().right > {NARROW + 0.5}"
        " || e.getBoundingClientRect().left < -0.5)).map(e => e.outerHTML)"
    )
    assert await tab.run(sticking_out) == []


async def test_a_customer_and_the_shop_chat_live(shop: House, tab: Tab) -> None:
    await open_chat(shop, tab, more="&name=Budi")

    await say(tab, "Halo kak, kopi gayo ready?")
    (heard,) = await shop.receiver.hears("message")
    await shop.text("Ready kak!")
    await tab.sees(f"{WRITTEN}.includes('Ready kak!')")

    assert heard.payload["body"] == "Halo kak, kopi gayo ready?"
    assert heard.payload["_data"]["Info"]["PushName"] == "Budi"
    acks = await shop.receiver.hears("message.ack", times=2)
    assert [one.payload["ackName"] for one in acks] == ["DEVICE", "READ"]


async def test_ticks_turn_blue_when_the_shop_has_read(shop: House, tab: Tab) -> None:
    await open_chat(shop, tab)
    await say(tab, "Halo")
    await tab.sees("document.querySelector('.bubble.mine').dataset.ticks === 'delivered'")

    await shop.call("POST", "/api/sendSeen", {"session": "toko-contoh", "chatId": BUDI_CHAT})

    await tab.sees("document.querySelector('.bubble.mine .tick.read')")


async def test_both_sides_see_the_other_typing(shop: House, tab: Tab) -> None:
    await open_chat(shop, tab)
    typing = {"session": "toko-contoh", "chatId": BUDI_CHAT}

    await shop.call("POST", "/api/startTyping", typing)
    await tab.sees(
        "document.querySelector('.typing')"
        " && document.querySelector('#peer-state').textContent === 'typing…'"
    )
    await shop.call("POST", "/api/stopTyping", typing)
    await tab.sees("!document.querySelector('.typing')")
    await tab.click("#text")
    await tab.write("Ha")

    (heard,) = await shop.receiver.hears("presence.update")
    assert heard.payload["presences"][0]["lastKnownPresence"] == "typing"


async def test_many_customers_have_a_line_each_with_what_is_unread(shop: House, tab: Tab) -> None:
    await shop.customer(BUDI, "Budi")
    await shop.customer(SARI, "Sari")
    await open_chat(shop, tab)
    await tab.click("#back")

    for n in range(2):
        await shop.text(f"Promo {n}", chat=f"{SARI}@c.us")

    line = f"document.querySelector('[data-phone=\"{SARI}\"]')"
    await tab.sees(f"{line}.querySelector('.badge')?.textContent === '2'")
    assert "Promo 1" in await tab.run(f"{line}.textContent")
    await tab.click(f'[data-phone="{SARI}"]')
    await tab.sees(f"{WRITTEN}.length === 2")
    acks = await shop.receiver.hears("message.ack", times=4)
    assert [one.payload["ackName"] for one in acks].count("READ") == 2


async def test_a_new_customer_is_added_on_the_page(shop: House, tab: Tab) -> None:
    await tab.go(f"{shop.url}/phone?session=toko-contoh&lang=en")
    await tab.sees("!document.querySelector('#add').disabled")
    await tab.click("#add")
    await fits(tab)

    await tab.write("Tono")
    await tab.press("Enter")

    await tab.sees("document.querySelector('#composer').checkVisibility()")
    await say(tab, "Halo")
    (heard,) = await shop.receiver.hears("message")
    assert heard.payload["_data"]["Info"]["PushName"] == "Tono"


async def test_the_owners_phone_can_be_held_too(shop: House, tab: Tab) -> None:
    await open_chat(shop, tab, more="&name=Budi")
    await say(tab, "Halo")
    await tab.click(".roles [data-role=shop]")
    await tab.sees("document.querySelector('#peer').textContent === 'Budi'")

    await say(tab, "Saya cek dulu ya kak")

    heard = await shop.receiver.hears("message.any", times=2)
    mine = next(one.payload for one in heard if one.payload["fromMe"])
    assert (mine["body"], mine["source"]) == ("Saya cek dulu ya kak", "app")
    assert await tab.run("document.querySelector('.bubble.mine .source.owner') !== null")


@pytest.mark.parametrize(
    ("kind", "sees"),
    [
        ("sample", "document.querySelector('.picture img')?.naturalWidth > 0"),
        ("voice", "document.querySelector('audio')?.duration > 3"),
        ("location", "document.querySelector('.place strong')?.textContent"),
    ],
)
async def test_pictures_voice_notes_and_places_can_be_sent(
    shop: House, tab: Tab, kind: str, sees: str
) -> None:
    await open_chat(shop, tab)

    await tab.click("#attach")
    await fits(tab)
    await tab.click(f"#attachments [data-kind={kind}]")

    await tab.sees(sees)
    (heard,) = await shop.receiver.hears("message")
    assert bool(heard.payload["hasMedia"] or heard.payload["location"])
    await fits(tab)


async def test_a_picture_from_the_shop_is_seen(shop: House, tab: Tab) -> None:
    await shop.customer()
    sent = await shop.says("kopi", type="image")
    url = f"{shop.url}/phone/api/toko-contoh/messages/{sent['plain_id']}/media"
    await open_chat(shop, tab)

    file = {"mimetype": "image/png", "url": url}
    body = {"session": "toko-contoh", "chatId": BUDI_CHAT, "file": file, "caption": "Ini kak"}
    await shop.call("POST", "/api/sendImage", body)

    await tab.sees("document.querySelector('.theirs img')?.naturalWidth > 0")


async def test_a_message_is_answered_reacted_to_changed_and_deleted(shop: House, tab: Tab) -> None:
    await open_chat(shop, tab)
    await say(tab, "pesan 2 ya")

    async def choose(nth: int) -> None:
        await tab.click(".bubble.mine .more")
        await tab.click(f"#actions > button:nth-of-type({nth})")

    await tab.click(".bubble.mine .more")
    await fits(tab)
    await tab.click("#actions .emoji button")
    await tab.sees("document.querySelector('.reactions')?.textContent === '👍'")
    await choose(1)
    await say(tab, "yang robusta")
    await tab.sees("document.querySelector('blockquote')?.textContent.includes('pesan 2 ya')")
    await choose(2)
    await tab.run("document.querySelector('#text').value = ''")
    await tab.write("pesan 3 ya")
    await tab.press("Enter")
    await tab.sees(f"{WRITTEN}.includes('pesan 3 ya')")
    await choose(3)

    await tab.sees("document.querySelector('.deleted')")
    for event in ("message.reaction", "message.edited", "message.revoked"):
        assert await shop.receiver.hears(event)


async def test_everything_can_be_done_with_keys(shop: House, tab: Tab) -> None:
    await shop.customer(BUDI, "Budi")
    await tab.resize(1200, 800)
    await tab.go(f"{shop.url}/phone?session=toko-contoh&lang=en")
    await tab.sees("document.querySelectorAll('#customers button').length")

    async def tab_to(condition: str) -> None:
        async def there() -> Any:  # noqa: ANN401 - whatever the condition gives
            await tab.press("Tab")
            return await tab.run(condition)

        await until(there, condition, within=10, every=0)

    await tab_to("document.activeElement.dataset.phone !== undefined")
    await tab.press("Enter")
    await tab.sees("document.querySelector('#composer').checkVisibility()")
    await tab_to("document.activeElement.id === 'text'")
    await tab.write("Halo")
    await tab.press("Enter")

    assert await shop.receiver.hears("message")


async def test_everything_to_press_or_fill_in_has_a_name(shop: House, tab: Tab) -> None:
    for lang in ("id", "en"):
        await open_chat(shop, tab, more=f"&lang={lang}")

        nameless = await tab.run(
            "[...document.querySelectorAll('button, input, select, textarea, [role=log], dialog')]"
            ".filter(e => !e.ariaHidden && !(e.ariaLabel || e.labels?.length"
            " || e.getAttribute('aria-labelledby') || e.textContent.trim())).map(e => e.outerHTML)"
        )
        assert nameless == []
        assert "undefined" not in await tab.run("document.body.outerHTML")


async def test_what_somebody_writes_is_never_run(shop: House, tab: Tab) -> None:
    evil = "<img src=x onerror=\"document.title='ran'\"><script>document.title='ran'</script>"
    await shop.customer(BUDI, evil[:100])
    await open_chat(shop, tab)

    await shop.text(evil)

    await tab.sees(f"{WRITTEN}.some(text => text.startsWith('<img'))")
    assert await tab.run("document.title") == "Toko Contoh"
    assert await tab.run("document.querySelectorAll('#messages img, #customers img').length") == 0


async def test_what_was_missed_is_there_after_a_break(shop: House, tab: Tab) -> None:
    await open_chat(shop, tab)
    feed = shop.waha.session("toko-contoh").feed
    await until(lambda: feed.listeners, "the page listens", within=5)

    feed.hang_up()
    await shop.text("Ketinggalan?")

    await tab.sees(f"{WRITTEN}.includes('Ketinggalan?')")


async def test_a_session_that_waits_for_a_scan_is_connected_on_the_page(
    house: House, tab: Tab
) -> None:
    session = house.session(is_paired=False)
    await tab.go(f"{house.url}/phone?session=toko-contoh&lang=en")

    await tab.click("#connect button")

    await tab.sees("!document.querySelector('#connect').checkVisibility()")
    assert session.status == "WORKING"


async def test_the_page_may_be_there_before_the_session(house: House, tab: Tab) -> None:
    await tab.go(f"{house.url}/phone?session=toko-contoh&customer={BUDI}&lang=en")
    await tab.sees("document.querySelector('#shop-name').textContent.startsWith('There is no')")

    house.session()

    await tab.sees("document.querySelector('#composer').checkVisibility()")


async def test_nobody_else_is_asked_for_anything(shop: House, tab: Tab) -> None:
    await open_chat(shop, tab)
    await say(tab, "Halo https://example.com/ kak")
    await tab.click("#attach")
    await tab.click("#attachments [data-kind=sample]")
    await tab.sees("document.querySelector('.picture img')?.naturalWidth > 0")

    foreign = [url for url in tab.requests if not url.startswith((shop.url, "data:", "about:"))]
    assert foreign == []
    assert len(tab.requests) > 10


async def test_the_language_can_be_changed(shop: House, tab: Tab) -> None:
    await tab.go(f"{shop.url}/phone?session=toko-contoh&lang=en")

    await tab.click("#language")

    await tab.sees("document.querySelector('#add').title === 'Tambah pelanggan'")
    assert await tab.run("document.documentElement.lang") == "id"


async def test_the_narrow_page_fits_with_long_words(shop: House, tab: Tab) -> None:
    await shop.customer(BUDI, "Raden Mas Panji Nama Yang Sangat Panjang Sekali")
    await open_chat(shop, tab)
    await say(tab, "A" * 300)
    await shop.text("https://example.com/" + "b" * 200)
    await tab.sees(f"{WRITTEN}.length === 2")

    await fits(tab)
    await tab.click(".roles [data-role=shop]")
    await fits(tab)
    await tab.click("#back")
    await fits(tab)


def test_a_waha_of_its_own_has_no_sessions() -> None:
    assert list(Waha().sessions) == []
