"""LangChain's `ChatAnthropic`, speaking over our wire."""

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from typing import Any, Self

from anthropic import types
from langchain_anthropic import ChatAnthropic
from langchain_core.language_models import BaseChatModel
from pydantic import SecretStr

from shared.llm.catalogue import LLMConfig
from shared.llm.failures import bad_answer
from shared.llm.line import Line
from shared.llm.tokens import believable
from shared.llm.wire import Events, Exchange, Json, Wire

BASE_URL = "https://api.anthropic.com"
VERSION = "2023-06-01"

_EVENTS: Mapping[str, type[Any]] = {
    "message_start": types.RawMessageStartEvent,
    "message_delta": types.RawMessageDeltaEvent,
    "content_block_start": types.RawContentBlockStartEvent,
    "content_block_delta": types.RawContentBlockDeltaEvent,
}


def build(config: LLMConfig, wire: Wire, key: Callable[[], SecretStr]) -> BaseChatModel:
    """`key` is asked for at each call and never kept."""
    base_url = (config.base_url or BASE_URL).rstrip("/").removesuffix("/v1")

    def headers() -> Mapping[str, str]:
        return {"x-api-key": key().get_secret_value(), "anthropic-version": VERSION}

    model = ChatAnthropic(
        model_name=config.model_name.text,
        base_url=base_url,
        api_key=SecretStr("held elsewhere"),
        max_tokens_to_sample=config.max_tokens,
        timeout=None,
        stop=None,
    )
    # A cached property, filled before LangChain makes an SDK client with a pool of its own.
    vars(model)["_async_client"] = Anthropic(Line(wire, f"{base_url}/v1/messages", headers))
    return model


class Anthropic:
    """Stands where LangChain expects the SDK's client, of which it uses `messages.create`."""

    def __init__(self, line: Line) -> None:
        self._line = line

    @property
    def messages(self) -> Self:
        return self

    @property
    def with_raw_response(self) -> Self:
        return self

    async def create(
        self,
        *,
        exchange: Exchange | None = None,
        extra_body: Mapping[str, Any] | None = None,
        **payload: Any,
    ) -> "Parsed":
        """Raises ProviderFailed."""
        exchange = exchange or Exchange()
        payload.update(extra_body or {})
        # Our scale reaches to 2, as OpenAI's does.
        payload["temperature"] = min(payload.get("temperature", 1.0), 1.0)
        if payload.get("stream"):
            events = await self._line.stream(payload, exchange, _is_last)
            return Parsed(_typed(events, exchange))
        answer = await self._line.ask(payload, exchange)
        if not isinstance(answer.get("content"), list):
            raise bad_answer("the answer has no content")
        answer["content"] = list(_without_calls(answer["content"], exchange))
        # `construct` forgives what is new or missing, as the SDK's own client does.
        return Parsed(types.Message.construct(**believable(answer)))


class Parsed:
    """What LangChain calls a raw response."""

    def __init__(self, answer: object) -> None:
        self._answer = answer

    def parse(self) -> object:
        return self._answer


def _without_calls(blocks: Sequence[Json], exchange: Exchange) -> Iterator[Json]:
    for number, block in enumerate(blocks):
        if block["type"] == "tool_use":
            exchange.calls.hear(number, block.get("id"), block.get("name"), block.get("input"))
        else:
            yield block


async def _typed(events: Events, exchange: Exchange) -> AsyncGenerator[Any]:
    async with events:
        async for event in events:
            kind = _EVENTS.get(event.get("type", ""))
            if kind and not _is_of_a_call(event, exchange):
                yield kind.construct(**believable(event))


def _is_of_a_call(event: Json, exchange: Exchange) -> bool:
    """Whether the event is a piece of a tool call, and heard by now."""
    block: Json = event.get("content_block") or event.get("delta") or {}
    kind = block.get("type")
    if kind == "tool_use":
        # Its input follows in pieces, as a rule; some servers give it at once.
        said = block.get("input") or None
        exchange.calls.hear(event.get("index"), block.get("id"), block.get("name"), said)
    elif kind == "input_json_delta":
        exchange.calls.hear(event.get("index"), None, None, block.get("partial_json"))
    else:
        return False
    return True


def _is_last(event: Json) -> bool:
    return event.get("type") == "message_stop"
