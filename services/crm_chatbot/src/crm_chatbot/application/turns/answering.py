"""What an agent is told of a turn, how far it has come with it, and what it decides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

import orjson

from crm_chatbot.application.ports import Spent
from crm_chatbot.domain.conversations.conversation import Claim, TakeoverReason
from crm_chatbot.domain.conversations.message import Message, TurnId
from crm_chatbot.domain.customers.customer import Customer
from crm_chatbot.domain.language import Language
from crm_chatbot.domain.tenants.tenant import Tenant
from crm_chatbot.domain.turns.turn import Outcome, Tally
from shared.llm.budgets import Reservation
from shared.llm.chat import ChatMessage, ModelCall, ToolCall


class Stance(StrEnum):
    """Which tools a turn may use."""

    FREE = "free"
    READ_ONLY = "read_only"  #: moderation could not be asked
    NONE = "none"  #: it has called enough of them: an answer is due


@dataclass
class Meter:
    """What one try at a turn has used so far; it holds even when the try fails."""

    attempt: int = 1
    spent: list[Spent] = field(default_factory=list[Spent])
    reservations: list[Reservation] = field(default_factory=list[Reservation])

    def note(self, calls: Sequence[ModelCall]) -> None:
        self.spent.extend(Spent(attempt=self.attempt, call=call) for call in calls)


#: What each turn has cost that was worked on under one claim.
Books = dict[TurnId, Meter]


@dataclass(frozen=True, kw_only=True)
class Brief:
    """One turn as its agent sees it."""

    claim: Claim
    turn_id: TurnId
    tenant: Tenant
    customer: Customer
    heard: Sequence[Message]
    #: what was said before, oldest first
    history: Sequence[ChatMessage] = ()
    tally: Tally = field(default_factory=Tally)
    #: what the customer is to be answered in where code chooses the words
    language: Language = Language.INDONESIAN
    now: datetime
    #: how long ago the turn began, whoever began it
    age_s: float = 0.0
    #: of the event loop's clock: after that the model is not waited for any more
    deadline: float | None = None
    #: nobody has begun to work on it before
    is_new: bool = True
    #: it failed so often that nobody is asked any more
    is_hopeless: bool = False
    #: so much waits that nobody is asked any more
    is_swamped: bool = False
    meter: Meter = field(default_factory=Meter)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a turn comes to."""

    outcome: Outcome
    #: empty: nothing is said
    reply: str = ""
    #: a person answers from here on, because of this
    handover: TakeoverReason | None = None
    #: what was found, and perhaps taken out, on the way: codes
    findings: tuple[str, ...] = ()

    @property
    def is_modelled(self) -> bool:
        """Whether a model chose the words; what code chose needs no second look."""
        return self.outcome in {Outcome.ANSWERED, Outcome.HANDED_OVER}


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a turn has come: all of it that a crash must not take away."""

    stance: Stance = Stance.FREE
    #: by the model and by tools, in this turn
    said: tuple[ChatMessage, ...] = ()
    #: calls that are still to be run
    pending: tuple[ToolCall, ...] = ()
    #: ids of every call that was taken on
    ids: tuple[str, ...] = ()
    #: what was run: each call's fingerprint
    done: tuple[str, ...] = ()
    #: how often the model was asked what to do
    thoughts: int = 0
    spent: tuple[Spent, ...] = ()
    was_empty: bool = False
    #: an answer said what nothing bears out, and the model was asked for another one
    was_corrected: bool = False
    findings: tuple[str, ...] = ()
    handover: TakeoverReason | None = None
    decision: Decision | None = None

    @property
    def tokens(self) -> int:
        return sum(one.call.input_tokens + one.call.output_tokens for one in self.spent)

    def found(self, *codes: str) -> "Progress":
        return replace(self, findings=(*self.findings, *codes))

    def decided(self, outcome: Outcome, reply: str, **more: Any) -> "Progress":
        """That is what it comes to."""
        findings = (*self.findings, *more.pop("findings", ()))
        handover = more.pop("handover", self.handover)
        decision = Decision(outcome=outcome, reply=reply, handover=handover, findings=findings)
        return replace(self, decision=decision, pending=(), findings=findings, **more)


class Agent(Protocol):
    """Decides turns; asked again about the same one, it goes on where it left off."""

    async def __call__(self, brief: Brief, /) -> Progress:
        """One that has a decision.

        Raises ModelFailed, TurnLost, NewerWords, DatabaseUnavailable.
        """
        ...


def plain(progress: Progress) -> dict[str, Any]:
    """As JSON has it; `of_plain` is the way back."""
    kept: dict[str, Any] = orjson.loads(orjson.dumps(progress))
    return kept


def of_plain(kept: Mapping[str, Any]) -> Progress:
    decision: dict[str, Any] | None = kept["decision"]
    named: dict[str, Any] = {
        "stance": Stance(kept["stance"]),
        "said": tuple(map(_message_of, kept["said"])),
        "pending": tuple(ToolCall(**call) for call in kept["pending"]),
        "spent": tuple(
            Spent(attempt=one["attempt"], call=ModelCall(**one["call"])) for one in kept["spent"]
        ),
        "handover": _reason_of(kept["handover"]),
        "decision": decision and _decision_of(decision),
        **{name: tuple(kept[name]) for name in ("ids", "done", "findings")},
    }
    return Progress(**{**kept, **named})


def _message_of(kept: Mapping[str, Any]) -> ChatMessage:
    calls = tuple(ToolCall(**call) for call in kept["tool_calls"])
    named: dict[str, Any] = {"tool_calls": calls, "images": ()}
    return ChatMessage(**{**kept, **named})


def _decision_of(kept: Mapping[str, Any]) -> Decision:
    named: dict[str, Any] = {
        "outcome": Outcome(kept["outcome"]),
        "handover": _reason_of(kept["handover"]),
        "findings": tuple(kept["findings"]),
    }
    return Decision(**{**kept, **named})


def _reason_of(kept: str | None) -> TakeoverReason | None:
    return None if kept is None else TakeoverReason(kept)
