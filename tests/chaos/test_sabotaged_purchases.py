"""What keeps purchases right, switched off: the same scenes go red."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from tests.chaos.books import kill
from tests.chaos.crashpoints import CrashPoint, die_at, ready_for_orders
from tests.chaos.sales import Sales, sales
from tests.chaos.servers import Servers
from tests.chaos.stack import Plan, running
from tests.shop import Json, customers
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
OFF = ("tool_once", "effects_once", "known_notices")
FORGETFUL, TOLD_AGAIN, TOLD_TWICE, UNHEARD = customers(4)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kept(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Sales]:
    directory = tmp_path_factory.mktemp("sabotaged-purchases")
    plan = ready_for_orders(replace(PLAN, off=OFF), directory)
    async with running(servers, directory, plan) as stack, sales(stack, "midtrans") as kept:
        yield kept


async def test_a_tool_that_nobody_remembers_fills_the_cart_twice(kept: Sales) -> None:
    buyer = kept.buyer(FORGETFUL)
    point = CrashPoint("tool.effect_committed", "chatbot")

    await buyer.shop.says(buyer.phone, "pesan 2 kopi gayo")
    await die_at(kept.stack, point)
    await kept.settled()

    assert [line["quantity"] for line in (await buyer.order())["lines"]] == [4]
    assert "tool_once" in kept.stack.struck


async def test_money_that_is_seen_twice_is_told_twice(kept: Sales) -> None:
    buyer = kept.buyer(TOLD_AGAIN)
    link = await buyer.orders()
    assert link

    await kept.bank.pays(link)
    await buyer.hears(receipt=2)

    assert "receipts" in await kept.broken()
    assert "effects_once" in kept.stack.struck


async def test_a_notice_that_is_not_known_again_is_an_error(kept: Sales) -> None:
    buyer = kept.buyer(TOLD_TWICE)
    link = await buyer.orders()
    assert link
    await kept.bank.control("PUT", "weather", {"copies": 2, "fresh_copies": True})

    await kept.bank.pays(link)

    async def is_refused() -> list[Json]:
        told = await kept.bank.control("GET", "deliveries")
        return [one for one in told if one["status"] == 500]

    await until(is_refused, "somebody is told of an error", within=30)
    assert "known_notices" in kept.stack.struck


async def test_a_notice_that_is_answered_before_it_is_stored_is_lost(
    servers: Servers, tmp_path: Path
) -> None:
    plan = replace(PLAN, off=["stored_notice", "reconciliation"])
    async with running(servers, tmp_path, plan) as stack, sales(stack, "midtrans") as kept:
        buyer = kept.buyer(UNHEARD)
        assert await buyer.orders()
        [payment] = await buyer.payments()

        await kept.bank.control("POST", f"orders/{payment['reference']}/pay", {})
        await both_are_answered(kept)
        await kill(stack.chatbots[0])

        with pytest.raises(NotInTime):
            await buyer.hears(receipt=1, within=8)
        assert "money counted otherwise than the bank does" in await kept.broken()
        assert stack.struck == {"brief_claims", "hurry", "reconciliation", "stored_notice"}


async def both_are_answered(kept: Sales) -> None:
    """That a method was picked, and that it was paid."""

    async def are_answered() -> bool:
        told = await kept.bank.control("GET", "deliveries")
        return [one["outcome"] for one in told] == ["delivered"] * 2

    await until(are_answered, "both notices are answered", within=15, every=0.01)
