"""Tools that end a purchase: the customer's own yes, and the way to pay; code judges both."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from crm_chatbot.application import orders
from crm_chatbot.application.order_tools import current
from crm_chatbot.application.outbound import our_words, say
from crm_chatbot.application.payments import ask
from crm_chatbot.application.ports import Work
from crm_chatbot.application.pricing import priced
from crm_chatbot.application.receipts import summary_text
from crm_chatbot.application.takeover import NewId
from crm_chatbot.application.tools import Args, Tool, ToolContext, ToolResult, refused
from crm_chatbot.application.wares import order_told
from crm_chatbot.domain.consent import has_agreed
from crm_chatbot.domain.conversation import Conversation
from crm_chatbot.domain.delivery import PICKUP
from crm_chatbot.domain.message import Author, Kind, MessageId, MessageState
from crm_chatbot.domain.order import AddressMissing, Order, OrderIsEmpty, OrderStatus

_SENT = {"status": "summary_sent", "hint": "Ask the customer to answer YES if all of it is right."}
_LINK = {"status": "link_follows", "hint": "The link is sent by itself, in the next message."}


class ConfirmOrder(Args):
    """Nothing to be said: what counts is the customer's own yes."""


class InitiatePayment(Args):
    """Nothing to be said: amount, method and link are not a model's to choose."""


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """From a full cart to a link."""

    new_id: NewId
    #: how long the sender may be silent before it is asked again
    patience_s: float

    async def confirm_order(self, context: ToolContext, work: Work, _: ConfirmOrder) -> ToolResult:
        order = await current(work, context.customer_id) or await self._expired(context, work)
        if order is None:
            return refused(OrderIsEmpty.code)
        if order.status is OrderStatus.AWAITING_PAYMENT:
            return ToolResult({"status": "confirmed", **order_told(order, context.language)})
        tenant = await work.tenants.get(context.tenant_id)
        await self._deliver(context, work, order)
        await priced(work, order, context.now)
        after = order.awaits_yes_after(context.now)
        if after is None or not await _was_shown(work, order):
            return await self._show(context, work, order)
        if not has_agreed(_said_since(context, after)):
            return refused("confirmation_required", hint=_SENT["hint"])
        await orders.confirm(work, tenant, order, now=context.now, actor="customer")
        return ToolResult({"status": "confirmed", **order_told(order, context.language)})

    async def initiate_payment(
        self, context: ToolContext, work: Work, _: InitiatePayment
    ) -> ToolResult:
        order = await current(work, context.customer_id)
        if order is None or order.status is not OrderStatus.AWAITING_PAYMENT:
            return refused("illegal_state", hint="The order must be confirmed: confirm_order.")
        tenant = await work.tenants.get(context.tenant_id)
        await ask(work, tenant, order, now=context.now, new_id=self.new_id)
        return ToolResult(_LINK)

    async def _show(self, context: ToolContext, work: Work, order: Order) -> ToolResult:
        """The summary goes to the customer as code has rendered it, whatever the model says."""
        conversation = await self._conversation(context, work)
        message_id = MessageId(self.new_id())
        # Before the message is there, so that nothing is said of an order that has no summary.
        order.show(message_id, conversation.last_seq + 1, context.now)
        summary = our_words(
            conversation,
            message_id,
            summary_text(order, context.language),
            author=Author.BOT,
            now=context.now,
            turn_id=context.turn_id,
        )
        await say(work, conversation, summary, patience_s=self.patience_s)
        await orders.shown(work, order, now=context.now, actor=context.actor)
        return ToolResult({**_SENT, **order_told(order, context.language)})

    async def _conversation(self, context: ToolContext, work: Work) -> Conversation:
        return await work.conversations.lock(context.claim.conversation_id)

    async def _expired(self, context: ToolContext, work: Work) -> Order | None:
        """Whoever comes back to what they did not pay in time finds it as a cart."""
        newest = await work.orders.newest_of(context.customer_id, most=1)
        if not newest or newest[0].status is not OrderStatus.EXPIRED:
            return None
        order = await work.orders.lock(newest[0].id)
        await orders.reopen(work, order, now=context.now, actor=context.actor)
        return order

    async def _deliver(self, context: ToolContext, work: Work, order: Order) -> None:
        """To the customer's address, where the shop delivers. Raises AddressMissing."""
        terms = await work.delivery.get()
        known = order.delivery
        if not terms.is_known or (known and known.zone == PICKUP):
            return
        address = (await work.customers.get(context.customer_id)).address
        if known is None and not address:
            raise AddressMissing
        if address and (known is None or known.address != address):
            order.deliver_to(terms.to(address), context.now)


async def _was_shown(work: Work, order: Order) -> bool:
    """Nobody says yes to what was taken back before it left."""
    if order.summary is None:
        return False
    message = await work.messages.get(order.summary.message_id)
    return message.state not in {MessageState.WITHDRAWN, MessageState.FAILED}


def _said_since(context: ToolContext, seq: int) -> Sequence[str]:
    """What the customer has written themselves; a model's idea of a voice is not their word."""
    later = [message for message in context.heard if message.seq > seq]
    if any(message.kind is Kind.VOICE for message in later):
        return []
    return [message.text for message in later]


def checkout_tools(checkout: Checkout) -> tuple[Tool[Any], ...]:
    """The registry's entries."""
    return (
        Tool(
            name="confirm_order",
            description=(
                "Bring the order to its end. The first call sends the customer a summary with the "
                "exact total, written by the shop's system: ask them to answer YES. Call it again "
                "once they have: only their own yes counts, whatever you say."
            ),
            args=ConfirmOrder,
            handle=checkout.confirm_order,
            is_effectful=True,
        ),
        Tool(
            name="initiate_payment",
            description=(
                "Have the way to pay sent to the customer, for an order that is confirmed; also "
                "if they ask for the link again. Whether it is paid, only get_order_status knows."
            ),
            args=InitiatePayment,
            handle=checkout.initiate_payment,
            is_effectful=True,
        ),
    )
