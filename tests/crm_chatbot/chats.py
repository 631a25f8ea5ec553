"""Chats as tests speak of them: `a_message(conversation, text="Halo")`."""

from datetime import timedelta
from typing import Any

from uuid_utils.compat import uuid7

from crm_chatbot.application.ports import Work
from crm_chatbot.domain.conversations.conversation import (
    Conversation,
    ConversationId,
    ConversationState,
    Mode,
    TakeoverReason,
)
from crm_chatbot.domain.conversations.message import (
    Author,
    Direction,
    Kind,
    Message,
    MessageId,
    MessageState,
    TurnId,
)
from crm_chatbot.domain.customers.customer import Customer, CustomerId, Identity, IdentityKind
from crm_chatbot.domain.language import Language
from tests.crm_chatbot.builders import LATER, NOON, TENANT, a_tenant

SESSION = "toko-contoh"
PHONE = Identity(IdentityKind.PHONE, "6281200000002")
LID = Identity(IdentityKind.LID, "111222333444555")
CHAT = "6281200000002@c.us"


def a_customer(*identities: Identity, **facts: Any) -> Customer:
    named: dict[str, Any] = {
        "id": CustomerId(uuid7()),
        "tenant_id": TENANT,
        "created_at": NOON,
        "updated_at": NOON,
        "identities": identities,
    }
    return Customer(**named | facts)


def a_full_customer() -> Customer:
    """Every field differs from its default."""
    return a_customer(
        PHONE,
        LID,
        updated_at=LATER,
        name="Budi ☕",
        language=Language.ENGLISH,
        email="budi@example.com",
        address="Jl. Contoh 1\nJakarta",
        notes="Suka kopi",
        opted_out_at=LATER,
        version=7,
    )


def a_conversation(customer: Customer | None = None, **facts: Any) -> Conversation:
    named: dict[str, Any] = {
        "id": ConversationId(uuid7()),
        "tenant_id": TENANT,
        "customer_id": customer.id if customer else CustomerId(uuid7()),
        "session": SESSION,
        "chat_id": CHAT,
        "created_at": NOON,
        "last_message_at": NOON,
        "mode_since": NOON,
    }
    return Conversation(**named | facts)


def a_full_conversation(customer: Customer) -> Conversation:
    """Every field differs from its default."""
    return a_conversation(
        customer,
        state=ConversationState.CHECKOUT,
        mode=Mode.HUMAN,
        mode_reason=TakeoverReason.PHONE,
        handback_at=LATER,
        last_seq=9,
        read_seq=4,
        ready_at=LATER + timedelta(seconds=1),
        first_unanswered_at=LATER,
        lease_worker=uuid7(),
        epoch=5,
        last_inbound_at=LATER,
    )


def a_message(conversation: Conversation, **facts: Any) -> Message:
    """The customer's newest, unless told otherwise; the conversation gives it its place."""
    named: dict[str, Any] = {
        "id": MessageId(uuid7()),
        "conversation_id": conversation.id,
        "seq": 0,
        "direction": Direction.IN,
        "author": Author.CUSTOMER,
        "created_at": NOON,
        "state": MessageState.NEW,
        "text": "Halo kak",
    }
    named |= facts
    named["seq"] = named["seq"] or conversation.next_seq(NOON)
    return Message(**named)


def an_answer(conversation: Conversation, **facts: Any) -> Message:
    """The bot's, waiting to leave, unless told otherwise."""
    named: dict[str, Any] = {
        "direction": Direction.OUT,
        "author": Author.BOT,
        "state": MessageState.QUEUED,
        "session": SESSION,
        "text": "Siap kak",
    }
    return a_message(conversation, **named | facts)


def a_full_message(conversation: Conversation) -> Message:
    """Every field differs from its default."""
    return an_answer(
        conversation,
        state=MessageState.FAILED,
        kind=Kind.LOCATION,
        content={"latitude": -6.2, "title": "Rumah ☕", "nested": [{"a": None}]},
        reason="number_not_on_whatsapp",
        stanza_id="3EB0FIXTURE0000000001",
        provider_at=LATER,
        turn_id=TurnId(uuid7()),
        wa_ids=("3EB0A", "3EB0B"),
        asks=3,
        ask_at=LATER,
        reaction="👍",
        edited_at=LATER,
        revoked_at=LATER,
        sent_at=LATER,
    )


async def open_chat(work: Work, *identities: Identity, **facts: Any) -> Conversation:
    """A tenant's first customer, and their conversation, stored."""
    await work.tenants.add(a_tenant())
    return await another_chat(work, *(identities or (PHONE,)), **facts)


async def another_chat(work: Work, *identities: Identity, **facts: Any) -> Conversation:
    whose = {"tenant_id": facts.get("tenant_id", TENANT)}
    customer = a_customer(*identities, **whose)
    conversation = a_conversation(customer, **facts)
    assert await work.customers.add(customer)
    await work.conversations.add(conversation)
    return conversation
