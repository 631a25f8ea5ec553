"""The pay page in a real Chromium on a narrow phone: pick a channel, pay, go back to the shop."""

from collections.abc import AsyncGenerator

import pytest

from tests.chromium import Tab, opened
from tests.simulators.pages import NARROW, fits, press, shows
from tests.simulators.xendit.house import ORDER, House

pytestmark = pytest.mark.slow


@pytest.fixture
async def tab(chromium: str) -> AsyncGenerator[Tab]:
    async with opened(chromium) as tab:
        await tab.resize(NARROW, 740, is_phone=True)
        yield tab
        assert tab.complaints == []


async def test_a_customer_picks_a_channel_and_pays(house: House, tab: Tab) -> None:
    shop = (await house.create(external_id="B"))["invoice_url"]
    made = await house.create(success_redirect_url=shop)
    await tab.go(made["invoice_url"])
    await shows(tab, "Rp170.000", ORDER, "Pilih metode pembayaran", "Simulator Xendit")
    await fits(tab)

    await press(tab, "QRIS")
    await shows(tab, "QRIS", "Bayar sebelum")
    await fits(tab)
    await press(tab, "pay")
    await shows(tab, "Pembayaran diterima", "QRIS")
    await fits(tab)

    assert [one["status"] for one in await house.told()] == ["PAID"]
    await tab.click("#back")
    await tab.sees(f"location.href === {shop!r}")


async def test_a_try_that_fails_is_told_to_nobody_and_the_invoice_waits(
    house: House, tab: Tab
) -> None:
    made = await house.create()
    await tab.go(made["invoice_url"])

    await press(tab, "DANA")
    await press(tab, "fail")

    await shows(tab, "Pembayaran gagal, coba lagi", "DANA menolak")
    assert (await house.get(f"/v2/invoices/{made['id']}"))["status"] == "PENDING"
    assert house.receiver.heard == []


async def test_a_customer_lets_it_expire(house: House, tab: Tab) -> None:
    await tab.go((await house.create())["invoice_url"])

    await press(tab, "expire")

    await shows(tab, "Waktu pembayaran habis")
    assert [one["status"] for one in await house.told()] == ["EXPIRED"]


async def test_an_invoice_that_was_paid_elsewhere_cannot_be_paid_again(
    house: House, tab: Tab
) -> None:
    await tab.go((await house.create())["invoice_url"])
    await press(tab, "QRIS")
    await house.does("pay")

    await press(tab, "pay")

    await shows(tab, "Pembayaran diterima")
    assert len(await house.told()) == 1


async def test_a_page_that_nobody_was_given_says_so(house: House) -> None:
    for method in ("GET", "POST"):
        answer = await house.http.request(method, f"{house.url}/xendit/web/unknown")

        assert answer.status == 404
        assert "Halaman tidak ditemukan" in await answer.text()
