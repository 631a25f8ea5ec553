"""A quick reply is said to a customer: by a person of the shop, or by a rule of theirs."""

from dataclasses import dataclass
from datetime import datetime

from crm_chatbot.application.conversations.outbound import our_words, say
from crm_chatbot.application.conversations.service import TEXT_LIMIT, Accepted, ConversationService
from crm_chatbot.application.conversations.takeover import NewId
from crm_chatbot.application.once import Once
from crm_chatbot.application.ports import Work
from crm_chatbot.application.quick_replies import values_for
from crm_chatbot.domain.conversations.conversation import Conversation, ConversationId
from crm_chatbot.domain.conversations.message import Author, MessageId
from crm_chatbot.domain.quick_reply import (
    QuickReply,
    QuickReplyId,
    QuickReplyNotFound,
    RenderedTooLong,
    VariablesMissing,
)
from crm_chatbot.domain.tenants.tenant import Tenant, TenantId


@dataclass(frozen=True)
class QuickReplySending:
    """A person says one: all that writing does follows, they take the conversation over."""

    conversations: ConversationService

    async def __call__(
        self,
        tenant_id: TenantId,
        conversation_id: ConversationId,
        which: str | QuickReplyId,
        *,
        once: Once | None = None,
    ) -> Accepted:
        """`which`: its shortcut, or its id.

        Raises QuickReplyNotFound, VariablesMissing, RenderedTooLong, ConversationNotFound,
        TenantSuspended, CustomerErased, IdempotencyKeyReused; then nothing is sent.
        """

        async def words(work: Work, tenant: Tenant, conversation: Conversation) -> str:
            reply = await _chosen(work, which)
            now = self.conversations.now()
            rendered = reply.rendered(await values_for(work, tenant, conversation, now=now))
            if rendered.missing:
                raise VariablesMissing(missing=", ".join(rendered.missing))
            if len(rendered.text) > TEXT_LIMIT:
                raise RenderedTooLong(limit=TEXT_LIMIT)
            await _count(work, conversation, reply, now=now)
            return rendered.text

        return await self.conversations.compose(tenant_id, conversation_id, words, once=once)


async def say_quick_reply(  # noqa: PLR0913 - what the transaction of whoever says it has at hand
    work: Work,
    tenant: Tenant,
    conversation: Conversation,
    reply: QuickReply,
    *,
    now: datetime,
    new_id: NewId,
    patience_s: float,
) -> bool:
    """The shop says it by itself, whoever answers; the conversation is locked, and is saved.

    False, and nothing is said: something that it names is missing, or it would be too long; it
    was deleted; the shop is suspended; the customer was erased, or wants to hear nothing.
    Raises CustomerNotFound.
    """
    if not (reply.is_active and tenant.is_active) or conversation.is_forgotten:
        return False
    customer = await work.customers.get(conversation.customer_id)
    rendered = reply.rendered(await values_for(work, tenant, conversation, now=now))
    is_sayable = not rendered.missing and len(rendered.text) <= TEXT_LIMIT
    if customer.opted_out_at is not None or not is_sayable:
        return False
    message_id = MessageId(new_id())
    await _count(work, conversation, reply, now=now)
    words = our_words(conversation, message_id, rendered.text, author=Author.SYSTEM, now=now)
    await say(work, conversation, words, patience_s=patience_s)
    return True


async def _chosen(work: Work, which: str | QuickReplyId) -> QuickReply:
    if isinstance(which, str):
        reply = await work.quick_replies.by_shortcut(which)
    else:
        reply = await work.quick_replies.get(which)
    if not reply.is_active:
        raise QuickReplyNotFound(which=which)
    return reply


async def _count(
    work: Work, conversation: Conversation, reply: QuickReply, *, now: datetime
) -> None:
    await work.quick_replies.used(reply.id, now)
    facts = {"quick_reply_id": reply.id, "shortcut": reply.shortcut}
    await work.timeline.note(conversation.id, "quick_reply.used", **facts)
