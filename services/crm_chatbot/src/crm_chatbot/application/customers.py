"""Customers as people see and change them: their profile, and that they are forgotten."""

from dataclasses import dataclass
from typing import Unpack
from uuid import UUID

from crm_chatbot.application.conversations.outbound import end
from crm_chatbot.application.ports import OpenWork, Work
from crm_chatbot.application.turns.service import Histories, Remembered
from crm_chatbot.domain.conversations.conversation import Conversation
from crm_chatbot.domain.conversations.message import MessageState
from crm_chatbot.domain.customers.customer import Customer, CustomerId, Profile
from crm_chatbot.domain.tenants.tenant import TenantId
from shared.contracts import ForgetWhatsApp
from shared.domain import ChangedSince, Clock

_NOTHING = Remembered(seq=0, said=())
#: Messages that the sender forgets in one transaction.
_AT_ONCE = 200


@dataclass(frozen=True)
class CustomerService:
    """A phone number is WhatsApp's to change, and nobody else's."""

    open_work: OpenWork
    histories: Histories
    now: Clock

    async def get(self, tenant_id: TenantId, customer_id: CustomerId) -> Customer:
        """Raises CustomerNotFound."""
        async with self.open_work(tenant_id) as work:
            return await work.customers.get(customer_id)

    async def describe(
        self,
        tenant_id: TenantId,
        customer_id: CustomerId,
        *,
        expected: int | None = None,
        **profile: Unpack[Profile],
    ) -> Customer:
        """Only what is named; with `expected`, only that version.

        Raises CustomerNotFound, ProfileRejected, ChangedSince.
        """
        async with self.open_work(tenant_id) as work:
            customer = await work.customers.lock(customer_id)
            if expected not in {None, customer.version}:
                raise ChangedSince(name=str(customer_id), version=customer.version)
            customer.describe(self.now(), **profile)
            await work.customers.save(customer)
        return customer

    async def forget(self, tenant_id: TenantId, customer_id: CustomerId) -> None:
        """Erase who it was and what was said; that something was said remains.

        Whoever writes from the same number afterwards is somebody new. A second time is no
        mistake. Raises CustomerNotFound.
        """
        async with self.open_work(tenant_id) as work:
            customer = await work.customers.lock(customer_id)
            conversation = await work.conversations.lock_of(customer_id)
            if conversation is not None:
                await _erase(work, customer, conversation)
            await work.orders.forget(customer_id)
            await work.tickets.forget(customer_id)
            customer.forget(self.now())
            await work.customers.save(customer)
        if conversation is not None:
            await self.histories.put(tenant_id, conversation.id, _NOTHING)


async def _erase(work: Work, customer: Customer, conversation: Conversation) -> None:
    """Nothing more is decided, and nothing more is sent."""
    chat_ids = {conversation.chat_id, *(one.chat_id for one in customer.identities)}
    conversation.forget_customer()
    await work.messages.leave_to_person(conversation.id, reason="erased")
    for message in await work.messages.leaving(conversation.id):
        await end(work, message, MessageState.WITHDRAWN, "erased")
    await work.messages.erase(conversation.id)
    await work.inbox.forget_chats(chat_ids)
    await work.conversations.save(conversation)
    await work.timeline.note(conversation.id, "customer.erased")
    await have_forgotten(work, conversation)


async def have_forgotten(work: Work, conversation: Conversation) -> None:
    """The sender has copies, and knows them by their ids: whose they are need not be said."""
    copies = await work.messages.entrusted(conversation.id)
    for first in range(0, len(copies), _AT_ONCE):
        some: list[UUID] = [*copies[first : first + _AT_ONCE]]
        await work.outbox.say(ForgetWhatsApp(tenant_id=conversation.tenant_id, message_ids=some))
