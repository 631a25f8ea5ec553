"""One question to one model, and its answer: what every kind of client has in common."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.llm.chat import ChatMessage, OnToken
from shared.llm.failures import ProviderFailed, bad_answer
from shared.llm.wire import Exchange


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is asked."""

    messages: Sequence[ChatMessage]
    temperature: float
    max_tokens: int

    @property
    def size(self) -> int:
        """In characters."""
        return sum(len(message.text) for message in self.messages)


@dataclass(frozen=True, slots=True)
class Answer:
    """What it says. Tokens are None where the provider did not count them."""

    text: str
    input_tokens: int | None = None
    output_tokens: int | None = None
    finish_reason: str | None = None
    calls_tools: bool = False

    def fault(self) -> ProviderFailed | None:
        """Why this is no answer, if it is none."""
        if self.calls_tools or self.text.strip():
            return None
        if self.finish_reason in {"content_filter", "refusal"}:
            return ProviderFailed("llm_rejected", "the provider's filter let nothing through")
        return bad_answer(f"the answer is empty (it ended with {self.finish_reason})")


class Client(Protocol):
    """Reaches one model."""

    async def ask(
        self, question: Question, exchange: Exchange, on_token: OnToken | None, /
    ) -> Answer:
        """One request. Raises ProviderFailed, and whatever `on_token` raises."""
        ...


def storable(text: str) -> str:
    """The same text without what PostgreSQL and JSON cannot hold: NUL, and half characters."""
    if text.isascii():
        return str(text.replace("\0", ""))
    return text.encode("utf-8", "replace").decode().replace("\0", "")
