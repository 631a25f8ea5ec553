"""Automation rules as clients see them: when, and then what."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field, StrictBool, StringConstraints

from crm_chatbot.domain.automation import (
    LONGEST_NAME,
    LONGEST_SUBJECT,
    LONGEST_WORD,
    MOST_ACTIONS,
    MOST_RULES,
    MOST_WORDS,
    Action,
    Assign,
    HandOver,
    LabelApplied,
    MessageMatches,
    OpenTicket,
    OrderBecame,
    OutsideHours,
    PutLabel,
    Reply,
    Rule,
    RuleId,
    Terms,
    TicketBreached,
    When,
)
from crm_chatbot.domain.orders.order import OrderStatus
from crm_chatbot.domain.tickets.ticket import LONGEST_ASSIGNEE, Priority
from crm_chatbot.interface.tenants.views import Body

_RULE = "0197a1c2-0000-7000-8000-000000000000"
_LABEL = "0197a1c2-0000-7000-8000-000000000001"
_REPLY = "0197a1c2-0000-7000-8000-000000000002"

Word = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_WORD)]


class MessageMatchesBody(Body):
    """A customer's message holds any of these, whatever its case and accents are.

    Whole words only, and no patterns: `refund` is not found in `refunded`.
    """

    kind: Literal["message_matches"]
    words: Annotated[list[Word], Field(min_length=1, max_length=MOST_WORDS)] = Field(
        examples=[["refund", "uang kembali"]]
    )

    def part(self) -> When:
        return MessageMatches(tuple(self.words))


class LabelAppliedBody(Body):
    """A person, or the bot, put this label on a conversation; a rule's label sets off nothing."""

    kind: Literal["label_applied"]
    label_id: UUID = Field(examples=[_LABEL])

    def part(self) -> When:
        return LabelApplied(self.label_id)


class OutsideHoursBody(Body):
    """A customer wrote while the shop was closed; in each conversation once in 12 hours."""

    kind: Literal["outside_hours"]

    def part(self) -> When:
        return OutsideHours()


class OrderBecameBody(Body):
    """An order came to one of these."""

    kind: Literal["order_became"]
    statuses: Annotated[list[OrderStatus], Field(min_length=1, max_length=len(OrderStatus))] = (
        Field(examples=[["PAID"]])
    )

    def part(self) -> When:
        return OrderBecame(tuple(self.statuses))


class TicketBreachedBody(Body):
    """A ticket was not seen to within its time."""

    kind: Literal["ticket_breached"]

    def part(self) -> When:
        return TicketBreached()


class LabelBody(Body):
    """Put a label on the conversation."""

    kind: Literal["label"]
    label_id: UUID = Field(examples=[_LABEL])

    def part(self) -> Action:
        return PutLabel(self.label_id)


class AssignBody(Body):
    """Give the ticket that it is about, or the conversation's open one, to somebody."""

    kind: Literal["assign"]
    assignee: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_ASSIGNEE)] = Field(
        examples=["sari"]
    )

    def part(self) -> Action:
        return Assign(self.assignee)


class OpenTicketBody(Body):
    """Open a ticket; of each rule's one in a conversation is open at a time."""

    kind: Literal["open_ticket"]
    subject: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_SUBJECT)] = Field(
        examples=["Somebody wants their money back"]
    )
    priority: Priority = Field(Priority.NONE, examples=["high"])

    def part(self) -> Action:
        return OpenTicket(self.subject, self.priority)


class QuickReplyBody(Body):
    """Send the customer a quick reply; the bot may go on answering."""

    kind: Literal["quick_reply"]
    quick_reply_id: UUID = Field(examples=[_REPLY])

    def part(self) -> Action:
        return Reply(self.quick_reply_id)


class HandOverBody(Body):
    """Let a person answer from here on."""

    kind: Literal["hand_over"]

    def part(self) -> Action:
        return HandOver()


WhenBody = Annotated[
    MessageMatchesBody | LabelAppliedBody | OutsideHoursBody | OrderBecameBody | TicketBreachedBody,
    Field(discriminator="kind"),
]
ThenBody = Annotated[
    LabelBody | AssignBody | OpenTicketBody | QuickReplyBody | HandOverBody,
    Field(discriminator="kind"),
]


class RuleBody(Body):
    """All that a rule says."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_NAME)] = Field(
        description="No two rules of a shop have the same.", examples=["Refunds go to Sari"]
    )
    when: WhenBody = Field(examples=[{"kind": "message_matches", "words": ["refund"]}])
    then: Annotated[list[ThenBody], Field(min_length=1, max_length=MOST_ACTIONS)] = Field(
        description="Done in this order.",
        examples=[[{"kind": "label", "label_id": _LABEL}, {"kind": "hand_over"}]],
    )
    is_active: StrictBool = True

    def said(self) -> Terms:
        return Terms(
            name=self.name,
            when=self.when.part(),
            then=tuple(one.part() for one in self.then),
            is_active=self.is_active,
        )


class RuleOrderBody(Body):
    """Every rule of the shop, in the order in which they are to run."""

    rule_ids: Annotated[list[UUID], Field(max_length=MOST_RULES)] = Field(examples=[[_RULE]])

    def said(self) -> list[RuleId]:
        return list(map(RuleId, self.rule_ids))


class RuleView(BaseModel):
    """A rule as it is now."""

    id: UUID = Field(examples=[_RULE])
    name: str = Field(examples=["Refunds go to Sari"])
    place: int = Field(description="Rules run in the order of their places.", examples=[1])
    when: WhenBody
    then: list[ThenBody]
    is_active: bool
    version: int = Field(description="As in the ETag.", examples=[1])
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, rule: Rule) -> "RuleView":
        then = list(map(_plain, rule.then))
        return cls.model_validate({**vars(rule), "when": _plain(rule.when), "then": then})


class Rules(BaseModel):
    """All of a shop's rules, in the order in which they run."""

    rules: list[RuleView]

    @classmethod
    def of(cls, rules: Sequence[Rule]) -> "Rules":
        return cls(rules=list(map(RuleView.of, rules)))


def _plain(part: When | Action) -> dict[str, Any]:
    return {"kind": part.kind, **vars(part)}
