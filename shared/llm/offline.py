"""The offline model as a LangChain chat model that can call tools, for graphs that need one."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call, tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool

from shared.llm.chat import ChatMessage, Role, ToolCall, ToolSpec
from shared.llm.offline_replies import USUAL_RULES, reply_to
from shared.llm.offline_tools import ToolRule
from shared.llm.offline_words import count_words

_ROLES: Mapping[str, Role] = {
    "system": "system",
    "human": "user",
    "ai": "assistant",
    "tool": "tool",
}


class OfflineModel(BaseChatModel):
    """Deterministic and free. `rules` decide on tool calls; the first that fits counts."""

    delay_s: float = 0.0
    rules: tuple[ToolRule, ...] = tuple(USUAL_RULES)

    @property
    def _llm_type(self) -> str:
        return "offline"

    def bind_tools(self, tools: Sequence[Any], **_: Any) -> Runnable[LanguageModelInput, AIMessage]:
        """What may be called. Nothing forces the rules to call it: `tool_choice` is passed over."""
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools])

    def _generate(
        self,
        messages: list[BaseMessage],
        *_: Any,
        **kwargs: Any,
    ) -> ChatResult:
        message = self._reply(messages, kwargs.get("tools", ()))
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        *_: Any,
        **kwargs: Any,
    ) -> ChatResult:
        await asyncio.sleep(self.delay_s)
        return self._generate(messages, **kwargs)

    async def _astream(
        self,
        messages: list[BaseMessage],
        *_: Any,
        **kwargs: Any,
    ) -> AsyncGenerator[ChatGenerationChunk]:
        """Word by word; a tool call in one piece."""
        whole = self._reply(messages, kwargs.get("tools", ()))
        words = str(whole.text).split(" ")
        for number, word in enumerate(words if whole.text else ()):
            await asyncio.sleep(self.delay_s / len(words))
            piece = AIMessageChunk(content=f" {word}" if number else word)
            yield ChatGenerationChunk(message=piece)
        calls = [
            tool_call_chunk(
                name=call["name"], args=json.dumps(call["args"]), id=call["id"], index=number
            )
            for number, call in enumerate(whole.tool_calls)
        ]
        end = AIMessageChunk(
            content="", tool_call_chunks=calls, usage_metadata=whole.usage_metadata
        )
        yield ChatGenerationChunk(message=end)

    def _reply(
        self, messages: Sequence[BaseMessage], tools: Sequence[Mapping[str, Any]]
    ) -> AIMessage:
        said = reply_to(_plain(messages), [*map(_tool, tools)], self.rules)
        asked = sum(count_words(message.text) for message in messages)
        usage = UsageMetadata(
            input_tokens=asked, output_tokens=said.tokens, total_tokens=asked + said.tokens
        )
        called = [
            tool_call(name=call.name, args=dict(call.arguments or {}), id=call.id)
            for call in said.tool_calls
        ]
        return AIMessage(content=said.text, tool_calls=called, usage_metadata=usage)


def _tool(described: Mapping[str, Any]) -> ToolSpec:
    function = described["function"]
    return ToolSpec(
        function["name"], function.get("description", ""), function.get("parameters", {})
    )


def _plain(messages: Sequence[BaseMessage]) -> list[ChatMessage]:
    return [_message(message) for message in messages if message.type in _ROLES]


def _message(message: BaseMessage) -> ChatMessage:
    role, text = _ROLES[message.type], str(message.text)
    if isinstance(message, ToolMessage):
        return ChatMessage(role, text, tool_call_id=message.tool_call_id, name=message.name)
    if isinstance(message, AIMessage) and message.tool_calls:
        calls = [
            ToolCall(call["id"] or "", call["name"], call["args"], json.dumps(call["args"]))
            for call in message.tool_calls
        ]
        return ChatMessage(role, text, tool_calls=calls)
    return ChatMessage(role, text)
