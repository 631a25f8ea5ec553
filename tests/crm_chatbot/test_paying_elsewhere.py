"""A shop's account changes, or does not answer, while payments are open: nobody "has not paid"."""

from dataclasses import replace
from datetime import timedelta

import pytest

from crm_chatbot.application.payments.accounts import AccountChange
from crm_chatbot.application.payments.callbacks import (
    CallbackForged,
    CallbackOutcome,
    CallbackService,
)
from crm_chatbot.domain.orders.order import OrderStatus
from crm_chatbot.domain.payments.standing import FactKind, PaymentStatus
from crm_chatbot.infrastructure.payments.gateways import READERS
from tests.crm_chatbot.builders import TENANT
from tests.crm_chatbot.cashier import HOUR, MIDTRANS, Cashier, desk_of, open_till, settled
from tests.crm_chatbot.paying import a_fact, a_notification
from tests.crm_chatbot.stores import Crm

S = PaymentStatus
OTHER = "another-shops-key"


@pytest.fixture
async def cashier(crm: Crm) -> Cashier:
    return await open_till(crm)


async def test_keys_of_another_account_do_not_say_that_nobody_has_paid(cashier: Cashier) -> None:
    payment = await cashier.opened()
    sheet = cashier.gateway.sheets.pop(payment.reference)
    cashier.gateway.key = OTHER
    cashier.crm.own_accounts[MIDTRANS] = replace(cashier.crm.own_accounts[MIDTRANS], secret=OTHER)
    cashier.clock.now = payment.expires_at + HOUR / 20

    payment = await cashier.look(payment)

    assert payment.status is S.PENDING
    assert await cashier.status() is OrderStatus.EXPIRED
    assert await cashier.stock() == (5, 0)
    assert await cashier.concerns() == ["payment_unconfirmed"]
    # It is watched ever more rarely, and its money still counts.
    cashier.clock.now += timedelta(days=2)
    payment = await cashier.look(payment)
    assert payment.check_at is not None
    assert HOUR < payment.check_at - cashier.clock.now <= timedelta(days=1)
    cashier.gateway.sheets[payment.reference] = sheet
    payment = await cashier.told(payment, settled())
    assert payment.status is S.PAID
    assert await cashier.status() is OrderStatus.PAID
    assert await cashier.stock() == (3, 0)


@pytest.mark.parametrize("is_gone", [True, False])
async def test_keys_that_are_refused_or_gone_do_not_hold_the_stock(
    cashier: Cashier, is_gone: bool
) -> None:
    payment = await cashier.opened()
    if is_gone:
        cashier.crm.own_accounts.clear()
    else:
        cashier.gateway.key = "changed"
    payment = await cashier.look(payment)
    assert await cashier.concerns() == ["payment_unconfirmed"]
    assert await cashier.status() is OrderStatus.AWAITING_PAYMENT
    cashier.clock.now = payment.expires_at + HOUR / 20

    payment = await cashier.look(payment)

    assert payment.status is S.PENDING
    assert await cashier.status() is OrderStatus.EXPIRED
    assert await cashier.stock() == (5, 0)


async def test_a_lost_answer_does_not_end_what_the_provider_holds(cashier: Cashier) -> None:
    payment = await cashier.told(await cashier.opened(), a_fact(FactKind.REVIEW))
    cashier.clock.now = payment.expires_at + HOUR / 20
    cashier.gateway.loses = 1

    payment = await cashier.look(payment)

    assert payment.status is S.HELD
    assert await cashier.status() is OrderStatus.AWAITING_PAYMENT


async def test_a_link_that_could_never_be_made_calls_a_person(cashier: Cashier) -> None:
    payment = await cashier.ask()
    cashier.gateway.loses = 9
    cashier.clock.now = payment.expires_at + HOUR / 20

    await cashier.look(payment)

    assert await cashier.status() is OrderStatus.EXPIRED
    assert await cashier.concerns() == ["no_payment_link"]
    cashier.gateway.loses = 0
    assert (await cashier.look(payment)).status in {S.EXPIRED, S.CANCELLED}


async def test_what_was_begun_with_older_keys_goes_on_with_them(cashier: Cashier) -> None:
    accounts, older = cashier.crm.payment_accounts, cashier.gateway.key + "-0001"
    cashier.gateway.key = older
    await accounts.put(TENANT, MIDTRANS, AccountChange(secret=older))
    payment = await cashier.opened()
    await accounts.put(TENANT, MIDTRANS, AccountChange(secret=OTHER))
    callbacks = CallbackService(
        open_work=cashier.crm.open_work,
        accounts=accounts,
        directory=cashier.crm.payment_directory,
        readers=READERS,
        now=cashier.clock,
        bell=desk_of(cashier).bell,
    )

    told = await callbacks.receive("midtrans", [], a_notification(payment.reference, older))
    cashier.gateway.pay(payment.reference)
    payment = await cashier.look(payment)

    assert told is CallbackOutcome.TAKEN
    assert payment.status is S.PAID
    with pytest.raises(CallbackForged):
        await callbacks.receive("midtrans", [], a_notification(payment.reference, "neither"))
