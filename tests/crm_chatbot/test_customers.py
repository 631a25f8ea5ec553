"""Customers are described and forgotten: the rules, on fakes."""

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.application.conversations.service import ConversationService, CustomerErased
from crm_chatbot.application.customers import CustomerService
from crm_chatbot.application.turns.service import Remembered
from crm_chatbot.domain.conversations.conversation import Conversation
from crm_chatbot.domain.conversations.message import Message, MessageState
from crm_chatbot.domain.customers.customer import (
    Customer,
    CustomerId,
    CustomerNotFound,
    ProfileRejected,
)
from crm_chatbot.domain.language import Language
from crm_chatbot.domain.whatsapp import Heard, Ignored
from shared.contracts import ForgetWhatsApp
from shared.domain import ChangedSince
from shared.llm.chat import ChatMessage
from tests.crm_chatbot.builders import LATER, NOON, OTHER_TENANT, TENANT, a_tenant
from tests.crm_chatbot.chats import (
    CHAT,
    LID,
    PHONE,
    a_conversation,
    a_full_customer,
    a_message,
    an_answer,
    another_chat,
)
from tests.crm_chatbot.fakes import MemoryCrm
from tests.crm_chatbot.turning import MemoryHistories


@pytest.fixture
def histories() -> MemoryHistories:
    return MemoryHistories()


@pytest.fixture
def service(memory: MemoryCrm, histories: MemoryHistories) -> CustomerService:
    return CustomerService(memory.open_work, histories, memory.clock)


@pytest.fixture
async def customer(memory: MemoryCrm) -> Customer:
    customer = a_full_customer()
    async with memory.open_work(TENANT) as work:
        await work.tenants.add(a_tenant())
        assert await work.customers.add(customer)
    return customer


@pytest.fixture
async def chat(memory: MemoryCrm, customer: Customer) -> Conversation:
    """Something new, something handed to the sender, something that waits behind it."""
    conversation = a_conversation(customer, ready_at=LATER, epoch=3)
    async with memory.open_work(TENANT) as work:
        new = a_message(conversation, content={"quoted": {"text": "secret"}})
        handed = an_answer(conversation, state=MessageState.HANDED, ask_at=LATER, asks=1)
        await work.messages.add([new, handed, an_answer(conversation)])
        await work.conversations.add(conversation)
    return conversation


async def history(memory: MemoryCrm, chat: Conversation) -> list[Message]:
    async with memory.open_work(TENANT) as work:
        return await work.messages.newest(chat.id, most=50)


async def test_only_what_is_named_changes(service: CustomerService, customer: Customer) -> None:
    changed = await service.describe(TENANT, customer.id, email=None, language=Language.INDONESIAN)

    assert vars(await service.get(TENANT, customer.id)) == vars(changed)
    assert (changed.email, changed.language) == (None, Language.INDONESIAN)
    assert (changed.name, changed.notes, changed.version) == (customer.name, customer.notes, 8)
    assert changed.updated_at == NOON


async def test_a_change_for_an_older_version_is_left_alone(
    service: CustomerService, customer: Customer
) -> None:
    with pytest.raises(ChangedSince):
        await service.describe(TENANT, customer.id, expected=6, name="Ani")

    assert (await service.describe(TENANT, customer.id, expected=7, name="Ani")).name == "Ani"


async def test_what_is_no_profile_changes_nothing(
    service: CustomerService, customer: Customer
) -> None:
    with pytest.raises(ProfileRejected):
        await service.describe(TENANT, customer.id, name="Ani", email="nowhere")

    assert vars(await service.get(TENANT, customer.id)) == vars(customer)


async def test_of_whoever_is_forgotten_nothing_remains_but_that_there_was_somebody(
    memory: MemoryCrm, service: CustomerService, customer: Customer, chat: Conversation
) -> None:
    await service.forget(TENANT, customer.id)

    left = await service.get(TENANT, customer.id)
    assert (left.name, left.email, left.address, left.notes) == (None, None, None, None)
    assert (left.language, left.identities, left.phone) == (None, (), None)
    assert left.id == customer.id
    async with memory.open_work(TENANT) as work:
        conversation = await work.conversations.lock(chat.id)
        assert await work.customers.known_as([PHONE]) == []
    assert CHAT not in str(vars(conversation))
    assert [(m.text, m.content) for m in await history(memory, chat)] == [("", {})] * 3


async def test_to_whoever_is_forgotten_nothing_more_is_sent_nor_decided(
    memory: MemoryCrm, service: CustomerService, customer: Customer, chat: Conversation
) -> None:
    await service.forget(TENANT, customer.id)

    new, handed, queued = await history(memory, chat)
    assert (new.state, new.reason) == (MessageState.FOR_PERSON, "erased")
    assert {(m.state, m.reason, m.ask_at) for m in (handed, queued)} == {
        (MessageState.WITHDRAWN, "erased", None)
    }
    assert await memory.said() == [ForgetWhatsApp(tenant_id=TENANT, message_ids=[handed.id])]
    async with memory.open_work(TENANT) as work:
        conversation = await work.conversations.lock(chat.id)
    assert (conversation.epoch, conversation.ready_at) == (4, None)
    writing = ConversationService(
        open_work=memory.open_work, now=memory.clock, new_id=uuid7, patience_s=30
    )
    with pytest.raises(CustomerErased):
        await writing.say(TENANT, chat.id, "Halo?")


async def test_a_second_time_the_sender_is_told_once_more(
    memory: MemoryCrm, service: CustomerService, customer: Customer, chat: Conversation
) -> None:
    """What carries messages may have lost the first."""
    for _ in range(2):
        await service.forget(TENANT, customer.id)

    first, second = await memory.said()
    assert first == second


async def test_the_sender_forgets_a_long_history_a_little_at_a_time(
    memory: MemoryCrm, service: CustomerService, customer: Customer, chat: Conversation
) -> None:
    async with memory.open_work(TENANT) as work:
        sent = [an_answer(chat, state=MessageState.SENT, asks=1) for _ in range(450)]
        await work.messages.add([*sent, a_message(chat, asks=1)])

    await service.forget(TENANT, customer.id)

    told = [one.message_ids for one in await memory.said() if isinstance(one, ForgetWhatsApp)]
    assert [len(ids) for ids in told] == [200, 200, 51]
    assert {message.id for message in sent} <= {one for ids in told for one in ids}


async def test_what_was_heard_in_the_chat_is_not_said_to_have_been_there(
    memory: MemoryCrm, service: CustomerService, customer: Customer, chat: Conversation
) -> None:
    """Nor what was ignored before anybody knew whose chat it was."""
    chats = [f"{PHONE.value}@c.us", f"{LID.value}@lid", "62899999999@c.us"]
    events = [Ignored(key=at, name="message", session="toko", reason="no_id") for at in chats]
    async with memory.open_work(TENANT) as work:
        found = await work.customers.lock(customer.id)
        found.identities = (PHONE, LID)
        await work.customers.save(found)
        for event, at in zip(events, chats, strict=True):
            await work.inbox.record(Heard(event=event, reason="no_id", chat_id=at))

    await service.forget(TENANT, customer.id)

    heard = memory.stored.chats[TENANT].heard.values()
    assert [one.chat_id for one in heard] == [None, None, "62899999999@c.us"]


async def test_what_was_remembered_of_the_chat_is_forgotten_too(
    histories: MemoryHistories, service: CustomerService, customer: Customer, chat: Conversation
) -> None:
    await histories.put(TENANT, chat.id, Remembered(3, [ChatMessage("user", "secret")]))

    await service.forget(TENANT, customer.id)

    assert await histories.get(TENANT, chat.id) == Remembered(0, ())


async def test_whoever_writes_from_the_number_of_somebody_forgotten_is_somebody_new(
    memory: MemoryCrm, service: CustomerService, customer: Customer
) -> None:
    await service.forget(TENANT, customer.id)

    async with memory.open_work(TENANT) as work:
        chat = await another_chat(work, PHONE)

    assert chat.customer_id != customer.id


async def test_who_never_wrote_is_forgotten_and_nobody_minds_a_second_time(
    service: CustomerService, customer: Customer
) -> None:
    await service.forget(TENANT, customer.id)
    await service.forget(TENANT, customer.id)

    assert (await service.get(TENANT, customer.id)).name is None


async def test_nobody_else_reaches_a_customer(service: CustomerService, customer: Customer) -> None:
    for tenant_id, customer_id in ((OTHER_TENANT, customer.id), (TENANT, CustomerId(uuid7()))):
        for attempt in (
            service.get(tenant_id, customer_id),
            service.describe(tenant_id, customer_id, name="Mine"),
            service.forget(tenant_id, customer_id),
        ):
            with pytest.raises(CustomerNotFound):
                await attempt

    assert vars(await service.get(TENANT, customer.id)) == vars(customer)
