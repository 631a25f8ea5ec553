"""Tools that every shop's bot has: to know the customer, and to call a person."""

from typing import Annotated, Any, cast

from pydantic import Field

from crm_chatbot.application.orders import lifecycle
from crm_chatbot.application.ports import Work
from crm_chatbot.application.turns.tools.toolbox import Args, Tool, ToolContext, ToolResult
from crm_chatbot.domain.conversations.conversation import TakeoverReason
from crm_chatbot.domain.customers.customer import Customer, Profile
from crm_chatbot.domain.language import Language
from crm_chatbot.domain.orders.delivery import PICKUP
from crm_chatbot.domain.orders.order import OrderStatus


class GetCustomerProfile(Args):
    """Nothing to be said: it is always the customer of this chat."""


class UpdateCustomerProfile(Args):
    """Only what the customer has said; what is left out stays as it is."""

    name: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    email: Annotated[str, Field(min_length=3, max_length=254)] | None = None
    address: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    #: strict validation would want the enum's own members
    language: Annotated[str, Field(pattern="^(id|en)$", description="id or en")] | None = None


class HandoffToHuman(Args):
    reason: Annotated[
        str, Field(min_length=1, max_length=300, description="One sentence for the colleague.")
    ]


async def get_customer_profile(
    context: ToolContext, work: Work, _: GetCustomerProfile
) -> ToolResult:
    return ToolResult(_told(await work.customers.get(context.customer_id)))


async def update_customer_profile(
    context: ToolContext, work: Work, args: UpdateCustomerProfile
) -> ToolResult:
    said: dict[str, Any] = args.model_dump(exclude_none=True)
    if "language" in said:
        said["language"] = Language(said["language"])
    customer = await work.customers.lock(context.customer_id)
    customer.describe(context.now, **cast("Profile", said))
    await work.customers.save(customer)
    if "address" in said:
        await _deliver_after_all(context, work)
    await work.timeline.note(
        context.claim.conversation_id, "customer.described", fields=sorted(said)
    )
    return ToolResult({"updated": sorted(said), **_told(customer)})


async def _deliver_after_all(context: ToolContext, work: Work) -> None:
    """Who says where they live does not fetch their order: confirming finds what delivery costs."""
    order = await work.orders.lock_current(context.customer_id)
    if order is None or order.status is not OrderStatus.DRAFT:
        return
    if order.delivery is not None and order.delivery.zone == PICKUP:
        order.deliver_to(None, context.now)
        await lifecycle.filled(work, order, now=context.now, actor=context.actor)


async def handoff_to_human(_: ToolContext, _work: Work, _args: HandoffToHuman) -> ToolResult:
    """Only asks for it: the bot falls silent with the reply that this turn is still to give."""
    return ToolResult({"handed_over": True}, handover=TakeoverReason.CUSTOMER)


def _told(customer: Customer) -> dict[str, Any]:
    """What the model may know; a number is of no use to it."""
    return {
        "name": customer.name,
        "email": customer.email,
        "address": customer.address,
        "language": customer.language,
    }


TOOLS: tuple[Tool[Any], ...] = (
    Tool(
        name="get_customer_profile",
        description="What is known of the customer of this chat: name, email, address, language.",
        args=GetCustomerProfile,
        handle=get_customer_profile,
        is_effectful=False,
    ),
    Tool(
        name="update_customer_profile",
        description=(
            "Keep what the customer says about themselves: name, email, address, or the language "
            "they want to be answered in. The phone number cannot be changed."
        ),
        args=UpdateCustomerProfile,
        handle=update_customer_profile,
        is_effectful=True,
    ),
    Tool(
        name="handoff_to_human",
        description=(
            "Let a colleague of the shop answer from here on. Use it when the customer asks for a "
            "person, is upset, or needs what you cannot do. Say a short goodbye afterwards."
        ),
        args=HandoffToHuman,
        handle=handoff_to_human,
        is_effectful=False,
    ),
)
