"""LangChain's `ChatAnthropic`, speaking over our wire."""

from collections.abc import AsyncGenerator, Callable, Mapping
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
            return Parsed(_typed(await self._line.stream(payload, exchange, _is_last)))
        answer = await self._line.ask(payload, exchange)
        if not isinstance(answer.get("content"), list):
            raise bad_answer("the answer has no content")
        # `construct` forgives what is new or missing, as the SDK's own client does.
        return Parsed(types.Message.construct(**believable(answer)))


class Parsed:
    """What LangChain calls a raw response."""

    def __init__(self, answer: object) -> None:
        self._answer = answer

    def parse(self) -> object:
        return self._answer


async def _typed(events: Events) -> AsyncGenerator[Any]:
    async with events:
        async for event in events:
            if kind := _EVENTS.get(event.get("type", "")):
                yield kind.construct(**believable(event))


def _is_last(event: Json) -> bool:
    return event.get("type") == "message_stop"
