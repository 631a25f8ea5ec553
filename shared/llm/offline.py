"""The offline model as a LangChain chat model that can call tools, for graphs that need one."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call, tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool

from shared.llm.chat import ChatMessage, Role
from shared.llm.offline_words import PREFIX, answer, count_words

_ROLES: Mapping[str, Role] = {"system": "system", "human": "user", "ai": "assistant"}


@dataclass(frozen=True)
class Tool:
    """What a model is told about a tool."""

    name: str
    #: name -> JSON schema, in the order of the tool's own parameters
    properties: Mapping[str, Mapping[str, Any]]
    required: Sequence[str]


#: The arguments to call the tool with for these words, or None: then it is not called.
ToolRule = Callable[[str, Tool], Mapping[str, Any] | None]


def call_by_name(words: str, tool: Tool) -> Mapping[str, Any] | None:
    """Called when every word of its name occurs; quoted texts and numbers fill its parameters."""
    spoken = {_stem(word) for word in re.findall(r"[a-z]+", words.lower())}
    if not {_stem(part) for part in tool.name.lower().split("_")} <= spoken:
        return None
    texts = [first or second for first, second in re.findall(r'"([^"]*)"|“([^”]*)”', words)]
    numbers = re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.]*\w)", re.sub(r'"[^"]*"', "", words))
    arguments: dict[str, Any] = {}
    for name, schema in tool.properties.items():
        kind = schema.get("type")
        if kind == "string" and texts:
            arguments[name] = texts.pop(0)
        elif kind == "integer" and numbers:
            arguments[name] = int(float(numbers.pop(0)))
        elif kind == "number" and numbers:
            arguments[name] = float(numbers.pop(0))
    return arguments if set(tool.required) <= arguments.keys() else None


class OfflineModel(BaseChatModel):
    """Deterministic and free. `rules` decide on tool calls; the first that fits counts."""

    delay_s: float = 0.0
    rules: tuple[ToolRule, ...] = (call_by_name,)

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
        last = messages[-1] if messages else None
        called = []
        if isinstance(last, ToolMessage):
            text = f"{PREFIX}{last.name or 'tool'}: {last.text[:1_000]}"
        else:
            called = self._calls(str(last.text) if last else "", tools, len(messages))
            text = "" if called else answer(_plain(messages))
        asked = sum(count_words(message.text) for message in messages)
        said = count_words(text) + len(called)
        usage = UsageMetadata(input_tokens=asked, output_tokens=said, total_tokens=asked + said)
        return AIMessage(content=text, tool_calls=called, usage_metadata=usage)

    def _calls(self, words: str, tools: Sequence[Mapping[str, Any]], position: int) -> list[Any]:
        for rule in self.rules:
            for tool in map(_tool, tools):
                if (arguments := rule(words, tool)) is not None:
                    name = f"call_{position}_{tool.name}"
                    return [tool_call(name=tool.name, args=dict(arguments), id=name)]
        return []


def _tool(described: Mapping[str, Any]) -> Tool:
    function = described["function"]
    schema = function.get("parameters", {})
    return Tool(function["name"], schema.get("properties", {}), schema.get("required", ()))


def _plain(messages: Sequence[BaseMessage]) -> list[ChatMessage]:
    return [
        ChatMessage(_ROLES[message.type], str(message.text))
        for message in messages
        if message.type in _ROLES
    ]


def _stem(word: str) -> str:
    return word.removesuffix("s")
