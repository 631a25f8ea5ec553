"""A turn: all that a customer said and has no answer to yet, decided on once, together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from crm_chatbot.domain.conversations.conversation import Claim, ConversationId
from crm_chatbot.domain.conversations.message import TurnId
from shared.domain import Aggregate

#: More unanswered messages than this make a second turn.
MOST_MESSAGES = 20
#: More than this nobody answers one by one: the bot is sorry, once, and a person is called.
MOST_WAITING = 200
#: How often newer words may throw away what was being decided.
MOST_RESTARTS = 2
#: Errors after which a person is called.
MOST_FAILURES = 3
#: Times that a turn is taken up, crashes of its workers included.
MOST_ATTEMPTS = 8


class TurnStatus(StrEnum):
    RUNNING = "running"
    COMMITTED = "committed"  #: its messages are covered, its replies are on their way
    SUPERSEDED = "superseded"  #: newer words came before it had done anything
    SUPPRESSED = "suppressed"  #: a person took over: nobody will hear of it


class Outcome(StrEnum):
    """How a committed turn answered."""

    ANSWERED = "answered"
    FALLBACK = "fallback"  #: the model came to no end; code chose the words
    REFUSED = "refused"  #: moderation let nothing through
    HANDED_OVER = "handed_over"  #: the customer asked for a person
    LIMITED = "limited"  #: this chat, or this shop, has had its share
    SWAMPED = "swamped"  #: more waited than anybody answers one by one
    UNHEARD = "unheard"  #: nothing but media that nobody here can take in
    SILENT = "silent"  #: that was said a moment ago already
    GIVEN_UP = "given_up"  #: it failed again and again


@dataclass(frozen=True, kw_only=True)
class TurnLimits:
    """What one turn may use."""

    model_calls: int = 8
    tool_calls: int = 12
    calls_per_answer: int = 5
    #: the same call so often, with the same arguments, leads nowhere
    repetitions: int = 3
    seconds: float = 60.0
    tokens: int = 30_000


class TurnLost(Exception):
    """Somebody else decides this conversation by now; nothing of ours counts any more."""


class NewerWords(Exception):
    """The customer went on writing before anything was done: begin again with all of it."""


@dataclass(eq=False, kw_only=True)
class Turn(Aggregate):
    """Changed only while its conversation is locked, by whoever has the conversation's epoch."""

    id: TurnId
    conversation_id: ConversationId
    #: of whoever works on it
    epoch: int
    #: the incoming messages that it is about: the first and the last of them
    from_seq: int
    to_seq: int
    started_at: datetime
    status: TurnStatus = TurnStatus.RUNNING
    outcome: Outcome | None = None
    #: how often somebody began to work on it
    attempts: int = 1
    failures: int = 0
    #: how many turns before it were superseded
    restarts: int = 0
    #: a tool has changed something
    has_effects: bool = False
    model_calls: int = 0
    tool_calls: int = 0
    ended_at: datetime | None = None

    @classmethod
    def begin(
        cls, turn_id: TurnId, claim: Claim, *, seqs: Sequence[int], now: datetime, restarts: int = 0
    ) -> "Turn":
        return cls(
            id=turn_id,
            conversation_id=claim.conversation_id,
            epoch=claim.epoch,
            from_seq=min(seqs),
            to_seq=max(seqs),
            started_at=now,
            restarts=restarts,
        )

    @property
    def may_restart(self) -> bool:
        """Whether newer words may still replace it."""
        return not self.has_effects and self.restarts < MOST_RESTARTS

    @property
    def is_hopeless(self) -> bool:
        return self.failures >= MOST_FAILURES or self.attempts > MOST_ATTEMPTS

    def covers(self, seq: int) -> bool:
        return self.from_seq <= seq <= self.to_seq

    def gives_way_to(self, unanswered: Sequence[int]) -> bool:
        """Whether to begin anew, with more of what is unanswered by now."""
        covered = sum(map(self.covers, unanswered))
        return self.may_restart and covered < min(len(unanswered), MOST_MESSAGES)

    def take_up(self, epoch: int) -> None:
        """Go on where somebody else, or an earlier try, had to leave off."""
        self.epoch = epoch
        self.attempts += 1

    def end(self, status: TurnStatus, now: datetime, outcome: Outcome | None = None) -> None:
        self.status, self.outcome, self.ended_at = status, outcome, now


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What a chat has had so far, the present turn not counted."""

    turns_last_hour: int = 0
    turns_last_day: int = 0
    #: how the turns of the last hour ended
    outcomes: frozenset[Outcome] = frozenset()


class Turns(Protocol):
    """Every turn of one tenant."""

    async def running(self, conversation_id: ConversationId, /) -> Turn | None: ...

    async def add(self, turn: Turn, /) -> None: ...

    async def save(self, turn: Turn, /) -> None: ...

    async def tally(self, conversation_id: ConversationId, /) -> Tally: ...

    async def forget_progress(self, turn_id: TurnId, /) -> None:
        """Nobody will go on with it: how far it had come is of no use."""
        ...


@dataclass(frozen=True, kw_only=True)
class Execution:
    """One effect of a tool, and what the model was told of it."""

    turn_id: TurnId
    #: the call's id within its turn
    key: str
    tool: str
    arguments_hash: str
    #: which one of these calls of its turn it is, counting from 0
    occurrence: int
    result: Mapping[str, Any]


class Executions(Protocol):
    """What tools have done, noted in the transaction that did it."""

    async def result_of(
        self, turn_id: TurnId, /, *, key: str, tool: str, arguments_hash: str, occurrence: int
    ) -> Mapping[str, Any] | None:
        """What came of this very call: known by its id, or by how often it was made before."""
        ...

    async def add(self, execution: Execution, /) -> None: ...
