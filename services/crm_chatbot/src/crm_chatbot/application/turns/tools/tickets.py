"""The tool with which the bot asks colleagues to see to something."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field

from crm_chatbot.application.ports import Work
from crm_chatbot.application.tickets.opening import NewId, NewTicket, open_ticket
from crm_chatbot.application.turns.tools.toolbox import Args, Tool, ToolContext, ToolResult
from crm_chatbot.domain.tickets.ticket import Priority, Wanted
from shared.domain import Conflict

#: By the bot, of one conversation, within a day.
MOST_A_DAY = 3
#: As far as one looks for them.
_LOOKED_AT = 50


class TicketLimit(Conflict):
    message = "Your colleagues have {most} tickets about this chat already: tell the customer so."


class CreateTicket(Args):
    """What a colleague has to know; the chat and its customer are linked by code."""

    subject: Annotated[
        str,
        Field(min_length=1, max_length=200, description="One line: what it is about."),
    ]
    description: Annotated[
        str,
        Field(max_length=1_000, description="What the customer said, and what they want."),
    ] = ""
    #: strict validation would want the enum's own members
    priority: Annotated[
        str, Field(pattern="^(low|medium|high)$", description="low, medium or high")
    ] = "medium"


def ticket_tools(*, new_id: NewId) -> Sequence[Tool[Any]]:
    """`new_id` names what is opened."""

    async def create_ticket(context: ToolContext, work: Work, args: CreateTicket) -> ToolResult:
        # One for each turn: who asks again in another way means the same.
        reason = f"turn:{context.turn_id}"
        if await work.tickets.open_for(reason) is None:
            await _refuse_many(context, work)
        wish = NewTicket(
            subject=" ".join(args.subject.split()),
            description=args.description,
            priority=Priority(args.priority),
            conversation_id=context.claim.conversation_id,
            customer_id=context.customer_id,
            reason=reason,
        )
        ticket = await open_ticket(work, wish, by=context.actor, now=context.now, new_id=new_id)
        return ToolResult({"ticket_number": ticket.number, "status": ticket.status})

    return (
        Tool(
            name="create_ticket",
            description=(
                "Write down for your colleagues what you cannot settle yourself: a complaint, "
                "broken or missing goods, a question that only they can answer. You go on "
                "answering. Tell the customer the ticket's number, and promise no date."
            ),
            args=CreateTicket,
            handle=create_ticket,
            is_effectful=True,
        ),
    )


async def _refuse_many(context: ToolContext, work: Work) -> None:
    """Raises TicketLimit."""
    wanted = Wanted(conversation_id=context.claim.conversation_id)
    since = context.now - timedelta(days=1)
    lately = [
        ticket
        for ticket in await work.tickets.page(wanted, before=None, limit=_LOOKED_AT)
        if ticket.opened_by == context.actor and ticket.created_at > since
    ]
    if len(lately) >= MOST_A_DAY:
        raise TicketLimit(most=MOST_A_DAY)
