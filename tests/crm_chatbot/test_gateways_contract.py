"""What every payment provider is asked: in memory, and at Midtrans's and Xendit's stand-ins."""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from aiohttp import ClientSession
from uuid_utils.compat import uuid7

from crm_chatbot.application.payments.asking import refunds_unknown
from crm_chatbot.application.payments.gateways import (
    Account,
    Asked,
    AskedLine,
    GatewayRefused,
    GatewayUncertain,
    PaymentGateway,
)
from crm_chatbot.domain.money import RUPIAH
from crm_chatbot.domain.payments.events import PaymentEvent
from crm_chatbot.domain.payments.payment import Payment, Provider
from crm_chatbot.domain.payments.refund import Refund, RefundId, RefundStatus
from crm_chatbot.domain.payments.standing import PaymentStatus
from crm_chatbot.infrastructure.payments.midtrans import Midtrans
from crm_chatbot.infrastructure.payments.xendit import Xendit
from simulators.main import create_app
from simulators.midtrans.server import Midtrans as PretendMidtrans
from simulators.payments.calls import PaymentRule
from simulators.serving import serve
from simulators.xendit.server import Xendit as PretendXendit
from simulators.xendit.server import XenditSettings
from tests.crm_chatbot.memory_gateway import MemoryGateway
from tests.crm_chatbot.paying import PRICE, a_payment

CONTRACT_OF = PaymentGateway

KEY = "SB-Mid-server-contract"
NOW = datetime.fromtimestamp(time.time(), UTC)


@dataclass
class Bench:
    """A gateway, and the hands of customers, banks and wires behind it."""

    gateway: PaymentGateway
    account: Account
    #: the customer pays what there is to pay, by our reference
    pay: Callable[[str], Awaitable[None]]
    #: the next answer to this call is lost on its way, after, or before, it was done
    drop: Callable[[str], None]
    lose: Callable[[str], None]
    #: how many pages there are under a reference
    pages: Callable[[str], int]

    async def opened(self, payment: Payment, is_retry: bool = False) -> Payment:
        """With a page that can be paid."""
        page = await self.gateway.create(self.account, an_asked(payment, is_retry=is_retry))
        payment.opened(page.provider_id, page.url, NOW)
        return payment

    async def status(self, payment: Payment, *refunds: Refund) -> PaymentStatus:
        """What it has come to, by what the provider says now."""
        reading = await self.gateway.read(self.account, payment, refunds)
        payment.learn(reading.facts, NOW)
        return payment.status


def a_wanted(provider: Provider) -> Payment:
    reference = f"ORD-1001-{str(uuid7())[-12:]}-A1"
    return a_payment(provider, reference=reference, now=NOW)


def an_asked(payment: Payment, *, is_retry: bool = False) -> Asked:
    return Asked(
        reference=payment.reference,
        amount=PRICE,
        currency=RUPIAH,
        lines=[
            AskedLine(id="SKU-GAYO-250", name="Kopi | Gayo 250 gr", price=85_000, quantity=2),
            AskedLine(id="DELIVERY", name="Ongkos kirim", price=15_000),
            AskedLine(id="DISCOUNT", name="Diskon", price=-15_000),
        ],
        now=NOW,
        expires_at=payment.expires_at,
        number="ORD-1001",
        customer_name="Budi",
        customer_phone="+6281200000002",
        is_retry=is_retry,
    )


def a_refund(payment: Payment, amount: int) -> Refund:
    return Refund(
        id=RefundId(uuid7()),
        tenant_id=payment.tenant_id,
        payment_id=payment.id,
        key=f"REF-{str(uuid7())[-12:]}",
        amount=amount,
        reason="batal",
        actor="key",
        created_at=NOW,
    )


@asynccontextmanager
async def in_memory() -> AsyncGenerator[Bench]:
    gateway = MemoryGateway()

    async def pay(reference: str) -> None:
        gateway.pay(reference)

    def drop(_: str) -> None:
        gateway.drops += 1

    def lose(_: str) -> None:
        gateway.loses += 1

    yield Bench(
        gateway,
        Account(provider=Provider.MIDTRANS, secret=gateway.key),
        pay,
        drop,
        lose,
        lambda reference: int(reference in gateway.sheets),
    )


@asynccontextmanager
async def at_midtrans() -> AsyncGenerator[Bench]:
    pretend = PretendMidtrans()
    pretend.register(KEY)
    async with serve(create_app(midtrans=pretend)) as url, ClientSession() as http:
        gateway = Midtrans(f"{url}/midtrans")

        async def pay(reference: str) -> None:
            await _control(http, f"{url}/midtrans/control/orders/{reference}/pay")

        yield Bench(
            gateway,
            Account(provider=Provider.MIDTRANS, secret=KEY),
            pay,
            lambda call: pretend.script.set([PaymentRule(call=call, reset="after", times=1)]),
            lambda call: pretend.script.set([PaymentRule(call=call, reset="before", times=1)]),
            lambda ref: sum(not s.is_void for (_, o), s in pretend.orders.items() if o == ref),
        )
        await gateway.hang_up()


@asynccontextmanager
async def at_xendit() -> AsyncGenerator[Bench]:
    pretend = PretendXendit()
    pretend.settings = XenditSettings(refund_confirmed_after_s=0)
    pretend.register("xnd_development_contract")
    async with serve(create_app(xendit=pretend)) as url, ClientSession() as http:
        gateway = Xendit(f"{url}/xendit")

        async def pay(reference: str) -> None:
            await _control(http, f"{url}/xendit/control/invoices/{reference}/pay")

        def fault(call: str, when: str) -> None:
            name = {"create": "create_invoice", "refund": "create_refund"}.get(call, call)
            rule = {"call": name, "reset": when, "times": 1}
            pretend.script.set([PaymentRule.model_validate(rule)])

        yield Bench(
            gateway,
            Account(provider=Provider.XENDIT, secret="xnd_development_contract"),  # noqa: S106 - a pretend one
            pay,
            lambda call: fault(call, "after"),
            lambda call: fault(call, "before"),
            lambda ref: sum(one.external_id == ref for one in pretend.invoices.values()),
        )
        await gateway.hang_up()


async def _control(http: ClientSession, url: str) -> None:
    async with http.post(url, json={}) as answer:
        assert answer.status == 200, await answer.text()


@pytest.fixture(params=[in_memory, at_midtrans, at_xendit])
async def bench(request: pytest.FixtureRequest) -> AsyncGenerator[Bench]:
    async with request.param() as opened:
        yield opened


async def test_a_page_is_made_and_paid(bench: Bench) -> None:
    payment = await bench.opened(a_wanted(bench.account.provider))

    assert payment.url is not None
    assert payment.url.startswith("http")
    assert await bench.status(payment) is PaymentStatus.PENDING
    await bench.pay(payment.reference)
    assert await bench.status(payment) is PaymentStatus.PAID
    assert payment.paid_amount == PRICE


async def test_what_the_provider_never_heard_of_is_no_mistake(bench: Bench) -> None:
    payment = a_wanted(bench.account.provider)

    assert await bench.status(payment) is PaymentStatus.CREATING
    await bench.gateway.close(bench.account, payment)


async def test_an_answer_that_is_lost_leaves_one_page(bench: Bench) -> None:
    payment = a_wanted(bench.account.provider)
    bench.drop("create")
    with pytest.raises(GatewayUncertain):
        await bench.opened(payment)

    await bench.opened(payment, is_retry=True)

    assert bench.pages(payment.reference) == 1
    await bench.pay(payment.reference)
    assert await bench.status(payment) is PaymentStatus.PAID


async def test_a_request_that_is_lost_is_made_again(bench: Bench) -> None:
    payment = a_wanted(bench.account.provider)
    bench.lose("create")
    with pytest.raises(GatewayUncertain):
        await bench.opened(payment)

    await bench.opened(payment, is_retry=True)

    assert bench.pages(payment.reference) == 1


async def test_a_page_whose_making_nobody_heard_of_can_be_closed(bench: Bench) -> None:
    payment = a_wanted(bench.account.provider)
    bench.drop("create")
    with pytest.raises(GatewayUncertain):
        await bench.opened(payment)

    await bench.gateway.close(bench.account, payment)

    reading = await bench.gateway.read(bench.account, payment, ())
    assert not any(fact.is_money for fact in reading.facts)


async def test_what_is_closed_cannot_be_paid_and_may_be_closed_again(bench: Bench) -> None:
    payment = await bench.opened(a_wanted(bench.account.provider))

    await bench.gateway.close(bench.account, payment)
    await bench.gateway.close(bench.account, payment)

    with pytest.raises(AssertionError):
        await bench.pay(payment.reference)


async def test_closing_what_was_paid_changes_nothing(bench: Bench) -> None:
    payment = await bench.opened(a_wanted(bench.account.provider))
    await bench.pay(payment.reference)

    await bench.gateway.close(bench.account, payment)

    assert await bench.status(payment) is PaymentStatus.PAID


async def test_a_wrong_key_is_refused(bench: Bench) -> None:
    payment = await bench.opened(a_wanted(bench.account.provider))
    stranger = replace(bench.account, secret="wrong")  # noqa: S106 - on purpose

    for asking in (
        bench.gateway.create(stranger, an_asked(payment)),
        bench.gateway.read(stranger, payment, ()),
    ):
        with pytest.raises(GatewayRefused) as refusal:
            await asking
        assert refusal.value.code == "provider_unauthorized"


async def test_a_refund_that_nobody_asked_us_for_counts_once_xendit_confirms_it() -> None:
    async with at_xendit() as bench:
        payment = await bench.opened(a_wanted(bench.account.provider))
        await bench.pay(payment.reference)
        theirs = await bench.gateway.refund(bench.account, payment, a_refund(payment, 50_000))
        event = PaymentEvent(
            provider=Provider.XENDIT,
            key="e1",
            payment_id=payment.id,
            status="refund.succeeded:succeeded",
            received_at=NOW,
            body={"event": "refund.succeeded", "id": theirs.provider_id, "amount": "999999"},
        )

        unknown = refunds_unknown(payment, (), [event])

        assert await bench.status(payment, *unknown) is PaymentStatus.PARTLY_REFUNDED
        assert payment.refunded_amount == 50_000


async def test_a_page_that_the_account_does_not_know_is_not_unpaid() -> None:
    """Xendit's invoices are there from the beginning: who does not know it is somebody else."""
    async with at_xendit() as bench:
        payment = await bench.opened(a_wanted(bench.account.provider))
        payment.provider_id = "f" * 24

        with pytest.raises(GatewayUncertain, match="page_unknown"):
            await bench.gateway.read(bench.account, payment, ())


async def test_money_goes_back_once_for_one_key(bench: Bench) -> None:
    payment = await bench.opened(a_wanted(bench.account.provider))
    await bench.pay(payment.reference)
    await bench.status(payment)
    refund = a_refund(payment, 50_000)

    bench.drop("refund")
    with pytest.raises(GatewayUncertain):
        await bench.gateway.refund(bench.account, payment, refund)
    answer = await bench.gateway.refund(bench.account, payment, refund)
    refund.provider_id = answer.provider_id

    assert await bench.status(payment, refund) is PaymentStatus.PARTLY_REFUNDED
    reading = await bench.gateway.read(bench.account, payment, [refund])
    assert reading.refunds[refund.key] is RefundStatus.SUCCEEDED
    assert payment.refunded_amount == 50_000
