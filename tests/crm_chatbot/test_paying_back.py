"""Money that goes back while a provider hesitates, and by more ways than one."""

from datetime import timedelta
from typing import Any

import pytest

from crm_chatbot.application.payments.desk import PaymentDesk
from crm_chatbot.application.payments.gateways import GatewayRefused, GatewayUncertain
from crm_chatbot.application.payments.refunding import RefundWish
from crm_chatbot.domain.orders.order import OrderStatus
from crm_chatbot.domain.payments.payment import Payment
from crm_chatbot.domain.payments.refund import RefundRepeated, RefundStatus
from crm_chatbot.domain.payments.standing import BY_HAND, PaymentStatus, standing
from crm_chatbot.domain.payments.standing import FactKind as K
from crm_chatbot.infrastructure.payments.midtrans import fact_of
from tests.crm_chatbot.builders import TENANT
from tests.crm_chatbot.cashier import Cashier, desk_of, open_till
from tests.crm_chatbot.paying import PRICE, a_fact
from tests.crm_chatbot.stores import Crm

S, R = PaymentStatus, RefundStatus


@pytest.fixture
async def cashier(crm: Crm) -> Cashier:
    return await open_till(crm)


@pytest.fixture
def desk(cashier: Cashier) -> PaymentDesk:
    return desk_of(cashier)


def a_wish(**facts: Any) -> RefundWish:
    given: dict[str, Any] = {"reason": "Stok rusak", "actor": "ani", **facts}
    return RefundWish(**given)


async def statuses(cashier: Cashier, payment: Payment) -> list[RefundStatus]:
    async with cashier.crm.open_work(TENANT) as work:
        return [one.status for one in await work.refunds.of(payment.id)]


@pytest.mark.parametrize(
    "refusal",
    [
        GatewayRefused("provider_unauthorized"),
        GatewayUncertain("provider_undecided"),
        GatewayUncertain("provider_unavailable"),
    ],
)
async def test_what_may_have_gone_back_is_asked_for_again_and_told_of(
    cashier: Cashier, desk: PaymentDesk, refusal: GatewayRefused | GatewayUncertain
) -> None:
    payment = await cashier.paid()
    cashier.gateway.refusal = refusal
    await desk.refund(TENANT, payment.id, a_wish())
    for _ in range(4):
        payment = await cashier.look(payment)
    assert await cashier.concerns() == []

    payment = await cashier.look(payment)

    assert await statuses(cashier, payment) == [R.REQUESTED]
    assert await cashier.concerns() == ["refund_unconfirmed"]
    assert payment.check_at is not None
    assert payment.check_at - cashier.clock.now > timedelta(minutes=5)
    cashier.gateway.refusal = None
    payment = await cashier.look(payment)
    assert (payment.status, payment.refunded_amount) == (S.REFUNDED, PRICE)


async def test_a_refusal_after_a_lost_answer_does_not_send_a_person_to_pay_again(
    cashier: Cashier, desk: PaymentDesk
) -> None:
    payment = await cashier.paid()
    await desk.refund(TENANT, payment.id, a_wish(amount=50_000))
    cashier.gateway.loses = 2
    await cashier.look(payment)
    cashier.gateway.loses = 0
    cashier.gateway.refusal = GatewayRefused("provider_refused", "already refunded")

    await cashier.look(payment)

    assert await statuses(cashier, payment) == [R.REQUESTED]
    assert await cashier.concerns() == []


async def test_a_refund_is_learnt_of_in_the_look_in_which_the_provider_names_it(
    cashier: Cashier, desk: PaymentDesk
) -> None:
    payment = await cashier.paid()
    cashier.gateway.tells_refunds_by_name = True
    await desk.refund(TENANT, payment.id, a_wish())
    cashier.gateway.drops = 1  # it was done, and nobody heard under which name
    await cashier.look(payment)
    assert await statuses(cashier, payment) == [R.REQUESTED]

    payment = await cashier.look(payment)

    assert await statuses(cashier, payment) == [R.SUCCEEDED]
    assert (payment.status, payment.refunded_amount) == (S.REFUNDED, PRICE)


async def test_a_refund_that_is_refused_at_once_for_good_is_sent_by_hand(
    cashier: Cashier, desk: PaymentDesk
) -> None:
    payment = await cashier.paid()
    cashier.gateway.refusal = GatewayRefused("provider_refused", "too late")
    await desk.refund(TENANT, payment.id, a_wish())

    await cashier.look(payment)

    assert await statuses(cashier, payment) == [R.FAILED]
    assert await cashier.concerns() == ["refund_by_hand"]


async def test_a_refund_that_fails_at_once_is_told_of(cashier: Cashier, desk: PaymentDesk) -> None:
    payment = await cashier.paid()
    cashier.gateway.answers_to_refunds = R.FAILED
    await desk.refund(TENANT, payment.id, a_wish())

    await cashier.look(payment)

    assert await statuses(cashier, payment) == [R.FAILED]
    assert await cashier.concerns() == ["refund_by_hand"]


@pytest.mark.parametrize("is_hand_first", [True, False])
async def test_what_goes_back_by_hand_and_by_the_provider_adds_up(
    cashier: Cashier, desk: PaymentDesk, is_hand_first: bool
) -> None:
    payment = await cashier.paid()
    for is_by_hand in (is_hand_first, not is_hand_first):
        amount = 70_000 if is_by_hand else 100_000
        await desk.refund(TENANT, payment.id, a_wish(amount=amount, is_by_hand=is_by_hand))
        payment = await cashier.look(payment)

    assert (payment.status, payment.refunded_amount) == (S.REFUNDED, PRICE)
    assert await cashier.status() is OrderStatus.REFUNDED


async def test_who_has_sent_it_by_hand_need_not_wait_for_the_provider(
    cashier: Cashier, desk: PaymentDesk
) -> None:
    payment = await cashier.paid()
    cashier.gateway.refusal = GatewayUncertain("provider_undecided")
    await desk.refund(TENANT, payment.id, a_wish())
    await cashier.look(payment)

    await desk.refund(TENANT, payment.id, a_wish(is_by_hand=True))

    assert await statuses(cashier, payment) == [R.FAILED, R.BY_HAND]
    assert await cashier.status() is OrderStatus.REFUNDED


async def test_who_presses_twice_sends_it_back_once(cashier: Cashier, desk: PaymentDesk) -> None:
    payment = await cashier.paid()
    await desk.refund(TENANT, payment.id, a_wish(amount=20_000))
    with pytest.raises(RefundRepeated):
        await desk.refund(TENANT, payment.id, a_wish(amount=20_000))
    cashier.clock.now += timedelta(seconds=60)

    await desk.refund(TENANT, payment.id, a_wish(amount=20_000))

    assert await statuses(cashier, payment) == [R.REQUESTED, R.REQUESTED]


def test_by_hand_and_by_the_provider_add_up_in_any_order() -> None:
    hand = a_fact(K.REFUNDED, f"{BY_HAND}R1", 0, refunded=70_000)
    facts = [a_fact(K.SETTLED), a_fact(K.REFUNDED, refunded=100_000), hand]
    for known in (facts, facts[::-1]):
        found = standing(known, amount=PRICE, currency="IDR")
        assert found is not None
        assert (found.status, found.refunded, found.oddities) == (S.REFUNDED, PRICE, ())


def test_midtrans_refunds_the_whole_where_it_names_no_amount() -> None:
    told = {"transaction_id": "t", "gross_amount": "170000.00", "transaction_status": "refund"}

    assert fact_of(told, "IDR").refunded == PRICE
    assert fact_of({**told, "transaction_status": "partial_refund"}, "IDR").refunded == 0
