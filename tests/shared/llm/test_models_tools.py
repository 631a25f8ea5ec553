"""Models that call tools, over real HTTP: offered, called, told what came of it; odd calls too."""

import pytest

from shared.llm.catalogue import LLMConfig, Provider
from shared.llm.chat import ChatMessage, Reply, ToolCall, ToolSpec
from shared.llm.models import LangChainModels
from tests.shared.llm.builders import SEARCH, TOOLS
from tests.shared.llm.provider_house import QUESTION, House, Listener, failure_of

BOTH = pytest.mark.parametrize("provider", [Provider.OPENAI, Provider.ANTHROPIC])
WHOLE_AND_STREAMED = pytest.mark.parametrize(
    "is_streamed", [False, True], ids=["whole", "streamed"]
)


async def asked(
    models: LangChainModels,
    config: LLMConfig,
    talk: tuple[ChatMessage, ...] = QUESTION,
    *,
    is_streamed: bool,
) -> Reply:
    listener = Listener() if is_streamed else None
    reply = await models.reply([config], talk, tools=TOOLS, on_token=listener)
    assert listener is None or listener.text == reply.text
    return reply


@WHOLE_AND_STREAMED
@BOTH
async def test_a_model_calls_a_tool(
    models: LangChainModels, providers: House, provider: Provider, is_streamed: bool
) -> None:
    providers.told(tool_calls=[{"id": "c1", "name": "search_products",
                                "arguments": {"query": "kopi"}}])  # fmt: skip

    reply = await asked(models, providers.config(provider), is_streamed=is_streamed)

    (call,) = reply.tool_calls
    assert (call.id, call.name, call.arguments) == ("c1", "search_products", {"query": "kopi"})
    assert call.raw == '{"query":"kopi"}'
    assert reply.text == ""
    assert providers.requests[0].facts["tools"] == ["search_products", "handoff_to_human"]


@WHOLE_AND_STREAMED
@BOTH
async def test_a_prompt_can_make_the_simulator_call_a_tool(
    models: LangChainModels, providers: House, provider: Provider, is_streamed: bool
) -> None:
    talk = (ChatMessage("user", '[[tool:search_products {"query": "teh"}]]'),)

    reply = await asked(models, providers.config(provider), talk, is_streamed=is_streamed)

    (call,) = reply.tool_calls
    assert (call.name, call.arguments) == ("search_products", {"query": "teh"})
    assert call.id


@WHOLE_AND_STREAMED
@BOTH
async def test_it_may_say_something_too_and_a_listener_hears_just_that(
    models: LangChainModels, providers: House, provider: Provider, is_streamed: bool
) -> None:
    providers.told(text="Let me see.", tool_calls=[{"name": "search_products"}])

    reply = await asked(models, providers.config(provider), is_streamed=is_streamed)

    assert (reply.text, [call.name for call in reply.tool_calls]) == (
        "Let me see.",
        ["search_products"],
    )


@WHOLE_AND_STREAMED
@BOTH
async def test_it_is_told_what_came_of_its_calls(
    models: LangChainModels, providers: House, provider: Provider, is_streamed: bool
) -> None:
    config = providers.config(provider)
    providers.told_in_turn(
        {"text": "One moment.", "times": 1, "tool_calls": [{"name": "search_products"}]}
    )
    first = await asked(models, config, is_streamed=is_streamed)
    (call,) = first.tool_calls
    talk = (
        *QUESTION,
        ChatMessage("assistant", first.text, tool_calls=first.tool_calls),
        ChatMessage("tool", '{"found": 3}', tool_call_id=call.id, name=call.name),
    )

    second = await asked(models, config, talk, is_streamed=is_streamed)

    assert (second.text, second.tool_calls) == ('The tool said: {"found": 3}', ())
    assert providers.requests[1].facts["messages"] == (4 if provider is Provider.OPENAI else 3)


@WHOLE_AND_STREAMED
@BOTH
@pytest.mark.parametrize(
    ("said", "arguments"),
    [
        ('{"query": "ko', None),
        ('"{\\"query\\": \\"kopi\\"}"', {"query": "kopi"}),
        ("[1]", None),
        ("null", None),
    ],
)
async def test_what_cannot_be_read_is_one_calls_trouble_not_the_answers(
    models: LangChainModels,
    providers: House,
    provider: Provider,
    is_streamed: bool,
    said: str,
    arguments: dict[str, str] | None,
) -> None:
    good = {"name": "handoff_to_human", "arguments": {"reason": "asked"}}
    providers.told(tool_calls=[{"name": "search_products", "arguments": said}, good])

    reply = await asked(models, providers.config(provider), is_streamed=is_streamed)

    odd, fine = reply.tool_calls
    if provider is Provider.OPENAI or is_streamed:
        assert (odd.name, odd.arguments) == ("search_products", arguments)
        assert odd.raw == said
    assert (fine.name, fine.arguments) == ("handoff_to_human", {"reason": "asked"})


@WHOLE_AND_STREAMED
@BOTH
async def test_odd_ids_names_and_numbers_of_calls_come_through(
    models: LangChainModels, providers: House, provider: Provider, is_streamed: bool
) -> None:
    ids = ["same", "same", "", "x" * 500, "nul\0", *(f"c{n}" for n in range(45))]
    name = "functions.search_products"
    providers.told(tool_calls=[{"id": one, "name": name} for one in ids])

    reply = await asked(models, providers.config(provider), is_streamed=is_streamed)

    assert [call.id for call in reply.tool_calls] == [one.replace("\0", "") for one in ids]
    assert {call.name for call in reply.tool_calls} == {name}


@WHOLE_AND_STREAMED
@BOTH
async def test_a_garbled_call_can_be_answered(
    models: LangChainModels, providers: House, provider: Provider, is_streamed: bool
) -> None:
    garbled = ToolCall("c1", "search_products", None, '{"query": "ko')
    talk = (
        *QUESTION,
        ChatMessage("assistant", "", tool_calls=(garbled,)),
        ChatMessage("tool", "no JSON", tool_call_id="c1", name="search_products"),
    )

    reply = await asked(models, providers.config(provider), talk, is_streamed=is_streamed)

    assert reply.text == "The tool said: no JSON"


@WHOLE_AND_STREAMED
@BOTH
async def test_calls_are_counted_where_the_provider_counts_nothing(
    models: LangChainModels, providers: House, provider: Provider, is_streamed: bool
) -> None:
    arguments = {"query": "k" * 400}
    call = {"name": "search_products", "arguments": arguments}
    providers.told(tool_calls=[call], usage=False)

    reply = await asked(models, providers.config(provider), is_streamed=is_streamed)

    (paid,) = reply.calls
    assert (paid.is_estimated, paid.output_tokens) == (True, 107)
    assert paid.input_tokens > 60  # the tools have to be read, too


@BOTH
async def test_a_stream_that_breaks_inside_a_call_is_paid_for_and_somebody_else_answers(
    models: LangChainModels, providers: House, provider: Provider
) -> None:
    providers.told_in_turn(
        {"tool_calls": [{"name": "search_products", "arguments": {"query": "k" * 400}}],
         "break_with": 529, "times": 1},
        {"text": "Here."},
    )  # fmt: skip
    candidates = [providers.config(provider), providers.config(provider, name="other")]
    listener = Listener()

    reply = await models.reply(candidates, QUESTION, tools=TOOLS, on_token=listener)

    assert (reply.text, listener.text) == ("Here.", "Here.")
    broken, answered = reply.calls
    assert (broken.error, answered.error) == ("llm_unavailable", None)
    assert broken.output_tokens > 0


@pytest.mark.filterwarnings("ignore:Dropping tool")
@pytest.mark.parametrize("others", [[], [SEARCH]])
async def test_a_tool_that_a_provider_cannot_take_asks_nobody(
    models: LangChainModels, providers: House, others: list[ToolSpec]
) -> None:
    odd = ToolSpec("odd", "Odd.", {"type": "object", "anyOf": [{"required": ["a"]}]})

    failed = await failure_of(models, providers.config(Provider.ANTHROPIC), tools=[odd, *others])

    assert (failed.code, failed.calls, providers.requests) == ("llm_rejected", [], [])
