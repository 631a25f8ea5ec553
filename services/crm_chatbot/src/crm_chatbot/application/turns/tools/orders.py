"""Tools by which the bot takes an order: each a door to what code decides, none names a price."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from crm_chatbot.application.conversations.takeover import NewId
from crm_chatbot.application.orders import lifecycle
from crm_chatbot.application.orders.pricing import line_of, priced, take_code
from crm_chatbot.application.ports import Work
from crm_chatbot.application.turns.tools.catalog import MOST_SHOWN, ProductWords, find
from crm_chatbot.application.turns.tools.toolbox import (
    Args,
    ArgsT,
    Tool,
    ToolContext,
    ToolResult,
    refused,
)
from crm_chatbot.application.turns.tools.wares import order_told, wares_told
from crm_chatbot.domain.catalog.choosing import Choice
from crm_chatbot.domain.catalog.product import VariantId
from crm_chatbot.domain.customers.customer import CustomerId
from crm_chatbot.domain.orders.delivery import DeliveryUnknown, PickupNotOffered
from crm_chatbot.domain.orders.order import NotInOrder, Order, OrderId, OrderStatus
from crm_chatbot.domain.orders.reservation import OutOfStock

#: Of a customer's orders the newest of these are looked through for a number.
_MOST_ORDERS = 20

Quantity = Annotated[int, Field(description="A whole number from 1 to 100.")]


class CreateOrder(Args):
    """Nothing to be said: it is always an order of this chat's customer."""


class AddToOrder(Args):
    product: ProductWords
    quantity: Quantity
    note: (
        Annotated[
            str, Field(min_length=1, max_length=200, description="A wish, such as less sugar.")
        ]
        | None
    ) = None


class SetQuantity(Args):
    product: ProductWords
    quantity: Quantity


class RemoveFromOrder(Args):
    product: ProductWords


class GetOrderStatus(Args):
    order: (
        Annotated[
            str, Field(min_length=1, max_length=40, description="Its number, such as ORD-1001.")
        ]
        | None
    ) = None


class PickUpOrder(Args):
    """Nothing to be said: where orders are picked up, the shop says."""


class CancelOrder(Args):
    """Nothing to be said: it is always the open order of this chat's customer."""


@dataclass(frozen=True)
class Cart:
    """The one order of a customer that is open, and the tools that fill it."""

    new_id: NewId

    async def create_order(self, context: ToolContext, work: Work, _: CreateOrder) -> ToolResult:
        order = await self._open(context, work)
        return ToolResult(order_told(order, context.language))

    async def add_to_order(self, context: ToolContext, work: Work, args: AddToOrder) -> ToolResult:
        choice = await _the_one(context, work, args.product)
        if isinstance(choice, ToolResult):
            return choice
        order = await self._open(context, work)
        known = order.line_of(choice.variant.id)
        quantity = args.quantity + (known.quantity if known and args.quantity > 0 else 0)
        if args.note:
            order.annotate(f"{order.note}\n{choice.name}: {args.note}".strip(), context.now)
        return await self._put(context, work, order, choice, quantity)

    async def set_quantity(self, context: ToolContext, work: Work, args: SetQuantity) -> ToolResult:
        known = await current(work, context.customer_id)
        choice = await _the_one(context, work, args.product, among=known)
        if isinstance(choice, ToolResult):
            return choice
        order = await self._open(context, work)
        return await self._put(context, work, order, choice, args.quantity)

    async def remove_from_order(
        self, context: ToolContext, work: Work, args: RemoveFromOrder
    ) -> ToolResult:
        order = await current(work, context.customer_id)
        if order is None:
            return refused("order_is_empty")
        choice = await _the_one(context, work, args.product, among=order)
        if isinstance(choice, ToolResult):
            return choice
        await self._as_draft(context, work, order)
        order.remove(choice.variant.id, context.now)
        return await self._filled(context, work, order)

    async def pick_up_order(self, context: ToolContext, work: Work, _: PickUpOrder) -> ToolResult:
        order = await current(work, context.customer_id)
        if order is None:
            return refused("order_is_empty")
        place = (await work.delivery.get()).pickup()
        await self._as_draft(context, work, order)
        order.deliver_to(place, context.now)
        return await self._filled(context, work, order)

    async def cancel_order(self, context: ToolContext, work: Work, _: CancelOrder) -> ToolResult:
        order = await current(work, context.customer_id)
        if order is None:
            return refused("order_not_found")
        await lifecycle.cancel(work, order, now=context.now, actor=context.actor)
        return ToolResult(order_told(order, context.language))

    async def _put(
        self, context: ToolContext, work: Work, order: Order, choice: Choice, quantity: int
    ) -> ToolResult:
        # Read now: what the order itself held is free again.
        offer = await work.products.variant(choice.variant.id)
        available = max(0, offer.variant.available)
        if quantity > available:
            raise OutOfStock(available=available, name=choice.name, sku=choice.variant.sku)
        order.put(line_of(offer, quantity), context.now)
        return await self._filled(context, work, order)

    async def _filled(self, context: ToolContext, work: Work, order: Order) -> ToolResult:
        # What the customer has typed, not what a model makes of it.
        await take_code(work, order, [one.text for one in context.heard], context.now)
        await _drop_unknown_delivery(work, order, context.now)
        await priced(work, order, context.now)
        await lifecycle.filled(work, order, now=context.now, actor=context.actor)
        return ToolResult(order_told(order, context.language))

    async def _open(self, context: ToolContext, work: Work) -> Order:
        """The customer's cart: the one there is, or a new one. Raises TooManyOrders."""
        order = await current(work, context.customer_id)
        if order is not None:
            return await self._as_draft(context, work, order)
        tenant = await work.tenants.get(context.tenant_id)
        return await lifecycle.begin(
            work, tenant, context.customer_id, order_id=OrderId(self.new_id()), now=context.now
        )

    async def _as_draft(self, context: ToolContext, work: Work, order: Order) -> Order:
        """Who changes what they have confirmed has to confirm it again."""
        if order.status is not OrderStatus.DRAFT:
            await lifecycle.reopen(work, order, now=context.now, actor=context.actor)
        return order


async def get_order_status(context: ToolContext, work: Work, args: GetOrderStatus) -> ToolResult:
    known = await work.orders.newest_of(context.customer_id, most=_MOST_ORDERS)
    wanted = (args.order or "").strip().upper()
    found = [one for one in known if not wanted or one.number.upper() == wanted]
    if not found:
        return refused("order_not_found")
    return ToolResult(order_told(found[0], context.language))


async def current(work: Work, customer_id: CustomerId) -> Order | None:
    """The customer's open order, locked after their conversation."""
    return await work.orders.lock_current(customer_id)


async def _drop_unknown_delivery(work: Work, order: Order, now: datetime) -> None:
    """Where a shop delivers no more is no reason not to fill a cart: confirming asks where to."""
    if order.delivery is None:
        return
    try:
        (await work.delivery.get()).again(order.delivery)
    except (DeliveryUnknown, PickupNotOffered):
        order.deliver_to(None, now)


async def _the_one(
    context: ToolContext, work: Work, words: str, *, among: Order | None = None
) -> Choice | ToolResult:
    """The variant that these words mean; where there is an order, first of all what is in it."""
    found = await find(work, words)
    if among is not None:
        ordered = _of_order(found, among)
        if len(ordered) == 1:
            return ordered[0]
        if not ordered and not found:
            raise NotInOrder
    if not found:
        return refused("product_not_found", hint="Use search_products.")
    if len(found) > 1:
        told = await wares_told(context, work, found[:MOST_SHOWN])
        return refused("ambiguous_product", choices=told["products"], text=told["text"])
    return found[0]


def _of_order(found: Sequence[Choice], order: Order) -> list[Choice]:
    ordered: set[VariantId] = {line.variant_id for line in order.lines}
    return [one for one in found if one.variant.id in ordered]


def cart_tools(cart: Cart) -> tuple[Tool[Any], ...]:
    """The registry's entries: each has its method's name."""
    return (
        _changing(
            cart.create_order,
            CreateOrder,
            "Open an empty order for this customer. add_to_order does it by itself.",
        ),
        _changing(
            cart.add_to_order,
            AddToOrder,
            "Put so many more of a product into the customer's order.",
        ),
        _changing(
            cart.set_quantity,
            SetQuantity,
            "Have exactly so many of a product in the order, however many there were.",
        ),
        _changing(cart.remove_from_order, RemoveFromOrder, "Take a product out of the order."),
        _changing(
            cart.pick_up_order,
            PickUpOrder,
            "The customer fetches the order at the shop, if they want that: nothing is delivered. "
            "An address given later has it delivered again.",
        ),
        _changing(
            cart.cancel_order,
            CancelOrder,
            "Cancel the customer's open order, if they plainly want that.",
        ),
        Tool(
            name="get_order_status",
            description=(
                "How an order of this customer stands: its lines, its total, and whether it is "
                "paid. Without a number, the newest."
            ),
            args=GetOrderStatus,
            handle=get_order_status,
            is_effectful=False,
        ),
    )


def _changing(
    handle: Callable[[ToolContext, Work, ArgsT], Awaitable[ToolResult]],
    args: type[ArgsT],
    description: str,
) -> Tool[ArgsT]:
    name = handle.__name__
    return Tool(name=name, description=description, args=args, handle=handle, is_effectful=True)
