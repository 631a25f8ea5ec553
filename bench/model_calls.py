"""A process that asks a model many questions at once, and says what CPU that took it.

`python -m bench.model_calls platform|langchain BASE_URL CALLS`
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable

import uvloop

AT_ONCE = 32
SYSTEM = "You are a helpful assistant. Answer in the language of the user's message."
QUESTION = "How long is a piece of string?"

Ask = Callable[[], Awaitable[object]]


async def platform(base_url: str, calls: int) -> float:
    """As a worker asks: `shared.llm.models`."""
    from shared.llm.catalogue import LLMConfig, ModelName, Provider  # noqa: PLC0415
    from shared.llm.chat import ChatMessage  # noqa: PLC0415
    from shared.llm.models import LangChainModels  # noqa: PLC0415

    models = LangChainModels(keys={"OPENAI_API_KEY": "sk-bench"}.get)
    config = LLMConfig(
        name="simulated",
        provider=Provider.OPENAI,
        model_name=ModelName("simulated-1"),
        api_key_env="OPENAI_API_KEY",
        base_url=base_url,
    )
    messages = [ChatMessage("system", SYSTEM), ChatMessage("user", QUESTION)]
    try:
        return await _cpu_ms(lambda: models.reply([config], messages), calls)
    finally:
        await models.close()


async def langchain(base_url: str, calls: int) -> float:
    """As LangChain's own documentation has it."""
    from langchain_core.messages import HumanMessage, SystemMessage  # noqa: PLC0415
    from langchain_openai import ChatOpenAI  # noqa: PLC0415
    from pydantic import SecretStr  # noqa: PLC0415

    model = ChatOpenAI(model="simulated-1", base_url=base_url, api_key=SecretStr("sk-bench"))
    messages = [SystemMessage(SYSTEM), HumanMessage(QUESTION)]
    return await _cpu_ms(lambda: model.ainvoke(messages), calls)


async def _cpu_ms(ask: Ask, calls: int) -> float:
    await _ask_at_once(ask, AT_ONCE * 2)
    began = time.process_time()
    await _ask_at_once(ask, calls)
    return (time.process_time() - began) * 1_000 / calls


async def _ask_at_once(ask: Ask, calls: int) -> None:
    left = iter(range(calls))

    async def asking() -> None:
        for _ in left:
            await ask()

    await asyncio.gather(*(asking() for _ in range(AT_ONCE)))


if __name__ == "__main__":
    who = {"platform": platform, "langchain": langchain}[sys.argv[1]]
    json.dump(uvloop.run(who(sys.argv[2], int(sys.argv[3]))), sys.stdout)
