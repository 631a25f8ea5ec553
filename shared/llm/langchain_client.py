"""Asks a LangChain chat model one question, as cheaply as it can be asked."""

from base64 import b64encode
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.messages.tool import invalid_tool_call, tool_call
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.runnables.base import RunnableBinding

from shared.llm.chat import ChatMessage, File, OnToken, ToolSpec
from shared.llm.failures import ProviderFailed, a_name, bad_answer
from shared.llm.questions import Answer, Question
from shared.llm.storable import storable
from shared.llm.wire import Exchange


class LangChainClient:
    """Calls what `ainvoke` and `astream` call, without what they do around it.

    Their callbacks, tracers and config merging find nothing to do here (retries, spans, counting
    are ours) and cost more than the rest of the call. The methods below are the ones that every
    LangChain model overrides, so their signatures are as public as anything.
    """

    def __init__(self, model: BaseChatModel) -> None:
        self._model = model

    async def ask(
        self, question: Question, exchange: Exchange, on_token: OnToken | None, /
    ) -> Answer:
        asked: dict[str, Any] = {
            "messages": _spoken(question.messages),
            "temperature": question.temperature,
            "max_tokens": question.max_tokens,
            "exchange": exchange,
        }
        if question.tools:
            asked |= self._offered(question.tools)
        if on_token is None:
            return await self._whole(asked, exchange)
        return await self._streamed(asked, exchange, on_token)

    def _offered(self, tools: Sequence[ToolSpec]) -> Mapping[str, Any]:
        """The tools in this provider's words. Raises ProviderFailed."""
        try:
            bound = cast("RunnableBinding[Any, Any]", self._model.bind_tools([*map(vars, tools)]))
        except ValueError:
            raise _unfit_tools() from None
        # LangChain leaves out a tool whose schema the provider does not take, and warns.
        if len(bound.kwargs["tools"]) < len(tools):
            raise _unfit_tools()
        return bound.kwargs

    async def _whole(self, asked: dict[str, Any], exchange: Exchange) -> Answer:
        try:
            result = await self._model._agenerate(**asked)  # noqa: SLF001 - why: see the top of this module
            generation = result.generations[0]
            how = {**(result.llm_output or {}), **(generation.generation_info or {})}
            return _answer(storable(generation.text), [generation.message], how, exchange)
        except ProviderFailed:
            raise
        except Exception as error:  # noqa: BLE001 - see _unreadable
            raise _unreadable(error, exchange) from None

    async def _streamed(
        self, asked: dict[str, Any], exchange: Exchange, on_token: OnToken
    ) -> Answer:
        pieces, notable, how = list[str](), list[BaseMessage](), dict[str, Any]()
        stream = cast("AsyncGenerator[ChatGenerationChunk]", self._model._astream(**asked))  # noqa: SLF001
        async with aclosing(stream), aclosing(_readable(stream, exchange)) as readable:
            async for chunk in readable:
                how |= {**(chunk.generation_info or {}), **chunk.message.response_metadata}
                if piece := storable(chunk.text):
                    exchange.heard += len(piece)
                    pieces.append(piece)
                    await on_token(piece)
                else:
                    notable.append(chunk.message)
        return _answer("".join(pieces), notable, how, exchange)


async def _readable(
    chunks: AsyncIterator[ChatGenerationChunk], exchange: Exchange
) -> AsyncGenerator[ChatGenerationChunk]:
    """Around the reading only: what the listener raises is none of the provider's failures."""
    while True:
        try:
            chunk = await anext(chunks)
        except StopAsyncIteration:
            return
        except ProviderFailed:
            raise
        except Exception as error:  # noqa: BLE001 - see _unreadable
            raise _unreadable(error, exchange) from None
        yield chunk


def _unreadable(error: Exception, exchange: Exchange) -> ProviderFailed:
    """LangChain meets surprises with KeyError, TypeError, AttributeError and more.

    Whatever it is, a strange answer must not look like a fault of ours.
    """
    if exchange.is_sent:
        return bad_answer(f"the answer is not understood ({type(error).__name__})")
    return ProviderFailed("llm_rejected", f"the request makes no sense ({type(error).__name__})")


def _unfit_tools() -> ProviderFailed:
    why = "the provider does not take the schema of a tool"
    return ProviderFailed("llm_rejected", why, is_skip=True)


def _spoken(messages: Sequence[ChatMessage]) -> list[BaseMessage]:
    # Anthropic takes one system message, and only at the beginning.
    system = "\n\n".join(message.text for message in messages if message.role == "system")
    spoken: list[BaseMessage] = [SystemMessage(system)] if system else []
    for message in messages:
        if message.role == "user":
            spoken.append(_asked(message))
        elif message.role == "assistant":
            spoken.append(_said(message))
        elif message.role == "tool":
            call_id, name = message.tool_call_id or "", message.name
            spoken.append(ToolMessage(message.text, tool_call_id=call_id, name=name))
    return spoken


def _asked(message: ChatMessage) -> HumanMessage:
    if not message.images:
        return HumanMessage(message.text)
    # OpenAI's own shape; LangChain puts it into Anthropic's.
    pictures: list[str | dict[Any, Any]] = [
        {"type": "image_url", "image_url": {"url": _data_url(image)}} for image in message.images
    ]
    return HumanMessage([{"type": "text", "text": message.text}, *pictures])


def _data_url(image: File) -> str:
    return f"data:{image.mimetype};base64,{b64encode(image.content).decode()}"


def _said(message: ChatMessage) -> AIMessage:
    if not message.tool_calls:
        return AIMessage(message.text)
    return AIMessage(
        message.text,
        tool_calls=[
            tool_call(name=call.name, args=dict(call.arguments), id=call.id)
            for call in message.tool_calls
            if call.arguments is not None
        ],
        invalid_tool_calls=[
            invalid_tool_call(name=call.name, args=call.raw, id=call.id)
            for call in message.tool_calls
            if call.arguments is None
        ],
    )


def _answer(
    text: str, messages: Sequence[BaseMessage], how: Mapping[str, Any], exchange: Exchange
) -> Answer:
    said = [message for message in messages if isinstance(message, AIMessage)]
    usage = next((one.usage_metadata for one in reversed(said) if one.usage_metadata), None)
    return Answer(
        text=text,
        input_tokens=usage["input_tokens"] if usage else None,
        output_tokens=usage["output_tokens"] if usage else None,
        finish_reason=a_name(how.get("finish_reason") or how.get("stop_reason")) or None,
        tool_calls=exchange.calls.finished(),
    )
