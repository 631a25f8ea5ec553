"""Who it is that writes: found under any identity, met for the first time, or two who are one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from crm_chatbot.application.ports import Work
from crm_chatbot.domain.conversations.conversation import Conversation, ConversationId
from crm_chatbot.domain.customers.customer import Customer, CustomerId, CustomerNotFound, Identity
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.domain.whatsapp import InChat, MessageCame


class Overtaken(Exception):
    """Somebody else changed who is who at this moment: begin again."""


@dataclass(frozen=True)
class Chat:
    """A customer and their conversation, which is locked."""

    customer: Customer
    conversation: Conversation


@dataclass(frozen=True)
class Acquaintance:
    """Customers of one tenant, within one transaction."""

    work: Work
    tenant_id: TenantId
    now: datetime
    new_id: Callable[[], UUID]

    async def chat_of(
        self, event: InChat, *, name: str | None = None, is_locked: bool = False
    ) -> Chat:
        """The chat with whoever an event is about, begun if there is none. Raises Overtaken.

        `is_locked`: the customer is to be changed, too.
        """
        customer = await self._customer(event.identities, is_locked=is_locked)
        if customer is None:
            [chat] = await self._meet([(event, name)])
            return chat
        conversation = await self.work.conversations.lock_of(customer.id)
        if conversation is None:
            # Merged into another, or erased, while we waited for its lock.
            raise Overtaken
        return Chat(customer, conversation)

    async def known_chat_of(self, event: InChat, *, is_locked: bool = False) -> Chat | None:
        """The same, where there is one."""
        known = await self.work.customers.known_as(event.identities)
        return await self.chat_of(event, is_locked=is_locked) if known else None

    async def meet(self, events: Sequence[MessageCame]) -> None:
        """Begin a chat with whoever of these writes for the first time. Raises Overtaken.

        Who is named by two of them is left for later: what the second says may be news.
        """
        strangers, named = list[MessageCame](), set[Identity]()
        for event in events:
            is_new = named.isdisjoint(event.identities)
            named.update(event.identities)
            if is_new and not await self.work.customers.known_as(event.identities):
                strangers.append(event)
        if strangers:
            await self._meet([(event, event.push_name) for event in strangers])

    async def link(self, identities: Sequence[Identity]) -> None:
        """These are one person's. Raises Overtaken."""
        await self._customer(identities, is_locked=False)

    async def _customer(
        self, identities: Sequence[Identity], *, is_locked: bool
    ) -> Customer | None:
        known = await self.work.customers.known_as(identities)
        if not known:
            return None
        is_new_to_us = len(known) == 1 and not set(identities) <= set(known[0].identities)
        if len(known) == 1 and not is_new_to_us and not is_locked:
            return known[0]
        # Always the oldest first: two who meet the same people wait instead of deadlocking.
        kept, *others = [await self._locked(one) for one in known]
        for other in others:
            await self._merge(kept, other)
        kept.identities = tuple(dict.fromkeys((*kept.identities, *identities)))
        if others or is_new_to_us:
            await self.work.customers.save(kept)
            # Somebody else may have been given one of them since we looked.
            if len(await self.work.customers.known_as(identities)) > 1:
                raise Overtaken
        return kept

    async def _locked(self, customer: Customer) -> Customer:
        try:
            return await self.work.customers.lock(customer.id)
        except CustomerNotFound:
            raise Overtaken from None

    async def _meet(self, strangers: Sequence[tuple[InChat, str | None]]) -> Sequence[Chat]:
        chats = [self._chat_with(event, name) for event, name in strangers]
        if not await self.work.customers.add(*(chat.customer for chat in chats)):
            raise Overtaken
        await self.work.conversations.add(*(chat.conversation for chat in chats))
        return chats

    def _chat_with(self, event: InChat, name: str | None) -> Chat:
        customer = Customer(
            id=CustomerId(self.new_id()),
            tenant_id=self.tenant_id,
            created_at=self.now,
            updated_at=self.now,
            identities=event.identities,
            name=name,
        )
        conversation = Conversation.begin(
            ConversationId(self.new_id()),
            tenant_id=self.tenant_id,
            customer_id=customer.id,
            session=event.session,
            chat_id=event.chat_id,
            now=self.now,
        )
        return Chat(customer, conversation)

    async def _merge(self, kept: Customer, gone: Customer) -> None:
        ours = await self.work.conversations.lock_of(kept.id)
        theirs = await self.work.conversations.lock_of(gone.id)
        if ours is None or theirs is None:
            raise Overtaken
        ours.absorb(theirs)
        moved = theirs.last_seq
        await self.work.tickets.move(theirs.id, ours.id)
        await self.work.conversations.absorb(ours, theirs)
        if not ours.is_answered_by_bot:
            await self.work.messages.leave_to_person(ours.id, reason="merged")
        kept.absorb(gone, self.now)
        await self.work.orders.hand_on(gone.id, kept.id)
        await self.work.tickets.hand_on(gone.id, kept.id)
        await self.work.customers.remove(gone)
        facts = {"merged": theirs.id, "customer": gone.id, "messages": moved}
        await self.work.timeline.note(ours.id, "conversation.merged", **facts)
