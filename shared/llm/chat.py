"""The port to a chat model: what is asked of it, what it answers, and how it may fail."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from shared.llm.catalogue import LLMConfig

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True)
class ChatMessage:
    role: Role
    text: str


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
    """What a model said, and every call that it took to get it (failed ones too)."""

    text: str
    provider: str
    model: str
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

    async def reply(
        self,
        candidates: Sequence[LLMConfig],
        messages: Sequence[ChatMessage],
        /,
        *,
        temperature: float | None = None,
        max_tokens: int | None = None,
        retries: int | None = None,
        on_token: OnToken | None = None,
    ) -> Reply:
        """Ask the candidates in order until one answers. Raises ModelFailed.

        `temperature`, `max_tokens` and `retries` stand in for the config's own when given.
        With `on_token` the answer is streamed; once a piece has been handed over, a failing
        candidate is not replaced by another (the reader has seen its words).
        """
        ...
