"""What becomes of orders when two customers turn out to be one, and when one is erased."""

from crm_chatbot.application.customers import CustomerService
from crm_chatbot.application.whatsapp.acquaintance import Acquaintance
from crm_chatbot.domain.orders.order import ERASED
from tests.crm_chatbot.builders import LATER, TENANT
from tests.crm_chatbot.chats import LID, PHONE
from tests.crm_chatbot.deals import (
    ADDRESS,
    a_concern,
    a_line,
    another_customer,
    open_shop,
    placed,
)
from tests.crm_chatbot.stores import Crm
from tests.crm_chatbot.turning import MemoryHistories


async def test_orders_and_concerns_are_theirs_who_both_turned_out_to_be(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        kept, _ = await open_shop(work)
        gone = await another_customer(work, LID)
        order = await placed(work, gone, a_line())
        concern = a_concern(order)
        await work.concerns.add(concern)
    async with crm.open_work(TENANT) as work:
        await Acquaintance(work, TENANT, LATER, lambda: order.id).link([PHONE, LID])
    async with crm.open_work(TENANT) as work:
        current = await work.orders.lock_current(kept.id)
        seen = await work.concerns.lock(concern.id)

    assert current is not None
    assert (current.id, current.customer_id, seen.customer_id) == (order.id, kept.id, kept.id)


async def test_of_an_erased_customers_orders_the_money_stays(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        customer, _ = await open_shop(work)
        order = await placed(work, customer, a_line(), delivery=ADDRESS, note="Pagar biru")
    service = CustomerService(crm.open_work, MemoryHistories(), lambda: LATER)
    await service.forget(TENANT, customer.id)
    async with crm.open_work(TENANT) as work:
        left = await work.orders.get(order.id)

    assert left.delivery is not None
    assert (left.delivery.address, left.note, left.total) == (ERASED, "", order.total)
