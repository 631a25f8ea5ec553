"""What a person is told of money, by one concern that opens again when something is new."""

import pytest

from crm_chatbot.application.orders.concerns import ConcernService
from crm_chatbot.application.orders.settlement import accept
from crm_chatbot.domain.orders.concern import Concern
from crm_chatbot.domain.orders.order import OrderStatus
from crm_chatbot.domain.payments.standing import FactKind as K
from tests.crm_chatbot.builders import NOON, TENANT
from tests.crm_chatbot.cashier import Cashier, open_till, settled
from tests.crm_chatbot.paying import PRICE, a_fact
from tests.crm_chatbot.stores import Crm


@pytest.fixture
async def cashier(crm: Crm) -> Cashier:
    return await open_till(crm)


async def the_concern(cashier: Cashier) -> Concern:
    async with cashier.crm.open_work(TENANT) as work:
        [one] = await work.concerns.page(is_settled=None, before=None, limit=9)
    return one


async def settle(cashier: Cashier) -> None:
    service = ConcernService(open_work=cashier.crm.open_work, now=cashier.clock)
    await service.settle(TENANT, (await the_concern(cashier)).id, by="ani", note="beres")


async def test_what_is_new_about_a_concern_opens_it_again(cashier: Cashier) -> None:
    payment = await cashier.told(await cashier.paid(), a_fact(K.REFUNDED, refunded=50_000))
    await settle(cashier)

    await cashier.look(payment)
    assert (await the_concern(cashier)).settled_at is not None
    await cashier.told(payment, a_fact(K.REFUNDED, refunded=80_000))

    found = await the_concern(cashier)
    assert (found.code, found.settled_at, found.note) == ("partly_refunded", None, "")
    assert found.facts["refunded"] == 80_000


async def test_an_order_that_was_accepted_is_questioned_again(cashier: Cashier) -> None:
    payment = await cashier.told(await cashier.opened(), settled(PRICE - 1))
    await settle(cashier)
    await cashier.act(lambda w, o: accept(w, o, now=NOON, actor="ani", reason="cukup"))
    assert await cashier.status() is OrderStatus.PAID

    await cashier.told(payment, settled(PRICE - 2, transaction="t2"))

    assert await cashier.status() is OrderStatus.PAID_ATTENTION


async def test_a_state_that_lasts_does_not_open_what_was_settled(cashier: Cashier) -> None:
    payment = await cashier.opened()
    cashier.gateway.key = "changed"
    await cashier.look(payment)
    await settle(cashier)

    await cashier.look(payment)

    assert (await the_concern(cashier)).settled_at is not None


async def test_money_that_goes_back_does_not_question_what_was_settled(cashier: Cashier) -> None:
    """A second payment was noticed, settled, and is sent back: the order stays paid."""
    first = await cashier.opened()
    async with cashier.crm.open_work(TENANT) as work:
        await work.payments.drop(cashier.order.id, NOON)
    await cashier.paid()
    await cashier.told(first, settled())
    await settle(cashier)
    await cashier.act(lambda w, o: accept(w, o, now=NOON, actor="ani", reason="dikembalikan"))

    await cashier.told(first, a_fact(K.REFUNDED, refunded=50_000))

    assert await cashier.status() is OrderStatus.PAID
