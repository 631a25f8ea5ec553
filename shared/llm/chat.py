"""The port to a chat model: what is asked of it, what it answers, and how it may fail."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from shared.llm.catalogue import LLMConfig

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True)
class File:
    """A picture, or a recording. Printing it shows nothing of it."""

    content: bytes = field(repr=False)
    mimetype: str


@dataclass(frozen=True)
class ToolSpec:
    """A tool that a model may call; `parameters` is the JSON schema of an object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class ToolCall:
    """What a model wants done, in its own words: the id may be empty, the name made up.

    Printing it shows no argument: they are the customer's business, not a log's.
    """

    id: str
    name: str
    #: None: what it said is no JSON object
    arguments: Mapping[str, Any] | None = field(repr=False)
    #: the arguments as they were said
    raw: str = field(default="", repr=False)


@dataclass(frozen=True)
class ChatMessage:
    """One message; what an assistant called, and (role "tool") what came of which call."""

    role: Role
    text: str
    tool_calls: Sequence[ToolCall] = ()
    tool_call_id: str | None = None
    #: the tool's
    name: str | None = None
    #: a user's; only for configs with `vision`
    images: Sequence[File] = ()


@dataclass(frozen=True, kw_only=True)
class ModelCall:
    """One request that reached a provider, paid for or not; recorded per attempt."""

    config_name: str
    provider: str
    model: str
    input_tokens: int = 0
    output_tokens: int = 0
    cost_micro_usd: int = 0
    #: the provider did not say; we counted ourselves
    is_estimated: bool = False
    #: None when it answered, else the failure's code
    error: str | None = None
    request_id: str | None = None
    milliseconds: int = 0


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a model said, and every call that it took to get it (failed ones too).

    The text may be empty where tools are called.
    """

    text: str
    provider: str
    model: str
    tool_calls: Sequence[ToolCall] = ()
    calls: Sequence[ModelCall] = field(default_factory=list[ModelCall])


class ModelFailed(Exception):
    """No candidate answered.

    `code` is one of: `llm_unavailable` (outage, timeout, rate limit: later may work),
    `llm_auth` (key refused, or quota spent), `llm_rejected` (the provider will never take this
    request), `llm_bad_answer` (empty or unreadable).
    """

    def __init__(
        self,
        code: Literal["llm_unavailable", "llm_auth", "llm_rejected", "llm_bad_answer"],
        detail: str,
        *,
        retry_after_s: float | None = None,
        calls: Sequence[ModelCall] = (),
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.calls = calls

    @property
    def may_pass(self) -> bool:
        """Whether the same request may work later."""
        return self.code in {"llm_unavailable", "llm_bad_answer"}


#: Called with each piece of text as the model writes it.
OnToken = Callable[[str], Awaitable[None]]


class ChatModels(Protocol):
    """Every model that a config can name."""

    async def reply(  # noqa: PLR0913 - all that may be said when asking
        self,
        candidates: Sequence[LLMConfig],
        messages: Sequence[ChatMessage],
        /,
        *,
        temperature: float | None = None,
        max_tokens: int | None = None,
        retries: int | None = None,
        on_token: OnToken | None = None,
        tools: Sequence[ToolSpec] = (),
    ) -> Reply:
        """Ask the candidates in order until one answers. Raises ModelFailed.

        `temperature`, `max_tokens` and `retries` stand in for the config's own when given.
        With `on_token` the answer is streamed; once a piece has been handed over, a failing
        candidate is not replaced by another (the reader has seen its words). Of tool calls a
        listener hears nothing; a model may call what it was not offered.
        """
        ...


class Transcribers(Protocol):
    """Every model that turns speech into text."""

    async def transcribe(self, candidates: Sequence[LLMConfig], recording: File, /) -> Reply:
        """What is said in it, by the first candidate that answers. Raises ModelFailed."""
        ...
