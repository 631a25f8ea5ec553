"""Anthropic's own SDK and LangChain's ChatAnthropic talk to the simulator as to Anthropic."""

from typing import Any

import anthropic
import pytest
from anthropic import AsyncAnthropic
from anthropic.types import MessageParam
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage

from simulators.model import ModelRule, ToolCall
from tests.simulators.house import Simulator, whole, with_tools

HELLO: list[MessageParam] = [{"role": "user", "content": "Hello there"}]
FIND = ToolCall(name="find", arguments={"query": "kopi susu", "limit": 3})


async def test_the_sdk_gets_a_whole_message(anthropic_sdk: AsyncAnthropic) -> None:
    message = await anthropic_sdk.messages.create(model="a-claude", messages=HELLO, max_tokens=100)

    assert [(block.type, getattr(block, "text", "")) for block in message.content] == [
        ("text", "You said: Hello there")
    ]
    assert message.stop_reason == "end_turn"
    assert (message.usage.input_tokens, message.usage.output_tokens) == (3, 6)


async def test_the_sdk_gets_a_stream_of_events(anthropic_sdk: AsyncAnthropic) -> None:
    async with anthropic_sdk.messages.stream(
        model="a-claude", messages=HELLO, max_tokens=100
    ) as stream:
        pieces = [text async for text in stream.text_stream]
        message = await stream.get_final_message()

    assert len(pieces) == 5
    assert "".join(pieces) == "You said: Hello there"
    assert message.stop_reason == "end_turn"
    assert (message.usage.input_tokens, message.usage.output_tokens) == (3, 6)


async def test_a_stream_has_anthropics_events_in_order(simulator: Simulator) -> None:
    answer = await simulator.ask("anthropic", "Hello", stream=True)

    assert answer.headers["request-id"] == simulator.last().request_id
    lines = (await answer.text()).splitlines()
    assert [line.removeprefix("event: ") for line in lines if line.startswith("event:")] == [
        "message_start",
        "ping",
        "content_block_start",
        *["content_block_delta"] * 5,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


async def test_the_sdk_lists_models(anthropic_sdk: AsyncAnthropic) -> None:
    assert "claude-sonnet-5" in [model.id async for model in anthropic_sdk.models.list()]


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, anthropic.BadRequestError, "invalid_request_error"),
        (401, anthropic.AuthenticationError, "authentication_error"),
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (500, anthropic.InternalServerError, "api_error"),
        (529, anthropic.InternalServerError, "overloaded_error"),
    ],
)
async def test_the_sdk_raises_its_own_errors(
    anthropic_sdk: AsyncAnthropic,
    simulator: Simulator,
    status: int,
    error: type[anthropic.APIStatusError],
    kind: str,
) -> None:
    simulator.told(ModelRule(status=status, retry_after=7))

    with pytest.raises(error) as raised:
        await anthropic_sdk.messages.create(model="a-claude", messages=HELLO, max_tokens=100)

    body: Any = raised.value.body
    assert body["type"] == "error"
    assert body["error"]["type"] == kind
    assert body["request_id"] == simulator.last().request_id == raised.value.request_id
    assert raised.value.response.headers["retry-after"] == "7"


async def test_a_stream_may_break_off_with_an_error(
    anthropic_sdk: AsyncAnthropic, simulator: Simulator
) -> None:
    simulator.told(ModelRule(break_with=529))
    pieces: list[str] = []

    with pytest.raises(anthropic.APIStatusError, match="overloaded_error"):
        async with anthropic_sdk.messages.stream(
            model="a-claude", messages=HELLO, max_tokens=100
        ) as stream:
            pieces += [text async for text in stream.text_stream]

    assert (await simulator.outcome()) == "broken:529"


@pytest.mark.parametrize(
    ("key", "error", "said"),
    [
        ("wrong-key", anthropic.AuthenticationError, "invalid x-api-key"),
        ("no-quota-key", anthropic.BadRequestError, "credit balance is too low"),
    ],
)
async def test_some_keys_are_refused(
    anthropic_sdk: AsyncAnthropic,
    key: str,
    error: type[anthropic.APIStatusError],
    said: str,
) -> None:
    with pytest.raises(error, match=said):
        await anthropic_sdk.with_options(api_key=key).messages.create(
            model="a-claude", messages=HELLO, max_tokens=100
        )


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 401), ({"x-api-key": "any-key"}, 400), ({"authorization": "Bearer any-key"}, 400)],
    ids=["no key", "no version", "a token, no version"],
)
async def test_headers_are_looked_at(
    simulator: Simulator, headers: dict[str, str], status: int
) -> None:
    answer = await simulator.http.post(
        f"{simulator.url}/anthropic/v1/messages", json={}, headers=headers
    )

    assert answer.status == status


async def test_an_address_that_is_not_spoken_is_refused(simulator: Simulator) -> None:
    answer = await simulator.http.get(
        f"{simulator.url}/anthropic/v1/batches",
        headers={"x-api-key": "any-key", "anthropic-version": "2023-06-01"},
    )

    assert answer.status == 404
    assert (await answer.json())["error"]["type"] == "not_found_error"


async def test_langchain_invokes(chat_anthropic: ChatAnthropic, simulator: Simulator) -> None:
    answer = await chat_anthropic.ainvoke(
        [SystemMessage("Be brief."), HumanMessage("Hello there")], temperature=0.3, max_tokens=50
    )

    assert answer.text == "You said: Hello there"
    assert answer.usage_metadata is not None
    assert (answer.usage_metadata["input_tokens"], answer.usage_metadata["output_tokens"]) == (5, 6)
    assert simulator.last().facts == {
        "system": "Be brief.",
        "messages": 1,
        "temperature": 0.3,
        "max_tokens": 50,
        "tools": [],
    }


async def test_langchain_streams(chat_anthropic: ChatAnthropic, simulator: Simulator) -> None:
    chunks = [chunk async for chunk in chat_anthropic.astream("Hello there")]

    said = whole(chunks)
    assert said.text == "You said: Hello there"
    assert said.usage_metadata is not None
    assert said.usage_metadata["total_tokens"] == 9
    assert said.response_metadata["stop_reason"] == "end_turn"
    assert simulator.last().stream


@pytest.mark.parametrize("streams", [False, True])
async def test_langchain_calls_a_tool_and_hands_back_its_result(
    chat_anthropic: ChatAnthropic, simulator: Simulator, streams: bool
) -> None:
    simulator.told(ModelRule(text="One moment.", tool_calls=(FIND,), times=1))
    model = with_tools(chat_anthropic)
    question = HumanMessage("Is there coffee?")

    asked = (
        whole([chunk async for chunk in model.astream([question])])
        if streams
        else await model.ainvoke([question])
    )
    result = ToolMessage("3 times kopi susu", tool_call_id=asked.tool_calls[0]["id"])
    answer = await model.ainvoke([question, asked, result])

    assert asked.text == "One moment."
    assert [call["name"] for call in asked.tool_calls] == ["find"]
    assert asked.tool_calls[0]["args"] == {"query": "kopi susu", "limit": 3}
    assert answer.text == "The tool said: 3 times kopi susu"
    assert simulator.last().facts["tools"] == ["find"]
    assert simulator.last().text == "Is there coffee?"


async def test_arguments_that_are_no_json_are_sent_as_a_text(simulator: Simulator) -> None:
    simulator.told(ModelRule(tool_calls=(ToolCall(name="find", arguments='{"query": "ko', id=""),)))

    message = await (await simulator.ask("anthropic", "Hello")).json()

    assert message["content"] == [
        {"type": "tool_use", "id": "", "name": "find", "input": '{"query": "ko'}
    ]
    assert message["stop_reason"] == "tool_use"


@pytest.mark.parametrize("choice", ["find", "any"])
async def test_a_tool_that_must_be_called_is_called(
    chat_anthropic: ChatAnthropic, choice: str
) -> None:
    answer = await with_tools(chat_anthropic, tool_choice=choice).ainvoke("Hello")

    assert [call["name"] for call in answer.tool_calls] == ["find"]


async def test_a_finish_reason_is_put_into_anthropics_words(
    chat_anthropic: ChatAnthropic, simulator: Simulator
) -> None:
    simulator.told(ModelRule(finish_reason="length"))

    answer = await chat_anthropic.ainvoke("Hello")

    assert answer.response_metadata["stop_reason"] == "max_tokens"
