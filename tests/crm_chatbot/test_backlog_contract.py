"""In which chats something is due, in memory and in PostgreSQL alike."""

import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.application.backlog import Backlog, Place
from crm_chatbot.domain.conversations.conversation import Mode
from crm_chatbot.domain.conversations.message import MessageState
from crm_chatbot.domain.customers.customer import Identity, IdentityKind
from crm_chatbot.domain.orders.order import OrderId, OrderStatus
from crm_chatbot.domain.tenants.tenant import TenantId, TenantStatus
from crm_chatbot.domain.tickets.status import Status
from crm_chatbot.domain.tickets.ticket import TicketId
from crm_chatbot.infrastructure.backlog_store import SqlBacklog
from shared.infrastructure.database import DatabaseClock
from shared.whatsapp.connections import ConnectionChange
from tests.crm_chatbot.builders import NOON, OTHER_TENANT, TENANT, a_tenant
from tests.crm_chatbot.chats import LID, PHONE, a_customer, an_answer, another_chat
from tests.crm_chatbot.deals import placed
from tests.crm_chatbot.desk import a_board, a_ticket
from tests.crm_chatbot.fakes import MemoryCrm
from tests.crm_chatbot.furnished import connections
from tests.crm_chatbot.memory_backlog import MemoryBacklog
from tests.crm_chatbot.paying import a_payment
from tests.crm_chatbot.stores import Crm, SqlCrm

CONTRACT_OF = Backlog

HANDED, QUEUED = MessageState.HANDED, MessageState.QUEUED
#: Whatever the clock of a test, or the database's, may say.
PAST, FUTURE = NOON - timedelta(hours=1), NOON + timedelta(days=36_500)
_NUMBERS = itertools.count()


@pytest.fixture
def backlog(crm: Crm) -> Backlog:
    return SqlBacklog(crm.sessions) if isinstance(crm, SqlCrm) else MemoryBacklog(crm)


@pytest.fixture(autouse=True)
async def shops(crm: Crm) -> None:
    for tenant_id in (TENANT, OTHER_TENANT):
        async with crm.open_work(tenant_id) as work:
            await work.tenants.add(a_tenant(tenant_id))


async def a_chat(
    crm: Crm, tenant_id: TenantId = TENANT, *, messages: Sequence[Any] = (), **facts: Any
) -> Place:
    """With the messages whose facts are given."""
    phone = Identity(IdentityKind.PHONE, f"62812{next(_NUMBERS):08}")
    async with crm.open_work(tenant_id) as work:
        chat = await another_chat(work, phone, tenant_id=tenant_id, **facts)
        await work.messages.add([an_answer(chat, **each) for each in messages])
        await work.conversations.save(chat)
    return tenant_id, chat.id


async def test_every_shops_messages_that_nothing_is_heard_of(crm: Crm, backlog: Backlog) -> None:
    ours = await a_chat(crm, messages=[{"state": HANDED, "ask_at": PAST}])
    theirs = await a_chat(crm, OTHER_TENANT, messages=[{"state": QUEUED, "ask_at": PAST}])
    await a_chat(crm, messages=[{"state": HANDED, "ask_at": FUTURE}])
    await a_chat(crm, messages=[{"state": MessageState.SENT, "ask_at": PAST}])
    await a_chat(crm, messages=[{"state": QUEUED}])

    assert sorted(await backlog.unheard_of(10)) == sorted([ours, theirs])


async def test_a_chat_is_named_once_however_much_is_late(crm: Crm, backlog: Backlog) -> None:
    ours = await a_chat(crm, messages=[{"state": HANDED, "ask_at": PAST}] * 2)

    assert await backlog.unheard_of(10) == [ours]


async def test_those_that_are_late_the_longest_come_first(crm: Crm, backlog: Backlog) -> None:
    await a_chat(crm, messages=[{"state": HANDED, "ask_at": PAST}])
    older = PAST - timedelta(hours=1)
    oldest = await a_chat(crm, messages=[{"state": HANDED, "ask_at": older}])

    assert await backlog.unheard_of(1) == [oldest]


async def test_every_shops_chats_that_people_left_alone(crm: Crm, backlog: Backlog) -> None:
    ours = await a_chat(crm, mode=Mode.HUMAN, handback_at=PAST)
    theirs = await a_chat(crm, OTHER_TENANT, mode=Mode.HUMAN, handback_at=PAST)
    await a_chat(crm, mode=Mode.HUMAN, handback_at=FUTURE)
    await a_chat(crm, mode=Mode.HUMAN)

    assert sorted(await backlog.left_alone(10)) == sorted([ours, theirs])


async def test_those_left_alone_the_longest_come_first(crm: Crm, backlog: Backlog) -> None:
    await a_chat(crm, mode=Mode.HUMAN, handback_at=PAST)
    oldest = await a_chat(crm, mode=Mode.HUMAN, handback_at=PAST - timedelta(hours=1))

    assert await backlog.left_alone(1) == [oldest]


# -- sessions that nobody looked into


async def connect(crm: Crm, backlog: Backlog, tenant_id: TenantId, session: str) -> None:
    change = ConnectionChange(session=session)
    if isinstance(crm, SqlCrm):
        await connections(crm.sessions).put(tenant_id, change)
    elif isinstance(backlog, MemoryBacklog):
        await backlog.connections.put(tenant_id, change)


async def look(crm: Crm, tenant_id: TenantId, session: str, at: datetime) -> None:
    async with crm.open_work(tenant_id) as work:
        assert await work.whatsapp_sessions.look(session, at, older_than_s=0)


async def test_sessions_that_nobody_looked_into_the_longest_come_first(
    crm: Crm, backlog: Backlog
) -> None:
    for tenant_id, session in ((TENANT, "ours"), (OTHER_TENANT, "theirs")):
        await connect(crm, backlog, tenant_id, session)
    at_first = await backlog.unwatched(10, for_s=300)
    await look(crm, TENANT, "ours", PAST)

    assert sorted(at_first) == [(TENANT, "ours"), (OTHER_TENANT, "theirs")]
    assert await backlog.unwatched(10, for_s=300) == [(OTHER_TENANT, "theirs"), (TENANT, "ours")]
    assert await backlog.unwatched(1, for_s=300) == [(OTHER_TENANT, "theirs")]


async def test_what_was_looked_into_just_now_waits_unless_it_works_again(
    crm: Crm, backlog: Backlog
) -> None:
    await connect(crm, backlog, TENANT, "ours")
    await look(crm, TENANT, "ours", FUTURE)
    after_a_look = await backlog.unwatched(10, for_s=300)
    async with crm.open_work(TENANT) as work:
        await work.whatsapp_sessions.changed("ours", "WORKING", FUTURE)

    assert after_a_look == []
    assert await backlog.unwatched(10, for_s=300) == [(TENANT, "ours")]


async def test_shops_that_are_suspended_or_not_connected_are_not_looked_into(
    crm: Crm, backlog: Backlog
) -> None:
    await connect(crm, backlog, TENANT, "ours")
    await suspend(crm, TENANT)

    assert await backlog.unwatched(10, for_s=300) == []


async def suspend(crm: Crm, tenant_id: TenantId) -> None:
    async with crm.open_work(tenant_id) as work:
        tenant = await work.tenants.get(tenant_id)
        tenant.become(TenantStatus.SUSPENDED, NOON)
        await work.tenants.save(tenant)


# -- who hides behind an identity


async def test_hidden_identities_are_told_once_in_so_long(crm: Crm, backlog: Backlog) -> None:
    for tenant_id in (TENANT, OTHER_TENANT):
        async with crm.open_work(tenant_id) as work:
            await work.customers.add(a_customer(LID, tenant_id=tenant_id))

    first = await backlog.hidden(10, for_s=3_600)
    soon = await backlog.hidden(10, for_s=3_600)
    late = await backlog.hidden(10, for_s=-1)

    assert sorted(first) == [(TENANT, LID.value), (OTHER_TENANT, LID.value)]
    assert soon == []
    assert sorted(late) == sorted(first)


async def test_so_many_at_a_time_and_the_rest_next(crm: Crm, backlog: Backlog) -> None:
    lids = [Identity(IdentityKind.LID, f"11122233344{n:04}") for n in range(5)]
    async with crm.open_work(TENANT) as work:
        for lid in lids:
            await work.customers.add(a_customer(lid))

    rounds = [await backlog.hidden(2, for_s=3_600) for _ in range(3)]

    assert [len(one) for one in rounds] == [2, 2, 1]
    assert {lid for one in rounds for _, lid in one} == {lid.value for lid in lids}


async def test_who_is_known_by_number_hides_from_nobody(crm: Crm, backlog: Backlog) -> None:
    async with crm.open_work(TENANT) as work:
        await work.customers.add(a_customer(LID, PHONE))

    assert await backlog.hidden(10, for_s=3_600) == []


async def test_customers_of_a_suspended_shop_are_not_asked_about(
    crm: Crm, backlog: Backlog
) -> None:
    async with crm.open_work(TENANT) as work:
        await work.customers.add(a_customer(LID))
    await suspend(crm, TENANT)

    assert await backlog.hidden(10, for_s=3_600) == []


async def test_whose_customers_were_erased_lately_the_latest_first(
    crm: Crm, backlog: Backlog
) -> None:
    chats = [await a_chat(crm), await a_chat(crm, OTHER_TENANT)]
    await a_chat(crm)
    long_ago = await a_chat(crm)
    now = await time_of(crm)
    for place, ago in ((chats[0], 20), (chats[1], 10), (long_ago, 90_000)):
        await erase(crm, place, now - timedelta(seconds=ago))

    assert await backlog.erased(10, within_s=3_600) == [chats[1], chats[0]]
    assert await backlog.erased(1, within_s=3_600) == [chats[1]]


async def time_of(crm: Crm) -> datetime:
    if not isinstance(crm, SqlCrm):
        return crm.time
    clock = DatabaseClock(crm.sessions)
    await clock.refresh()
    return clock()


async def erase(crm: Crm, place: Place, at: datetime) -> None:
    tenant_id, conversation_id = place
    async with crm.open_work(tenant_id) as work:
        conversation = await work.conversations.lock(conversation_id)
        customer = await work.customers.lock(conversation.customer_id)
        conversation.forget_customer()
        customer.forget(at)
        await work.conversations.save(conversation)
        await work.customers.save(customer)


async def test_time_makes_more_of_it_due(memory: MemoryCrm) -> None:
    async with memory.open_work(TENANT) as work:
        await work.tenants.add(a_tenant())
    ours = await a_chat(memory, messages=[{"state": HANDED, "ask_at": NOON}])
    backlog = MemoryBacklog(memory)
    before = await backlog.unheard_of(10)

    await memory.pass_time(1)

    assert (before, await backlog.unheard_of(10)) == ([], [ours])


async def test_every_shops_orders_that_nobody_paid_in_time(crm: Crm, backlog: Backlog) -> None:
    waiting = OrderStatus.AWAITING_PAYMENT
    older = PAST - timedelta(minutes=1)
    late: list[tuple[TenantId, OrderId]] = []
    for tenant_id in (TENANT, OTHER_TENANT):
        async with crm.open_work(tenant_id) as work:
            customer = a_customer(PHONE, tenant_id=tenant_id)
            assert await work.customers.add(customer)

            async def place(**facts: Any) -> OrderId:
                named = {"tenant_id": tenant_id, **facts}  # noqa: B023 - called at once
                return (await placed(work, customer, **named)).id  # noqa: B023 - called at once

            at = older if tenant_id == OTHER_TENANT else PAST
            late.append((tenant_id, await place(status=waiting, expires_at=at)))
            await place(status=waiting, expires_at=FUTURE)
            await place(status=OrderStatus.EXPIRED, expires_at=PAST)
            await place()

    assert await backlog.unpaid(10, grace_s=60) == late[::-1]
    assert await backlog.unpaid(1, grace_s=60) == late[1:]
    assert await backlog.unpaid(10, grace_s=3_600 * 24 * 365 * 50) == []


async def test_what_somebody_may_be_paying_does_not_stand_in_the_others_way(
    crm: Crm, backlog: Backlog
) -> None:
    most = 2
    async with crm.open_work(TENANT) as work:
        customer = a_customer(PHONE)
        assert await work.customers.add(customer)

        async def late(minutes: int) -> OrderId:
            at = PAST - timedelta(minutes=minutes)
            facts: dict[str, Any] = {"status": OrderStatus.AWAITING_PAYMENT, "expires_at": at}
            return (await placed(work, customer, **facts)).id

        for n in range(most + 1):
            being_paid = await late(60 + n)
            await work.payments.add(a_payment(reference=f"REF-{n}", order_id=being_paid))
        dropped, unasked = await late(2), await late(1)
        await work.payments.add(
            a_payment(reference="REF-DROPPED", order_id=dropped, is_unwanted=True)
        )

    assert await backlog.unpaid(most, grace_s=60) == [(TENANT, dropped), (TENANT, unasked)]


async def test_every_shops_tickets_whose_time_has_run_out(crm: Crm, backlog: Backlog) -> None:
    async def opened(tenant_id: TenantId, **facts: Any) -> tuple[TenantId, TicketId]:
        board = a_board(str(uuid7()), tenant_id=tenant_id)
        number = next(_NUMBERS)
        ticket = a_ticket(board, tenant_id=tenant_id, number=number, **facts)
        async with crm.open_work(tenant_id) as work:
            await work.ticket_boards.add(board)
            await work.tickets.add(ticket)
        return tenant_id, ticket.id

    ours = await opened(TENANT, due_at=PAST)
    theirs = await opened(OTHER_TENANT, due_at=PAST - timedelta(hours=1), status=Status.IN_PROGRESS)
    others: tuple[dict[str, Any], ...] = (
        {"due_at": FUTURE},
        {"due_at": PAST, "breached_at": PAST},
        {"due_at": PAST, "status": Status.RESOLVED},
        {"clock_left_s": 0, "status": Status.WAITING},
        {},
    )
    for facts in others:
        await opened(TENANT, **facts)

    assert await backlog.overdue(10) == [theirs, ours]
    assert await backlog.overdue(1) == [theirs]
