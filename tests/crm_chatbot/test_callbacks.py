"""P18: a callback is believed for its secret, and only that the provider should be asked."""

import asyncio
from typing import Any

import pytest

from crm_chatbot.application.payments.accounts import AccountChange
from crm_chatbot.application.payments.callbacks import (
    CallbackForged,
    CallbackOutcome,
    CallbackService,
    CallbackUnknown,
    ProviderUnknown,
)
from crm_chatbot.application.payments.gateways import Account, CallbackUnreadable
from crm_chatbot.domain.orders.order import OrderStatus
from crm_chatbot.domain.payments.payment import Payment, Provider
from crm_chatbot.domain.payments.standing import PaymentStatus
from crm_chatbot.infrastructure.payments.gateways import READERS
from tests.crm_chatbot.builders import OTHER_TENANT, TENANT, a_tenant
from tests.crm_chatbot.cashier import Cashier, open_till, settled
from tests.crm_chatbot.paying import PRICE, a_notification
from tests.crm_chatbot.stores import Crm

TAKEN, DUPLICATE = CallbackOutcome.TAKEN, CallbackOutcome.DUPLICATE
OTHER_KEY = "SB-Mid-server-of-another-shop"


@pytest.fixture
async def cashier(crm: Crm) -> Cashier:
    cashier = await open_till(crm)
    async with crm.open_work(OTHER_TENANT) as work:
        await work.tenants.add(a_tenant(OTHER_TENANT))
    change = AccountChange(secret=OTHER_KEY)
    await crm.payment_accounts.put(OTHER_TENANT, Provider.MIDTRANS, change)
    return cashier


@pytest.fixture
def callbacks(cashier: Cashier) -> CallbackService:
    return CallbackService(
        open_work=cashier.crm.open_work,
        accounts=cashier.crm.payment_accounts,
        directory=cashier.crm.payment_directory,
        readers=READERS,
        now=cashier.clock,
        bell=asyncio.Event(),
    )


async def state(cashier: Cashier, payment: Payment) -> tuple[object, ...]:
    found = await cashier.payment(payment)
    return found.status, found.paid_amount, await cashier.status(), await cashier.stock()


async def test_what_is_genuine_has_the_provider_asked(
    cashier: Cashier, callbacks: CallbackService
) -> None:
    payment = await cashier.opened()
    cashier.gateway.pay(payment.reference)
    body = a_notification(payment.reference, cashier.gateway.key)
    asked = len(cashier.gateway.calls)

    assert await callbacks.receive("midtrans", (), body) is TAKEN

    # Nothing is asked of anybody before the answer.
    assert len(cashier.gateway.calls) == asked
    assert callbacks.bell.is_set()
    found = await cashier.payment(payment)
    assert found.status is PaymentStatus.PENDING
    assert found.check_at == cashier.clock.now
    assert found.transaction == body["transaction_id"]
    payment = await cashier.look(payment)
    assert payment.status is PaymentStatus.PAID
    async with cashier.crm.open_work(TENANT) as work:
        [event] = await work.payment_events.of(payment.id)
    assert event.looked_at is not None


async def test_what_is_told_a_hundred_times_is_taken_once(
    cashier: Cashier, callbacks: CallbackService
) -> None:
    payment = await cashier.opened()
    cashier.gateway.pay(payment.reference)
    body = a_notification(payment.reference, cashier.gateway.key)

    told = [await callbacks.receive("midtrans", (), body) for _ in range(100)]
    await cashier.look(payment)
    later = [await callbacks.receive("midtrans", (), body) for _ in range(10)]

    assert told == [TAKEN, *[DUPLICATE] * 99]
    assert later == [DUPLICATE] * 10
    assert await cashier.stock() == (3, 0)
    assert len(await cashier.said()) == 2


@pytest.mark.parametrize("crm", ["postgres"], indirect=True)
async def test_who_tells_and_who_asks_at_the_same_time_do_not_wait_for_each_other(
    cashier: Cashier, callbacks: CallbackService
) -> None:
    payment = await cashier.opened()
    cashier.gateway.pay(payment.reference)
    bodies = [
        a_notification(payment.reference, cashier.gateway.key, fraud_status=f"accept{number}")
        for number in range(12)
    ]

    told = await asyncio.gather(
        *(callbacks.receive("midtrans", (), body) for body in bodies),
        *(cashier.look(payment) for _ in range(6)),
    )
    await cashier.look(payment)

    assert told[:12] == [TAKEN] * 12
    assert await cashier.status() is OrderStatus.PAID
    async with cashier.crm.open_work(TENANT) as work:
        events = await work.payment_events.of(payment.id)
    assert all(event.looked_at for event in events)


FORGED: dict[str, dict[str, Any]] = {
    "with a wrong key": {"key": "wrong"},
    "with another shop's right key": {"key": OTHER_KEY},
    "with an amount that was edited": {"edited": {"gross_amount": "1.00"}},
    "with a code that was edited": {"edited": {"status_code": "201"}},
    "without a signature's worth": {"edited": {"signature_key": "0" * 128}},
}


@pytest.mark.parametrize("how", FORGED)
async def test_what_is_forged_changes_nothing(
    cashier: Cashier, callbacks: CallbackService, how: str
) -> None:
    payment = await cashier.opened()
    before = await state(cashier, payment), (await cashier.payment(payment)).check_at
    key = FORGED[how].get("key", cashier.gateway.key)
    body = a_notification(payment.reference, key) | FORGED[how].get("edited", {})

    with pytest.raises(CallbackForged):
        await callbacks.receive("midtrans", (), body)

    assert (await state(cashier, payment), (await cashier.payment(payment)).check_at) == before
    async with cashier.crm.open_work(TENANT) as work:
        assert await work.payment_events.of(payment.id) == []


UNBELIEVED: dict[str, dict[str, str]] = {
    # None of these is signed, or all of it is by somebody who knows the key.
    "a status that was edited": {"transaction_status": "settlement", "status_code": "201"},
    "less money": {"gross_amount": "169999.00"},
    "another currency": {"currency": "USD"},
    "a word that nobody knows": {"transaction_status": "settled_really"},
    "a refund": {"transaction_status": "refund", "refund_amount": f"{PRICE}.00"},
}


@pytest.mark.parametrize("what", UNBELIEVED)
async def test_what_is_told_is_nothing_until_the_provider_says_it_when_asked(
    cashier: Cashier, callbacks: CallbackService, what: str
) -> None:
    payment = await cashier.opened()
    before = await state(cashier, payment)
    body = a_notification(payment.reference, cashier.gateway.key, **UNBELIEVED[what])

    assert await callbacks.receive("midtrans", (), body) is TAKEN
    await cashier.look(payment)

    assert await state(cashier, payment) == before
    assert await cashier.concerns() == []


async def test_whom_nobody_knows_is_told_so_after_as_much_work(
    cashier: Cashier, callbacks: CallbackService
) -> None:
    for key in (cashier.gateway.key, "wrong"):
        with pytest.raises(CallbackUnknown):
            await callbacks.receive("midtrans", (), a_notification("ORD-9-xyz-A1", key))
    with pytest.raises(ProviderUnknown):
        await callbacks.receive("paypal", (), {})
    with pytest.raises(ProviderUnknown):
        await callbacks.receive("manual", (), {})
    with pytest.raises(CallbackUnreadable):
        await callbacks.receive("midtrans", (), {"order_id": "x"})


# -- Xendit

TOKEN = b"xendit-callback-token"


async def by_xendit(cashier: Cashier) -> Payment:
    account = Account(
        provider=Provider.XENDIT, secret=cashier.gateway.key, callback_token=TOKEN.decode()
    )
    cashier.crm.own_accounts[Provider.XENDIT] = account
    return await cashier.look(await cashier.ask(Provider.XENDIT))


def a_webhook(payment: Payment, **changed: str) -> dict[str, str]:
    return {
        "id": "65000000000000000000a001",
        "external_id": payment.reference,
        "status": "PAID",
        "amount": str(PRICE),
        "payment_id": "qrpy_1",
        **changed,
    }


async def test_xendit_is_known_by_its_token(cashier: Cashier, callbacks: CallbackService) -> None:
    payment = await by_xendit(cashier)
    for given in ((), ((b"x-callback-token", b"wrong"),)):
        with pytest.raises(CallbackForged):
            await callbacks.receive("xendit", given, a_webhook(payment))

    headers = ((b"x-callback-token", TOKEN), (b"webhook-id", b"w-1"))
    assert await callbacks.receive("xendit", headers, a_webhook(payment)) is TAKEN
    assert await callbacks.receive("xendit", headers, a_webhook(payment)) is DUPLICATE


async def test_an_invoice_that_two_payments_claim_is_noticed(
    cashier: Cashier, callbacks: CallbackService
) -> None:
    payment = await by_xendit(cashier)
    cashier.gateway.tell(payment.reference, settled())
    headers = ((b"x-callback-token", TOKEN),)
    for name in ("qrpy_1", "qrpy_2"):
        await callbacks.receive("xendit", headers, a_webhook(payment, payment_id=name))

    await cashier.look(payment)

    assert await cashier.status() is OrderStatus.PAID
    assert await cashier.concerns() == ["paid_twice"]


async def test_a_button_in_the_dashboard_is_answered_and_forgotten(
    cashier: Cashier, callbacks: CallbackService
) -> None:
    payment = await by_xendit(cashier)
    body = {
        "event": "payment_session.completed",
        "data": {"id": "ps-1", "reference_id": payment.reference, "status": "COMPLETED"},
    }

    assert await callbacks.receive("xendit", (), body) is CallbackOutcome.IGNORED
    assert (await cashier.payment(payment)).status is PaymentStatus.PENDING
