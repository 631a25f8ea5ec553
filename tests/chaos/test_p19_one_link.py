"""P19. An order has one page to pay at, whatever its bank answers and however often it is asked."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import cast

import pytest
import pytest_asyncio

from tests.chaos.bank import Provider
from tests.chaos.books import kill
from tests.chaos.buying import Buyer
from tests.chaos.sales import Sales, sales
from tests.chaos.servers import Servers
from tests.chaos.stack import Plan, running
from tests.shop import Json
from tests.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

SETTINGS = {"OPENAI_API_KEY": "", "OFFLINE_DELAY_S": "0.05", "WORKER_DEAD_AFTER_S": "1"}
PLAN = Plan(
    gateways=0,
    engines=0,
    chatbots=2,
    senders=1,
    settings=SETTINGS,
    faults=["brief_claims", "hurry"],
)
CREATES = {"midtrans": "create", "xendit": "create_invoice"}
#: What a bank may do to somebody who asks it for a page.
TROUBLES: dict[str, Sequence[Json]] = {
    "makes-it-and-drops-the-answer": [{"reset": "after", "times": 2}],
    "makes-it-and-falls-silent": [{"hang": True, "in_effect": True, "times": 1}],
    "fails-again-and-again": [
        {"status": 503, "times": 1},
        {"status": 500, "in_effect": True, "times": 2},
    ],
    "answers-in-half-sentences": [
        {"garbage": "html", "times": 1},
        {"garbage": "truncated", "times": 1},
    ],
}
TAPS = 20


def _numbers() -> Iterator[str]:
    return (f"62815{number:08}" for number in count())


PHONES = _numbers()


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["midtrans", "xendit"])
async def kept(
    request: pytest.FixtureRequest,
    servers: Servers,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncGenerator[Sales]:
    directory = tmp_path_factory.mktemp("one-link")
    async with (
        running(servers, directory, PLAN) as stack,
        sales(stack, cast("Provider", request.param)) as kept,
    ):
        yield kept


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
async def test_a_bank_that_answers_badly_makes_one_page(
    kept: Sales, trouble: Sequence[Json]
) -> None:
    buyer = await ready_to_pay(kept)
    await misbehave(kept, trouble)

    await asks_for_a_page(buyer, taps=3)
    await buyer.hears(link=1)

    await there_is_one_page_and_it_is_paid(kept, buyer)


async def test_whoever_taps_again_and_again_has_one_page(kept: Sales) -> None:
    buyer = await ready_to_pay(kept)

    await asks_for_a_page(buyer, taps=TAPS)
    for _ in range(TAPS):
        await buyer.shop.says(buyer.phone, "minta link bayarnya kak")
    await buyer.hears(link=1)

    await there_is_one_page_and_it_is_paid(kept, buyer)


async def test_whoever_dies_while_a_page_is_made_leaves_one(kept: Sales) -> None:
    buyer = await ready_to_pay(kept)
    await misbehave(kept, [{"hang": True, "in_effect": True, "times": 1}])

    await asks_for_a_page(buyer, taps=1)
    await a_page_is_made(kept, buyer)
    for process in kept.stack.chatbots:
        await kill(process)
    await buyer.hears(link=1)

    await there_is_one_page_and_it_is_paid(kept, buyer)


@pytest.mark.parametrize(
    ("off", "provider", "broken"),
    [
        ("known_pages", "xendit", "several pages"),
        ("one_reference", "midtrans", "pages of which nobody knows"),
    ],
)
async def test_without_this_there_are_more(
    servers: Servers, tmp_path: Path, off: str, provider: Provider, broken: str
) -> None:
    plan = replace(PLAN, chatbots=1, off=[off])
    async with running(servers, tmp_path, plan) as stack, sales(stack, provider) as kept:
        buyer = await ready_to_pay(kept)
        await misbehave(kept, TROUBLES["makes-it-and-drops-the-answer"])

        await asks_for_a_page(buyer, taps=1)
        await buyer.hears(link=1)

        assert broken in await kept.broken()
        assert stack.struck == {"brief_claims", "hurry", off}


async def ready_to_pay(kept: Sales) -> Buyer:
    """A customer who has only to say yes."""
    buyer = kept.buyer(next(PHONES))
    await buyer.fills()
    assert await buyer.checks_out()
    return buyer


async def misbehave(kept: Sales, trouble: Sequence[Json]) -> None:
    call = CREATES[kept.bank.provider]
    await kept.bank.control("PUT", "script", [{"call": call, **rule} for rule in trouble])


async def asks_for_a_page(buyer: Buyer, *, taps: int) -> None:
    """With a yes; and at the same time, as it were, by a button that is pressed too often."""
    await buyer.shop.says(buyer.phone, "ya")

    async def is_confirmed() -> bool:
        return bool((await buyer.order())["status"] == "AWAITING_PAYMENT")

    await until(is_confirmed, "the order waits to be paid", within=30)
    path = f"/v1/crm/orders/{(await buyer.order())['id']}/payments"
    async with asyncio.TaskGroup() as fingers:
        for _ in range(taps):
            fingers.create_task(buyer.shop.api("POST", path))


async def a_page_is_made(kept: Sales, buyer: Buyer) -> None:
    """And nobody but the bank knows of it."""
    [payment] = await buyer.payments()

    async def is_made() -> bool:
        return any(one.reference == payment["reference"] for one in await kept.bank.pages())

    await until(is_made, "the bank makes a page", within=15, every=0.02)


async def there_is_one_page_and_it_is_paid(kept: Sales, buyer: Buyer) -> None:
    """At the bank, here, and on the customer's phone: by which they can pay."""
    await kept.settled()
    [payment] = await buyer.payments()
    [page] = [one for one in await kept.bank.pages() if one.reference == payment["reference"]]
    assert (payment["status"], page.is_open) == ("PENDING", True)
    assert await buyer.links() == {payment["url"]}
    assert page.name in payment["url"]
    assert await kept.broken() == {}

    await kept.bank.pays(payment["url"])
    await buyer.hears(receipt=1)
    await kept.settled()

    assert (await buyer.order())["status"] == "PAID"
    assert (await buyer.told())["receipt"] == 1
    assert await kept.broken() == {}
