"""LangChain's `ChatOpenAI`, speaking over our wire; also for every OpenAI-compatible server."""

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, Self

from langchain_core.language_models import BaseChatModel
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from shared.llm.catalogue import LLMConfig
from shared.llm.failures import bad_answer
from shared.llm.line import Line
from shared.llm.tokens import believable
from shared.llm.wire import Events, Exchange, Json, Wire

BASE_URL = "https://api.openai.com/v1"


def build(config: LLMConfig, wire: Wire, key: Callable[[], SecretStr]) -> BaseChatModel:
    """`key` is asked for at each call and never kept."""
    base_url = (config.base_url or BASE_URL).rstrip("/")

    def headers() -> Mapping[str, str]:
        return {"Authorization": f"Bearer {key().get_secret_value()}"}

    completions = Completions(
        Line(wire, f"{base_url}/chat/completions", headers),
        # Other servers (Ollama, say) silently ignore the name that OpenAI wants now.
        limit_name="max_completion_tokens" if config.base_url is None else "max_tokens",
    )
    return ChatOpenAI(
        model=config.model_name.text,
        base_url=base_url,
        # Both given, so that no SDK client is made: neither pools, nor keys, nor TLS contexts.
        client=completions,
        async_client=completions,
        api_key=SecretStr("held elsewhere"),
        stream_usage=True,
        use_responses_api=False,
        # The wire notices silence by itself; this would start a task for every token.
        stream_chunk_timeout=None,
    )


class Completions:
    """Stands where LangChain expects the SDK's `chat.completions`.

    LangChain takes plain dictionaries as well as the SDK's models, which are dear: building
    and dumping them is two thirds of a streamed token's cost.
    """

    def __init__(self, line: Line, *, limit_name: str) -> None:
        self._line = line
        self._limit_name = limit_name

    @property
    def with_raw_response(self) -> Self:
        return self

    async def create(
        self, *, exchange: Exchange | None = None, **payload: Any
    ) -> "Whole | Streamed":
        """Raises ProviderFailed."""
        exchange = exchange or Exchange()
        if "max_completion_tokens" in payload:
            payload[self._limit_name] = payload.pop("max_completion_tokens")
        if payload.get("stream"):
            return Streamed(await self._line.stream(payload, exchange, _is_last), exchange)
        answer = await self._line.ask(payload, exchange)
        if not answer.get("choices"):
            raise bad_answer("the answer has no choices")
        for choice in answer["choices"]:
            _hear(choice.get("message"), exchange, is_whole=True)
        return Whole(believable(answer))


class Whole:
    """What LangChain calls a raw response."""

    def __init__(self, answer: Json) -> None:
        self._answer = answer

    def parse(self) -> Json:
        return self._answer


class Streamed:
    """Chunks as LangChain reads them."""

    def __init__(self, events: Events, exchange: Exchange) -> None:
        self._events = events
        self._exchange = exchange

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._events.close()

    async def __aiter__(self) -> AsyncGenerator[Json]:
        async for event in self._events:
            for choice in event.get("choices") or ():
                _hear(choice.get("delta"), self._exchange, is_whole=False)
            yield believable(event)


def _hear(message: Json | None, exchange: Exchange, *, is_whole: bool) -> None:
    """What a message, or a piece of one, says beside its content."""
    if not message:
        return
    if "tool_calls" in message:
        for number, call in enumerate(message.pop("tool_calls") or ()):
            place = number if is_whole else call.get("index")
            function = call.get("function") or {}
            exchange.calls.hear(
                place, call.get("id"), function.get("name"), function.get("arguments")
            )
    # A model that declines politely says so in a field of its own; it is an answer all the same.
    if not message.get("content") and message.get("refusal"):
        message["content"] = message["refusal"]


def _is_last(event: Json) -> bool:
    choices = event.get("choices")
    return bool(choices and choices[0].get("finish_reason"))
