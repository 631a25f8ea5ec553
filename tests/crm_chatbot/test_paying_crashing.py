"""Where a process may die while an order is paid, and who may come between: money counts once.

P19's crash points, and P17's races: a rival does its work before, between and after the steps of
whoever asks the provider.
"""

import ast
import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pytest

from crm_chatbot.application.orders import lifecycle
from crm_chatbot.application.payments.callbacks import CallbackOutcome, CallbackService
from crm_chatbot.application.payments.gateways import Account, Asked, Page
from crm_chatbot.application.payments.worker import PaymentLoop, PaymentService
from crm_chatbot.application.ports import Work
from crm_chatbot.domain.orders.order import IllegalTransition, Order, OrderStatus
from crm_chatbot.domain.payments.payment import Payment, PaymentId, Provider
from crm_chatbot.domain.payments.standing import PaymentStatus
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.infrastructure.payments.gateways import READERS
from tests.chaos.crashpoints import names_in
from tests.crm_chatbot.builders import NOON, TENANT
from tests.crm_chatbot.cashier import HOUR, Cashier, another_order, open_till
from tests.crm_chatbot.memory_gateway import MemoryGateway
from tests.crm_chatbot.paying import PRICE, a_notification, a_payment
from tests.crm_chatbot.stores import SqlCrm
from tests.databases import ROOT

S = PaymentStatus
WORKER, CALLBACKS = "payments.worker", "payments.callbacks"


class Died(BaseException):
    """As if the process had ended here."""


def points(module: str) -> list[str]:
    path = (
        ROOT / "services/crm_chatbot/src/crm_chatbot/application" / f"{module.replace('.', '/')}.py"
    )
    return list(dict.fromkeys(names_in(ast.parse(path.read_text()), path)))


Die = Callable[[str, str, int], list[str]]


@pytest.fixture
def die_at(monkeypatch: pytest.MonkeyPatch) -> Die:
    def arm(module: str, name: str, nth: int) -> list[str]:
        deaths: list[str] = []
        passed = 0

        def crash_point(reached: str) -> None:
            nonlocal passed
            passed += reached == name
            if reached == name and passed == nth and not deaths:
                deaths.append(name)
                raise Died

        whole = import_module(f"crm_chatbot.application.{module}")
        monkeypatch.setattr(whole, "crash_point", crash_point)
        return deaths

    return arm


class NaiveGateway(MemoryGateway):
    """Makes another page each time, as Xendit does, unless it is told to look first."""

    async def create(self, account: Account, asked: Asked, /) -> Page:
        if not asked.is_retry and asked.reference in self.sheets:
            self.sheets[f"{asked.reference}, once more"] = self.sheets[asked.reference]
        return await super().create(account, asked)


@pytest.fixture
async def cashier(postgres: SqlCrm) -> Cashier:
    cashier = await open_till(postgres)
    cashier.gateway = NaiveGateway()
    return cashier


async def is_settled(cashier: Cashier, payment: Payment) -> bool:
    """One link, paid once, sold once, told once."""
    payment = await cashier.payment(payment)
    return (
        (payment.status, payment.paid_amount) == (S.PAID, PRICE)
        and await cashier.status() is OrderStatus.PAID
        and await cashier.stock() == (3, 0)
        and len(cashier.gateway.sheets) == 1
        and len(await cashier.said()) == 2
        and await cashier.concerns() == []
    )


async def pay_through(cashier: Cashier, payment: Payment) -> None:
    """A worker that is started again whenever it died: until it is paid."""
    for _ in range(6):
        with suppress(Died):
            seen = await cashier.look(payment)
            if seen.status is S.PENDING and cashier.gateway.sheets[seen.reference].is_open:
                cashier.gateway.pay(seen.reference)


#: Each window comes by once for the link, and once for the money.
WINDOWS = [(name, nth) for name in points(WORKER) for nth in (1, 2)]


@pytest.mark.parametrize(("name", "nth"), WINDOWS)
async def test_who_dies_there_leaves_one_link_and_one_payment(
    cashier: Cashier, die_at: Die, name: str, nth: int
) -> None:
    deaths = die_at(WORKER, name, nth)
    payment = await cashier.ask()

    await pay_through(cashier, payment)

    assert deaths == [name]
    assert await is_settled(cashier, payment)


async def test_without_knowing_that_it_was_asked_for_there_would_be_two_links(
    cashier: Cashier, die_at: Die, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: what is stored before the call is forgotten, and the test above must go red."""
    begin = PaymentService._begin

    async def forget(self: PaymentService, tenant_id: TenantId, payment_id: Any) -> Any:  # noqa: ANN401 - as it is
        seen = await begin(self, tenant_id, payment_id)
        seen.payment.checks = 1
        return seen

    monkeypatch.setattr(PaymentService, "_begin", forget)
    die_at(WORKER, "payment.provider_answered", 1)
    payment = await cashier.ask()

    await pay_through(cashier, payment)

    assert not await is_settled(cashier, payment)


async def test_who_dies_after_a_callback_was_stored_is_told_it_is_known(
    cashier: Cashier, die_at: Die
) -> None:
    [name] = points(CALLBACKS)
    deaths = die_at(CALLBACKS, name, 1)
    payment = await cashier.opened()
    cashier.gateway.pay(payment.reference)
    callbacks = CallbackService(
        open_work=cashier.crm.open_work,
        accounts=cashier.crm.payment_accounts,
        directory=cashier.crm.payment_directory,
        readers=READERS,
        now=cashier.clock,
        bell=asyncio.Event(),
    )
    body = a_notification(payment.reference, cashier.gateway.key)

    with pytest.raises(Died):
        await callbacks.receive("midtrans", (), body)
    assert await callbacks.receive("midtrans", (), body) is CallbackOutcome.DUPLICATE
    await cashier.look(payment)

    assert deaths == [name]
    assert await is_settled(cashier, payment)


# -- rivals

Rival = Callable[[Cashier], Awaitable[object]]


async def expires(cashier: Cashier) -> object:
    """Whoever sweeps, once the time is over."""
    late = NOON + 2 * HOUR
    return await cashier.act(lambda work, order: lifecycle.expire(work, order, now=late))


async def looks_too(cashier: Cashier) -> object:
    [payment] = await attempts(cashier)
    return await cashier.look(payment)


async def is_asked_again(cashier: Cashier) -> object:
    with suppress(Exception):
        await cashier.ask()
    return None


async def cancels(cashier: Cashier) -> object:
    async def act(work: Work, order: Order) -> None:
        with suppress(IllegalTransition):
            await lifecycle.cancel(work, order, now=NOON, actor="ani")

    return await cashier.act(act)


async def attempts(cashier: Cashier) -> list[Payment]:
    async with cashier.crm.open_work(TENANT) as work:
        return [*await work.payments.of_order(cashier.order.id)]


@dataclass
class Ambush:
    """A service whose next look is interrupted, once, by a rival who does their work there."""

    cashier: Cashier
    window: str
    rival: Rival
    is_over: bool = False

    async def at(self, window: str) -> None:
        if window == self.window and not self.is_over:
            self.is_over = True
            await self.rival(self.cashier)

    async def look(self, payment: Payment) -> None:
        """As PaymentService does, in its three steps."""
        service = self.cashier.service
        await self.at("before")
        seen = await service._begin(TENANT, payment.id)
        await self.at("begun")
        told = await service.asking.about(seen, self.cashier.clock.now)
        await self.at("told")
        await service._end(seen, told)
        await self.at("after")
        assert self.is_over


PLACES = ("before", "begun", "told", "after")


@pytest.mark.parametrize("window", PLACES)
@pytest.mark.parametrize("rival", [expires, looks_too, is_asked_again], ids=lambda it: it.__name__)
async def test_whoever_comes_between_the_money_pays_for_the_order(
    cashier: Cashier, rival: Rival, window: str
) -> None:
    payment = await cashier.opened()
    cashier.gateway.pay(payment.reference)

    await Ambush(cashier, window, rival).look(payment)
    await cashier.look(payment)

    assert await cashier.status() is OrderStatus.PAID
    assert await cashier.stock() == (3, 0)
    assert (await cashier.payment(payment)).status is S.PAID
    assert len(cashier.gateway.sheets) == 1
    assert await cashier.concerns() == []


@pytest.mark.parametrize("window", PLACES)
async def test_money_for_what_is_cancelled_meanwhile_is_never_lost(
    cashier: Cashier, window: str
) -> None:
    payment = await cashier.opened()
    cashier.gateway.pay(payment.reference)

    await Ambush(cashier, window, cancels).look(payment)
    payment = await cashier.look(payment)

    assert payment.status is S.PAID
    found = await cashier.status(), await cashier.concerns()
    assert found in (
        (OrderStatus.PAID, []),
        (OrderStatus.PAID_ATTENTION, ["paid_after_cancellation"]),
    )


async def test_everybody_at_once_pays_once(cashier: Cashier) -> None:
    """Workers, a sweeper and a customer who taps, on real locks, in whatever order."""
    payment = await cashier.opened()
    cashier.gateway.pay(payment.reference)

    await asyncio.gather(
        *(cashier.look(payment) for _ in range(4)),
        *(expires(cashier) for _ in range(4)),
        *(is_asked_again(cashier) for _ in range(4)),
    )
    await cashier.look(payment)

    assert await cashier.status() is OrderStatus.PAID
    assert await cashier.stock() == (3, 0)
    assert await cashier.concerns() == []
    assert sum("terima" in text and "sudah" in text for text in await cashier.said()) == 1


async def test_what_is_due_is_looked_at_in_one_round(cashier: Cashier) -> None:
    payment = await cashier.ask()
    loop = PaymentLoop(cashier.crm.payment_directory, cashier.service)

    assert await loop.round() == 1
    await asyncio.gather(*loop.looking)
    assert (await cashier.payment(payment)).status is S.PENDING


async def test_one_that_fails_is_due_again_and_holds_up_nobody(
    cashier: Cashier, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = await cashier.ask()
    loop = PaymentLoop(cashier.crm.payment_directory, cashier.service)

    async def fail(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(PaymentService, "look", fail)
        assert await loop.round() == 1
        await asyncio.gather(*loop.looking)

    found = await cashier.payment(payment)
    assert found.status is S.CREATING
    assert found.check_at is not None


async def test_a_slow_provider_holds_up_nobody(
    cashier: Cashier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One payment's provider never answers; the next is looked at all the same."""
    slow = await cashier.ask()
    loop = PaymentLoop(cashier.crm.payment_directory, cashier.service)
    looked: list[object] = []

    async def look(_: PaymentService, tenant_id: TenantId, payment_id: PaymentId) -> None:
        looked.append(payment_id)
        if payment_id == slow.id:
            await asyncio.Event().wait()

    monkeypatch.setattr(PaymentService, "look", look)
    running = asyncio.create_task(loop.run(pause_s=0.05))
    async with asyncio.timeout(10):
        while slow.id not in looked:
            await asyncio.sleep(0.02)
        other = await another_order(cashier)
        async with cashier.crm.open_work(TENANT) as work:
            quick = a_payment(reference="ORD-quick-A1", order_id=other.id, check_at=NOON)
            await work.payments.add(quick)
        while quick.id not in looked:
            await asyncio.sleep(0.02)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running

    assert not loop.looking


async def test_nothing_waits_longer_than_the_bell(cashier: Cashier) -> None:
    loop = PaymentLoop(cashier.crm.payment_directory, cashier.service)
    running = asyncio.create_task(loop.run(pause_s=60))
    await asyncio.sleep(0.2)
    payment = await cashier.ask()
    loop.bell.set()

    async with asyncio.timeout(10):
        while (await cashier.payment(payment)).status is not S.PENDING:
            await asyncio.sleep(0.02)
    running.cancel()

    assert payment.provider is Provider.MIDTRANS


def test_there_are_such_places() -> None:
    assert {*points(WORKER), *points(CALLBACKS)} == {
        *("payment.before_provider", "payment.provider_answered", "payment.learnt"),
        "payment.heard",
    }
