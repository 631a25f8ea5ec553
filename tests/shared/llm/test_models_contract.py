"""What every `ChatModels` does for a caller: the real ones over HTTP, the offline one, the fake."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

import pytest

from shared.llm.catalogue import LLMConfig, Provider
from shared.llm.chat import ChatMessage, ChatModels, Reply, ToolSpec
from shared.llm.models import LangChainModels
from tests.shared.llm.builders import SEARCH, TOOLS, a_config, an_offline_config
from tests.shared.llm.fakes import FakeModels, calls, says
from tests.shared.llm.provider_house import House, Listener

CONTRACT_OF = ChatModels

#: What makes each of them call the tool.
CALL_IT = [ChatMessage("user", 'search products "kopi" [[tool:search_products {"query":"kopi"}]]')]
NO_CALL = [ChatMessage("system", "Be kind."), ChatMessage("user", "Terima kasih")]


@dataclass(frozen=True)
class Bench:
    models: ChatModels
    config: LLMConfig

    async def ask(
        self,
        talk: Sequence[ChatMessage],
        tools: Sequence[ToolSpec] = TOOLS,
        listener: Listener | None = None,
    ) -> Reply:
        return await self.models.reply([self.config], talk, tools=tools, on_token=listener)


def obedient(messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> Reply | str:
    last = messages[-1]
    if tools and "[[tool" in last.text:
        return says("", calls("search_products", query="kopi"))
    return f"You said: {last.text}"


@pytest.fixture(params=["openai", "anthropic", "offline", "fake"])
async def bench(
    request: pytest.FixtureRequest, models: LangChainModels, providers: House
) -> AsyncGenerator[Bench]:
    if request.param == "fake":
        yield Bench(FakeModels(obedient), a_config())
    elif request.param == "offline":
        yield Bench(models, an_offline_config())
    else:
        yield Bench(models, providers.config(Provider(request.param)))


@pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])
async def test_a_call_names_a_tool_and_its_arguments(bench: Bench, is_streamed: bool) -> None:
    reply = await bench.ask(CALL_IT, listener=Listener() if is_streamed else None)

    (call,) = reply.tool_calls
    assert (call.name, call.arguments) == ("search_products", {"query": "kopi"})
    assert call.raw.replace(" ", "") == '{"query":"kopi"}'
    assert call.id
    assert reply.text == ""


async def test_what_a_tool_said_is_part_of_the_conversation(bench: Bench) -> None:
    called = (await bench.ask(CALL_IT)).tool_calls
    result = ChatMessage("tool", "3 left", tool_call_id=called[0].id, name="search_products")

    reply = await bench.ask([*CALL_IT, ChatMessage("assistant", "", tool_calls=called), result])

    assert "3 left" in reply.text
    assert reply.tool_calls == ()


async def test_nothing_is_called_that_nobody_asked_for(bench: Bench) -> None:
    reply = await bench.ask(NO_CALL)

    assert reply.text
    assert reply.tool_calls == ()


async def test_without_tools_there_is_an_answer_in_words(bench: Bench) -> None:
    listener = Listener()

    reply = await bench.ask(NO_CALL, (), listener)

    assert listener.text == reply.text != ""
    assert reply.tool_calls == ()


async def test_every_reply_says_who_gave_it_and_what_it_took(bench: Bench) -> None:
    reply = await bench.ask(CALL_IT, [SEARCH])

    (call,) = reply.calls
    assert (call.config_name, call.error) == (bench.config.name, None)
    assert (reply.provider, reply.model) == (call.provider, call.model)
    assert call.input_tokens > 0
