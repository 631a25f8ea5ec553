"""A running simulator as the tests see it, and requests as they stand on the wire."""

import asyncio
import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from aiohttp import ClientResponse, ClientSession
from langchain_anthropic import ChatAnthropic
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable
from langchain_openai import ChatOpenAI

from simulators.journal import Entry, Journal
from simulators.model import ModelRule
from simulators.script import Script

PATHS = {"openai": "/openai/v1/chat/completions", "anthropic": "/anthropic/v1/messages"}
HEADERS = {
    "openai": {"authorization": "Bearer any-key"},
    "anthropic": {"x-api-key": "any-key", "anthropic-version": "2023-06-01"},
}


@dataclass(frozen=True)
class Simulator:
    """Where it is, what it is told, what it wrote down."""

    url: str
    journal: Journal
    script: Script[ModelRule]
    http: ClientSession
    #: whose connections are given back at the end, also of those that no test read to the end
    answers: list[ClientResponse] = field(default_factory=list[ClientResponse])

    def told(self, *rules: ModelRule) -> None:
        self.script.set(rules)

    async def ask(
        self, provider: str, text: str, *, stream: bool = False, **more: Any
    ) -> ClientResponse:
        """Send the request without any client's help; the answer's body is still to be read."""
        body = {
            "model": "a-model",
            "max_tokens": 100,
            "messages": [{"role": "user", "content": text}],
            "stream": stream,
        }
        answer = await self.http.post(
            self.url + PATHS[provider], json=body | more, headers=HEADERS[provider]
        )
        self.answers.append(answer)
        return answer

    def last(self) -> Entry:
        return self.journal.recent()[-1]

    async def outcome(self, within: float = 5.0) -> str:
        """How the last request ended, once it has."""
        for _ in range(int(within / 0.01)):
            if (outcome := self.last().outcome) is not None:
                return outcome
            await asyncio.sleep(0.01)
        raise AssertionError(f"still running: {self.last()}")


def whole(chunks: Sequence[AIMessage]) -> AIMessage:
    """LangChain's chunks put together again."""
    return functools.reduce(lambda before, chunk: cast("AIMessage", before + chunk), chunks)


def find(query: str, limit: int) -> str:
    """Find a product."""
    return f"{limit} times {query}"


def with_tools(
    model: ChatOpenAI | ChatAnthropic, **options: Any
) -> Runnable[LanguageModelInput, AIMessage]:
    """The model, knowing the tool `find`."""
    bound: Runnable[LanguageModelInput, AIMessage] = cast("Any", model).bind_tools(
        [find], **options
    )
    return bound
