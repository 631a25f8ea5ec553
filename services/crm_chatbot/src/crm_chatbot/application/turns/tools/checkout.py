"""Tools that end a purchase: the customer's own yes, and the way to pay; code judges both."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from crm_chatbot.application.conversations.outbound import our_words, say
from crm_chatbot.application.conversations.takeover import NewId
from crm_chatbot.application.orders import lifecycle
from crm_chatbot.application.orders.pricing import priced, take_code
from crm_chatbot.application.payments.attempts import ask
from crm_chatbot.application.ports import Work
from crm_chatbot.application.receipts import summary_text
from crm_chatbot.application.turns.tools.orders import current
from crm_chatbot.application.turns.tools.toolbox import Args, Tool, ToolContext, ToolResult, refused
from crm_chatbot.application.turns.tools.wares import order_told
from crm_chatbot.domain.conversations.conversation import Conversation
from crm_chatbot.domain.conversations.message import (
    Author,
    Direction,
    Kind,
    Message,
    MessageId,
    MessageState,
)
from crm_chatbot.domain.customers.consent import has_agreed
from crm_chatbot.domain.orders.delivery import PICKUP
from crm_chatbot.domain.orders.order import AddressMissing, Order, OrderIsEmpty, OrderStatus

#: As far back as one looks for what the customer has said.
_MOST_LATELY = 40
#: Of a summary that is so nobody can have thought yet.
_UNSEEN = {MessageState.QUEUED, MessageState.WITHDRAWN, MessageState.FAILED}

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
        lately = await work.messages.newest(context.claim.conversation_id, most=_MOST_LATELY)
        said = [one for one in lately if one.direction is Direction.IN]
        await self._deliver(context, work, order)
        await take_code(work, order, [one.text for one in said], context.now)
        await priced(work, order, context.now)
        after = order.awaits_yes_after(context.now)
        if after is None or not await _was_shown(work, order):
            return await self._show(context, work, order)
        since = [one for one in said if one.seq > after]
        if not _has_agreed(since):
            earlier = [one for one in since if one.seq not in {it.seq for it in context.heard}]
            if earlier and _has_agreed([one for one in since if one not in earlier]):
                # A yes, but to what? Something else was said in between.
                return await self._show(context, work, order)
            return refused("confirmation_required", hint=_SENT["hint"])
        await lifecycle.confirm(work, tenant, order, now=context.now, actor="customer")
        await _remember_language(context, work)
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
        await lifecycle.shown(work, order, now=context.now, actor=context.actor)
        return ToolResult({**_SENT, **order_told(order, context.language)})

    async def _conversation(self, context: ToolContext, work: Work) -> Conversation:
        return await work.conversations.lock(context.claim.conversation_id)

    async def _expired(self, context: ToolContext, work: Work) -> Order | None:
        """Whoever comes back to what they did not pay in time finds it as a cart."""
        newest = await work.orders.newest_of(context.customer_id, most=1)
        if not newest or newest[0].status is not OrderStatus.EXPIRED:
            return None
        order = await work.orders.lock(newest[0].id)
        await lifecycle.reopen(work, order, now=context.now, actor=context.actor)
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
    return message.state not in _UNSEEN


def _has_agreed(said: Sequence[Message]) -> bool:
    """By what they have written themselves; a model's idea of a voice is not their word."""
    is_spoken = any(message.kind is Kind.VOICE for message in said)
    return not is_spoken and has_agreed([message.text for message in said])


async def _remember_language(context: ToolContext, work: Work) -> None:
    """In which to tell them of their money, if they have not said: as they were answered so far."""
    customer = await work.customers.lock(context.customer_id)
    if customer.language is None:
        customer.describe(context.now, language=context.language)
        await work.customers.save(customer)


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
