"""Tool calls on the wire: what each provider is told, and what other servers make of it."""

import json
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from shared.llm.catalogue import Provider
from shared.llm.chat import ChatMessage, ToolCall
from shared.llm.models import LangChainModels
from tests.shared.llm.builders import SEARCH
from tests.shared.llm.provider_house import QUESTION, Listener
from tests.shared.llm.strange_server import chunk, completion, server, stream

CALL = ToolCall("c1", "search_products", {"query": "kopi"}, "as it was said")
TALK = (
    *QUESTION,
    ChatMessage("assistant", "", tool_calls=[CALL]),
    ChatMessage("tool", "3", tool_call_id="c1", name="search_products"),
    ChatMessage("user", "And?"),
)


async def test_openai_is_told_in_its_own_words(models: LangChainModels) -> None:
    async with server(completion({"content": "Three."})) as (config, bodies):
        await models.reply([config], TALK, tools=[SEARCH])

    (tool,) = bodies[0]["tools"]
    assert tool["type"] == "function"
    assert tool["function"] == vars(SEARCH)
    function = {"name": "search_products", "arguments": '{"query": "kopi"}'}
    call = {"type": "function", "id": "c1", "function": function}
    assert bodies[0]["messages"][2:] == [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "3", "tool_call_id": "c1"},
        {"role": "user", "content": "And?"},
    ]


async def test_anthropic_is_told_in_its_own_words(models: LangChainModels) -> None:
    used = {"type": "tool_use", "id": "c2", "name": "search_products", "input": {"query": "teh"}}
    message = {"type": "message", "role": "assistant", "content": [used], "stop_reason": "tool_use"}
    async with server(web.json_response(message)) as (config, bodies):
        reply = await models.reply(
            [replace(config, provider=Provider.ANTHROPIC)], TALK, tools=[SEARCH]
        )

    (call,) = reply.tool_calls
    assert call == ToolCall("c2", "search_products", {"query": "teh"}, '{"query":"teh"}')
    assert bodies[0]["tools"] == [
        {
            "name": "search_products",
            "description": "Find products.",
            "input_schema": SEARCH.parameters,
        }
    ]
    result = {"type": "tool_result", "tool_use_id": "c1", "content": "3", "is_error": False}
    assert bodies[0]["messages"][1:] == [
        {"role": "assistant", "content": [{**used, "id": "c1", "input": {"query": "kopi"}}]},
        {"role": "user", "content": [result, {"type": "text", "text": "And?"}]},
    ]


async def test_without_tools_none_are_mentioned(models: LangChainModels) -> None:
    async with server(completion({"content": "Yes."})) as (config, bodies):
        await models.reply([config], QUESTION)

    assert not {"tools", "tool_choice"} & bodies[0].keys()


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        ([{"function": {"name": "a"}}, {"function": {"name": "a"}}], [("", ""), ("", "")]),
        ([{"id": "1", "function": {"name": "a", "arguments": {"b": 1}}}], [("1", '{"b":1}')]),
        ([{"id": 1, "function": {"name": "a", "arguments": None}}], [("1", "")]),
        ([{"id": None, "type": "function", "function": None}], [("", "")]),
    ],
)
async def test_other_servers_shapes_are_understood(
    models: LangChainModels, calls: list[dict[str, Any]], expected: list[tuple[str, str]]
) -> None:
    async with server(completion({"content": None, "tool_calls": calls})) as (config, _):
        reply = await models.reply([config], QUESTION, tools=[SEARCH])

    assert [(call.id, call.raw) for call in reply.tool_calls] == expected


def piece(**call: Any) -> bytes:
    """A piece of a tool call that says neither which one nor where it stands."""
    choice = {"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}
    return b"data: " + json.dumps({"choices": [choice]}).encode()


async def test_a_stream_that_does_not_number_its_calls_is_understood(
    models: LangChainModels,
) -> None:
    events = [
        piece(id="1", function={"name": "a", "arguments": '{"b":'}),
        piece(function={"arguments": "1}"}),
        piece(id="2", function={"name": "a", "arguments": "{}"}),
        chunk(finish="tool_calls"),
        b"data: [DONE]",
    ]
    async with server(stream(*events)) as (config, _):
        reply = await models.reply([config], QUESTION, tools=[SEARCH], on_token=Listener())

    assert [(call.id, call.arguments) for call in reply.tool_calls] == [("1", {"b": 1}), ("2", {})]


async def test_an_input_that_comes_at_once_is_heard_in_a_stream_too(
    models: LangChainModels,
) -> None:
    used = {"type": "tool_use", "id": "c1", "name": "search_products", "input": {"query": "teh"}}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"id": "m", "role": "assistant", "content": []}},
        {"type": "content_block_start", "index": 0, "content_block": used},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}},
        {"type": "message_stop"},
    ]
    answer = stream(*(b"data: " + json.dumps(event).encode() for event in events))
    async with server(answer) as (config, _):
        anthropic = replace(config, provider=Provider.ANTHROPIC)
        reply = await models.reply([anthropic], QUESTION, tools=[SEARCH], on_token=Listener())

    assert [call.arguments for call in reply.tool_calls] == [{"query": "teh"}]


async def test_a_call_that_is_none_makes_a_bad_answer(models: LangChainModels) -> None:
    async with server(completion({"content": None, "tool_calls": ["search!"]})) as (config, _):
        with pytest.raises(Exception, match="not understood") as failed:
            await models.reply([config], QUESTION, tools=[SEARCH])

    assert getattr(failed.value, "code", None) == "llm_bad_answer"
