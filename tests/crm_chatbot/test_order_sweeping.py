"""Orders that nobody paid in time run out: their stock is free, and their customers are told."""

from datetime import datetime, timedelta

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.application.orders import lifecycle
from crm_chatbot.application.orders.sweeping import GRACE_S, MOST, OrderSweeper
from crm_chatbot.domain.catalog.product import Variant
from crm_chatbot.domain.conversations.message import Author
from crm_chatbot.domain.customers.customer import Customer
from crm_chatbot.domain.language import Language
from crm_chatbot.domain.orders.order import Order, OrderStatus
from crm_chatbot.domain.tenants.tenant import TenantStatus
from shared.contracts import SendWhatsApp, WhatsAppText
from tests.crm_chatbot.builders import NOON, TENANT
from tests.crm_chatbot.deals import a_line, open_shop, placed
from tests.crm_chatbot.fakes import MemoryCrm
from tests.crm_chatbot.memory_backlog import MemoryBacklog
from tests.crm_chatbot.paying import a_payment


@pytest.fixture
def sweeper(memory: MemoryCrm) -> OrderSweeper:
    return OrderSweeper(
        backlog=MemoryBacklog(memory),
        open_work=memory.open_work,
        now=memory.clock,
        new_id=uuid7,
        patience_s=30.0,
    )


async def an_unpaid_order(memory: MemoryCrm) -> tuple[Customer, Variant, Order]:
    async with memory.open_work(TENANT) as work:
        customer, [variant] = await open_shop(work, 5)
        order = await placed(work, customer, a_line(variant, quantity=2), number="ORD-1001")
        tenant = await work.tenants.get(TENANT)
        await lifecycle.confirm(work, tenant, order, now=NOON, actor="bot")
    return customer, variant, order


async def status_of(memory: MemoryCrm, order: Order) -> OrderStatus:
    async with memory.open_work(TENANT) as work:
        return (await work.orders.get(order.id)).status


async def texts(memory: MemoryCrm) -> list[str]:
    sent = [one.content for one in await memory.said() if isinstance(one, SendWhatsApp)]
    return [content.text for content in sent if isinstance(content, WhatsAppText)]


def after(order: Order, seconds: float) -> datetime:
    assert order.expires_at is not None
    return order.expires_at + timedelta(seconds=seconds)


async def test_an_order_runs_out_after_its_time_and_a_grace(
    memory: MemoryCrm, sweeper: OrderSweeper
) -> None:
    _, variant, order = await an_unpaid_order(memory)
    memory.time = after(order, GRACE_S)
    assert await sweeper.expire() == 0

    memory.time = after(order, GRACE_S + 1)
    assert [await sweeper.expire() for _ in range(2)] == [1, 0]

    assert await status_of(memory, order) is OrderStatus.EXPIRED
    async with memory.open_work(TENANT) as work:
        assert (await work.products.variant(variant.id)).variant.available == 5


@pytest.mark.parametrize(("language", "word"), [(None, "habis"), (Language.ENGLISH, "has run out")])
async def test_the_customer_is_told_once_in_their_language_whoever_answers(
    memory: MemoryCrm, sweeper: OrderSweeper, language: Language | None, word: str
) -> None:
    customer, _, order = await an_unpaid_order(memory)
    async with memory.open_work(TENANT) as work:
        known = await work.customers.lock(customer.id)
        known.describe(NOON, language=language)
        await work.customers.save(known)
    memory.time = after(order, GRACE_S + 1)
    await sweeper.expire()
    await sweeper.expire()

    [text] = await texts(memory)
    assert word in text
    assert "ORD-1001" in text
    async with memory.open_work(TENANT) as work:
        conversation = await work.conversations.lock_of(customer.id)
        assert conversation is not None
        [message] = await work.messages.newest(conversation.id, most=9)
    assert message.author is Author.SYSTEM


@pytest.mark.parametrize("why", ["opted out", "erased", "suspended"])
async def test_nobody_is_told_who_is_not_to_be_written_to(
    memory: MemoryCrm, sweeper: OrderSweeper, why: str
) -> None:
    customer, _, order = await an_unpaid_order(memory)
    async with memory.open_work(TENANT) as work:
        known, tenant = await work.customers.lock(customer.id), await work.tenants.get(TENANT)
        conversation = await work.conversations.lock_of(customer.id)
        assert conversation is not None
        if why == "opted out":
            known.opt_out(NOON)
        elif why == "erased":
            conversation.forget_customer()
        else:
            tenant.become(TenantStatus.SUSPENDED, NOON)
        await work.customers.save(known)
        await work.conversations.save(conversation)
        await work.tenants.save(tenant)
    memory.time = after(order, GRACE_S + 1)

    assert await sweeper.expire() == 1
    assert await texts(memory) == []


async def test_what_was_paid_meanwhile_does_not_run_out(
    memory: MemoryCrm, sweeper: OrderSweeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, order = await an_unpaid_order(memory)
    late = [(TENANT, order.id), (TENANT, order.id)]

    async def unpaid(*_: object, **__: object) -> object:
        return late

    monkeypatch.setattr(sweeper.backlog, "unpaid", unpaid)

    assert await sweeper.expire() == 0
    assert await status_of(memory, order) is OrderStatus.AWAITING_PAYMENT


async def test_however_many_are_being_paid_the_others_run_out_all_the_same(
    memory: MemoryCrm, sweeper: OrderSweeper
) -> None:
    customer, _, order = await an_unpaid_order(memory)
    async with memory.open_work(TENANT) as work:
        for n in range(MOST + 1):
            older = await placed(
                work,
                customer,
                status=OrderStatus.AWAITING_PAYMENT,
                expires_at=after(order, -60),
            )
            await work.payments.add(a_payment(reference=f"REF-{n}", order_id=older.id))
    memory.time = after(order, GRACE_S + 1)

    assert await sweeper.expire() == 1
    assert await status_of(memory, order) is OrderStatus.EXPIRED
