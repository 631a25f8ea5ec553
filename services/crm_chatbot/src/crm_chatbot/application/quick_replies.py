"""Quick replies: a shop writes and looks for them, and sees what one would say in a chat."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from crm_chatbot.application.ports import OpenWork, Work
from crm_chatbot.application.receipts import status_text
from crm_chatbot.domain.conversations.conversation import Conversation, ConversationId
from crm_chatbot.domain.language import Language
from crm_chatbot.domain.money import formatted
from crm_chatbot.domain.orders.order import Order, OrderStatus
from crm_chatbot.domain.payments.standing import PaymentStatus
from crm_chatbot.domain.placeholders import Rendered
from crm_chatbot.domain.quick_reply import (
    QuickReply,
    QuickReplyId,
    ShortcutTaken,
    Wanted,
    Wording,
)
from crm_chatbot.domain.tenants.tenant import Tenant, TenantId
from shared.domain import ChangedSince, Clock
from shared.whatsapp.text import inert

_MONTHS: Mapping[Language, Sequence[str]] = {
    Language.INDONESIAN: (
        *("Januari", "Februari", "Maret", "April", "Mei", "Juni"),
        *("Juli", "Agustus", "September", "Oktober", "November", "Desember"),
    ),
    Language.ENGLISH: (
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
}


async def values_for(
    work: Work, tenant: Tenant, conversation: Conversation, *, now: datetime
) -> Mapping[str, str]:
    """What the shop's own texts may name in a chat, as its customer reads it; no more than that.

    The order is the customer's newest, whatever became of it. Raises CustomerNotFound.
    """
    customer = await work.customers.get(conversation.customer_id)
    language = customer.language or tenant.language
    local = tenant.local(now)
    values = {
        "shop_name": inert(tenant.name),
        "business_hours": tenant.business_hours.told(language),
        "today": f"{local.day} {_MONTHS[language][local.month - 1]} {local.year}",
        "customer_name": inert(customer.name or ""),
        "customer_phone": customer.phone or "",
    }
    for order in await work.orders.newest_of(customer.id, most=1):
        values["order_number"] = order.number
        values["order_total"] = formatted(order.total, order.currency, language)
        values["order_status"] = status_text(order, language)
        values["payment_link"] = await _link_of(work, order, now)
    return {name: value for name, value in values.items() if value}


async def _link_of(work: Work, order: Order, now: datetime) -> str:
    """Where the customer can pay at this moment; empty: nowhere."""
    if order.status is not OrderStatus.AWAITING_PAYMENT:
        return ""
    for payment in await work.payments.of_order(order.id):
        is_awaited = payment.status is PaymentStatus.PENDING and not payment.is_unwanted
        if is_awaited and now < payment.expires_at and payment.url:
            return payment.url
    return ""


@dataclass(frozen=True, kw_only=True)
class QuickReplyService:
    """What people of the shop do with their quick replies, but for sending them."""

    open_work: OpenWork
    now: Clock
    new_id: Callable[[], UUID]

    async def page(
        self, tenant_id: TenantId, wanted: Wanted, *, after: str | None, limit: int
    ) -> Sequence[QuickReply]:
        """By their shortcuts; with `after`, those behind that one. Raises TenantNotFound."""
        async with self.open_work(tenant_id) as work:
            await work.tenants.get(tenant_id)
            return await work.quick_replies.page(wanted, after=after, limit=limit)

    async def get(self, tenant_id: TenantId, quick_reply_id: QuickReplyId) -> QuickReply:
        """Also one that was deleted. Raises QuickReplyNotFound."""
        async with self.open_work(tenant_id) as work:
            return await work.quick_replies.get(quick_reply_id)

    async def add(self, tenant_id: TenantId, wording: Wording) -> QuickReply:
        """One that was deleted under this shortcut comes back, with these words and its uses.

        Raises TenantNotFound, QuickReplyRejected, VariableUnknown, BraceAlone,
        ShortcutTaken, ChangedMeanwhile.
        """
        now = self.now()
        reply = QuickReply.write(QuickReplyId(self.new_id()), tenant_id, now, **wording)
        async with self.open_work(tenant_id) as work:
            await work.tenants.get(tenant_id)
            if await work.quick_replies.add(reply):
                return reply
            known = await work.quick_replies.by_shortcut(reply.shortcut)
            if known.is_active:
                raise ShortcutTaken(shortcut=reply.shortcut)
            known.change(
                now, content=reply.content, category=reply.category, is_active=reply.is_active
            )
            await work.quick_replies.save(known)
        return known

    async def change(
        self,
        tenant_id: TenantId,
        quick_reply_id: QuickReplyId,
        wording: Wording,
        *,
        expected: int | None = None,
    ) -> QuickReply:
        """Only what is named; with `expected`, only that version.

        Raises QuickReplyNotFound, QuickReplyRejected, VariableUnknown, BraceAlone,
        ShortcutTaken, ChangedSince, ChangedMeanwhile.
        """
        async with self.open_work(tenant_id) as work:
            reply = await work.quick_replies.get(quick_reply_id)
            if expected not in {None, reply.version}:
                raise ChangedSince(name=reply.shortcut, version=reply.version)
            reply.change(self.now(), **wording)
            await work.quick_replies.save(reply)
        return reply

    async def delete(self, tenant_id: TenantId, quick_reply_id: QuickReplyId) -> None:
        """Nobody finds it any more, and its uses stay counted. A second time is no mistake.

        Raises QuickReplyNotFound, ChangedMeanwhile.
        """
        async with self.open_work(tenant_id) as work:
            reply = await work.quick_replies.get(quick_reply_id)
            if reply.delete(self.now()):
                await work.quick_replies.save(reply)

    async def preview(
        self,
        tenant_id: TenantId,
        quick_reply_id: QuickReplyId,
        conversation_id: ConversationId,
    ) -> Rendered:
        """What it would say in a chat at this moment. Changes nothing.

        Raises QuickReplyNotFound, ConversationNotFound.
        """
        async with self.open_work(tenant_id) as work:
            reply = await work.quick_replies.get(quick_reply_id)
            conversation = await work.conversations.lock(conversation_id)
            tenant = await work.tenants.get(tenant_id)
            return reply.rendered(await values_for(work, tenant, conversation, now=self.now()))
