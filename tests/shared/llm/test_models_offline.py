"""The offline model behind the port: free, honest, and light."""

import asyncio
import subprocess
import sys
import time

import pytest

from shared.llm.chat import ChatMessage
from shared.llm.models import LangChainModels
from tests.shared.llm.builders import an_offline_config
from tests.shared.llm.provider_house import Listener, models_with, no_keys

HAIKU = [ChatMessage("system", "Be kind."), ChatMessage("user", "Write a haiku about the sea")]

LIGHT = """
import asyncio, sys
from shared.llm.catalogue import LLMConfig, ModelName, Provider
from shared.llm.chat import ChatMessage
from shared.llm.models import LangChainModels

def config(name):
    return LLMConfig(name=name, provider=Provider(name), model_name=ModelName("m"),
                     api_key_env="LLM_KEY", base_url="http://127.0.0.1:1")

async def main():
    models = LangChainModels()
    await models.reply([config("offline")], [ChatMessage("user", "hi")])
    heavy = ["langchain_core", "langsmith", "openai", "anthropic", "opentelemetry", "tiktoken"]
    print(*[name for name in heavy if name in sys.modules])
    await models.warm_up([config("openai")])
    print("anthropic" in sys.modules)
    await models.close()

asyncio.run(main())
"""


async def test_it_answers_without_a_key_and_for_nothing() -> None:
    async with models_with(keys=no_keys) as models:
        reply = await models.reply([an_offline_config()], HAIKU)

    assert reply.provider == "offline"
    assert reply.text.startswith("[offline model] The sea at first light,\n")
    (call,) = reply.calls
    assert (call.input_tokens, call.cost_micro_usd, call.is_estimated) == (8, 0, False)
    assert call.output_tokens == len(reply.text.split())


async def test_it_is_heard_word_by_word(models: LangChainModels) -> None:
    listener = Listener()

    reply = await models.reply([an_offline_config()], HAIKU, on_token=listener)

    assert listener.text == reply.text
    assert listener.pieces[:4] == ["[offline", " model]", " The", " sea"]


async def test_it_says_the_same_to_the_same(models: LangChainModels) -> None:
    first = await models.reply([an_offline_config()], HAIKU)
    second = await models.reply([an_offline_config()], HAIKU)

    assert first.text == second.text


async def test_it_repeats_nothing_that_cannot_be_stored(models: LangChainModels) -> None:
    reply = await models.reply([an_offline_config()], [ChatMessage("user", "nul \0 half \ud83d")])

    assert "“nul half ?”" in reply.text.replace("  ", " ")


@pytest.mark.parametrize("is_streamed", [False, True])
async def test_it_can_pretend_to_think(is_streamed: bool) -> None:
    async with models_with(offline_delay_s=0.2) as models:
        began = time.monotonic()
        await models.reply(
            [an_offline_config()], HAIKU, on_token=Listener() if is_streamed else None
        )

    assert 0.19 <= time.monotonic() - began < 2


async def test_it_thinks_about_many_things_at_once() -> None:
    async with models_with(offline_delay_s=0.3, limit_per_endpoint=1) as models:
        began = time.monotonic()
        await asyncio.gather(*(models.reply([an_offline_config()], HAIKU) for _ in range(500)))

    assert time.monotonic() - began < 2


def test_a_process_that_needs_no_sdk_loads_none() -> None:
    run = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", LIGHT], capture_output=True, text=True, timeout=60, check=True
    )

    assert run.stdout.splitlines() == ["", "False"]
