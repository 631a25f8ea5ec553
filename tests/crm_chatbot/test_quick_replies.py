"""Quick replies in a chat: what they know of it, and what follows when one is said."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.application.conversations.service import (
    ConversationService,
    CustomerErased,
    TenantSuspended,
)
from crm_chatbot.application.once import IdempotencyKeyReused, Once
from crm_chatbot.application.ports import Work
from crm_chatbot.application.quick_replies import QuickReplyService, values_for
from crm_chatbot.application.quick_reply_sending import QuickReplySending, say_quick_reply
from crm_chatbot.domain.conversations.conversation import Conversation, ConversationId, Mode
from crm_chatbot.domain.conversations.message import Author, Direction, Message
from crm_chatbot.domain.language import Language
from crm_chatbot.domain.orders.order import OrderStatus
from crm_chatbot.domain.payments.standing import PaymentStatus
from crm_chatbot.domain.quick_reply import (
    VARIABLES,
    QuickReply,
    QuickReplyNotFound,
    RenderedTooLong,
    ShortcutTaken,
    VariablesMissing,
    Wording,
)
from crm_chatbot.domain.tenants.tenant import TenantStatus
from shared.domain import ChangedSince
from tests.crm_chatbot.builders import HOURS, LATER, NOON, TENANT, a_tenant
from tests.crm_chatbot.chats import PHONE, a_conversation, a_customer
from tests.crm_chatbot.deals import a_line, a_quick_reply, open_shop, placed
from tests.crm_chatbot.fakes import MemoryCrm
from tests.crm_chatbot.paying import a_payment
from tests.crm_chatbot.stores import Crm

URL = "https://pay.example.com/a_b_c"
ONCE = Once("tenant", "key", "hash")


@pytest.fixture
def service(memory: MemoryCrm) -> QuickReplyService:
    return QuickReplyService(open_work=memory.open_work, now=memory.clock, new_id=uuid7)


def sending(crm: Crm) -> QuickReplySending:
    conversations = ConversationService(
        open_work=crm.open_work, now=lambda: NOON, new_id=uuid7, patience_s=30
    )
    return QuickReplySending(conversations)


async def a_chat(crm: Crm, *replies: QuickReply) -> Conversation:
    """With a customer of no name, in a shop that has these quick replies."""
    async with crm.open_work(TENANT) as work:
        customer, _ = await open_shop(work)
        for reply in replies:
            await work.quick_replies.add(reply)
        conversation = await work.conversations.lock_of(customer.id)
        assert conversation is not None
    return conversation


async def outgoing(crm: Crm, chat: Conversation) -> list[Message]:
    async with crm.open_work(TENANT) as work:
        every = await work.messages.newest(chat.id, most=50)
    return [one for one in every if one.direction is Direction.OUT]


async def steps(crm: Crm, chat: Conversation) -> list[str]:
    return [step.what for step in await crm.timeline(TENANT, chat.id)]


async def uses_of(crm: Crm, reply: QuickReply) -> int:
    async with crm.open_work(TENANT) as work:
        return (await work.quick_replies.get(reply.id)).uses


# -- what is known of a chat


async def test_all_that_is_known_is_told_in_the_customers_language(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        await work.tenants.add(a_tenant(business_hours=HOURS))
        customer = a_customer(PHONE, name="*Budi*\n_Santoso_", language=Language.ENGLISH)
        chat = a_conversation(customer)
        await work.customers.add(customer)
        await work.conversations.add(chat)
        order = await placed(
            work,
            customer,
            a_line(unit_price=170_000),
            status=OrderStatus.AWAITING_PAYMENT,
            number="ORD-7",
            expires_at=LATER,
        )
        await work.payments.add(a_payment(order_id=order.id, url=URL, status=PaymentStatus.PENDING))

    async with crm.open_work(TENANT) as work:
        values = await values_for(work, a_tenant(business_hours=HOURS), chat, now=NOON)

    assert dict(values) == {
        "business_hours": HOURS.told(Language.ENGLISH),
        "customer_name": "Budi Santoso",
        "customer_phone": PHONE.value,
        "order_number": "ORD-7",
        "order_status": "waiting to be paid",
        "order_total": "IDR 170,000",
        "payment_link": URL,
        "shop_name": "Kopi Ani",
        "today": "4 May 2026",
    }
    assert set(VARIABLES) <= set(values)


async def test_of_a_new_customer_only_the_shop_and_the_day_are_known(memory: MemoryCrm) -> None:
    chat = await a_chat(memory)

    async with memory.open_work(TENANT) as work:
        tenant = await work.tenants.get(TENANT)
        values = await values_for(work, tenant, chat, now=NOON + timedelta(hours=6))

    assert (values["today"], values["business_hours"]) == ("5 Mei 2026", "Buka setiap saat")
    assert not {"customer_name", "order_number", "payment_link"} & values.keys()


@pytest.mark.parametrize(
    "facts",
    [
        {"status": PaymentStatus.EXPIRED},
        {"status": PaymentStatus.HELD},
        {"status": PaymentStatus.CREATING},
        {"url": None},
        {"is_unwanted": True},
        {"expires_at": NOON},
    ],
)
async def test_a_link_by_which_nobody_can_pay_is_not_told(
    memory: MemoryCrm, facts: dict[str, Any]
) -> None:
    chat = await a_chat(memory)
    async with memory.open_work(TENANT) as work:
        customer = await work.customers.get(chat.customer_id)
        order = await placed(work, customer, status=OrderStatus.AWAITING_PAYMENT)
        is_open: dict[str, Any] = {"url": URL, "status": PaymentStatus.PENDING}
        await work.payments.add(a_payment(order_id=order.id, **is_open | facts))
        tenant = await work.tenants.get(TENANT)

        values = await values_for(work, tenant, chat, now=NOON)

    assert "order_number" in values
    assert "payment_link" not in values


# -- writing them


async def test_what_was_deleted_comes_back_with_its_uses(
    memory: MemoryCrm, service: QuickReplyService
) -> None:
    chat = await a_chat(memory)
    first = await service.add(TENANT, Wording(shortcut="Halo", content="Halo!"))
    await sending(memory)(TENANT, chat.id, "halo")
    await service.delete(TENANT, first.id)
    await service.delete(TENANT, first.id)

    with pytest.raises(QuickReplyNotFound):
        await sending(memory)(TENANT, chat.id, first.id)
    again = await service.add(TENANT, Wording(shortcut="HALO", content="Hai!", category="salam"))

    assert (again.id, again.content, again.category) == (first.id, "Hai!", "salam")
    assert (again.is_active, again.uses, again.version) == (True, 1, 3)
    with pytest.raises(ShortcutTaken):
        await service.add(TENANT, Wording(shortcut="halo", content="!"))


async def test_only_the_version_that_was_seen_is_changed(
    memory: MemoryCrm, service: QuickReplyService
) -> None:
    await a_chat(memory)
    reply = await service.add(TENANT, Wording(shortcut="halo", content="Halo!"))
    await service.change(TENANT, reply.id, Wording(content="Hai!"), expected=1)

    with pytest.raises(ChangedSince):
        await service.change(TENANT, reply.id, Wording(content="Hoi!"), expected=1)

    assert (await service.get(TENANT, reply.id)).content == "Hai!"


async def test_of_two_who_add_the_same_shortcut_one_is_refused(crm: Crm) -> None:
    await a_chat(crm)
    service = QuickReplyService(open_work=crm.open_work, now=lambda: NOON, new_id=uuid7)

    came = await asyncio.gather(
        *(service.add(TENANT, Wording(shortcut="halo", content=f"{n}")) for n in range(4)),
        return_exceptions=True,
    )

    assert sorted(type(one).__name__ for one in came) == ["QuickReply", *["ShortcutTaken"] * 3]


# -- saying them


async def test_who_says_one_takes_over_and_it_is_counted(crm: Crm) -> None:
    reply = a_quick_reply(content="Halo dari {shop_name}")
    chat = await a_chat(crm, reply)

    accepted = await sending(crm)(TENANT, chat.id, "HALO")

    [message] = await outgoing(crm, chat)
    assert (message.id, message.author) == (accepted.message_id, Author.PERSON)
    assert message.text == "Halo dari Kopi Ani"
    async with crm.open_work(TENANT) as work:
        assert (await work.conversations.lock(chat.id)).mode is Mode.HUMAN
    assert await uses_of(crm, reply) == 1
    assert await steps(crm, chat) == [
        *("quick_reply.used", "conversation.taken_over", "message.queued", "message.handed")
    ]


async def test_with_something_missing_nothing_is_sent_nor_taken_over(crm: Crm) -> None:
    reply = a_quick_reply(content="{customer_name} {order_number} {shop_name}")
    chat = await a_chat(crm, reply)

    with pytest.raises(VariablesMissing, match=r"customer_name, order_number\.$"):
        await sending(crm)(TENANT, chat.id, reply.id, once=ONCE)

    assert await outgoing(crm, chat) == []
    async with crm.open_work(TENANT) as work:
        assert (await work.conversations.lock(chat.id)).mode is Mode.BOT
    assert (await uses_of(crm, reply), await steps(crm, chat)) == (0, [])
    # The key was not used up by that.
    async with crm.open_work(TENANT) as work:
        seen = await work.quick_replies.get(reply.id)
        seen.change(LATER, content="Halo")
        await work.quick_replies.save(seen)
    assert not (await sending(crm)(TENANT, chat.id, reply.id, once=ONCE)).is_replay


async def test_the_same_request_again_says_and_counts_nothing_more(crm: Crm) -> None:
    reply = a_quick_reply()
    chat = await a_chat(crm, reply)
    say = sending(crm)

    came = await asyncio.gather(*(say(TENANT, chat.id, reply.id, once=ONCE) for _ in range(4)))

    assert len({one.message_id for one in came}) == 1
    assert sorted(one.is_replay for one in came) == [False, True, True, True]
    assert (len(await outgoing(crm, chat)), await uses_of(crm, reply)) == (1, 1)
    with pytest.raises(IdempotencyKeyReused):
        await say(TENANT, chat.id, reply.id, once=Once("tenant", "key", "another"))


async def test_two_who_say_one_at_once_both_say_it_and_both_are_counted(crm: Crm) -> None:
    reply = a_quick_reply()
    chat = await a_chat(crm, reply)
    say = sending(crm)

    await asyncio.gather(*(say(TENANT, chat.id, "halo") for _ in range(4)))

    said = await outgoing(crm, chat)
    assert len({one.seq for one in said}) == 4
    assert await uses_of(crm, reply) == 4


async def test_what_grows_too_long_is_refused(memory: MemoryCrm) -> None:
    chat = await a_chat(memory, a_quick_reply(content="{shop_name}" * 363))
    async with memory.open_work(TENANT) as work:
        tenant = await work.tenants.get(TENANT)
        tenant.change(NOON, name="x" * 100)
        await work.tenants.save(tenant)

    with pytest.raises(RenderedTooLong):
        await sending(memory)(TENANT, chat.id, "halo")


async def test_nothing_is_said_for_a_shop_that_is_suspended_or_to_nobody(
    memory: MemoryCrm,
) -> None:
    chat = await a_chat(memory, a_quick_reply())
    async with memory.open_work(TENANT) as work:
        await erase(work, chat.id)
    with pytest.raises(CustomerErased):
        await sending(memory)(TENANT, chat.id, "halo")
    async with memory.open_work(TENANT) as work:
        await suspend(work)
    with pytest.raises(TenantSuspended):
        await sending(memory)(TENANT, chat.id, "halo")


# -- by a rule


async def said_by_itself(crm: Crm, chat: Conversation, reply: QuickReply) -> bool:
    async with crm.open_work(TENANT) as work:
        tenant = await work.tenants.get(TENANT)
        locked = await work.conversations.lock(chat.id)
        return await say_quick_reply(
            work, tenant, locked, reply, now=NOON, new_id=uuid7, patience_s=30
        )


async def test_a_rule_says_one_without_taking_over(crm: Crm) -> None:
    reply = a_quick_reply()
    chat = await a_chat(crm, reply)

    assert await said_by_itself(crm, chat, reply)

    [message] = await outgoing(crm, chat)
    assert (message.author, message.text) == (Author.SYSTEM, "Halo kak!")
    async with crm.open_work(TENANT) as work:
        after = await work.conversations.lock(chat.id)
        assert (after.mode, after.last_seq) == (Mode.BOT, 1)
    assert await uses_of(crm, reply) == 1
    assert (await steps(crm, chat))[0] == "quick_reply.used"


async def test_a_rule_says_nothing_where_something_is_missing(memory: MemoryCrm) -> None:
    reply = a_quick_reply(content="Halo {customer_name}")
    chat = await a_chat(memory, reply)

    assert not await said_by_itself(memory, chat, reply)

    assert (await outgoing(memory, chat), await uses_of(memory, reply)) == ([], 0)


async def test_a_rule_says_nothing_that_was_deleted(memory: MemoryCrm) -> None:
    reply = a_quick_reply(is_active=False)
    chat = await a_chat(memory, reply)

    assert not await said_by_itself(memory, chat, reply)

    assert await outgoing(memory, chat) == []


@pytest.mark.parametrize("why", ["opted out", "erased", "suspended"])
async def test_a_rule_says_nothing_to_who_must_not_be_written_to(
    memory: MemoryCrm, why: str
) -> None:
    reply = a_quick_reply()
    chat = await a_chat(memory, reply)
    async with memory.open_work(TENANT) as work:
        if why == "opted out":
            customer = await work.customers.lock(chat.customer_id)
            customer.opt_out(NOON)
            await work.customers.save(customer)
        elif why == "erased":
            await erase(work, chat.id)
        else:
            await suspend(work)

    assert not await said_by_itself(memory, chat, reply)

    assert (await outgoing(memory, chat), await uses_of(memory, reply)) == ([], 0)


async def erase(work: Work, conversation_id: ConversationId) -> None:
    conversation = await work.conversations.lock(conversation_id)
    conversation.forget_customer()
    await work.conversations.save(conversation)


async def suspend(work: Work) -> None:
    tenant = await work.tenants.get(TENANT)
    tenant.become(TenantStatus.SUSPENDED, NOON)
    await work.tenants.save(tenant)
