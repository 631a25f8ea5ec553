"""Answers, and requests, that are not what the protocol promises."""

import asyncio
import json

import pytest
from anthropic import AsyncAnthropic
from langchain_anthropic import ChatAnthropic
from langchain_openai import ChatOpenAI
from openai import AsyncOpenAI

from simulators.faults import Garbage, cut, half
from simulators.model import ModelRule
from tests.simulators.house import HEADERS, PATHS, Simulator

both_providers = pytest.mark.parametrize("provider", ["openai", "anthropic"])
whole_or_stream = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@both_providers
@whole_or_stream
async def test_an_html_page_may_stand_where_the_answer_was_expected(
    simulator: Simulator, provider: str, stream: bool
) -> None:
    simulator.told(ModelRule(garbage="html"))

    answer = await simulator.ask(provider, "Hello", stream=stream)

    assert (answer.status, answer.content_type) == (502, "text/html")
    assert "<h1>502 Bad Gateway</h1>" in await answer.text()
    assert await simulator.outcome() == "garbage:html"


@both_providers
@pytest.mark.parametrize("garbage", ["text", "truncated"])
async def test_a_whole_answer_may_be_no_json(
    simulator: Simulator, provider: str, garbage: Garbage
) -> None:
    simulator.told(ModelRule(garbage=garbage))

    answer = await simulator.ask(provider, "Hello")
    body = await answer.text()

    assert (answer.status, answer.content_type) == (200, "application/json")
    with pytest.raises(json.JSONDecodeError):
        json.loads(body)
    assert await simulator.outcome() == f"garbage:{garbage}"


@both_providers
@pytest.mark.parametrize("garbage", ["text", "truncated"])
async def test_a_streams_data_may_be_no_json(
    simulator: Simulator, provider: str, garbage: Garbage
) -> None:
    simulator.told(ModelRule(garbage=garbage))

    answer = await simulator.ask(provider, "Hello", stream=True)
    data = [line[6:] for line in (await answer.text()).splitlines() if line.startswith("data: ")]

    with pytest.raises(json.JSONDecodeError):
        json.loads(data[-1])


@both_providers
async def test_an_answer_may_be_json_of_another_shape(simulator: Simulator, provider: str) -> None:
    simulator.told(ModelRule(garbage="shape"))

    answer = await simulator.ask(provider, "Hello")

    assert await answer.json() == {"ok": True, "choices": "soon", "content": 7}


async def test_openai_may_answer_without_choices(
    openai_sdk: AsyncOpenAI, simulator: Simulator
) -> None:
    simulator.told(ModelRule(garbage="empty"))

    completion = await openai_sdk.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "Hello"}]
    )

    assert completion.choices == []
    assert await simulator.outcome() == "garbage:empty"


async def test_anthropic_may_answer_without_content(
    anthropic_sdk: AsyncAnthropic, simulator: Simulator
) -> None:
    simulator.told(ModelRule(garbage="empty"))

    message = await anthropic_sdk.messages.create(
        model="a-claude", messages=[{"role": "user", "content": "Hello"}], max_tokens=100
    )

    assert message.content == []


@whole_or_stream
async def test_an_empty_text_is_not_an_empty_answer(
    chat_openai: ChatOpenAI, simulator: Simulator, stream: bool
) -> None:
    simulator.told(ModelRule(text=""))

    answer = (
        [chunk async for chunk in chat_openai.astream("Hello")][-1]
        if stream
        else await chat_openai.ainvoke("Hello")
    )

    assert answer.text == ""


async def test_an_answer_may_be_huge(chat_openai: ChatOpenAI, simulator: Simulator) -> None:
    simulator.told(ModelRule(huge_mb=3))

    answer = await chat_openai.ainvoke("Hello")

    assert len(answer.text) == 3_000_000


@whole_or_stream
async def test_usage_may_be_left_out(
    chat_openai: ChatOpenAI, simulator: Simulator, stream: bool
) -> None:
    simulator.told(ModelRule(usage=False))

    answers = (
        [chunk async for chunk in chat_openai.astream("Hello")]
        if stream
        else [await chat_openai.ainvoke("Hello")]
    )

    assert all(answer.usage_metadata is None for answer in answers)


async def test_usage_may_be_nonsense(chat_anthropic: ChatAnthropic, simulator: Simulator) -> None:
    simulator.told(ModelRule(usage=(-3, 7)))

    answer = await chat_anthropic.ainvoke("Hello")

    assert answer.usage_metadata is not None
    assert (answer.usage_metadata["input_tokens"], answer.usage_metadata["output_tokens"]) == (
        -3,
        7,
    )


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"{}",
        b'{"model": "m"}',
        b'{"model": "m", "max_tokens": 1, "messages": []}',
        b'{"model": "m", "max_tokens": 1, "messages": ["hello"]}',
        b'{"model": 7, "max_tokens": 1, "messages": [{"role": "user", "content": "Hello"}]}',
    ],
)
@both_providers
async def test_a_request_that_makes_no_sense_is_refused(
    simulator: Simulator, provider: str, body: bytes
) -> None:
    answer = await simulator.http.post(
        simulator.url + PATHS[provider], data=body, headers=HEADERS[provider]
    )

    assert answer.status == 400
    assert (await answer.json())["error"]["type"] == "invalid_request_error"
    assert await simulator.outcome() == "status:400"


@pytest.mark.parametrize(
    ("provider", "choice"), [("openai", "required"), ("anthropic", {"type": "any"})]
)
async def test_a_tool_cannot_be_forced_where_there_is_none(
    simulator: Simulator, provider: str, choice: object
) -> None:
    answer = await simulator.ask(provider, "Hello", tool_choice=choice)

    assert answer.status == 400


async def test_a_request_that_never_arrived_whole_is_no_request(simulator: Simulator) -> None:
    host, port = simulator.url.removeprefix("http://").split(":")
    _, wire = await asyncio.open_connection(host, int(port))
    wire.write(b"POST %b HTTP/1.1\r\ncontent-length: 100\r\n\r\n{" % PATHS["openai"].encode())
    await wire.drain()
    wire.close()
    await wire.wait_closed()

    await simulator.ask("openai", "Hello")

    assert [entry.text for entry in simulator.journal.recent()] == ["Hello"]


def test_a_text_is_cut_into_so_many_pieces() -> None:
    assert cut(b"abcdefgh", 3) == [b"abc", b"def", b"gh"]
    assert cut(b"ab", 5) == [b"a", b"b"]
    assert cut(b"", 5) == []


def test_half_of_the_pieces_ends_within_a_piece() -> None:
    assert half([b"abcd"]) == [b"ab"]
    assert half([b"ab", b"cd", b"ef", b"gh"]) == [b"ab", b"cd", b"e"]
