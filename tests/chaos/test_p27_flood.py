"""P27. Whoever writes a thousand messages costs no more than a chat may, and slows nobody down."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from statistics import quantiles

import pytest

from crm_chatbot.domain.conversations.message import MOST_TURNS
from crm_chatbot.domain.turns.turn import MOST_RESTARTS
from tests.chaos.books import books
from tests.chaos.servers import Servers
from tests.chaos.stack import Plan, Stack, running
from tests.shop import Shop, customers, open_shop

SETTINGS = {"OFFLINE_DELAY_S": "0.05", "OPENAI_API_KEY": ""}
PLAN = Plan(gateways=0, engines=0, chatbots=2, senders=1, broker=True, settings=SETTINGS)
MESSAGES, SECONDS = 1_000, 60.0
#: Each turn is worth one call, newer words may throw it away, and one turn more may have begun
#: before the brake is felt.
MOST_CALLS = (MOST_TURNS + 2) * (MOST_RESTARTS + 1)
FLOODING, *OTHERS = customers(11)
#: What a busy machine may add to a reply by itself, seconds.
NOISE_S = 0.3


@pytest.mark.timeout(240)
@pytest.mark.usefixtures("broker_programs")
async def test_a_flood_costs_what_one_chat_may_and_others_do_not_feel_it(
    servers: Servers, tmp_path: Path
) -> None:
    async with running(servers, tmp_path, PLAN) as stack, books(stack) as kept:
        quiet = await open_shop(kept.shop.http, kept.shop.places, session="quiet")
        await waits(quiet, rounds=1)  # warm by now

        idle = p95(await waits(quiet, rounds=3))
        async with asyncio.TaskGroup() as everything:
            flooding = everything.create_task(flood(kept.shop, MESSAGES, SECONDS))
            waiting = everything.create_task(waits(quiet, rounds=3, every_s=SECONDS / 35))
        await kept.settled()

        calls, chat = await calls_of(stack, kept.shop), await kept.shop.conversation(FLOODING)
        took, beside = flooding.result(), p95(waiting.result())
        figures = (
            f"{MESSAGES} messages in {took:.0f} s cost {calls} calls; "
            f"p95 of others: {idle:.2f} s before, {beside:.2f} s meanwhile"
        )
        assert took < SECONDS * 1.2, figures
        assert await kept.broken() == {}
        assert chat["mode"] == "human"
        assert 0 < calls <= MOST_CALLS, figures
        assert beside < 2 * idle + NOISE_S, figures


async def test_without_a_brake_a_flood_costs_more(servers: Servers, tmp_path: Path) -> None:
    plan = replace(PLAN, chatbots=1, broker=False, off=["loop_brake"])
    async with running(servers, tmp_path, plan) as stack, books(stack) as kept:
        await flood(kept.shop, 400, 20)
        await kept.settled()

        assert await calls_of(stack, kept.shop) > MOST_CALLS
        assert stack.struck == {"loop_brake"}


async def flood(shop: Shop, messages: int, seconds: float) -> float:
    """One customer writes and writes; how long it took."""
    began = time.monotonic()
    for number in range(messages):
        await asyncio.sleep(began + number * seconds / messages - time.monotonic())
        await shop.says(FLOODING, f"pesan nomor {number}")
    return time.monotonic() - began


async def waits(shop: Shop, *, rounds: int, every_s: float = 0.0) -> list[float]:
    """How long others wait for their replies, one after the other."""
    waited: list[float] = []
    for number in range(rounds):
        for phone in OTHERS:
            began = time.monotonic()
            await shop.answer(phone, f"halo, kali ke {number}", within=30)
            waited.append(time.monotonic() - began)
            await asyncio.sleep(began + every_s - time.monotonic())
    return waited


def p95(waited: list[float]) -> float:
    return quantiles(waited, n=20)[-1]


async def calls_of(stack: Stack, shop: Shop) -> int:
    """How often a model was asked for this shop."""
    counted = "SELECT count(*) FROM platform.llm_usage WHERE CAST(tenant_id AS text) = :shop"
    [(count,)] = await stack.sql(counted, shop=shop.tenant_id)
    return int(count)
