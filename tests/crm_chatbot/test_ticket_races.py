"""Tickets are opened and resolved while something that they are about is changed by others."""

import asyncio

import pytest
from sqlalchemy import text
from uuid_utils.compat import uuid7

from crm_chatbot.application.orders.concerns import ConcernService, raise_concern
from crm_chatbot.application.tickets.tickets import Draft, Opened, TicketService
from crm_chatbot.application.whatsapp.acquaintance import Acquaintance
from crm_chatbot.domain.orders.order import Order
from crm_chatbot.domain.tickets.ticket import Wanted
from shared.domain import ChangedMeanwhile
from tests.crm_chatbot.builders import NOON, TENANT, a_tenant
from tests.crm_chatbot.chats import LID, PHONE, another_chat, open_chat
from tests.crm_chatbot.deals import a_quick_reply, placed
from tests.crm_chatbot.stores import SqlCrm
from tests.waiting import until

#: in this database: other tests wait for other things at the same time
WAITING = text("""
    SELECT 1 FROM pg_stat_activity
     WHERE datname = current_database() AND wait_event_type = 'Lock' LIMIT 1""")


async def an_order_of_who_is_known_twice(crm: SqlCrm) -> Order:
    async with crm.open_work(TENANT) as work:
        await open_chat(work, PHONE)
        chat = await another_chat(work, LID)
        return await placed(work, await work.customers.get(chat.customer_id))


async def open_about(crm: SqlCrm, order: Order) -> Opened:
    tickets = TicketService(open_work=crm.open_work, now=lambda: NOON, new_id=uuid7)
    return await tickets.open(TENANT, Draft(subject="Lost", order_id=order.id), by="ani")


async def is_waited_for(crm: SqlCrm) -> bool:
    async with crm.sessions() as session:
        return await session.scalar(WAITING) is not None


async def test_who_opens_one_about_an_order_while_its_customer_is_merged_is_told_to_try_again(
    postgres: SqlCrm,
) -> None:
    order = await an_order_of_who_is_known_twice(postgres)

    async with postgres.open_work(TENANT) as work:
        await Acquaintance(work, TENANT, NOON, uuid7).link([PHONE, LID])
        opening = asyncio.create_task(open_about(postgres, order))
        await until(lambda: is_waited_for(postgres), "a lock that is waited for", within=20)

    with pytest.raises(ChangedMeanwhile):
        await asyncio.wait_for(opening, 5)
    again = (await open_about(postgres, order)).ticket
    assert again.number == 1
    assert again.customer_id != order.customer_id


async def test_who_settles_a_concern_waits_for_the_conversation_before_its_ticket(
    postgres: SqlCrm,
) -> None:
    """Whoever holds a conversation may still lock its tickets: nobody waits in a circle."""
    order = await an_order_of_who_is_known_twice(postgres)
    async with postgres.open_work(TENANT) as work:
        await raise_concern(work, order, "paid_twice", now=NOON, payment_id=None, facts={"paid": 1})
        [concern] = await work.concerns.page(is_settled=False, before=None, limit=9)
        [ticket] = await work.tickets.page(Wanted(), before=None, limit=9)
    service = ConcernService(open_work=postgres.open_work, now=lambda: NOON)

    async with postgres.open_work(TENANT) as work:
        await work.conversations.lock_of(order.customer_id)
        settling = asyncio.create_task(service.settle(TENANT, concern.id, by="ani", note="Done."))
        await until(lambda: is_waited_for(postgres), "a lock that is waited for", within=20)
        held = await work.tickets.lock(ticket.id)

    assert not held.is_over
    assert (await asyncio.wait_for(settling, 5)).note == "Done."


async def test_who_says_a_quick_reply_first_does_not_wait_in_a_circle_with_who_opens_a_ticket_first(
    postgres: SqlCrm,
) -> None:
    """As rules do, in whichever order a shop wrote them down."""
    reply, both = a_quick_reply(), asyncio.Barrier(2)
    async with postgres.open_work(TENANT) as work:
        await work.tenants.add(a_tenant())
        await work.quick_replies.add(reply)

    async def says_then_opens() -> None:
        async with postgres.open_work(TENANT) as work:
            await work.quick_replies.used(reply.id, NOON)
            await both.wait()
            await work.tickets.next_number()

    async def opens_then_says() -> None:
        async with postgres.open_work(TENANT) as work:
            await work.tickets.next_number()
            await both.wait()
            await work.quick_replies.used(reply.id, NOON)

    await asyncio.wait_for(asyncio.gather(says_then_opens(), opens_then_says()), 20)

    async with postgres.open_work(TENANT) as work:
        assert (await work.quick_replies.get(reply.id)).uses == 2
        assert await work.tickets.next_number() == 3
