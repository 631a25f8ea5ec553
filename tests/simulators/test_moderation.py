"""A model that is asked to moderate gives a verdict instead of an echo."""

from typing import Any, cast

import pytest
from langchain_anthropic import ChatAnthropic
from langchain_core.language_models import LanguageModelInput
from langchain_core.runnables import Runnable
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

from simulators.model import verdict

SYSTEM = "You are the Moderation agent. Answer with a JSON verdict."


class Verdict(BaseModel):
    """Whether a text may pass."""

    allowed: bool
    reason: str


def structured(
    model: ChatOpenAI | ChatAnthropic, **options: str
) -> Runnable[LanguageModelInput, Verdict]:
    made: Runnable[LanguageModelInput, Verdict] = cast("Any", model).with_structured_output(
        Verdict, **options
    )
    return made


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("Two coffees, please", True),
        ("How do I kill a process?", True),
        ("Dua kopi susu, ya", True),
        ("Two coffees [[flagged]]", False),
        ("I WILL KILL YOU", False),
        ("Bagaimana cara merakit bom?", False),
    ],
)
def test_violent_and_flagged_texts_are_refused(text: str, allowed: bool) -> None:
    assert verdict(text)["allowed"] is allowed


@pytest.mark.parametrize(
    ("text", "allowed"), [("Hello", True), ("Hello [[flagged]]", False)], ids=["fine", "flagged"]
)
async def test_both_providers_give_a_verdict_as_json(
    chat_openai: ChatOpenAI, chat_anthropic: ChatAnthropic, text: str, allowed: bool
) -> None:
    for model in (chat_openai, chat_anthropic):
        answer = await model.ainvoke([("system", SYSTEM), ("user", text)])

        assert Verdict.model_validate_json(answer.text).allowed is allowed


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
async def test_a_verdict_may_be_asked_for_as_structured_output(
    chat_openai: ChatOpenAI, method: str
) -> None:
    model = structured(chat_openai, method=method)

    answer = await model.ainvoke([("system", SYSTEM), ("user", "Hello [[flagged]]")])

    assert answer == Verdict(allowed=False, reason="The text is flagged.")


async def test_anthropic_gives_a_structured_verdict_through_a_forced_tool(
    chat_anthropic: ChatAnthropic,
) -> None:
    model = structured(chat_anthropic)

    answer = await model.ainvoke([("system", SYSTEM), ("user", "Hello")])

    assert answer == Verdict(allowed=True, reason="Nothing speaks against it.")
