"""Every chat model that a config can name: asked again, replaced by others, counted and timed."""

import asyncio
import os
import random
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field

from shared import logs, tracing
from shared.llm.catalogue import LLMConfig, Provider
from shared.llm.chat import ChatMessage, File, ModelCall, OnToken, Reply, ToolSpec
from shared.llm.clients import Clients, Keys
from shared.llm.endpoints import Endpoint
from shared.llm.failures import ProviderFailed, no_answer, pause
from shared.llm.metering import Attempt, model_asked
from shared.llm.questions import Answer, Client, Question
from shared.llm.wire import Exchange

log = logs.get()

#: How long a provider may say nothing.
PATIENCE_S = 60.0

#: Of a whole answer nothing arrives before the model has written its last word, so there silence
#: may last as long as it takes somebody this slow to write as much as is allowed.
SLOWEST_TOKENS_PER_S = 20.0


@dataclass
class Conversation:
    """One `reply`: what was asked for, and what it has taken so far."""

    messages: Sequence[ChatMessage] = ()
    temperature: float | None = None
    max_tokens: int | None = None
    retries: int | None = None
    on_token: OnToken | None = None
    tools: Sequence[ToolSpec] = ()
    recording: File | None = None
    calls: list[ModelCall] = field(default_factory=list[ModelCall])
    #: somebody has read the beginning of an answer: nobody else's may follow it
    is_heard: bool = False

    def question(self, config: LLMConfig) -> Question:
        return Question(
            self.messages,
            config.temperature.value if self.temperature is None else self.temperature,
            config.max_tokens if self.max_tokens is None else self.max_tokens,
            self.tools,
            self.recording,
        )

    def exchange(self, config: LLMConfig, question: Question) -> Exchange:
        patience_s = PATIENCE_S
        if self.on_token is None:
            patience_s = max(PATIENCE_S, question.max_tokens / SLOWEST_TOKENS_PER_S)
        return Exchange(patience_s=min(patience_s, config.timeout_s))


class LangChainModels:
    """Honours `ChatModels` and `Transcribers` of `shared.llm.chat`.

    Belongs to one event loop; `close` it there.
    """

    def __init__(
        self,
        *,
        keys: Keys = os.environ.get,
        offline_delay_s: float = 0.0,
        limit_per_endpoint: int = 200,
        now: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._clients = Clients(keys, offline_delay_s=offline_delay_s)
        self._endpoints = dict[tuple[Provider, str | None], Endpoint]()
        self._limit = limit_per_endpoint
        self._now = now
        self._jitter = jitter

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
        """Ask the candidates in order until one answers. Raises ModelFailed."""
        asked = Conversation(messages, temperature, max_tokens, retries, on_token, tools)
        return await self._first_answer(candidates, asked)

    async def transcribe(self, candidates: Sequence[LLMConfig], recording: File, /) -> Reply:
        """Ask the candidates in order until one answers. Raises ModelFailed."""
        asked = Conversation(recording=recording)
        return await self._first_answer(candidates, asked)

    async def _first_answer(self, candidates: Sequence[LLMConfig], asked: Conversation) -> Reply:
        failures = list[tuple[str, ProviderFailed]]()
        for config in candidates:
            try:
                answer = await self._persistently(config, asked)
            except ProviderFailed as failed:
                failures.append((config.name, failed))
                if asked.is_heard:
                    break
            else:
                return Reply(
                    text=answer.text,
                    provider=config.provider.value,
                    model=model_asked(config, asked.recording),
                    tool_calls=answer.tool_calls,
                    calls=asked.calls,
                )
        raise no_answer(failures, asked.calls)

    async def warm_up(self, configs: Sequence[LLMConfig]) -> None:
        """Load what these configs need now, rather than when the first question waits for it."""
        for config in configs:
            await self._clients.get(config)

    async def close(self) -> None:
        """Close every connection to every provider."""
        await self._clients.close()

    async def _persistently(self, config: LLMConfig, asked: Conversation) -> Answer:
        """Ask one candidate, again where that may help, for no longer than its timeout."""
        client = await self._clients.get(config, hears=asked.recording is not None)
        clock = asyncio.get_running_loop().time
        deadline = clock() + config.timeout_s
        retries = config.retries if asked.retries is None else asked.retries
        tries = 0
        while True:
            tries += 1
            try:
                async with self._place(config, deadline):
                    return await self._ask(client, config, asked, deadline)
            except ProviderFailed as failed:
                wait = pause(failed, tries, retries, self._jitter())
                if wait is None or asked.is_heard or clock() + wait >= deadline:
                    raise
            await asyncio.sleep(wait)

    def _place(self, config: LLMConfig, deadline: float) -> AbstractAsyncContextManager[None]:
        if config.provider is Provider.OFFLINE:
            return nullcontext()
        where = (config.provider, config.base_url)
        if where not in self._endpoints:
            self._endpoints[where] = Endpoint(self._limit, self._now)
        return self._endpoints[where].place(deadline)

    async def _ask(
        self, client: Client, config: LLMConfig, asked: Conversation, deadline: float
    ) -> Answer:
        """One request, measured however it ends."""
        question = asked.question(config)
        attempt = Attempt(config, question, asked.exchange(config, question))
        with tracing.span(attempt.name, kind="CLIENT") as span:
            span.note(**attempt.facts())
            try:
                async with _in_time(deadline, config.timeout_s):
                    answer = await client.ask(question, attempt.exchange, asked.on_token)
                attempt.answered(answer)
            except ProviderFailed as failed:
                attempt.error = failed.code
                log.info("llm.call_failed", config=config.name, code=failed.code, why=failed.detail)
                raise
            finally:
                asked.is_heard = asked.is_heard or bool(asked.on_token and attempt.exchange.heard)
                if call := attempt.measured():
                    asked.calls.append(call)
                    span.note(**attempt.outcome(call))
            return answer


@asynccontextmanager
async def _in_time(deadline: float, timeout_s: float) -> AsyncGenerator[None]:
    limit = asyncio.timeout_at(deadline)
    try:
        async with limit:
            yield
    except TimeoutError:
        if not limit.expired():
            raise  # the listener's own
        why = f"no whole answer within {timeout_s:g} s"
        raise ProviderFailed("llm_unavailable", why) from None
