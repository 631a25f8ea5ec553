"""A browser of ours on the pretend banks' pay pages."""

from collections.abc import AsyncGenerator

import httpx
import pytest

from standalone.paying import LET_IT_EXPIRE, Browser, link_in
from standalone.pretend import PretendWorld, free_port, pretend_world
from standalone.promises import PromiseBroken

BODY = {"transaction_details": {"order_id": "ORD-1", "gross_amount": 170_000}}


@pytest.fixture
async def world() -> AsyncGenerator[PretendWorld]:
    async with pretend_world() as world:
        yield world


@pytest.fixture
async def http(world: PretendWorld) -> AsyncGenerator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=world.url) as http:
        yield http


@pytest.fixture
async def link(http: httpx.AsyncClient) -> str:
    """A page on which Rp170.000 can be paid."""
    await http.put("/midtrans/control/merchants", json={"server_key": "SB-key"})
    answer = await http.post("/midtrans/snap/v1/transactions", json=BODY, auth=("SB-key", ""))
    return str(answer.json()["redirect_url"])


async def test_who_pays_sees_that_it_is_paid(http: httpx.AsyncClient, link: str) -> None:
    page = await Browser(http).pays(link, "QRIS")

    assert (page.heading, page.amount) == ("Pembayaran diterima", "Rp170.000")
    order = await http.get("/midtrans/control/orders/ORD-1")
    assert [one["status"] for one in order.json()["transactions"]] == ["settlement"]


async def test_a_page_that_is_closed_takes_nothing(http: httpx.AsyncClient, link: str) -> None:
    browser = Browser(http)
    chosen = await browser.presses(await browser.opens(link), "GoPay")
    await browser.presses(chosen, LET_IT_EXPIRE)

    with pytest.raises(PromiseBroken, match="Waktu pembayaran habis” offers nothing, not QRIS"):
        await browser.pays(link, "QRIS")


async def test_a_link_to_nowhere_is_said(http: httpx.AsyncClient, world: PretendWorld) -> None:
    with pytest.raises(PromiseBroken, match="answered 404"):
        await Browser(http).opens(f"{world.url}/midtrans/snap/v3/redirection/nobody")


def test_the_last_link_of_a_text_is_found() -> None:
    assert (
        link_in("Bayar di sini:\nhttps://pay.example/1\n\nTerima kasih") == "https://pay.example/1"
    )
    assert link_in("nothing to pay") is None


async def test_where_its_port_is_taken_the_world_is_found_elsewhere(world: PretendWorld) -> None:
    taken = int(world.url.rpartition(":")[2])

    assert free_port(taken) != taken
    async with pretend_world(port=taken) as other:
        assert other.url != world.url
