"""Every window of a purchase in which a crash might lose or repeat something, tried one by one."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count

import pytest
import pytest_asyncio

from tests.chaos.buying import Buyer
from tests.chaos.crashpoints import (
    CrashPoint,
    crash_points,
    die_at,
    is_of_a_purchase,
    ready_for_orders,
)
from tests.chaos.sales import Sales, sales
from tests.chaos.servers import Servers
from tests.chaos.stack import Plan, running
from tests.waiting import until

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.usefixtures("broker_programs"),
]

SETTINGS = {"OPENAI_API_KEY": "", "OFFLINE_DELAY_S": "0.05", "WORKER_DEAD_AFTER_S": "1"}
PLAN = Plan(
    gateways=0,
    engines=0,
    chatbots=1,
    senders=1,
    broker=True,
    settings=SETTINGS,
    faults=["brief_claims"],
)
TRANSFER = {"secret": None, "details": "BCA 1234567890 a.n. Ani Wijaya"}


def _numbers() -> Iterator[str]:
    return (f"62814{number:08}" for number in count())


@dataclass(frozen=True)
class Scene:
    """One stack for all points: each is tried with a customer of its own.

    Of Xendit's, because it makes a second page for whoever asks twice.
    """

    sales: Sales
    phones: Iterator[str] = field(default_factory=_numbers)

    async def becomes(self, buyer: Buyer, status: str) -> None:
        async def is_so() -> bool:
            return bool((await buyer.order())["status"] == status)

        await until(is_so, f"the order becomes {status}", within=30, every=0.1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Scene]:
    directory = tmp_path_factory.mktemp("crash-points-of-purchases")
    async with (
        running(servers, directory, ready_for_orders(PLAN, directory)) as stack,
        sales(stack, "xendit") as kept,
    ):
        shop = kept.kept.shop
        place = f"/v1/crm/tenants/{shop.tenant_id}/payment-accounts/manual"
        await shop.api("PUT", place, TRANSFER)
        yield Scene(kept)


Act = Callable[[Scene, Buyer], Awaitable[object]]


async def comes(_: Scene, __: Buyer) -> None:
    """Nothing has happened yet."""


async def fills(_: Scene, buyer: Buyer) -> None:
    await buyer.fills(2)


async def checks_out(_: Scene, buyer: Buyer) -> None:
    assert await buyer.checks_out()


async def agrees(_: Scene, buyer: Buyer) -> None:
    assert await buyer.agrees()


async def fills_and_checks_out(_: Scene, buyer: Buyer) -> None:
    await buyer.fills(2)
    assert await buyer.checks_out()


async def orders(_: Scene, buyer: Buyer) -> None:
    assert await buyer.orders(2)


async def pays(scene: Scene, buyer: Buyer) -> None:
    [link] = await buyer.links()
    await scene.sales.bank.pays(link)
    await buyer.hears(receipt=1)


async def orders_and_pays(scene: Scene, buyer: Buyer) -> None:
    await orders(scene, buyer)
    await pays(scene, buyer)


async def gets_it_back(scene: Scene, buyer: Buyer) -> None:
    """The shop sends all of it back."""
    [payment] = await buyer.payments()
    path = f"/v1/crm/payments/{payment['id']}/refunds"
    await buyer.shop.api("POST", path, {"reason": "Stok rusak"})
    await buyer.hears(refund=1)


async def runs_out(scene: Scene, buyer: Buyer) -> None:
    """Nobody pays in time."""
    await scene.sales.run_out(of=buyer)
    await scene.becomes(buyer, "EXPIRED")


async def cancels(scene: Scene, buyer: Buyer) -> None:
    await buyer.says("batalkan pesanan saya")
    await scene.becomes(buyer, "CANCELLED")


async def orders_in_vain(scene: Scene, buyer: Buyer) -> None:
    """The bank will make no page: a person has to see to it."""
    await scene.sales.bank.control("PUT", "script", [{"call": "create_invoice", "status": 400}])
    await buyer.orders(2)
    await buyer.hears(no_link=1)
    await scene.sales.bank.control("DELETE", "script")


async def transfers(scene: Scene, buyer: Buyer) -> None:
    """By their bank instead: a person sees the money there."""
    order = await buyer.order()
    path = f"/v1/crm/orders/{order['id']}/payments"
    payment = await buyer.shop.api("POST", path, {"provider": "manual"})
    await buyer.hears(transfer=1)
    await buyer.shop.api("POST", f"/v1/crm/payments/{payment['id']}/review", {"approve": True})
    await buyer.hears(receipt=1)


@dataclass(frozen=True, eq=False)
class Way:
    """What leads to a point, and what it has come to in the end."""

    before: Act
    act: Act
    status: str
    #: of each payment, the oldest first
    payments: tuple[str, ...]
    #: what the customer has heard of it, and how often; nothing else
    told: Mapping[str, int]


#: What Xendit calls an invoice that nobody can pay any more, whoever closed it.
CLOSED = "EXPIRED"
_ASKED = {"summary": 1, "link": 1}
_PAID = {**_ASKED, "receipt": 1}
FILLS = Way(comes, fills, "DRAFT", (), {})
CHECKS_OUT = Way(fills, checks_out, "DRAFT", (), {"summary": 1})
AGREES = Way(fills_and_checks_out, agrees, "AWAITING_PAYMENT", ("PENDING",), _ASKED)
PAYS = Way(orders, pays, "PAID", ("PAID",), _PAID)
GETS_IT_BACK = Way(orders_and_pays, gets_it_back, "REFUNDED", ("REFUNDED",), {**_PAID, "refund": 1})
RUNS_OUT = Way(orders, runs_out, "EXPIRED", ("EXPIRED",), {**_ASKED, "ran out": 1})
RUNS_OUT_UNASKED = Way(
    orders_in_vain, runs_out, "EXPIRED", ("REFUSED",), {"summary": 1, "no link": 1, "ran out": 1}
)
CANCELS = Way(orders, cancels, "CANCELLED", (CLOSED,), _ASKED)
TRANSFERS = Way(
    orders,
    transfers,
    "PAID",
    (CLOSED, "PAID"),
    {**_ASKED, "transfer": 1, "receipt": 1},
)

#: What may be under way where a process dies.
WAYS: Mapping[str, tuple[Way, ...]] = {
    "crm.order_expired": (RUNS_OUT_UNASKED,),
    "payment.heard": (PAYS,),
    "payment.before_provider": (AGREES, GETS_IT_BACK),
    "payment.provider_answered": (AGREES, PAYS, GETS_IT_BACK, RUNS_OUT, CANCELS, TRANSFERS),
    "payment.learnt": (PAYS, RUNS_OUT),
    "tool.before_effect": (AGREES,),
    "tool.effect_committed": (FILLS, CHECKS_OUT, AGREES),
    "turn.before_commit": (AGREES,),
}
#: Where there are two tools, each is struck by a crash of its own.
TWICE = {("tool.effect_committed", CHECKS_OUT), ("tool.effect_committed", AGREES)}
CASES = [
    pytest.param(CrashPoint(name, "chatbot"), way, id=f"{name}-{way.act.__name__}")
    for name, ways in WAYS.items()
    for way in ways
]


async def test_every_point_of_a_purchase_has_a_way_that_leads_to_it() -> None:
    known = {point.name for point in crash_points() if point.process == "chatbot"}

    assert {point.name for point in crash_points() if is_of_a_purchase(point)} <= WAYS.keys()
    assert WAYS.keys() <= known


@pytest.mark.parametrize(("point", "way"), CASES)
async def test_whoever_dies_there_sells_pays_and_tells_once(
    scene: Scene, point: CrashPoint, way: Way
) -> None:
    buyer = scene.sales.buyer(next(scene.phones))
    await way.before(scene, buyer)
    await scene.sales.settled()

    async with asyncio.TaskGroup() as everything:
        everything.create_task(die(scene, point, way))
        everything.create_task(act(way, scene, buyer))
    await scene.sales.settled()

    assert (await buyer.order())["status"] == way.status
    assert tuple(one["status"] for one in await buyer.payments()) == way.payments
    assert await buyer.told() == way.told
    assert [line["quantity"] for line in (await buyer.order())["lines"]] == [2]
    assert await scene.sales.broken() == {}
    await scene.sales.run_out()
    await scene.sales.settled()
    assert (await scene.sales.variant())["reserved"] == 0


async def act(way: Way, scene: Scene, buyer: Buyer) -> None:
    await way.act(scene, buyer)


async def die(scene: Scene, point: CrashPoint, way: Way) -> None:
    for _ in range(1 + ((point.name, way) in TWICE)):
        await die_at(scene.sales.stack, point)
