"""The offline model as LangChain sees it: whole, streamed, and with tools."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.tools import tool

from shared.llm.chat import ToolSpec
from shared.llm.offline import OfflineModel
from shared.llm.offline_tools import call_by_name


@tool
def search_products(query: str, limit: int = 10) -> str:
    """Find products."""
    return f"{limit} of {query}"


@tool
def add_to_order(product: str, amount: int) -> str:
    """Add something to the order."""
    return f"{amount} {product}"


TOOLS = [search_products, add_to_order]


def spec(name: str, *required: str, **kinds: str) -> ToolSpec:
    properties = {parameter: {"type": kind} for parameter, kind in kinds.items()}
    return ToolSpec(name, "", {"properties": properties, "required": required})


SEARCH = spec("search_products", "query", query="string", limit="integer")


def joined(chunks: Sequence[AIMessage]) -> AIMessageChunk:
    whole = AIMessageChunk(content="")
    for chunk in chunks:
        assert isinstance(chunk, AIMessageChunk)
        whole = whole + chunk
    return whole


async def test_it_answers_as_it_does_without_langchain() -> None:
    talk = [SystemMessage("Be kind."), HumanMessage("Write a haiku about tea")]

    message = await OfflineModel().ainvoke(talk)

    assert str(message.text).startswith("[offline model] Tea in morning light,\n")
    assert OfflineModel().invoke(talk).content == message.content
    assert message.usage_metadata == {"input_tokens": 7, "output_tokens": 18, "total_tokens": 25}


async def test_it_streams_word_by_word() -> None:
    chunks = [chunk async for chunk in OfflineModel(delay_s=0.01).astream("Haiku about tea")]

    whole = joined(chunks)
    assert len(chunks) > 10
    assert whole.content == (await OfflineModel().ainvoke("Haiku about tea")).content
    assert whole.usage_metadata


@pytest.mark.parametrize(
    ("words", "name", "arguments"),
    [
        (
            'Please search the products for "iced coffee"',
            "search_products",
            {"query": "iced coffee"},
        ),
        ('search product "tea", 3 of them', "search_products", {"query": "tea", "limit": 3}),
        ('add 2 "kopi susu" to my order', "add_to_order", {"product": "kopi susu", "amount": 2}),
    ],
)
async def test_it_calls_the_tool_whose_name_is_spoken(
    words: str, name: str, arguments: Mapping[str, Any]
) -> None:
    message = await OfflineModel().bind_tools(TOOLS).ainvoke(words)

    (call,) = message.tool_calls
    assert (call["name"], call["args"], message.content) == (name, arguments, "")


async def test_a_streamed_tool_call_is_the_same_one() -> None:
    model = OfflineModel().bind_tools(TOOLS)

    chunks = [chunk async for chunk in model.astream('search products "tea"')]

    whole = joined(chunks)
    assert whole.tool_calls == (await model.ainvoke('search products "tea"')).tool_calls


@pytest.mark.parametrize(
    "words", ["Write a haiku about tea", "search something", "add to order", "search products"]
)
async def test_it_calls_nothing_that_was_not_named_or_cannot_be_filled(words: str) -> None:
    message = await OfflineModel().bind_tools(TOOLS).ainvoke(words)

    assert message.tool_calls == []
    assert str(message.text).startswith("[offline model] ")


async def test_it_tells_what_a_tool_said_and_does_not_call_it_again() -> None:
    model = OfflineModel().bind_tools(TOOLS)
    asked = HumanMessage('search products "tea"')
    called = await model.ainvoke([asked])
    found = ToolMessage(
        "3 teas", tool_call_id=str(called.tool_calls[0]["id"]), name="search_products"
    )

    message = await model.ainvoke([asked, called, found])

    assert message.content == "[offline model] search_products: 3 teas"


async def test_its_rules_can_be_replaced() -> None:
    def always(words: str, tool: ToolSpec) -> Mapping[str, Any] | None:
        return {"query": words} if tool.name == "search_products" else None

    message = await OfflineModel(rules=(always,)).bind_tools(TOOLS).ainvoke("kopi?")

    assert message.tool_calls[0]["args"] == {"query": "kopi?"}


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        ('search products "a" "b" 1.5 7', {"query": "a", "limit": 1}),
        ("search products “kopi susu” 2", {"query": "kopi susu", "limit": 2}),
        ('search products "5 teas"', {"query": "5 teas"}),
        ('SEARCH the PRODUCT "tea"', {"query": "tea"}),
        ("search products 3", None),
        ("research productsheet", None),
    ],
)
def test_quoted_texts_and_numbers_fill_the_parameters(
    words: str, arguments: Mapping[str, Any] | None
) -> None:
    assert call_by_name(words, SEARCH) == arguments


def test_a_number_with_a_fraction_fits_a_number() -> None:
    weigh = spec("weigh", "kilos", kilos="number", note="object")

    assert call_by_name("weigh 1.5", weigh) == {"kilos": 1.5}


def test_an_answer_of_the_model_is_an_ai_message() -> None:
    assert isinstance(OfflineModel().invoke("hi"), AIMessage)
