"""P15, P17-P20. Many buy at once what there is too little of, while everything dies around them."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.chaos.books import kill
from tests.chaos.buying import FEE, PRICE, Buyer
from tests.chaos.havoc import kill_the_broker, revive_the_broker
from tests.chaos.sales import Sales, sales
from tests.chaos.servers import Servers
from tests.chaos.stack import Plan, running
from tests.shop import customers
from tests.waiting import NotInTime

SETTINGS = {"OPENAI_API_KEY": "", "OFFLINE_DELAY_S": "0.05", "WORKER_DEAD_AFTER_S": "1"}
PLAN = Plan(
    gateways=0,
    engines=0,
    chatbots=3,
    senders=1,
    broker=True,
    settings=SETTINGS,
    faults=["brief_claims", "hurry"],
)
#: notices doubled, shuffled, late, and some of them lost: an ordinary day at a bank
WEATHER = {
    "copies": 2,
    "fresh_copies": True,
    "shuffle": 5,
    "gather_s": 0.3,
    "jitter_s": 0.5,
    "loss": 0.2,
}
BUYERS, STOCK, STRIKES = 50, 32, 12
#: Without a lock the table itself would be the last to notice.
LAST_RESORT = "ck_variants_no_more_promised_than_there"
#: So many of them begin at the same time, and every so many-th thinks better of it.
AT_ONCE, UNDECIDED = 15, 5
PAUSE_S = 2.0


@dataclass
class Crowd:
    """Who wants to buy, and how far they have come."""

    buyers: Sequence[Buyer]
    #: by phone: the link that they were told
    links: dict[str, str] = field(default_factory=dict[str, str])
    paid: set[str] = field(default_factory=set[str])


@pytest.mark.timeout(420)
@pytest.mark.usefixtures("broker_programs")
async def test_nothing_is_sold_or_paid_twice_whoever_dies(
    servers: Servers, tmp_path: Path, seed: int
) -> None:
    async with (
        running(servers, tmp_path, PLAN) as stack,
        sales(stack, "midtrans", stock=STOCK) as kept,
    ):
        await kept.bank.control("PUT", "weather", WEATHER | {"seed": seed})
        crowd = Crowd([kept.buyer(phone) for phone in customers(BUYERS)])

        shopping = asyncio.create_task(shop(kept, crowd))
        async with asyncio.TaskGroup() as everything:
            everything.create_task(kill_all_round(kept, shopping, seed=seed))
            everything.create_task(wipe_the_broker(kept))
        await shopping
        await kept.settled(within=120)

        assert await kept.broken() == {}
        await everybody_got_what_they_paid(kept, crowd)
        await kept.run_out()
        await kept.settled(within=120)

        assert await kept.broken() == {}
        assert (await kept.variant())["reserved"] == 0
        assert STOCK // 2 < len(crowd.paid) == await kept.sold() < STOCK


async def test_without_its_lock_stock_is_promised_twice(servers: Servers, tmp_path: Path) -> None:
    plan = replace(PLAN, chatbots=2, broker=False, off=["stock_lock"])
    async with running(servers, tmp_path, plan) as stack, sales(stack, "midtrans", stock=2) as kept:
        await stack.sql(f"ALTER TABLE crm.variants DROP CONSTRAINT {LAST_RESORT}")
        buyers = [kept.buyer(phone) for phone in customers(8)]
        await asyncio.gather(*(buyer.fills() for buyer in buyers))
        assert all(await asyncio.gather(*(buyer.checks_out() for buyer in buyers)))

        links = await asyncio.gather(*(buyer.agrees() for buyer in buyers))

        assert len(list(filter(None, links))) > kept.stock
        assert "a variant promises exactly what its orders hold" in await kept.broken()
        assert stack.struck == {"brief_claims", "hurry", "stock_lock"}


async def test_whoever_waits_for_notices_alone_is_never_paid(
    servers: Servers, tmp_path: Path
) -> None:
    plan = replace(PLAN, chatbots=1, broker=False, off=["reconciliation"])
    async with running(servers, tmp_path, plan) as stack, sales(stack, "midtrans") as kept:
        await kept.bank.control("PUT", "weather", {"outage": True})
        [phone] = customers(1)
        buyer = kept.buyer(phone)
        link = await buyer.orders()
        assert link
        await kept.bank.pays(link)

        with pytest.raises(NotInTime):
            await buyer.hears(receipt=1, within=8)

        assert (await buyer.order())["status"] == "AWAITING_PAYMENT"
        assert "money counted otherwise than the bank does" in await kept.broken()
        assert stack.struck == {"brief_claims", "hurry", "reconciliation"}


async def shop(kept: Sales, crowd: Crowd) -> None:
    """All of them, some at once; whoever has a link pays at the bank, or thinks better of it."""
    room = asyncio.Semaphore(AT_ONCE)

    async def buy(number: int, buyer: Buyer) -> None:
        async with room:
            link = await buyer.orders()
        if link is None:
            return
        crowd.links[buyer.phone] = link
        if number % UNDECIDED:
            await kept.bank.pays(link)
            crowd.paid.add(buyer.phone)

    async with asyncio.TaskGroup() as everybody:
        for number, buyer in enumerate(crowd.buyers):
            everybody.create_task(buy(number, buyer))


async def kill_all_round(kept: Sales, shopping: asyncio.Task[None], *, seed: int) -> None:
    """Somebody, every other second, for as long as anybody shops."""
    chance = random.Random(seed)  # noqa: S311 - to be repeated
    everybody = [*kept.stack.chatbots, *kept.stack.senders]
    for _ in range(STRIKES):
        await asyncio.wait({shopping}, timeout=PAUSE_S)
        if shopping.done():
            return
        await kill(chance.choice(everybody))


async def wipe_the_broker(kept: Sales) -> None:
    """Once, as the shopping begins: it comes back, and knows nothing."""
    await kill_the_broker(kept.stack, wipe=True)
    await revive_the_broker(kept.stack)


async def everybody_got_what_they_paid(kept: Sales, crowd: Crowd) -> None:
    """Each has one order of one piece, paid by one payment; who has not paid has none."""
    for buyer in crowd.buyers:
        if buyer.phone not in crowd.links:
            continue
        order, payments = await buyer.order(), await buyer.payments()
        if buyer.phone in crowd.paid:
            assert order["status"] == "PAID", order
            assert [one["status"] for one in payments] == ["PAID"]
            assert payments[0]["paid_amount"] == PRICE + FEE == order["total"]["amount"]
        else:
            assert order["status"] == "AWAITING_PAYMENT", order
            assert [one["status"] for one in payments] == ["PENDING"]
        assert await buyer.links() == {crowd.links[buyer.phone]}
