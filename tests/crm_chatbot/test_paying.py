"""P17 to P19: an order is paid once, by one link, whatever providers, customers and networks do."""

import asyncio
from copy import deepcopy
from dataclasses import replace

import pytest

from crm_chatbot.application.orders import lifecycle
from crm_chatbot.application.ports import Work
from crm_chatbot.domain.conversations.conversation import Mode
from crm_chatbot.domain.orders.order import Order, OrderStatus
from crm_chatbot.domain.payments.payment import NothingAwaitsPayment, NoWayToPay, Payment, Provider
from crm_chatbot.domain.payments.standing import Fact, FactKind, PaymentStatus
from tests.crm_chatbot.builders import NOON, TENANT
from tests.crm_chatbot.cashier import HOUR, MIDTRANS, Cashier, open_till, settled
from tests.crm_chatbot.fakes import MemoryCrm
from tests.crm_chatbot.paying import PRICE, a_fact
from tests.crm_chatbot.stores import Crm

S, K = PaymentStatus, FactKind


@pytest.fixture
async def cashier(crm: Crm) -> Cashier:
    return await open_till(crm)


async def test_the_customer_is_sent_a_link_pays_and_is_told(cashier: Cashier) -> None:
    payment = await cashier.opened()

    assert payment.status is S.PENDING
    assert payment.url is not None
    [link] = await cashier.said()
    assert payment.url in link
    assert "Rp170.000" in link
    assert cashier.order.number in link

    cashier.gateway.pay(payment.reference)
    payment = await cashier.look(payment)

    assert (payment.status, payment.paid_amount) == (S.PAID, PRICE)
    assert await cashier.status() is OrderStatus.PAID
    assert await cashier.stock() == (3, 0)
    thanks = f"Pembayaran Rp170.000 untuk pesanan {cashier.order.number} sudah kami terima."
    assert (await cashier.said())[1:] == [f"{thanks} Terima kasih!"]
    assert await cashier.concerns() == []


async def test_what_is_looked_at_again_has_its_effects_once(cashier: Cashier) -> None:
    payment = await cashier.paid()
    before = await cashier.said()

    for _ in range(3):
        await cashier.look(payment)
    await asyncio.gather(*(cashier.look(payment) for _ in range(5)))

    assert await cashier.said() == before
    assert await cashier.stock() == (3, 0)
    assert await cashier.concerns() == []


async def test_a_link_is_asked_for_twenty_times_and_made_once(cashier: Cashier) -> None:
    asked = await asyncio.gather(*(cashier.ask() for _ in range(20)))
    assert len({payment.id for payment in asked}) == 1

    await asyncio.gather(*(cashier.look(asked[0]) for _ in range(5)))

    assert len(cashier.gateway.sheets) == 1
    assert len(await cashier.said()) == 1


async def test_who_asks_once_more_is_told_once_more(cashier: Cashier) -> None:
    payment = await cashier.opened()

    again = await cashier.ask()
    await cashier.look(again)
    await cashier.look(again)

    assert again.id == payment.id
    first, second = await cashier.said()
    assert first == second


async def test_an_answer_that_is_lost_leads_to_one_link(cashier: Cashier) -> None:
    cashier.gateway.drops = 2
    payment = await cashier.ask()

    payment = await cashier.look(payment)
    assert (payment.status, payment.url) == (S.CREATING, None)
    await cashier.look(payment)
    payment = await cashier.look(payment)

    assert payment.status is S.PENDING
    assert len(cashier.gateway.sheets) == 1
    delayed, link = await cashier.said()
    assert "sedang dibuat" in delayed
    assert payment.url is not None
    assert payment.url in link


async def test_a_provider_that_will_not_calls_a_person(cashier: Cashier) -> None:
    cashier.gateway.key = "changed"
    payment = await cashier.look(await cashier.ask())

    assert (payment.status, payment.reason) == (S.REFUSED, "provider_unauthorized")
    assert await cashier.concerns() == ["no_payment_link"]
    async with cashier.crm.open_work(TENANT) as work:
        conversation = await work.conversations.lock_of(cashier.customer.id)
    assert conversation is not None
    assert conversation.mode is Mode.HUMAN
    [words] = await cashier.said()
    assert "Staf kami" in words
    # ... who may have corrected the key meanwhile.
    cashier.gateway.key = "secret"
    second = await cashier.opened()
    assert (second.attempt, second.status) == (2, S.PENDING)
    assert second.reference != payment.reference


async def test_a_shop_without_any_account_cannot_be_paid(cashier: Cashier) -> None:
    cashier.crm.own_accounts.clear()

    with pytest.raises(NoWayToPay):
        await cashier.ask()


async def test_only_what_awaits_payment_can_be_paid(cashier: Cashier) -> None:
    cashier.clock.now = NOON + HOUR
    with pytest.raises(NothingAwaitsPayment):
        await cashier.ask()
    cashier.clock.now = NOON
    await cashier.paid()
    with pytest.raises(NothingAwaitsPayment):
        await cashier.ask()


# -- what may be odd about money


async def test_one_rupiah_too_little_is_not_paid(cashier: Cashier) -> None:
    payment = await cashier.told(await cashier.opened(), settled(PRICE - 1))

    assert payment.status is S.ATTENTION
    assert await cashier.status() is OrderStatus.PAID_ATTENTION
    assert await cashier.concerns() == ["amount_differs"]
    assert "memeriksanya" in (await cashier.said())[-1]


async def test_another_currency_is_not_paid(cashier: Cashier) -> None:
    await cashier.told(await cashier.opened(), replace(settled(), currency="USD"))

    assert await cashier.status() is OrderStatus.PAID_ATTENTION
    assert await cashier.concerns() == ["currency_differs"]


async def test_a_fee_that_the_provider_explains_is_no_oddity(cashier: Cashier) -> None:
    fact = a_fact(K.SETTLED, amount=PRICE + 1_190, fee=1_190)

    await cashier.told(await cashier.opened(), fact)

    assert await cashier.status() is OrderStatus.PAID
    assert await cashier.concerns() == []


async def test_a_card_under_suspicion_waits_for_a_person(cashier: Cashier) -> None:
    payment = await cashier.told(await cashier.opened(), a_fact(K.REVIEW))

    assert payment.status is S.HELD
    assert await cashier.status() is OrderStatus.AWAITING_PAYMENT
    assert await cashier.concerns() == ["payment_held"]
    payment = await cashier.told(payment, a_fact(K.CAPTURED))
    assert payment.status is S.PAID
    assert await cashier.status() is OrderStatus.PAID


async def test_a_word_that_nobody_knows_is_left_to_a_person(cashier: Cashier) -> None:
    payment = await cashier.told(await cashier.opened(), a_fact(K.UNKNOWN))

    assert payment.status is S.HELD
    assert await cashier.concerns() == ["unknown_status"]


async def test_money_that_the_bank_takes_back_is_a_persons_to_decide(cashier: Cashier) -> None:
    payment = await cashier.told(await cashier.paid(), a_fact(K.FAILED))

    assert payment.status is S.REVERSED
    assert await cashier.status() is OrderStatus.PAID_ATTENTION
    assert await cashier.concerns() == ["payment_reversed"]


async def test_a_chargeback_after_delivery_leaves_it_delivered(cashier: Cashier) -> None:
    payment = await cashier.paid()
    await cashier.act(lambda work, order: lifecycle.fulfil(work, order, now=NOON, actor="ani"))

    await cashier.told(payment, a_fact(K.CHARGED_BACK))

    assert await cashier.status() is OrderStatus.FULFILLED
    assert await cashier.concerns() == ["charged_back"]


async def test_what_somebody_refunded_in_the_dashboard_is_followed(cashier: Cashier) -> None:
    payment = await cashier.paid()
    payment = await cashier.told(payment, a_fact(K.REFUNDED, refunded=50_000))

    assert (payment.status, payment.refunded_amount) == (S.PARTLY_REFUNDED, 50_000)
    assert await cashier.status() is OrderStatus.PAID
    assert await cashier.concerns() == ["partly_refunded"]

    await cashier.told(payment, a_fact(K.REFUNDED, refunded=PRICE))

    assert await cashier.status() is OrderStatus.REFUNDED
    assert await cashier.stock() == (5, 0)
    _, _, part, rest = await cashier.said()
    assert "Rp50.000" in part
    assert "Rp120.000" in rest


async def test_every_part_that_goes_back_is_told_of_by_itself(cashier: Cashier) -> None:
    payment = await cashier.paid()
    for back in (50_000, 80_000):
        payment = await cashier.told(payment, a_fact(K.REFUNDED, refunded=back))

    assert "Rp50.000" in (await cashier.said())[-2]
    assert "Rp30.000" in (await cashier.said())[-1]


async def test_who_wants_to_hear_nothing_still_hears_of_their_money(cashier: Cashier) -> None:
    async with cashier.crm.open_work(TENANT) as work:
        customer = await work.customers.lock(cashier.customer.id)
        customer.opted_out_at = NOON
        await work.customers.save(customer)
    payment = await cashier.opened()
    assert await cashier.said() == []

    cashier.gateway.pay(payment.reference)
    payment = await cashier.look(payment)
    await cashier.told(payment, a_fact(K.REFUNDED, refunded=50_000))

    received, back = await cashier.said()
    assert "sudah kami terima" in received
    assert "dikembalikan" in back


async def test_what_is_paid_closes_every_other_way_to_pay(cashier: Cashier) -> None:
    first = await cashier.opened()
    async with cashier.crm.open_work(TENANT) as work:
        await work.payments.drop(cashier.order.id, NOON)
    second = await cashier.opened()
    cashier.gateway.pay(first.reference)

    await cashier.look(first)
    second = await cashier.payment(second)

    assert await cashier.status() is OrderStatus.PAID
    assert (second.is_unwanted, second.check_at) == (True, NOON)
    assert (await cashier.look(second)).status is S.CANCELLED


async def test_a_second_payment_for_one_link_is_noticed(cashier: Cashier) -> None:
    payment = await cashier.paid()

    await cashier.told(payment, settled(transaction="t2"))

    assert await cashier.concerns() == ["paid_twice"]


# -- what comes too late, or for what is not there any more


async def test_nobody_paid_in_time(cashier: Cashier) -> None:
    payment = await cashier.opened()
    cashier.clock.now = NOON + HOUR
    assert (await cashier.look(payment)).status is S.PENDING

    cashier.clock.now = payment.expires_at + HOUR / 20
    payment = await cashier.look(payment)

    assert payment.status is S.EXPIRED
    assert await cashier.status() is OrderStatus.EXPIRED
    assert await cashier.stock() == (5, 0)
    assert not cashier.gateway.sheets[payment.reference].is_open
    _, gone = await cashier.said()
    assert "sudah habis" in gone

    await cashier.look(payment)
    assert len(await cashier.said()) == 2


async def test_money_that_comes_after_the_end_is_not_dropped(cashier: Cashier) -> None:
    payment = await cashier.opened()
    cashier.clock.now = payment.expires_at + HOUR / 20
    payment = await cashier.look(payment)

    payment = await cashier.told(payment, settled())

    assert payment.status is S.PAID
    assert await cashier.status() is OrderStatus.PAID
    assert await cashier.stock() == (3, 0)


async def test_who_pays_at_the_last_moment_has_paid(cashier: Cashier) -> None:
    payment = await cashier.opened()
    cashier.gateway.pay(payment.reference)
    cashier.clock.now = payment.expires_at + HOUR / 20

    payment = await cashier.look(payment)

    assert payment.status is S.PAID
    assert await cashier.status() is OrderStatus.PAID


async def test_what_is_cancelled_is_closed_and_its_money_is_not_dropped(cashier: Cashier) -> None:
    payment = await cashier.opened()

    await cashier.act(lambda work, order: lifecycle.cancel(work, order, now=NOON, actor="ani"))
    payment = await cashier.look(payment)

    assert payment.status is S.CANCELLED
    assert not cashier.gateway.sheets[payment.reference].is_open
    await cashier.told(payment, settled())
    assert await cashier.status() is OrderStatus.PAID_ATTENTION
    assert await cashier.concerns() == ["paid_after_cancellation"]


async def test_a_link_for_what_was_changed_is_closed_and_a_new_one_made(cashier: Cashier) -> None:
    first = await cashier.opened()
    line = cashier.order.lines[0]

    async def change(work: Work, order: Order) -> None:
        await lifecycle.reopen(work, order, now=NOON, actor="bot")
        order.put(replace(line, quantity=1), NOON)
        await lifecycle.confirm(
            work, await work.tenants.get(TENANT), order, now=NOON, actor="customer"
        )

    await cashier.act(change)
    second = await cashier.opened()
    first = await cashier.look(first)

    assert (first.status, second.status) == (S.CANCELLED, S.PENDING)
    assert second.amount == PRICE // 2
    # Somebody managed to pay the first all the same.
    await cashier.told(first, settled())
    assert await cashier.status() is OrderStatus.PAID_ATTENTION
    assert await cashier.concerns() == ["paid_old_total"]


async def test_whoever_pays_by_two_links_is_noticed(cashier: Cashier) -> None:
    first = await cashier.opened()
    async with cashier.crm.open_work(TENANT) as work:
        await work.payments.drop(cashier.order.id, NOON)
    second = await cashier.opened()
    cashier.gateway.pay(second.reference)
    await cashier.look(second)

    await cashier.told(first, settled())

    assert await cashier.concerns() == ["paid_twice"]


#: {pending, settlement, settlement again, expire, cancel, and a deny of another try}, as Midtrans
#: has them; Xendit has an invoice that is paid, then settled, and expires.
EVENTS = {
    MIDTRANS: (
        *(a_fact(K.PENDING), a_fact(K.SETTLED), a_fact(K.SETTLED)),
        *(a_fact(K.EXPIRED), a_fact(K.CANCELLED), a_fact(K.FAILED, "t2")),
    ),
    Provider.XENDIT: (
        *(a_fact(K.PENDING), a_fact(K.SETTLED), a_fact(K.SETTLED), a_fact(K.SETTLED)),
        *(a_fact(K.EXPIRED), a_fact(K.EXPIRED)),
    ),
}


@pytest.mark.parametrize("provider", EVENTS)
async def test_all_orders_of_what_a_provider_says_lead_to_the_same(
    memory: MemoryCrm, provider: Provider
) -> None:
    """720 of them, those that begin alike told together; each time only the newest word is told."""
    cashier = await open_till(memory)
    memory.own_accounts[provider] = replace(memory.own_accounts[MIDTRANS], provider=provider)
    payment = await cashier.look(await cashier.ask(provider))
    ends: set[tuple[object, ...]] = set()

    async def go_on(left: tuple[Fact, ...]) -> None:
        if not left:
            ends.add(await end_of(cashier, payment))
        before = memory.stored
        for place, fact in enumerate(left):
            if fact in left[:place]:
                continue  # the same as an order that was tried already
            memory.stored = deepcopy(before)
            cashier.gateway.sheets[payment.reference].facts = [fact]
            await cashier.look(payment)
            await go_on((*left[:place], *left[place + 1 :]))

    await go_on(EVENTS[provider])

    assert ends == {(S.PAID, PRICE, OrderStatus.PAID, (3, 0), (), 2)}


async def end_of(cashier: Cashier, payment: Payment) -> tuple[object, ...]:
    payment = await cashier.payment(payment)
    return (
        payment.status,
        payment.paid_amount,
        await cashier.status(),
        await cashier.stock(),
        tuple(await cashier.concerns()),
        len(await cashier.said()),
    )


async def test_time_runs_out_while_the_provider_is_asked(cashier: Cashier) -> None:
    """The order expires, by whoever sweeps, between the question and what its answer does."""
    payment = await cashier.opened()
    cashier.gateway.pay(payment.reference)
    seen = await cashier.service._begin(TENANT, payment.id)
    late = payment.expires_at + HOUR / 20
    told = await cashier.service.asking.about(seen, NOON)
    await cashier.act(lambda work, order: lifecycle.expire(work, order, now=late))
    assert await cashier.status() is OrderStatus.EXPIRED
    cashier.clock.now = late

    await cashier.service._end(seen, told)

    assert await cashier.status() is OrderStatus.PAID
    assert await cashier.stock() == (3, 0)


async def test_whoever_is_woken_while_the_provider_is_asked_is_due_at_once(
    cashier: Cashier,
) -> None:
    payment = await cashier.opened()
    seen = await cashier.service._begin(TENANT, payment.id)
    told = await cashier.service.asking.about(seen, NOON)
    async with cashier.crm.open_work(TENANT) as work:
        await work.payments.wake(payment.id, NOON - HOUR)

    await cashier.service._end(seen, told)

    assert (await cashier.payment(payment)).check_at == NOON - HOUR
