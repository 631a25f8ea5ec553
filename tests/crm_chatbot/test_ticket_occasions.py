"""Tickets open when somebody of the shop must act, once, and are resolved when somebody has."""

import asyncio
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.application.conversations.results import ResultService
from crm_chatbot.application.conversations.takeover import hand_back, take_over
from crm_chatbot.application.orders.concerns import ConcernService, raise_concern
from crm_chatbot.application.ports import Work
from crm_chatbot.domain.conversations.conversation import (
    Conversation,
    ConversationId,
    TakeoverReason,
)
from crm_chatbot.domain.conversations.message import MessageState
from crm_chatbot.domain.language import Language
from crm_chatbot.domain.orders.order import Order
from crm_chatbot.domain.tenants.tenant import TenantStatus
from crm_chatbot.domain.tickets.status import Status
from crm_chatbot.domain.tickets.ticket import Priority, Ticket, Wanted
from crm_chatbot.domain.whatsapp import SessionChanged
from shared.contracts import WhatsAppNotSent
from tests.crm_chatbot.builders import LATER, NOON, TENANT, a_tenant
from tests.crm_chatbot.chats import PHONE, SESSION, an_answer, another_chat
from tests.crm_chatbot.deals import placed
from tests.crm_chatbot.shop import STALE_AFTER_S, Shop
from tests.crm_chatbot.stores import Crm, SqlCrm
from tests.crm_chatbot.waha import a_text

_R = TakeoverReason


@pytest.fixture
async def shop(crm: Crm) -> Shop:
    return await Shop(crm, a_tenant(language=Language.ENGLISH)).open()


async def tickets(crm: Crm) -> list[Ticket]:
    """The oldest first."""
    async with crm.open_work(TENANT) as work:
        return list(await work.tickets.page(Wanted(), before=None, limit=99))[::-1]


async def told(crm: Crm) -> list[tuple[str, Priority, Status]]:
    return [(one.subject, one.priority, one.status) for one in await tickets(crm)]


async def events(crm: Crm, ticket: Ticket) -> list[str]:
    async with crm.open_work(TENANT) as work:
        return [event.what for event in await work.tickets.events(ticket.id, before=None, limit=99)]


async def a_chat(crm: Crm) -> ConversationId:
    async with crm.open_work(TENANT) as work:
        return (await another_chat(work, PHONE)).id


async def call(crm: Crm, chat: ConversationId, reason: TakeoverReason) -> None:
    async def act(work: Work, conversation: Conversation) -> None:
        await take_over(work, conversation, reason, now=NOON, new_id=uuid7, handback_after_s=3_600)

    await _changed(crm, chat, act)


async def answered(crm: Crm, chat: ConversationId, reason: TakeoverReason = _R.API) -> None:
    async def act(work: Work, conversation: Conversation) -> None:
        await hand_back(work, conversation, reason, now=LATER, new_id=uuid7)

    await _changed(crm, chat, act)


async def _changed(crm: Crm, chat: ConversationId, act: Any) -> None:  # noqa: ANN401 - an act
    async with crm.open_work(TENANT) as work:
        conversation = await work.conversations.lock(chat)
        await act(work, conversation)
        await work.conversations.save(conversation)


@pytest.mark.parametrize(
    ("reason", "subject", "priority"),
    [
        (_R.CUSTOMER, "A customer asks for a person", Priority.HIGH),
        (_R.FAILURE, "The bot failed to answer a customer", Priority.HIGH),
        (_R.SAFETY, "Somebody may come to harm: answer now", Priority.URGENT),
        (_R.LOOP, "The other side of a chat seems to be a bot", Priority.MEDIUM),
        (_R.BUDGET, "The bot's share of answers is spent: a customer waits", Priority.MEDIUM),
        (_R.FLOOD, "A customer wrote more than the bot can answer", Priority.MEDIUM),
        (_R.RULE, "A rule of the shop calls a person to a chat", Priority.MEDIUM),
    ],
)
async def test_whoever_is_called_finds_a_ticket(
    shop: Shop, reason: TakeoverReason, subject: str, priority: Priority
) -> None:
    chat = await a_chat(shop.crm)
    await call(shop.crm, chat, reason)

    [ticket] = await tickets(shop.crm)
    assert (ticket.subject, ticket.priority) == (subject, priority)
    assert (ticket.conversation_id, ticket.opened_by) == (chat, "system")
    assert ticket.customer_id is not None
    assert ticket.due_at is not None
    assert "ticket.opened" in [step.what for step in await shop.steps(chat)]


async def test_what_nobody_looked_at_stays_open_when_the_bot_answers_again(shop: Shop) -> None:
    chat = await a_chat(shop.crm)
    await call(shop.crm, chat, _R.SAFETY)
    await answered(shop.crm, chat, _R.TIMEOUT)
    await call(shop.crm, chat, _R.CUSTOMER)

    [ticket] = await tickets(shop.crm)
    assert ticket.status is Status.OPEN

    await answered(shop.crm, chat)
    [ticket] = await tickets(shop.crm)
    assert ticket.status is Status.RESOLVED


@pytest.mark.parametrize("reason", [_R.API, _R.PHONE])
async def test_who_takes_over_is_there_and_needs_no_ticket(
    shop: Shop, reason: TakeoverReason
) -> None:
    await call(shop.crm, await a_chat(shop.crm), reason)

    assert await tickets(shop.crm) == []


async def test_the_shops_language_is_spoken(crm: Crm) -> None:
    shop = await Shop(crm).open()
    await call(shop.crm, await a_chat(crm), _R.CUSTOMER)

    assert [one.subject for one in await tickets(crm)] == ["Pelanggan minta dijawab orang"]


async def test_a_suspended_shop_has_nobody_to_call(shop: Shop) -> None:
    async with shop.crm.open_work(TENANT) as work:
        tenant = await work.tenants.get(TENANT)
        tenant.become(TenantStatus.SUSPENDED, NOON)
        await work.tenants.save(tenant)
    await call(shop.crm, await a_chat(shop.crm), _R.CUSTOMER)

    assert await tickets(shop.crm) == []


async def test_who_is_called_twice_has_one_ticket(shop: Shop) -> None:
    chat = await a_chat(shop.crm)
    await call(shop.crm, chat, _R.CUSTOMER)
    await call(shop.crm, chat, _R.FAILURE)

    [ticket] = await tickets(shop.crm)
    assert await events(shop.crm, ticket) == ["ticket.opened"]


async def test_when_the_bot_answers_again_the_call_is_over_and_the_next_is_another(
    shop: Shop,
) -> None:
    chat = await a_chat(shop.crm)
    await call(shop.crm, chat, _R.CUSTOMER)
    await answered(shop.crm, chat)
    await call(shop.crm, chat, _R.FLOOD)

    first, second = await tickets(shop.crm)
    assert (first.status, first.resolution) == (
        Status.RESOLVED,
        "The conversation was handed back to the bot.",
    )
    assert first.due_at is None
    assert (second.status, second.number) == (Status.OPEN, 2)


async def test_what_a_person_resolved_stays_as_they_did(shop: Shop) -> None:
    chat = await a_chat(shop.crm)
    await call(shop.crm, chat, _R.CUSTOMER)
    [ticket] = await tickets(shop.crm)
    async with shop.crm.open_work(TENANT) as work:
        known = await work.tickets.lock(ticket.id)
        known.move_to(Status.RESOLVED, LATER, by="ani", resolution="Phoned.")
        await work.tickets.save(known)
    await answered(shop.crm, chat)

    assert [one.resolution for one in await tickets(shop.crm)] == ["Phoned."]


async def test_messages_that_came_late_are_one_ticket_of_their_chat(shop: Shop) -> None:
    async with asyncio.TaskGroup() as webhooks:
        for n in range(5):
            late = a_text("halo?", stanza=f"3EB0{n}")
            webhooks.create_task(shop.hear(late, seconds_ago=STALE_AFTER_S + 1))

    [ticket] = await tickets(shop.crm)
    assert ticket.subject == "A customer's messages came late, and are not answered"
    assert ticket.conversation_id == await shop.chat_id()


# -- money


async def concerned(work: Work, order: Order, **facts: object) -> None:
    await raise_concern(
        work, order, "paid_twice", now=NOON, payment_id=None, facts={"paid": 1, **facts}
    )


async def an_order(crm: Crm) -> Order:
    async with crm.open_work(TENANT) as work:
        chat = await another_chat(work, PHONE)
        customer = await work.customers.get(chat.customer_id)
        return await placed(work, customer, number="ORD-1001")


async def settle(crm: Crm) -> None:
    service = ConcernService(open_work=crm.open_work, now=lambda: LATER)
    async with crm.open_work(TENANT) as work:
        [concern] = await work.concerns.page(is_settled=False, before=None, limit=9)
    await service.settle(TENANT, concern.id, by="ani", note="Sent back.")


async def test_money_that_is_odd_is_a_ticket_until_it_is_settled(shop: Shop) -> None:
    order = await an_order(shop.crm)
    async with shop.crm.open_work(TENANT) as work:
        await concerned(work, order)
        await concerned(work, order)
    [ticket] = await tickets(shop.crm)
    await settle(shop.crm)
    [after] = await tickets(shop.crm)

    assert ticket.subject.startswith("ORD-1001: It was paid more than once")
    assert (ticket.priority, ticket.order_id) == (Priority.HIGH, order.id)
    assert ticket.customer_id == order.customer_id
    assert ticket.conversation_id is not None
    assert (after.status, after.resolution) == (Status.RESOLVED, "Sent back.")


async def test_what_is_new_about_it_is_seen_on_the_ticket_or_on_another(shop: Shop) -> None:
    order = await an_order(shop.crm)
    async with shop.crm.open_work(TENANT) as work:
        await concerned(work, order)
        await concerned(work, order, paid=2)
    [ticket] = await tickets(shop.crm)
    seen = await events(shop.crm, ticket)
    await settle(shop.crm)
    async with shop.crm.open_work(TENANT) as work:
        await concerned(work, order, paid=2)

    assert seen == ["ticket.opened", "ticket.noticed_again"]
    assert [one.status for one in await tickets(shop.crm)] == [Status.RESOLVED, Status.OPEN]


# -- WhatsApp


async def test_messages_that_were_given_up_are_one_ticket(shop: Shop) -> None:
    async with shop.crm.open_work(TENANT) as work:
        chat = await another_chat(work, PHONE)
        lost = [an_answer(chat, state=MessageState.HANDED) for _ in range(2)]
        await work.messages.add(lost)
        await work.conversations.save(chat)
    results = ResultService(
        open_work=shop.crm.open_work, now=shop.clock, new_id=uuid7, patience_s=30
    )
    for message in lost:
        report = WhatsAppNotSent(
            message_id=message.id, tenant_id=TENANT, outcome="failed", code="not_sent_in_time"
        )
        await results.learn(report)
        await results.learn(report)

    [ticket] = await tickets(shop.crm)
    assert ticket.subject == "A message to a customer could not be sent"
    assert ticket.conversation_id == chat.id
    assert await events(shop.crm, ticket) == ["ticket.opened", "ticket.noticed_again"]


async def session(shop: Shop, status: str) -> None:
    at = shop.clock.advance(1)
    event = SessionChanged(
        key=uuid7().hex, name="session.status", session=SESSION, status=status, at=at
    )
    await shop.inbound.receive(shop.tenant, event)


async def test_a_session_that_broke_is_a_ticket_until_it_works_again(shop: Shop) -> None:
    for status in ("STARTING", "SCAN_QR_CODE", "WORKING"):
        await session(shop, status)
    quiet = await tickets(shop.crm)
    for status in ("FAILED", "STOPPED", "STARTING"):
        await session(shop, status)
    [broken] = await tickets(shop.crm)
    await session(shop, "WORKING")
    [mended] = await tickets(shop.crm)

    assert quiet == []
    assert broken.subject == f"WhatsApp is down: session {SESSION} is FAILED"
    assert (broken.status, broken.priority) == (Status.OPEN, Priority.HIGH)
    assert mended.status is Status.RESOLVED


async def test_ten_who_are_called_at_once_are_one_ticket(postgres: SqlCrm) -> None:
    shop = await Shop(postgres, a_tenant(language=Language.ENGLISH)).open()
    chat = await a_chat(postgres)

    async with asyncio.TaskGroup() as everybody:
        for _ in range(10):
            everybody.create_task(call(postgres, chat, _R.CUSTOMER))

    assert await told(shop.crm) == [("A customer asks for a person", Priority.HIGH, Status.OPEN)]
