"""One question to one model, and its answer: what every kind of client has in common."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.llm.chat import ChatMessage, File, OnToken, ToolCall, ToolSpec
from shared.llm.failures import ProviderFailed, bad_answer
from shared.llm.tokens import PICTURE_SIZE, recorded
from shared.llm.wire import Exchange


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is asked."""

    messages: Sequence[ChatMessage]
    temperature: float
    max_tokens: int
    tools: Sequence[ToolSpec] = ()
    #: what is said in it is all that is asked
    recording: File | None = None

    @property
    def size(self) -> int:
        """In characters, the tools that are offered or were called included, and files."""
        said = sum(
            len(message.text)
            + (size_of(message.tool_calls) if message.tool_calls else 0)
            + PICTURE_SIZE * len(message.images)
            for message in self.messages
        )
        if self.recording:
            said += recorded(self.recording.content)
        return said + sum(
            len(tool.name) + len(tool.description) + len(str(tool.parameters))
            for tool in self.tools
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What it says. Tokens are None where the provider did not count them."""

    text: str
    input_tokens: int | None = None
    output_tokens: int | None = None
    finish_reason: str | None = None
    tool_calls: Sequence[ToolCall] = ()

    @property
    def size(self) -> int:
        """In characters."""
        return len(self.text) + size_of(self.tool_calls)

    def fault(self) -> ProviderFailed | None:
        """Why this is no answer, if it is none."""
        if self.tool_calls or self.text.strip():
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


def files_of(question: Question) -> Sequence[File]:
    """Every picture, and the recording."""
    images = [image for message in question.messages for image in message.images]
    return [*images, *([question.recording] if question.recording else [])]


def size_of(calls: Sequence[ToolCall]) -> int:
    """In characters."""
    return sum(len(call.name) + len(call.raw) for call in calls)
