"""A person buys on the phone page in a real Chromium, and pays by clicking through the pay page."""

from collections.abc import AsyncGenerator

import httpx
import pytest

from standalone.demo_shop import PLAN, connected
from standalone.pretend import PretendWorld, pretend_world
from standalone.shop import Opening, Shop
from tests.chromium import Tab, opened
from tests.flows.platform import Platform, Start
from tests.simulators.pages import press, shows

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

BUDI = "6281200000002"
HEARD = "[...document.querySelectorAll('.bubble:not(.mine) .text')].map(e => e.innerText)"
LINK = "document.querySelector('.bubble a[href*=\"/midtrans/\"]')"


@pytest.fixture
async def world() -> AsyncGenerator[PretendWorld]:
    async with pretend_world() as world:
        yield world


@pytest.fixture
async def platform(start: Start, world: PretendWorld) -> AsyncGenerator[Platform]:
    async with start(WA_PACING="false", LOG_LEVEL="WARNING", **world.settings) as platform:
        yield platform


@pytest.fixture
async def shop(platform: Platform, world: PretendWorld) -> Shop:
    """The demo's."""
    return await connected(Opening(platform.http, world))


@pytest.fixture
async def tab(chromium: str) -> AsyncGenerator[Tab]:
    async with opened(chromium) as tab:
        await tab.resize(360, 740, is_phone=True)
        yield tab
        assert tab.complaints == []


async def say(tab: Tab, words: str, *answers: str) -> None:
    """Type it, and wait until each of these is heard."""
    await tab.click("#text")
    await tab.write(words)
    await tab.press("Enter")
    for answer in answers:
        await tab.sees(f"{HEARD}.some(words => words.includes({answer!r}))", within=30)


async def test_a_person_orders_pays_and_is_told(
    platform: Platform, world: PretendWorld, shop: Shop, tab: Tab
) -> None:
    phone = world.phone_of(PLAN.session, BUDI)
    await tab.go(phone)

    await say(tab, "pesan 2 kopi gayo 250gr", "Total: Rp170.000")
    await say(tab, "checkout kak", "alamat lengkap")
    await say(tab, "kirim ke Jl. Dago No. 12, Bandung 40135", "Total: Rp180.000", "Balas YA")
    await say(tab, "ya", "Silakan bayar pesanan ORD-1001 sebesar Rp180.000")
    opens_beside = await tab.run(f"{LINK}.target")
    await tab.go(await tab.run(f"{LINK}.href"))
    await shows(tab, "Rp180.000", "Pilih metode pembayaran")
    await press(tab, "other_qris")
    await press(tab, "pay")
    await shows(tab, "Pembayaran diterima")
    await tab.go(phone)
    await tab.sees(f"{HEARD}.some(words => words.includes('sudah kami terima'))", within=30)

    assert opens_beside == "_blank"
    assert await the_orders(platform.http, shop) == [("ORD-1001", "PAID", "Rp180.000")]


async def the_orders(http: httpx.AsyncClient, shop: Shop) -> list[tuple[str, str, str]]:
    """As `curl` shows them."""
    listed = (await http.get(f"{shop.place}/orders")).json()["orders"]
    return [(one["number"], one["status"], one["total"]["formatted"]) for one in listed]
