"""Directives in the prompt do what rules do, with nobody to set them."""

import time

import pytest
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI

from simulators.directives import Directives
from simulators.model import ModelRule, Question, ToolCall
from tests.simulators.house import Simulator, with_tools


def read(text: str, *, system: str = "", tool_result: str | None = None) -> ModelRule | None:
    return Directives().read(Question(user=text, system=system, tool_result=tool_result))


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("Wait. [[delay:2]]", ModelRule(delay_s=2)),
        ("[[chunk-delay:0.5]][[chunks:3]]", ModelRule(chunk_delay_s=0.5, chunks=3)),
        ("[[trickle:5]]", ModelRule(chunk_delay_s=5, chunks=100_000)),
        ("[[status]]", ModelRule(status=500)),
        ("[[status:429]] [[retry-after:3]]", ModelRule(status=429, retry_after="3")),
        ("[[status:400]][[error-code:no_way]]", ModelRule(status=400, error_code="no_way")),
        ("[[break]]", ModelRule(break_with=529)),
        ("[[hang]]", ModelRule(hang=True)),
        ("[[hang:midway]]", ModelRule(hang="midway")),
        ("[[reset]]", ModelRule(reset="before")),
        ("[[reset:after]]", ModelRule(reset="after")),
        ("[[garbage]]", ModelRule(garbage="text")),
        ("[[garbage:html]]", ModelRule(garbage="html")),
        ("[[huge:2]]", ModelRule(huge_mb=2)),
        ("[[say:Good morning]]", ModelRule(text="Good morning")),
        ("[[finish]]", ModelRule(finish_reason="length")),
        ("[[no-usage]]", ModelRule(usage=False)),
        (
            '[[tool:find {"query": "kopi", "tags": ["a"]}]]',
            ModelRule(
                tool_calls=(ToolCall(name="find", arguments={"query": "kopi", "tags": ["a"]}),)
            ),
        ),
        ("[[tool:list]]", ModelRule(tool_calls=(ToolCall(name="list"),))),
    ],
)
def test_a_directive_is_a_rule(text: str, rule: ModelRule) -> None:
    assert read(text) == rule


@pytest.mark.parametrize(
    "text", ["Hello", "[[1, 2], [3]]", "[[Wiki Page]]", "[[wiki]]", "[[flagged]]"]
)
def test_other_brackets_are_ordinary_text(text: str) -> None:
    assert read(text) is None


@pytest.mark.parametrize(
    "text", ["[[delay:soon]]", "[[status:200]]", "[[tool:x {]]", "[[fail-first:x]]", "[[reset:x]]"]
)
async def test_a_bad_value_is_refused(simulator: Simulator, text: str) -> None:
    answer = await simulator.ask("openai", text)

    assert answer.status == 400
    assert "cannot read a directive" in (await answer.json())["error"]["message"]


def test_a_directive_may_be_meant_for_moderation_alone_or_for_all_others() -> None:
    for_moderation, for_others = "[[moderation.status:503]]", "[[answer.status:503]]"
    system = "You do content moderation."

    assert read(for_moderation, system=system) == ModelRule(status=503) == read(for_others)
    assert read(for_moderation) is None is read(for_others, system=system)


def test_a_moderation_is_not_told_what_to_say() -> None:
    assert read("[[say:yes]][[tool:x]][[delay:1]]", system="moderation") == ModelRule(delay_s=1)


def test_the_first_calls_with_a_prompt_fail() -> None:
    directives = Directives()
    prompt, other = Question(user="[[fail-first:2]]"), Question(user="Other [[fail-first:1]]")

    assert [directives.read(prompt) for _ in range(4)] == [
        ModelRule(status=500),
        ModelRule(status=500),
        None,
        None,
    ]
    assert [directives.read(other) for _ in range(2)] == [ModelRule(status=500), None]


def test_other_directives_say_how_the_first_calls_fail() -> None:
    directives = Directives()
    prompt = Question(user="[[fail-first:1]] [[reset]]")

    assert [directives.read(prompt) for _ in range(2)] == [ModelRule(reset="before"), None]


def test_words_are_kept_for_the_answer() -> None:
    directives = Directives()
    prompt = Question(user="[[fail-first:1]] [[say:Well again]]")

    assert [directives.read(prompt) for _ in range(2)] == [
        ModelRule(status=500),
        ModelRule(text="Well again"),
    ]


async def test_setting_a_script_forgets_how_often_a_prompt_failed(simulator: Simulator) -> None:
    statuses: list[int] = []
    for _ in range(2):
        statuses += [(await simulator.ask("openai", "[[fail-first:1]]")).status for _ in range(2)]
        await simulator.http.delete(f"{simulator.url}/control/script")

    assert statuses == [500, 200, 500, 200]


async def test_the_script_goes_before_the_prompt(simulator: Simulator) -> None:
    simulator.told(ModelRule(text="ok"))

    answer = await simulator.ask("openai", "[[status:500]]")

    assert answer.status == 200


async def test_a_prompt_is_obeyed_over_http(simulator: Simulator) -> None:
    began = time.monotonic()
    answer = await simulator.ask("anthropic", "[[delay:0.2]] [[say:Done]]")

    assert (await answer.json())["content"][0]["text"] == "Done"
    assert time.monotonic() - began >= 0.19


async def test_a_tool_is_asked_for_once(chat_openai: ChatOpenAI) -> None:
    model = with_tools(chat_openai)
    question = HumanMessage('[[tool:find {"query": "kopi", "limit": 1}]]')

    asked = await model.ainvoke([question])
    answer = await model.ainvoke(
        [question, asked, ToolMessage("one kopi", tool_call_id=str(asked.tool_calls[0]["id"]))]
    )

    assert asked.tool_calls[0]["args"] == {"query": "kopi", "limit": 1}
    assert answer.text == "The tool said: one kopi"
