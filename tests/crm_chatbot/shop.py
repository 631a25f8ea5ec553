"""A shop that hears WhatsApp, in memory or in PostgreSQL, and lets tests look at its chats."""

import copy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from uuid_utils.compat import uuid7

from crm_chatbot.application.whatsapp.hearing import Reception
from crm_chatbot.application.whatsapp.inbound import InboundService
from crm_chatbot.domain.conversations.conversation import Conversation, ConversationId, Happened
from crm_chatbot.domain.conversations.message import Direction, Message, MessageState
from crm_chatbot.domain.customers.customer import Customer, Identity
from crm_chatbot.domain.tenants.tenant import Tenant
from crm_chatbot.infrastructure.whatsapp.waha_events import event_in
from shared.contracts import Message as QueueMessage
from tests.clock import StandingClock
from tests.crm_chatbot.builders import NOON, TENANT, a_tenant
from tests.crm_chatbot.chats import PHONE
from tests.crm_chatbot.stores import Crm
from tests.crm_chatbot.waha import Envelope, a_text, an_event

STALE_AFTER_S = 900.0
PATIENCE_S = 30.0


@dataclass
class Shop:
    """Its clock stands still until a test moves it; so do WhatsApp's times."""

    crm: Crm
    tenant: Tenant = field(default_factory=a_tenant)
    clock: StandingClock = field(default_factory=lambda: StandingClock(NOON))

    @cached_property
    def inbound(self) -> InboundService:
        return InboundService(
            open_work=self.crm.open_work,
            now=self.clock,
            new_id=uuid7,
            stale_after_s=STALE_AFTER_S,
            patience_s=PATIENCE_S,
        )

    async def open(self) -> "Shop":
        async with self.crm.open_work(TENANT) as work:
            await work.tenants.add(self.tenant)
        return self

    async def hear(self, envelope: Envelope, *, seconds_ago: float | None = 0) -> Reception:
        """As if its webhook came now; `seconds_ago`: WhatsApp's own time, None: as it is."""
        told = copy.deepcopy(envelope)
        if seconds_ago is not None and "timestamp" in told["payload"]:
            told["payload"]["timestamp"] = int(self.clock().timestamp() - seconds_ago)
        return await self.inbound.receive(self.tenant, event_in(told))

    async def wrote(self, text: str, stanza: str | None = None, **payload: Any) -> Reception:
        """The customer writes."""
        return await self.hear(a_text(text, stanza=stanza or uuid7().hex, **payload))

    async def owner_typed(self, text: str, stanza: str | None = None, **more: Any) -> Reception:
        """The owner answers on the phone."""
        found = f"true_6281200000002@c.us_{stanza or uuid7().hex}"
        named: Envelope = {"id": found, "body": text, "_data": {}, **more}
        return await self.hear(an_event("waha_message_any_from_me_app_webjs", **named))

    async def customer(self, identity: Identity = PHONE) -> Customer:
        async with self.crm.open_work(TENANT) as work:
            [found] = await work.customers.known_as([identity])
        return found

    async def chat(self, identity: Identity = PHONE) -> Conversation:
        customer = await self.customer(identity)
        async with self.crm.open_work(TENANT) as work:
            found = await work.conversations.lock_of(customer.id)
        assert found is not None
        return found

    async def chat_id(self, identity: Identity = PHONE) -> ConversationId:
        return (await self.chat(identity)).id

    async def history(self, identity: Identity = PHONE) -> list[Message]:
        chat = await self.chat(identity)
        async with self.crm.open_work(TENANT) as work:
            return await work.messages.newest(chat.id, most=1_000)

    async def told(self, identity: Identity = PHONE) -> list[tuple[str, MessageState, str | None]]:
        """What came in, what became of it, and why."""
        history = await self.history(identity)
        return [(m.text, m.state, m.reason) for m in history if m.direction is Direction.IN]

    async def steps(self, conversation_id: ConversationId | None = None) -> list[Happened]:
        if conversation_id is None:
            conversation_id = (await self.chat()).id
        return await self.crm.timeline(TENANT, conversation_id)

    async def codes(self) -> list[str]:
        """The timeline in short."""
        return [step.what for step in await self.steps()]

    async def said(self, kind: type[QueueMessage]) -> list[Any]:
        """What others were told, of one kind."""
        return [one for one in await self.crm.said() if isinstance(one, kind)]

    async def change(self, message: Message, **facts: Any) -> None:
        """As if a turn, or the sender, had done something with a message."""
        for name, value in facts.items():
            setattr(message, name, value)
        async with self.crm.open_work(TENANT) as work:
            await work.messages.save(message)
