"""Tools by which the bot sorts conversations by the shop's own labels; it makes no new ones."""

from typing import Annotated, Any

from pydantic import Field

from crm_chatbot.application.labelling import label_conversation as put_on
from crm_chatbot.application.labels import remove_label as take_off
from crm_chatbot.application.ports import Work
from crm_chatbot.application.turns.tools.toolbox import Args, Tool, ToolContext, ToolResult, refused
from crm_chatbot.domain.label import LONGEST_NAME, LabelInactive, LabelNotFound

#: A model that has to choose from more than these chooses badly.
MOST_TOLD = 100

Name = Annotated[
    str,
    Field(
        min_length=1,
        max_length=LONGEST_NAME,
        description="The label's name, as get_available_labels told it.",
    ),
]


class GetAvailableLabels(Args):
    """Nothing to be said: it is always this shop and this conversation."""


class LabelConversation(Args):
    label: Name


class RemoveLabel(Args):
    label: Name


async def get_available_labels(
    context: ToolContext, work: Work, _: GetAvailableLabels
) -> ToolResult:
    found = await work.labels.all(is_active=True)
    told = [{"name": one.name, "description": one.description} for one in found[:MOST_TOLD]]
    return ToolResult({"labels": told, "on_this_conversation": await _here(context, work)})


async def label_conversation(
    context: ToolContext, work: Work, args: LabelConversation
) -> ToolResult:
    try:
        await put_on(
            work,
            context.claim.conversation_id,
            args.label,
            by=context.actor,
            now=context.now,
        )
    except (LabelNotFound, LabelInactive):
        return await _no_such(work)
    return ToolResult({"on_this_conversation": await _here(context, work)})


async def remove_label(context: ToolContext, work: Work, args: RemoveLabel) -> ToolResult:
    try:
        label = await work.labels.named(args.label)
    except LabelNotFound:
        return await _no_such(work)
    await take_off(work, context.claim.conversation_id, label.id, by=context.actor)
    return ToolResult({"on_this_conversation": await _here(context, work)})


async def _no_such(work: Work) -> ToolResult:
    found = await work.labels.all(is_active=True)
    return refused("label_not_found", available=[one.name for one in found[:MOST_TOLD]])


async def _here(context: ToolContext, work: Work) -> list[str]:
    applied = await work.labels.on(context.claim.conversation_id)
    return [one.label.name for one in applied]


LABEL_TOOLS: tuple[Tool[Any], ...] = (
    Tool(
        name="get_available_labels",
        description=(
            "The labels by which the shop sorts its conversations, and those that are on this one. "
            "There are no others. They are for colleagues: do not speak of them to the customer."
        ),
        args=GetAvailableLabels,
        handle=get_available_labels,
        is_effectful=False,
    ),
    Tool(
        name="label_conversation",
        description=(
            "Put one of the shop's labels on this conversation, so that colleagues find it. The "
            "customer does not see it. A label that is there already stays."
        ),
        args=LabelConversation,
        handle=label_conversation,
        is_effectful=True,
    ),
    Tool(
        name="remove_label",
        description="Take a label off this conversation that does not fit it any more.",
        args=RemoveLabel,
        handle=remove_label,
        is_effectful=True,
    ),
)
