"""OpenAI's own SDK and LangChain's ChatOpenAI talk to the simulator as they would to OpenAI."""

import openai
import pytest
from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage
from langchain_openai import ChatOpenAI
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionMessageParam

from simulators.model import ModelRule, ToolCall
from tests.simulators.house import Simulator, whole, with_tools

HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello there"}]
FIND = ToolCall(name="find", arguments={"query": "kopi susu", "limit": 3})


async def test_the_sdk_gets_a_whole_completion(openai_sdk: AsyncOpenAI) -> None:
    completion = await openai_sdk.chat.completions.create(model="gpt-4o", messages=HELLO)

    assert completion.choices[0].message.content == "You said: Hello there"
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage is not None
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (3, 6)


async def test_the_sdk_gets_a_stream_with_usage_in_its_last_chunk(openai_sdk: AsyncOpenAI) -> None:
    stream = await openai_sdk.chat.completions.create(
        model="gpt-4o", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]

    pieces = [choice.delta.content for chunk in chunks for choice in chunk.choices]
    assert len([piece for piece in pieces if piece]) == 5
    assert "".join(piece or "" for piece in pieces) == "You said: Hello there"
    assert [choice.finish_reason for choice in chunks[-2].choices] == ["stop"]
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 9
    assert all(chunk.usage is None for chunk in chunks[:-1])


async def test_a_stream_says_nothing_of_usage_unless_asked(openai_sdk: AsyncOpenAI) -> None:
    stream = await openai_sdk.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True)

    assert all([chunk.choices and chunk.usage is None async for chunk in stream])


async def test_a_stream_ends_with_done(simulator: Simulator) -> None:
    answer = await simulator.ask("openai", "Hello", stream=True)

    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["x-request-id"] == simulator.last().request_id
    assert (await answer.text()).endswith("data: [DONE]\n\n")


async def test_the_sdk_lists_models(openai_sdk: AsyncOpenAI) -> None:
    assert "gpt-4o" in [model.id async for model in openai_sdk.models.list()]


@pytest.mark.parametrize(
    ("rule", "error", "code"),
    [
        (ModelRule(status=400), openai.BadRequestError, None),
        (ModelRule(status=404), openai.NotFoundError, "model_not_found"),
        (ModelRule(status=429), openai.RateLimitError, "rate_limit_exceeded"),
        (ModelRule(status=500), openai.InternalServerError, None),
        (
            ModelRule(status=400, error_code="context_length_exceeded", error_message="Too long."),
            openai.BadRequestError,
            "context_length_exceeded",
        ),
    ],
)
async def test_the_sdk_raises_its_own_errors(
    openai_sdk: AsyncOpenAI,
    simulator: Simulator,
    rule: ModelRule,
    error: type[openai.APIStatusError],
    code: str | None,
) -> None:
    simulator.told(rule)

    with pytest.raises(error) as raised:
        await openai_sdk.chat.completions.create(model="gpt-4o", messages=HELLO)

    assert raised.value.code == code
    assert raised.value.request_id == simulator.last().request_id


@pytest.mark.parametrize(
    ("key", "error", "code"),
    [
        ("wrong-key", openai.AuthenticationError, "invalid_api_key"),
        ("no-quota-key", openai.RateLimitError, "insufficient_quota"),
    ],
)
async def test_some_keys_are_refused(
    openai_sdk: AsyncOpenAI,
    simulator: Simulator,
    key: str,
    error: type[openai.APIStatusError],
    code: str,
) -> None:
    with pytest.raises(error) as raised:
        await openai_sdk.with_options(api_key=key).chat.completions.create(
            model="gpt-4o", messages=HELLO
        )

    assert raised.value.code == code
    assert simulator.last().text == "Hello there"


async def test_a_request_without_a_key_is_refused(simulator: Simulator) -> None:
    answer = await simulator.http.post(f"{simulator.url}/openai/v1/chat/completions", json={})

    assert answer.status == 401
    assert await simulator.outcome() == "status:401"


async def test_the_responses_api_is_refused_with_a_hint(openai_sdk: AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="use_responses_api=False"):
        await openai_sdk.responses.create(model="gpt-4o", input="Hello")


async def test_langchain_invokes(chat_openai: ChatOpenAI, simulator: Simulator) -> None:
    answer = await chat_openai.ainvoke(
        [SystemMessage("Be brief."), HumanMessage("Hello there")], temperature=0.3, max_tokens=50
    )

    assert answer.text == "You said: Hello there"
    assert answer.usage_metadata is not None
    assert (answer.usage_metadata["input_tokens"], answer.usage_metadata["output_tokens"]) == (5, 6)
    assert simulator.last().facts == {
        "system": "Be brief.",
        "messages": 2,
        "temperature": 0.3,
        "max_tokens": 50,
        "tools": [],
    }


async def test_langchain_streams(chat_openai: ChatOpenAI, simulator: Simulator) -> None:
    chunks = [chunk async for chunk in chat_openai.astream("Hello there")]

    said = whole(chunks)
    assert said.text == "You said: Hello there"
    assert said.usage_metadata is not None
    assert said.usage_metadata["total_tokens"] == 9
    assert said.response_metadata["finish_reason"] == "stop"
    assert simulator.last().stream


@pytest.mark.parametrize("streams", [False, True])
async def test_langchain_calls_a_tool_and_hands_back_its_result(
    chat_openai: ChatOpenAI, simulator: Simulator, streams: bool
) -> None:
    simulator.told(ModelRule(tool_calls=(FIND, FIND), times=1))
    model = with_tools(chat_openai)
    question = HumanMessage("Is there coffee?")

    asked = (
        whole([chunk async for chunk in model.astream([question])])
        if streams
        else await model.ainvoke([question])
    )
    results = [ToolMessage("3 times kopi susu", tool_call_id=asked.tool_calls[0]["id"])]
    answer = await model.ainvoke([question, asked, *results])

    calls = asked.tool_calls
    assert [call["name"] for call in calls] == ["find", "find"]
    assert [call["args"] for call in calls] == [{"query": "kopi susu", "limit": 3}] * 2
    assert calls[0]["id"] != calls[1]["id"]
    assert answer.text == "The tool said: 3 times kopi susu"
    assert simulator.last().facts["tools"] == ["find"]
    assert simulator.last().text == "Is there coffee?"


async def test_langchain_reads_a_tool_call_that_is_no_json_as_invalid(
    chat_openai: ChatOpenAI, simulator: Simulator
) -> None:
    simulator.told(ModelRule(tool_calls=(ToolCall(name="find", arguments='{"query": "ko'),)))

    answer = await chat_openai.ainvoke("Hello")

    assert answer.tool_calls == []
    assert answer.invalid_tool_calls[0]["args"] == '{"query": "ko'


async def test_a_tool_that_must_be_called_is_called(chat_openai: ChatOpenAI) -> None:
    named = await with_tools(chat_openai, tool_choice="find").ainvoke("Hello")
    any_one = await with_tools(chat_openai, tool_choice="required").ainvoke("Hello")

    for answer in (named, any_one):
        assert [call["name"] for call in answer.tool_calls] == ["find"]
