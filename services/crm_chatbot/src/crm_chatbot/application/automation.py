"""Automation rules at work: what happened is held against them, and what they say is done.

All of it happens in the transaction of the use case that somebody began, and by functions that run
no rules: a rule never sets off a rule. Whoever calls `run_rules` is listed in a test.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm_chatbot.application.conversations.outbound import hand_next
from crm_chatbot.application.conversations.takeover import silence, take_over
from crm_chatbot.application.labels import apply_label
from crm_chatbot.application.ports import Work
from crm_chatbot.application.quick_reply_sending import say_quick_reply
from crm_chatbot.application.tickets.opening import NewTicket, open_ticket
from crm_chatbot.domain.automation import (
    Action,
    Assign,
    HandOver,
    Happened,
    OpenTicket,
    OrderMoved,
    PutLabel,
    Reply,
    Rule,
    TicketRanOut,
)
from crm_chatbot.domain.conversations.conversation import Conversation, TakeoverReason
from crm_chatbot.domain.label import LabelId
from crm_chatbot.domain.quick_reply import QuickReplyId
from crm_chatbot.domain.tickets.status import Status
from crm_chatbot.domain.tickets.ticket import OVER, TicketId, Wanted
from shared import logs
from shared.domain import DomainError

log = logs.get()

_TO_BE_DONE = frozenset(Status) - OVER


@dataclass(frozen=True)
class _Run:
    """One rule, and what set it off."""

    work: Work
    rule: Rule
    happened: Happened
    #: locked; None: a ticket, or an order, that belongs to none
    conversation: Conversation | None
    now: datetime

    @property
    def by(self) -> str:
        return f"rule:{self.rule.id}"


async def run_rules(
    work: Work, happened: Happened, *, conversation: Conversation | None, now: datetime
) -> None:
    """Every active rule that it sets off, in their order; the conversation is locked, and is saved.

    What a rule cannot do is noted and left: what happened is never lost for it.
    """
    for rule in await work.rules.active():
        run = _Run(work, rule, happened, conversation, now)
        if rule.when.holds(happened) and await _is_rested(run):
            await _do(run)


async def _is_rested(run: _Run) -> bool:
    rest, conversation = run.rule.rest, run.conversation
    if rest is None or conversation is None:
        return True
    return await run.work.rules.is_first_since(run.rule.id, conversation.id, run.now - rest)


async def _do(run: _Run) -> None:
    done: list[str] = []
    skipped: list[str] = []
    for action in run.rule.then:
        try:
            code = await _ACTS[type(action)](run, action)
        except DomainError as refusal:
            code = refusal.code
        if code is None:
            done.append(action.kind)
        else:
            skipped.append(f"{action.kind}: {code}")
    facts: dict[str, Any] = {"rule_id": run.rule.id, "done": done, "skipped": skipped}
    if run.conversation is None:
        log.info("rule.ran", **facts)
    else:
        await run.work.timeline.note(run.conversation.id, "rule.ran", **facts)


# -- actions: each says by a code why it did nothing


async def _label(run: _Run, action: PutLabel) -> str | None:
    if run.conversation is None:
        return "no_conversation"
    label = await run.work.labels.get(LabelId(action.label_id))
    await apply_label(run.work, run.conversation.id, label, by=run.by, now=run.now)
    return None


async def _assign(run: _Run, action: Assign) -> str | None:
    ticket_id = await _ticket_of(run)
    if ticket_id is None:
        return "no_ticket"
    ticket = await run.work.tickets.lock(ticket_id)
    if ticket.describe(run.now, by=run.by, assignee_id=action.assignee):
        await run.work.tickets.save(ticket)
    return None


async def _ticket_of(run: _Run) -> TicketId | None:
    """What set it off, or else the newest that is open in the conversation."""
    if isinstance(run.happened, TicketRanOut):
        return TicketId(run.happened.ticket_id)
    if run.conversation is None:
        return None
    wanted = Wanted(conversation_id=run.conversation.id, statuses=_TO_BE_DONE)
    found = await run.work.tickets.page(wanted, before=None, limit=1)
    return found[0].id if found else None


async def _open_ticket(run: _Run, action: OpenTicket) -> str | None:
    conversation, happened = run.conversation, run.happened
    wish = NewTicket(
        subject=action.subject,
        priority=action.priority,
        conversation_id=None if conversation is None else conversation.id,
        customer_id=None if conversation is None else conversation.customer_id,
        order_id=happened.order_id if isinstance(happened, OrderMoved) else None,
        reason=f"{run.by}:{_subject_of(run)}",
    )
    await open_ticket(run.work, wish, by=run.by, now=run.now, new_id=run.work.means.new_id)
    return None


def _subject_of(run: _Run) -> str:
    """Of what is about the same, one ticket is open at a time.

    Not what set it off: a ticket that runs out may open another, and that one, too.
    """
    if isinstance(run.happened, OrderMoved):
        return str(run.happened.order_id)
    return str(run.conversation.id) if run.conversation else "-"


async def _reply(run: _Run, action: Reply) -> str | None:
    work, conversation = run.work, run.conversation
    if conversation is None:
        return "no_conversation"
    is_said = await say_quick_reply(
        work,
        await work.tenants.get(work.tenant_id),
        conversation,
        await work.quick_replies.get(QuickReplyId(action.quick_reply_id)),
        now=run.now,
        new_id=work.means.new_id,
        patience_s=work.means.patience_s,
    )
    return None if is_said else "not_sayable"


async def _hand_over(run: _Run, _: HandOver) -> str | None:
    work, conversation = run.work, run.conversation
    if conversation is None:
        return "no_conversation"
    tenant = await work.tenants.get(work.tenant_id)
    # Whom a ticket of the rule's own calls, need not be called by another.
    is_called = any(isinstance(other, OpenTicket) for other in run.rule.then)
    fall_silent = silence if is_called else take_over
    await fall_silent(
        work,
        conversation,
        TakeoverReason.RULE,
        now=run.now,
        new_id=work.means.new_id,
        handback_after_s=tenant.handback_after_s,
    )
    await hand_next(work, conversation, now=run.now, patience_s=work.means.patience_s)
    await work.conversations.save(conversation)
    return None


# Which action is whose is decided by its type; a table cannot say so to a type checker.
_ACTS: Mapping[type[Action], Callable[[_Run, Any], Awaitable[str | None]]] = {
    PutLabel: _label,
    Assign: _assign,
    OpenTicket: _open_ticket,
    Reply: _reply,
    HandOver: _hand_over,
}
