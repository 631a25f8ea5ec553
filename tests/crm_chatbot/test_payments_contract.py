"""Where payments, and shops' accounts for them, are kept: in memory and in PostgreSQL alike."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.application.payments.accounts import (
    AccountChange,
    AccountState,
    NoPaymentAccount,
    PaymentAccountRejected,
    PaymentAccounts,
)
from crm_chatbot.application.payments.gateways import Account
from crm_chatbot.application.payments.worker import PaymentDirectory
from crm_chatbot.application.ports import Work
from crm_chatbot.domain.orders.order import Order, OrderId
from crm_chatbot.domain.payments.events import PaymentEvent, PaymentEvents, Proof
from crm_chatbot.domain.payments.payment import (
    NoWayToPay,
    Payment,
    PaymentId,
    PaymentNotFound,
    Payments,
    Provider,
    WaysToPay,
)
from crm_chatbot.domain.payments.refund import Refund, RefundId, Refunds, RefundStatus
from crm_chatbot.domain.payments.standing import FactKind, PaymentStatus
from tests.crm_chatbot import deals
from tests.crm_chatbot.builders import LATER, NOON, OTHER_TENANT, TENANT, a_tenant
from tests.crm_chatbot.chats import a_conversation, a_message
from tests.crm_chatbot.deals import open_shop, placed
from tests.crm_chatbot.paying import a_fact, a_payment
from tests.crm_chatbot.stores import Crm, SqlCrm

CONTRACT_OF = (
    Payments,
    PaymentEvents,
    Refunds,
    WaysToPay,
    PaymentAccounts,
    PaymentDirectory,
)

K, S = FactKind, PaymentStatus
MIDTRANS, XENDIT, MANUAL = Provider.MIDTRANS, Provider.XENDIT, Provider.MANUAL


def a_full_payment(order: Order, **facts: Any) -> Payment:
    """Every field differs from its default."""
    given: dict[str, Any] = {
        "provider": Provider.XENDIT,
        "reference": f"R-{uuid7()}",
        "attempt": 2,
        "amount": 2,
        "currency": "USD",
        "changed_at": LATER,
        "expires_at": LATER,
        "status": PaymentStatus.PARTLY_REFUNDED,
        "reason": "why",
        "url": "https://pay.example/☕",
        "provider_id": f"inv-{uuid7()}",
        "account": "mark",
        "transaction": "t",
        "paid_amount": 2,
        "refunded_amount": 1,
        "paid_at": LATER,
        "is_unwanted": True,
        "is_asked_again": True,
        "check_at": LATER,
        "checks": 7,
        "facts": frozenset(
            {a_fact(K.SETTLED, "☕", 2, currency="USD"), a_fact(K.REFUNDED, refunded=1, fee=3)}
        ),
        **facts,
    }
    return a_payment(order_id=order.id, **given)


def a_refund(payment: Payment, **facts: Any) -> Refund:
    given: dict[str, Any] = {
        "key": f"REF-{uuid7()}",
        "amount": 5,
        "reason": "batal ☕",
        "actor": "aip_1",
        "created_at": NOON,
        **facts,
    }
    return Refund(id=RefundId(uuid7()), tenant_id=payment.tenant_id, payment_id=payment.id, **given)


def an_event(payment: Payment, key: str = "e1", **facts: Any) -> PaymentEvent:
    given: dict[str, Any] = {"status": "settlement", "received_at": NOON, **facts}
    return PaymentEvent(provider=payment.provider, key=key, payment_id=payment.id, **given)


async def an_order(work: Work) -> Order:
    customer, _ = await open_shop(work)
    return await placed(work, customer)


async def stored(crm: Crm, **facts: Any) -> Payment:
    """A payment of the shop's only order."""
    async with crm.open_work(TENANT) as work:
        payment = a_payment(order_id=(await an_order(work)).id, **facts)
        await work.payments.add(payment)
    return payment


def test_a_full_payment_differs_from_a_plain_one_in_every_field() -> None:
    plain = a_payment(check_at=None)
    full = a_full_payment(deals.an_order())

    same = {name for name, value in vars(full).items() if vars(plain)[name] == value}

    assert same == {"tenant_id", "created_at"}


async def test_a_payment_comes_back_as_it_went_in_and_as_it_was_saved(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        order = await an_order(work)
        full, plain = a_full_payment(order), a_payment(order_id=order.id)
        await work.payments.add(full)
        await work.payments.add(plain)
    async with crm.open_work(TENANT) as work:
        for payment in (full, plain):
            assert vars(await work.payments.lock(payment.id)) == vars(payment)
            assert vars(await work.payments.get(payment.id)) == vars(payment)
        assert [one.id for one in await work.payments.of_order(order.id)] == [plain.id, full.id]

        changed = a_full_payment(order, attempt=3)
        changed.id = plain.id
        await work.payments.save(changed)
    async with crm.open_work(TENANT) as work:
        assert vars(await work.payments.get(plain.id)) == vars(changed)
        assert await work.payments.of_order(OrderId(uuid7())) == []


async def test_what_is_not_there_cannot_be_had(crm: Crm) -> None:
    payment = await stored(crm)
    for tenant_id, payment_id in ((TENANT, PaymentId(uuid7())), (OTHER_TENANT, payment.id)):
        async with crm.open_work(tenant_id) as work:
            with pytest.raises(PaymentNotFound):
                await work.payments.get(payment_id)
            with pytest.raises(PaymentNotFound):
                await work.payments.lock(payment_id)


async def test_facts_are_only_ever_added(crm: Crm) -> None:
    payment = await stored(crm)
    async with crm.open_work(TENANT) as work:
        mine = await work.payments.get(payment.id)
        other = await work.payments.get(payment.id)
        mine.learn([a_fact(K.SETTLED)], NOON)
        await work.payments.save(mine)
        other.learn([a_fact(K.PENDING)], NOON)
        await work.payments.save(other)

        assert (await work.payments.get(payment.id)).facts == mine.facts | other.facts


async def test_one_attempt_of_an_order_is_wanted(crm: Crm) -> None:
    payment = await stored(crm)
    second = a_payment(order_id=payment.order_id, reference="R2", attempt=2)

    with pytest.raises(Exception, match="uq_payments_wanted"):
        async with crm.open_work(TENANT) as work:
            await work.payments.add(second)
    async with crm.open_work(TENANT) as work:
        found = await work.payments.wanted_of(payment.order_id)
        await work.payments.drop(payment.order_id, LATER)
        dropped = await work.payments.get(payment.id)
        await work.payments.add(second)
        await work.payments.drop(OrderId(uuid7()), LATER)
        wanted = await work.payments.wanted_of(payment.order_id)

    assert found is not None
    assert found.id == payment.id
    assert (dropped.is_unwanted, dropped.check_at) == (True, LATER)
    assert wanted is not None
    assert wanted.id == second.id


async def test_a_payment_is_known_by_any_of_its_names(crm: Crm) -> None:
    payment = await stored(crm, provider=XENDIT, provider_id="inv-1")
    refund = a_refund(payment, key="REF-1")
    async with crm.open_work(TENANT) as work:
        await work.refunds.add(refund)

        for name in (payment.reference, "inv-1", "REF-1"):
            assert await work.payments.known_as(XENDIT, ["x", name]) == payment.id
        assert await work.payments.known_as(XENDIT, ["x"]) is None
        assert await work.payments.known_as(MIDTRANS, [payment.reference]) is None
    directory = crm.payment_directory
    for name in (payment.reference, "inv-1", "REF-1"):
        assert await directory.tenant_of_callback(XENDIT, ["x", name]) == TENANT
    assert await directory.tenant_of_callback(XENDIT, ["x"]) is None
    assert await directory.tenant_of_callback(MIDTRANS, [payment.reference]) is None
    assert await directory.tenant_of_payment(payment.id) == TENANT
    assert await directory.tenant_of_payment(PaymentId(uuid7())) is None


async def test_who_is_woken_is_due_and_known_by_one_more_name(crm: Crm) -> None:
    payment = await stored(crm, check_at=None)
    async with crm.open_work(TENANT) as work:
        await work.payments.wake(payment.id, LATER, transaction="t9")
        await work.payments.wake(payment.id, LATER)
        found = await work.payments.get(payment.id)

    assert (found.check_at, found.transaction) == (LATER, "t9")


async def test_what_is_due_is_claimed_by_one(crm: Crm) -> None:
    # By the database's clock, where there is one: some time ago is due by anybody's.
    payment = await stored(crm, check_at=NOON - timedelta(days=1_000))
    async with crm.open_work(TENANT) as work:
        customer = (await work.orders.get(payment.order_id)).customer_id
        for at in (None, NOON + timedelta(days=36_500)):
            order = await placed(work, await work.customers.get(customer))
            await work.payments.add(a_payment(order_id=order.id, reference=f"R-{at}", check_at=at))
    directory = crm.payment_directory

    claimed = await asyncio.gather(*(directory.claim(9, 60) for _ in range(5)))

    assert [one for some in claimed for one in some] == [(TENANT, payment.id)]
    async with crm.open_work(TENANT) as work:
        found = await work.payments.get(payment.id)
    assert found.check_at is not None
    assert found.check_at > NOON - timedelta(days=1)


async def test_a_refund_comes_back_as_it_was_saved(crm: Crm) -> None:
    payment = await stored(crm)
    first, second = (
        a_refund(payment),
        a_refund(payment, created_at=LATER, status=RefundStatus.FAILED),
    )
    async with crm.open_work(TENANT) as work:
        await work.refunds.add(second)
        await work.refunds.add(first)
        first.became(RefundStatus.SUCCEEDED, LATER, "detail")
        first.provider_id, first.tries = "rfd-1", 3
        await work.refunds.save(first)
    async with crm.open_work(TENANT) as work:
        found = await work.refunds.of(payment.id)

        assert [vars(one) for one in found] == [vars(first), vars(second)]
        assert await work.refunds.of(PaymentId(uuid7())) == []
    async with crm.open_work(OTHER_TENANT) as work:
        assert await work.refunds.of(payment.id) == []


async def test_an_event_is_recorded_once_and_marked_once_it_was_looked_into(crm: Crm) -> None:
    payment = await stored(crm)
    full = an_event(payment, "e0", money_by="p1", body={"status": "☕"})
    async with crm.open_work(TENANT) as work:
        assert await work.payment_events.record(full)
        assert not await work.payment_events.record(an_event(payment, "e0", status="other"))
        assert await work.payment_events.record(an_event(payment, "e1", received_at=LATER))
        await work.payment_events.looked(["e1", "e9"], payment.id, LATER)
    async with crm.open_work(TENANT) as work:
        assert not await work.payment_events.record(an_event(payment, "e1"))
        found = await work.payment_events.of(payment.id)

    assert found[0] == full
    assert [(one.key, one.looked_at) for one in found] == [("e0", None), ("e1", LATER)]


async def test_a_proof_is_kept_once(crm: Crm) -> None:
    payment = await stored(crm)
    async with crm.open_work(TENANT) as work:
        customer = await work.customers.get((await work.orders.get(payment.order_id)).customer_id)
        conversation = await work.conversations.lock_of(customer.id)
        message = a_message(conversation or a_conversation(customer))
        await work.messages.add([message])
        proof = Proof(payment_id=payment.id, message_id=message.id, received_at=LATER)

        assert await work.payment_events.prove(proof)
        assert not await work.payment_events.prove(proof)
        assert await work.payment_events.proofs(payment.id) == [proof]
        assert await work.payment_events.proofs(PaymentId(uuid7())) == []


# -- accounts

GIVEN = AccountChange(secret="SB-Mid-server-abc123", callback_token="token-123456")  # noqa: S106 - nobody's


async def a_shop(crm: Crm) -> PaymentAccounts:
    async with crm.open_work(TENANT) as work:
        await work.tenants.add(a_tenant())
    return crm.payment_accounts


async def test_an_account_is_used_and_shown_without_its_secrets(crm: Crm) -> None:
    accounts = await a_shop(crm)

    shown = await accounts.put(TENANT, MIDTRANS, GIVEN)

    found = await accounts.find(TENANT, MIDTRANS)
    assert (found.secret, found.callback_token) == (GIVEN.secret, GIVEN.callback_token)
    assert shown == await accounts.show(TENANT, MIDTRANS)
    assert shown.secret is not None
    assert shown.secret.last4 == "c123"
    assert "SB-Mid-server-abc123" not in repr(found)
    if isinstance(crm, SqlCrm):
        assert "SB-Mid-server-abc123" not in repr(shown)


async def test_a_secret_that_is_left_out_stays(crm: Crm) -> None:
    accounts = await a_shop(crm)
    await accounts.put(TENANT, MIDTRANS, GIVEN)

    shown = await accounts.put(TENANT, MIDTRANS, AccountChange(is_default=True))

    assert (await accounts.find(TENANT, MIDTRANS)).secret == GIVEN.secret
    assert (shown.version, shown.is_default) == (2, True)


async def test_what_is_left_out_of_an_account_stays(crm: Crm) -> None:
    accounts = await a_shop(crm)
    real = AccountChange(secret="Mid-server-real-1", is_production=True, is_default=True)  # noqa: S106 - nobody's
    await accounts.put(TENANT, MIDTRANS, real)
    shown = await accounts.put(TENANT, MIDTRANS, AccountChange(details="kas"))
    assert (shown.is_production, shown.is_default, shown.details) == (True, True, "kas")

    shown = await accounts.put(TENANT, MIDTRANS, AccountChange(is_enabled=False))
    assert (shown.is_enabled, shown.is_default, shown.details) == (False, False, "kas")

    # The key that is there already is looked at, too.
    play = AccountChange(secret=GIVEN.secret, is_production=False)
    await accounts.put(TENANT, MIDTRANS, play)
    with pytest.raises(PaymentAccountRejected):
        await accounts.put(TENANT, MIDTRANS, AccountChange(is_production=True))


def test_a_shop_in_production_takes_no_play_money() -> None:
    for provider, secret in ((MIDTRANS, "SB-Mid-server-1"), (XENDIT, "xnd_development_1")):
        state = AccountState(secret=secret, callback_token="token-123456")  # noqa: S106 - nobody's
        state.check(provider)
        with pytest.raises(PaymentAccountRejected, match="ALLOW_SANDBOX_PAYMENTS"):
            state.check(provider, allows_play=False)


async def test_the_keys_that_were_replaced_are_kept_as_the_older_ones(crm: Crm) -> None:
    accounts = await a_shop(crm)
    await accounts.put(TENANT, XENDIT, GIVEN)
    assert (await accounts.find(TENANT, XENDIT)).older is None
    await accounts.put(TENANT, XENDIT, GIVEN)
    assert (await accounts.find(TENANT, XENDIT)).older is None

    await accounts.put(TENANT, XENDIT, AccountChange(secret="xnd_other_1234"))  # noqa: S106 - nobody's

    found = await accounts.find(TENANT, XENDIT)
    assert (found.secret, found.callback_token) == ("xnd_other_1234", GIVEN.callback_token)
    assert found.older is not None
    assert (found.older.secret, found.older.callback_token) == (GIVEN.secret, GIVEN.callback_token)
    assert [one.mark == found.mark for one in found.versions] == [True, False]


async def test_an_account_needs_what_its_provider_needs(crm: Crm) -> None:
    accounts = await a_shop(crm)
    for provider, change in (
        (MIDTRANS, AccountChange()),
        (XENDIT, AccountChange(secret="xnd_development_1")),  # noqa: S106 - nobody's
        (XENDIT, AccountChange(secret="has spaces in it", callback_token="token-123456")),  # noqa: S106 - nobody's
        (MIDTRANS, AccountChange(secret="SB-Mid-server-abc123", is_production=True)),  # noqa: S106 - nobody's
        (MANUAL, AccountChange(details=" ")),
        (MANUAL, AccountChange(details="x" * 501)),
        (MIDTRANS, AccountChange(secret="Mid-server-1", is_default=True, is_enabled=False)),  # noqa: S106 - nobody's
    ):
        with pytest.raises(PaymentAccountRejected):
            await accounts.put(TENANT, provider, change)
        with pytest.raises(NoPaymentAccount):
            await accounts.show(TENANT, provider)


async def test_without_an_account_of_its_own_a_shop_shares_the_platforms(crm: Crm) -> None:
    accounts = await a_shop(crm)
    with pytest.raises(NoPaymentAccount):
        await accounts.find(TENANT, MIDTRANS)

    crm.own_accounts[MIDTRANS] = ours = Account(provider=MIDTRANS, secret="ours")  # noqa: S106 - nobody's
    assert await accounts.find(TENANT, MIDTRANS) == ours
    await accounts.put(TENANT, MIDTRANS, GIVEN)
    assert (await accounts.find(TENANT, MIDTRANS)).secret == GIVEN.secret
    assert await accounts.find(OTHER_TENANT, MIDTRANS) == ours
    await accounts.remove(TENANT, MIDTRANS)
    assert await accounts.find(TENANT, MIDTRANS) == ours
    with pytest.raises(NoPaymentAccount):
        await accounts.remove(TENANT, MIDTRANS)


async def test_the_way_to_pay_is_the_shops_choice(crm: Crm) -> None:
    accounts = await a_shop(crm)

    async def way(wanted: Provider | None = None) -> Provider | None:
        try:
            async with crm.open_work(TENANT) as work:
                return await work.ways_to_pay.choose(wanted)
        except NoWayToPay:
            return None

    assert await way() is None
    crm.own_accounts[XENDIT] = Account(provider=XENDIT, secret="ours")  # noqa: S106 - nobody's
    assert (await way(), await way(MANUAL)) == (XENDIT, MANUAL)
    await accounts.put(TENANT, MANUAL, AccountChange(details="BCA 123 a.n. Ani"))
    assert (await way(), await way(XENDIT)) == (MANUAL, XENDIT)
    await accounts.put(TENANT, MIDTRANS, GIVEN)
    assert await way() is MIDTRANS
    manual = AccountChange(details="BCA 123 a.n. Ani", is_default=True)
    await accounts.put(TENANT, MANUAL, manual)
    assert await way() is MANUAL
    await accounts.put(TENANT, XENDIT, replace(GIVEN, is_enabled=False))
    assert await way(XENDIT) is None
