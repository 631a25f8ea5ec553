"""The pay page in a real Chromium on a narrow phone: pick a method, pay, go back to the shop."""

from collections.abc import AsyncGenerator

import pytest

from tests.chromium import Tab, opened
from tests.simulators.midtrans.house import ORDER, House, details
from tests.simulators.pages import NARROW, fits, press, shows

pytestmark = pytest.mark.slow


@pytest.fixture
async def tab(chromium: str) -> AsyncGenerator[Tab]:
    async with opened(chromium) as tab:
        await tab.resize(NARROW, 740, is_phone=True)
        yield tab
        assert tab.complaints == []


async def test_a_customer_picks_a_method_and_pays(house: House, tab: Tab) -> None:
    shop = (await house.create(transaction_details=details(order_id="B")))["redirect_url"]
    made = await house.create(callbacks={"finish": shop})
    await tab.go(made["redirect_url"])
    await shows(tab, "Rp170.000", ORDER, "Pilih metode pembayaran", "Simulator Midtrans")
    await fits(tab)

    await press(tab, "other_qris")
    await shows(tab, "QRIS", "Bayar sebelum")
    assert await tab.run("document.querySelector('.qr').naturalWidth > 20")
    await fits(tab)
    await press(tab, "pay")
    await shows(tab, "Pembayaran diterima")
    await fits(tab)

    told = [one["transaction_status"] for one in await house.told(2)]
    assert sorted(told) == ["pending", "settlement"]
    await tab.click("#back")
    await tab.sees(f"location.href.startsWith({shop!r})")
    assert await tab.run("location.search") == (
        f"?order_id={ORDER}&status_code=200&transaction_status=settlement"
    )
    assert {url.split("/")[2] for url in tab.requests if url.startswith("http")} == {
        house.url.removeprefix("http://")
    }


@pytest.mark.parametrize(
    ("method", "number"),
    [("bca_va", "Nomor Virtual Account"), ("echannel", "Kode perusahaan"), ("indomaret", "Kode")],
)
async def test_a_customer_sees_what_to_type_at_the_bank(
    house: House, tab: Tab, method: str, number: str
) -> None:
    await tab.go((await house.create())["redirect_url"])

    await press(tab, method)

    await shows(tab, number)
    await fits(tab)


async def test_a_payment_fails_and_another_way_is_tried(house: House, tab: Tab) -> None:
    await tab.go((await house.create())["redirect_url"])

    await press(tab, "credit_card")
    await press(tab, "fail")
    await shows(tab, "Pembayaran gagal, coba lagi")
    await press(tab, "gopay")
    await press(tab, "pay")

    await shows(tab, "Pembayaran diterima", "GoPay")
    statuses = [one["transaction_status"] for one in await house.told(4)]
    assert sorted(statuses) == ["deny", "pending", "pending", "settlement"]


async def test_a_customer_lets_it_expire(house: House, tab: Tab) -> None:
    await tab.go((await house.create())["redirect_url"])

    await press(tab, "gopay")
    await press(tab, "expire")

    await shows(tab, "Waktu pembayaran habis")
    await fits(tab)


async def test_a_card_may_be_held(house: House, tab: Tab) -> None:
    await tab.go((await house.create())["redirect_url"])

    await press(tab, "credit_card")
    await press(tab, "hold")

    await shows(tab, "Menunggu pemeriksaan")
    assert (await house.status())["fraud_status"] == "challenge"


async def test_reloading_does_not_pay_again(house: House, tab: Tab) -> None:
    url = (await house.create())["redirect_url"]
    await tab.go(url)
    await press(tab, "gopay")
    await press(tab, "pay")
    await shows(tab, "Pembayaran diterima")

    await tab.command("Page.reload")
    await shows(tab, "Pembayaran diterima")

    assert len(await house.told(2)) == 2


async def test_a_page_that_nobody_was_given_says_so(house: House, tab: Tab) -> None:
    answer = await house.page(f"{house.url}/midtrans/snap/v3/redirection/unknown")

    assert answer.status == 404
    assert "Halaman tidak ditemukan" in await answer.text()
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy


async def test_words_of_a_shop_are_words_and_no_markup(house: House, tab: Tab) -> None:
    house.midtrans.register(house.key, name="<script>alert(1)</script>")

    await tab.go((await house.create())["redirect_url"])

    await shows(tab, "<script>alert(1)</script>")
    assert await tab.run("document.scripts.length") == 0
