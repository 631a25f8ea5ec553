"""The simulated language model: what it is asked, what it is told to say, and what it says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field

from simulators.faults import ErrorStatus
from simulators.script import Rule

#: a streamed answer comes in this many pieces unless told otherwise
USUAL_PIECES = 5
CHARACTERS_PER_TOKEN = 4

FLAG = "[[flagged]]"
#: What the simulated moderation refuses: English, then Indonesian. Phrases, so that killing a
#: process, shooting a photo or a bomb-proof argument pass.
VIOLENT_PHRASES = (
    "i will kill you",
    "kill yourself",
    "kill them all",
    "make a bomb",
    "build a bomb",
    "beat you to death",
    "ku bunuh kamu",
    "aku akan membunuhmu",
    "bunuh diri saja",
    "bunuh mereka semua",
    "merakit bom",
    "membuat bom",
)


class ToolCall(BaseModel):
    """A tool that the model wants called; `arguments` as a text are sent as they stand."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    arguments: dict[str, Any] | str = Field(default_factory=dict[str, Any])
    #: by default a new one for each call
    id: str | None = None

    @property
    def arguments_json(self) -> str:
        if isinstance(self.arguments, str):
            return self.arguments
        return orjson.dumps(self.arguments).decode()


class ModelRule(Rule):
    """How to treat a request to a model; what is left out stays as it would have been."""

    #: found in the last thing that the user said
    when: str | None = None
    #: found in the system prompt
    system: str | None = None
    model: str | None = None
    provider: Literal["openai", "anthropic"] | None = None

    text: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    #: in OpenAI's words (stop, length, tool_calls, content_filter) or the provider's own
    finish_reason: str | None = None
    #: false leaves it out; two numbers (input, output tokens) replace the count, even negative
    usage: bool | tuple[int, int] = True
    #: the text is this long
    huge_mb: float | None = Field(default=None, gt=0, le=64)
    #: a stream breaks off with this error after half of it; one that is no stream begins with it
    break_with: ErrorStatus | None = None

    def fits(self, provider: str, question: "Question") -> bool:
        return (
            (self.provider is None or self.provider == provider)
            and (self.model is None or self.model == question.model)
            and (self.when is None or self.when in question.user)
            and (self.system is None or self.system in question.system)
        )


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a provider was asked, whichever protocol it came in."""

    model: str = ""
    stream: bool = False
    system: str = ""
    user: str = ""  #: the last thing that the user said
    tool_result: str | None = None  #: what a tool said since then
    forced_tool: str | None = None
    wants_usage: bool = True
    #: the words in what was shown or played to it; None where that was nothing
    perceived: str | None = None
    characters: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def is_moderation(self) -> bool:
        return "moderation" in self.system.lower()


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the model says, before it is put into a provider's words."""

    text: str
    tool_calls: Sequence[ToolCall] = ()
    finish_reason: str = "stop"
    #: input and output tokens; None is left out
    usage: tuple[int, int] | None = None
    pieces: int = USUAL_PIECES
    #: the provider's shape with nothing in it
    is_empty: bool = False

    def text_pieces(self) -> list[str]:
        size = max(1, -(-len(self.text) // self.pieces))
        return [self.text[i : i + size] for i in range(0, len(self.text), size)]


def reply_to(question: Question, rule: ModelRule) -> Reply:
    """What the model says, the same for the same question and rule."""
    calls = rule.tool_calls or _forced_call(question, rule)
    text = _text(question, rule, has_calls=bool(calls))
    return Reply(
        text=text,
        tool_calls=calls,
        finish_reason=rule.finish_reason or ("tool_calls" if calls else "stop"),
        usage=_usage(question, rule, text),
        pieces=rule.chunks or USUAL_PIECES,
        is_empty=rule.garbage == "empty",
    )


def verdict(text: str) -> dict[str, Any]:
    """What the simulated moderation thinks of a text."""
    lowered = text.lower()
    if FLAG in lowered:
        return {"allowed": False, "reason": "The text is flagged."}
    if any(phrase in lowered for phrase in VIOLENT_PHRASES):
        return {"allowed": False, "reason": "The text threatens violence."}
    return {"allowed": True, "reason": "Nothing speaks against it."}


def tokens(characters: int) -> int:
    return max(1, -(-characters // CHARACTERS_PER_TOKEN))


def _forced_call(question: Question, rule: ModelRule) -> tuple[ToolCall, ...]:
    if question.forced_tool is None or rule.text is not None:
        return ()
    arguments = verdict(question.user) if question.is_moderation else {}
    return (ToolCall(name=question.forced_tool, arguments=arguments),)


def _text(question: Question, rule: ModelRule, *, has_calls: bool) -> str:
    if rule.huge_mb is not None:
        return "x" * int(rule.huge_mb * 1_000_000)
    if rule.text is not None or has_calls:
        return rule.text or ""
    if question.tool_result is not None:
        return f"The tool said: {question.tool_result}"
    if question.is_moderation:
        return orjson.dumps(verdict(question.user)).decode()
    if question.perceived is not None:
        return question.perceived
    return f"You said: {question.user}"


def _usage(question: Question, rule: ModelRule, text: str) -> tuple[int, int] | None:
    if rule.usage is True:
        return tokens(question.characters), tokens(len(text))
    return rule.usage or None
