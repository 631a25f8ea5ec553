"""What people do about payments: refunds, and transfers that nobody but they can see."""

from typing import Any

import pytest

from crm_chatbot.application.once import IdempotencyKeyReused, Once
from crm_chatbot.application.orders.concerns import ConcernService
from crm_chatbot.application.payments.accounts import AccountChange
from crm_chatbot.application.payments.desk import PaymentDesk
from crm_chatbot.application.payments.refunding import RefundWish
from crm_chatbot.application.payments.transfers import keep_proof
from crm_chatbot.domain.conversations.message import Kind, Message
from crm_chatbot.domain.orders.order import OrderStatus
from crm_chatbot.domain.payments.payment import NotUnderReview, Payment, Provider
from crm_chatbot.domain.payments.refund import PaymentNotRefundable, RefundRejected, RefundStatus
from crm_chatbot.domain.payments.standing import PaymentStatus
from tests.crm_chatbot.builders import NOON, TENANT
from tests.crm_chatbot.cashier import HOUR, Cashier, desk_of, open_till
from tests.crm_chatbot.chats import a_message
from tests.crm_chatbot.paying import PRICE
from tests.crm_chatbot.stores import Crm

S, R = PaymentStatus, RefundStatus
DETAILS = "BCA 1234567890 a.n. Ani"


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


async def test_all_the_money_goes_back_and_the_wares_into_the_shop(
    cashier: Cashier, desk: PaymentDesk
) -> None:
    payment = await cashier.paid()

    await desk.refund(TENANT, payment.id, a_wish())
    payment = await cashier.look(payment)

    assert (payment.status, payment.refunded_amount) == (S.REFUNDED, PRICE)
    assert await statuses(cashier, payment) == [R.SUCCEEDED]
    assert await cashier.status() is OrderStatus.REFUNDED
    assert await cashier.stock() == (5, 0)
    assert "dikembalikan" in (await cashier.said())[-1]
    assert await cashier.concerns() == []


async def test_no_more_goes_back_than_came(cashier: Cashier, desk: PaymentDesk) -> None:
    payment = await cashier.paid()
    await desk.refund(TENANT, payment.id, a_wish(amount=100_000))

    for amount in (PRICE, 70_001):
        with pytest.raises(PaymentNotRefundable):
            await desk.refund(TENANT, payment.id, a_wish(amount=amount))
    await cashier.look(payment)
    with pytest.raises(PaymentNotRefundable):
        await desk.refund(TENANT, payment.id, a_wish(amount=70_001))
    await desk.refund(TENANT, payment.id, a_wish(amount=70_000))
    payment = await cashier.look(payment)

    assert payment.status is S.REFUNDED
    # A part of it was asked for by us: nobody has to look.
    assert await cashier.concerns() == []


async def test_what_was_not_paid_cannot_go_back(cashier: Cashier, desk: PaymentDesk) -> None:
    payment = await cashier.opened()
    with pytest.raises(PaymentNotRefundable):
        await desk.refund(TENANT, payment.id, a_wish())
    for wish in (a_wish(amount=0), a_wish(amount=-1), a_wish(reason=" "), a_wish(reason="x" * 201)):
        with pytest.raises(RefundRejected):
            await desk.refund(TENANT, payment.id, wish)


async def test_a_refund_that_is_asked_for_twice_by_one_name_is_one(
    cashier: Cashier, desk: PaymentDesk
) -> None:
    payment = await cashier.paid()
    once = Once(scope="refunds", key="k", request_hash="h")

    first, is_first_replay = await desk.refund(TENANT, payment.id, a_wish(amount=1), once=once)
    second, is_replay = await desk.refund(TENANT, payment.id, a_wish(amount=1), once=once)

    assert (first.id, is_first_replay, is_replay) == (second.id, False, True)
    with pytest.raises(IdempotencyKeyReused):
        other = Once(scope="refunds", key="k", request_hash="other")
        await desk.refund(TENANT, payment.id, a_wish(amount=2), once=other)


async def test_an_answer_that_is_lost_sends_the_money_back_once(
    cashier: Cashier, desk: PaymentDesk
) -> None:
    payment = await cashier.paid()
    await desk.refund(TENANT, payment.id, a_wish(amount=50_000))
    cashier.gateway.drops = 1
    payment = await cashier.look(payment)

    payment = await cashier.look(payment)

    assert (payment.status, payment.refunded_amount) == (S.PARTLY_REFUNDED, 50_000)
    assert await statuses(cashier, payment) == [R.SUCCEEDED]


async def test_what_the_provider_never_sends_back_is_sent_by_hand(
    cashier: Cashier, desk: PaymentDesk
) -> None:
    payment = await cashier.paid()
    cashier.gateway.can_refund = False
    await desk.refund(TENANT, payment.id, a_wish())
    payment = await cashier.look(payment)

    assert payment.status is S.PAID
    assert await statuses(cashier, payment) == [R.FAILED]
    assert await cashier.concerns() == ["refund_by_hand"]

    await desk.refund(TENANT, payment.id, a_wish(is_by_hand=True))

    assert await statuses(cashier, payment) == [R.FAILED, R.BY_HAND]
    assert (await cashier.payment(payment)).status is S.REFUNDED
    assert await cashier.status() is OrderStatus.REFUNDED
    assert "refund" not in cashier.gateway.calls[cashier.gateway.calls.index("refund") + 1 :]


# -- transfers


async def a_transfer(cashier: Cashier) -> Payment:
    change = AccountChange(details=DETAILS)
    await cashier.crm.payment_accounts.put(TENANT, Provider.MANUAL, change)
    return await cashier.look(await cashier.ask(Provider.MANUAL))


async def a_picture(cashier: Cashier, kind: Kind = Kind.IMAGE) -> bool:
    """The customer sends one."""
    async with cashier.crm.open_work(TENANT) as work:
        conversation = await work.conversations.lock_of(cashier.customer.id)
        assert conversation is not None
        message: Message = a_message(conversation, kind=kind)
        await work.messages.add([message])
        await work.conversations.save(conversation)
        return await keep_proof(work, cashier.customer, message, now=cashier.clock.now)


async def test_a_transfer_is_paid_by_a_persons_word_and_no_picture(
    cashier: Cashier, desk: PaymentDesk
) -> None:
    payment = await a_transfer(cashier)
    [words] = await cashier.said()
    assert DETAILS in words
    assert "Rp170.000" in words
    assert cashier.gateway.calls == []

    assert not await a_picture(cashier, Kind.VOICE)
    assert await a_picture(cashier)

    payment = await cashier.payment(payment)
    assert payment.status is S.HELD
    assert await cashier.status() is OrderStatus.AWAITING_PAYMENT
    assert await cashier.concerns() == ["proof_awaits_review"]
    assert len((await desk.look(TENANT, payment.id)).proofs) == 1

    seen = await desk.review(TENANT, payment.id, is_approved=True, actor="ani", reason="Masuk")

    assert seen.payment.status is S.PAID
    assert await cashier.status() is OrderStatus.PAID
    assert await cashier.stock() == (3, 0)
    assert "sudah kami terima" in (await cashier.said())[-1]
    with pytest.raises(NotUnderReview):
        await desk.review(TENANT, payment.id, is_approved=True, actor="ani")


async def test_what_did_not_arrive_may_still_come(cashier: Cashier, desk: PaymentDesk) -> None:
    payment = await a_transfer(cashier)
    with pytest.raises(NotUnderReview):
        await desk.review(TENANT, payment.id, is_approved=False, actor="ani")
    await a_picture(cashier)

    seen = await desk.review(TENANT, payment.id, is_approved=False, actor="ani", reason="Tidak ada")

    assert seen.payment.status is S.PENDING
    assert "belum bisa kami temukan" in (await cashier.said())[-1]
    assert await a_picture(cashier)
    await desk.review(TENANT, payment.id, is_approved=True, actor="ani")
    assert await cashier.status() is OrderStatus.PAID


async def test_a_transfer_that_nobody_made_runs_out_and_may_be_found_later(
    cashier: Cashier, desk: PaymentDesk
) -> None:
    payment = await a_transfer(cashier)
    cashier.clock.now = payment.expires_at + HOUR
    payment = await cashier.look(payment)

    assert payment.status is S.EXPIRED
    assert await cashier.status() is OrderStatus.EXPIRED
    cashier.clock.now += 71 * HOUR
    assert await a_picture(cashier)
    assert await cashier.concerns() == ["proof_awaits_review"]
    assert (await cashier.payment(payment)).status is S.EXPIRED
    cashier.clock.now += 2 * HOUR
    assert not await a_picture(cashier)
    await desk.review(TENANT, payment.id, is_approved=True, actor="ani")
    assert await cashier.status() is OrderStatus.PAID
    cashier.clock.now -= 2 * HOUR
    assert not await a_picture(cashier)


async def test_what_waits_for_a_person_does_not_hold_the_stock(
    cashier: Cashier, desk: PaymentDesk
) -> None:
    payment = await a_transfer(cashier)
    await a_picture(cashier)
    cashier.clock.now = payment.expires_at + HOUR

    assert (await cashier.look(payment)).status is S.HELD
    assert await cashier.status() is OrderStatus.EXPIRED
    assert await cashier.stock() == (5, 0)
    assert len(await cashier.said()) == 1

    await desk.review(TENANT, payment.id, is_approved=True, actor="ani")

    assert await cashier.status() is OrderStatus.PAID
    assert await cashier.stock() == (3, 0)


async def test_a_second_receipt_after_a_rejected_one_is_told_of_anew(
    cashier: Cashier, desk: PaymentDesk
) -> None:
    payment = await a_transfer(cashier)
    await a_picture(cashier)
    async with cashier.crm.open_work(TENANT) as work:
        [first] = await work.concerns.page(is_settled=None, before=None, limit=9)
    service = ConcernService(open_work=cashier.crm.open_work, now=cashier.clock)
    await service.settle(TENANT, first.id, by="ani", note="tidak ada")
    await desk.review(TENANT, payment.id, is_approved=False, actor="ani")

    await a_picture(cashier)

    async with cashier.crm.open_work(TENANT) as work:
        [second] = await work.concerns.page(is_settled=False, before=None, limit=9)
    assert second.facts["message_id"] != first.facts["message_id"]


async def test_a_person_takes_cash_in_a_shop_that_takes_no_transfers(
    cashier: Cashier, desk: PaymentDesk
) -> None:
    payment = await desk.start(TENANT, cashier.order.id, provider=Provider.MANUAL)
    await cashier.look(payment)
    assert await cashier.said() == []

    await desk.review(TENANT, payment.id, is_approved=True, actor="ani", reason="Tunai")

    assert await cashier.status() is OrderStatus.PAID


async def test_no_person_approves_what_a_provider_takes(
    cashier: Cashier, desk: PaymentDesk
) -> None:
    payment = await cashier.opened()
    for is_approved in (True, False):
        with pytest.raises(NotUnderReview):
            await desk.review(TENANT, payment.id, is_approved=is_approved, actor="ani")
    assert not await a_picture(cashier)


async def test_a_transfer_that_was_refunded_is_written_down(
    cashier: Cashier, desk: PaymentDesk
) -> None:
    payment = await a_transfer(cashier)
    await desk.review(TENANT, payment.id, is_approved=True, actor="ani")

    await desk.refund(TENANT, payment.id, a_wish(amount=20_000))
    await desk.refund(TENANT, payment.id, a_wish())

    assert await statuses(cashier, payment) == [R.BY_HAND, R.BY_HAND]
    assert (await cashier.payment(payment)).refunded_amount == PRICE
    assert await cashier.status() is OrderStatus.REFUNDED


async def test_every_attempt_is_listed(cashier: Cashier, desk: PaymentDesk) -> None:
    first = await cashier.opened()
    async with cashier.crm.open_work(TENANT) as work:
        await work.payments.drop(cashier.order.id, NOON)
    second = await desk.start(TENANT, cashier.order.id)

    listed = await desk.of_order(TENANT, cashier.order.id)

    assert [one.id for one in listed] == [first.id, second.id]
