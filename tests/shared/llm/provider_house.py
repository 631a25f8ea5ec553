"""Simulated providers in the test's own loop, configs that lead to them, and a listener."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from shared.llm.catalogue import LLMConfig, ModelName, Provider
from shared.llm.chat import ChatMessage, ChatModels, ModelFailed, OnToken
from shared.llm.models import LangChainModels
from simulators.journal import Entry, Journal
from simulators.main import create_app
from simulators.model import ModelRule
from simulators.script import Script
from simulators.serving import serve

PATHS = {Provider.OPENAI: "/openai/v1", Provider.ANTHROPIC: "/anthropic"}
KEYS = {"OPENAI_API_KEY": "sk-canary-0123456789abcdef", "ANTHROPIC_API_KEY": "sk-ant-canary-987"}
QUESTION = (ChatMessage("system", "Be kind."), ChatMessage("user", "Where is the tea?"))


@dataclass(frozen=True)
class House:
    """Where the providers are, what they are told, what they wrote down."""

    url: str
    journal: Journal
    script: Script[ModelRule]

    def told(self, **rule: Any) -> None:
        """From now on, treat every request like this."""
        self.told_in_turn(rule)

    def told_in_turn(self, *rules: dict[str, Any]) -> None:
        self.script.set([ModelRule.model_validate(rule) for rule in rules])

    def config(self, provider: Provider = Provider.OPENAI, **changes: Any) -> LLMConfig:
        """A config that leads here; two dollars a million tokens in, ten out."""
        facts: dict[str, Any] = {
            "name": provider.value,
            "provider": provider,
            "model_name": ModelName("a-model"),
            "api_key_env": f"{provider.value.upper()}_API_KEY",
            "base_url": self.url + PATHS[provider],
            "timeout_s": 10.0,
            "retries": 0,
            "input_price": 2.0,
            "output_price": 10.0,
        }
        return LLMConfig(**facts | changes)

    @property
    def requests(self) -> Sequence[Entry]:
        return self.journal.recent()

    async def arrival(self) -> None:
        """Wait until somebody has asked."""
        for _ in range(500):
            if self.requests:
                return
            await asyncio.sleep(0.01)
        raise AssertionError("nobody asked")


@asynccontextmanager
async def house() -> AsyncGenerator[House]:
    with Journal() as journal:
        script = Script[ModelRule]()
        async with serve(create_app(journal=journal, script=script)) as url:
            yield House(url, journal, script)


@asynccontextmanager
async def models_with(**changes: Any) -> AsyncGenerator[LangChainModels]:
    """Models that find both keys and never wait before asking again, unless told otherwise."""
    facts: dict[str, Any] = {"keys": KEYS.get, "jitter": lambda: 0.0}
    models = LangChainModels(**facts | changes)
    try:
        yield models
    finally:
        await models.close()


def no_keys(_: str) -> str | None:
    """An environment without any key."""
    return None


async def failure_of(
    models: ChatModels, *candidates: LLMConfig, on_token: OnToken | None = None, **more: Any
) -> ModelFailed:
    """How asking ends when nobody answers."""
    try:
        reply = await models.reply(candidates, QUESTION, on_token=on_token, **more)
    except ModelFailed as failed:
        return failed
    raise AssertionError(f"somebody answered: {reply}")


@dataclass
class Listener:
    """Hears an answer piece by piece."""

    pieces: list[str] = field(default_factory=list[str])

    async def __call__(self, piece: str) -> None:
        self.pieces.append(piece)

    @property
    def text(self) -> str:
        return "".join(self.pieces)
