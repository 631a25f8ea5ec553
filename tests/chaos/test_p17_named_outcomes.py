"""P17. Money that comes too late, twice, or goes back: each is a named outcome, whoever dies."""

from collections.abc import AsyncGenerator, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio

from tests.chaos.books import kill
from tests.chaos.buying import Buyer
from tests.chaos.sales import Sales, sales
from tests.chaos.servers import Servers
from tests.chaos.stack import Plan, running
from tests.waiting import NotInTime, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

SETTINGS = {"OPENAI_API_KEY": "", "OFFLINE_DELAY_S": "0.05", "WORKER_DEAD_AFTER_S": "1"}
PLAN = Plan(
    gateways=0,
    engines=0,
    chatbots=1,
    senders=1,
    settings=SETTINGS,
    faults=["brief_claims", "hurry"],
)


def _numbers() -> Iterator[str]:
    return (f"62816{number:08}" for number in count())


PHONES = _numbers()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kept(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Sales]:
    directory = tmp_path_factory.mktemp("named-outcomes")
    async with (
        running(servers, directory, PLAN) as stack,
        sales(stack, "midtrans", stock=20) as kept,
    ):
        yield kept


async def test_money_that_is_late_still_buys_what_is_there(kept: Sales) -> None:
    buyer = await late(kept)

    await moves(kept, buyer, "settlement")
    await becomes(kept, buyer, "PAID")

    assert (await buyer.told())["receipt"] == 1
    assert await concerns(kept, buyer) == set()
    await the_books_are_right(kept)


async def test_money_that_is_too_late_calls_a_person(kept: Sales) -> None:
    buyer, other = await late(kept), a_customer(kept)
    link = await other.orders((await kept.variant())["available"])
    assert link
    await kept.bank.pays(link)
    await other.hears(receipt=1)

    await moves(kept, buyer, "settlement")
    await becomes(kept, buyer, "PAID_ATTENTION")

    assert await concerns(kept, buyer) == {"paid_without_stock"}
    assert (await buyer.told())["held up"] == 1
    await the_books_are_right(kept)
    for customer, back in ((buyer, 0), (other, 1)):
        before = (await kept.variant())["available"]
        [payment] = await customer.payments()
        path = f"/v1/crm/payments/{payment['id']}/refunds"
        await customer.shop.api("POST", path, {"reason": "Stok habis"})
        await becomes(kept, customer, "REFUNDED")
        await customer.hears(refund=1)
        [line] = (await customer.order())["lines"]
        assert (await kept.variant())["available"] == before + back * line["quantity"]
    await the_books_are_right(kept)


async def test_who_pays_while_they_cancel_is_seen_to_by_a_person(kept: Sales) -> None:
    buyer = await with_a_link(kept)
    await kept.bank.control("PUT", "weather", {"outage": True})
    [link] = await buyer.links()
    await kept.bank.pays(link)

    await buyer.says("batalkan pesanan saya")
    await kill(kept.stack.chatbots[0])
    await becomes(kept, buyer, "PAID_ATTENTION")
    await kept.bank.control("PUT", "weather", {})

    assert await concerns(kept, buyer) == {"paid_after_cancellation"}
    assert (await buyer.told())["held up"] == 1
    await the_books_are_right(kept)


@pytest.mark.parametrize(
    ("to", "payment", "concern"),
    [
        ("deny", "REVERSED", "payment_reversed"),
        ("chargeback", "CHARGED_BACK", "charged_back"),
    ],
)
async def test_money_that_is_taken_back_calls_a_person(
    kept: Sales, to: str, payment: str, concern: str
) -> None:
    buyer = await who_has_paid(kept)

    await moves(kept, buyer, to)
    await becomes(kept, buyer, "PAID_ATTENTION")

    assert [one["status"] for one in await buyer.payments()] == [payment]
    assert await concerns(kept, buyer) == {concern}
    await the_books_are_right(kept)


async def test_a_part_that_went_back_at_the_bank_is_told(kept: Sales) -> None:
    buyer = await who_has_paid(kept)
    reference = (await buyer.payments())[0]["reference"]

    await kept.bank.control("POST", f"orders/{reference}/refund", {"amount": 5_000})
    await kill(kept.stack.chatbots[0])
    await buyer.hears(refund=1)

    assert (await buyer.order())["status"] == "PAID"
    assert [one["status"] for one in await buyer.payments()] == ["PARTLY_REFUNDED"]
    assert await concerns(kept, buyer) == {"partly_refunded"}
    await the_books_are_right(kept)


async def test_what_is_heard_too_late_takes_nothing_back(kept: Sales) -> None:
    buyer = await who_has_paid(kept)
    reference = (await buyer.payments())[0]["reference"]
    for status, code in (("expire", "202"), ("cancel", "202"), ("pending", "201")):
        edit = {"transaction_status": status, "status_code": code}
        path = f"orders/{reference}/notify"
        await kept.bank.control("POST", path, {"edit": edit, "sign_again": True})

    async def all_are_heard() -> bool:
        told = await kept.bank.control("GET", f"deliveries?reference={reference}")
        return len(told) >= 5 and all(one["outcome"] == "delivered" for one in told)

    await until(all_are_heard, "every notice is heard", within=30)
    await kept.settled()

    assert (await buyer.order())["status"] == "PAID"
    await the_books_are_right(kept)


async def test_without_this_late_money_is_passed_over(servers: Servers, tmp_path: Path) -> None:
    plan = replace(PLAN, off=["late_money"])
    async with running(servers, tmp_path, plan) as stack, sales(stack, "midtrans") as kept:
        buyer = await late(kept)

        await moves(kept, buyer, "settlement")
        with pytest.raises(NotInTime):
            await becomes(kept, buyer, "PAID", within=8)

        assert "money that changed nothing" in await kept.broken()
        assert stack.struck == {"brief_claims", "hurry", "late_money"}


def a_customer(kept: Sales) -> Buyer:
    return kept.buyer(next(PHONES))


async def with_a_link(kept: Sales) -> Buyer:
    buyer = a_customer(kept)
    assert await buyer.orders(2)
    return buyer


async def who_has_paid(kept: Sales) -> Buyer:
    buyer = await with_a_link(kept)
    [link] = await buyer.links()
    await kept.bank.pays(link)
    await buyer.hears(receipt=1)
    return buyer


async def late(kept: Sales) -> Buyer:
    """Somebody who was about to pay when the time was over."""
    buyer = await with_a_link(kept)
    [payment] = await buyer.payments()
    await kept.bank.control("POST", f"orders/{payment['reference']}/choose", {})
    await kept.run_out(of=buyer)
    await becomes(kept, buyer, "EXPIRED")
    await kept.settled()
    return buyer


async def moves(kept: Sales, buyer: Buyer, to: str) -> None:
    """The bank decides something; and whoever hears of it dies."""
    reference = (await buyer.payments())[-1]["reference"]
    body = {"to": to, "force": True}
    await kept.bank.control("POST", f"orders/{reference}/move", body)
    await kill(kept.stack.chatbots[0])


async def becomes(kept: Sales, buyer: Buyer, status: str, *, within: float = 45) -> None:
    async def is_so() -> bool:
        return bool((await buyer.order())["status"] == status)

    await until(is_so, f"the order becomes {status}", within=within, every=0.1)
    await kept.settled()


async def concerns(kept: Sales, buyer: Buyer) -> set[str]:
    return await kept.concerns((await buyer.order())["id"])


async def the_books_are_right(kept: Sales) -> None:
    await kept.settled()
    assert await kept.broken() == {}
