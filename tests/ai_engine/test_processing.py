"""Answering a prompt: alone, or through moderation, router and agents."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from ai_engine.application.ports import Processing
from ai_engine.application.processing import (
    Desk,
    ModerationUnavailable,
    Pipeline,
    ProcessingRequest,
    ProcessingService,
)
from ai_engine.domain.agents import AgentType
from ai_engine.infrastructure.agent_store import SEEDS
from ai_engine.infrastructure.graph import AgentGraph
from shared.llm.budgets import PLATFORM, BudgetExceeded
from shared.llm.catalogue import Temperature, TemplateNotFound, TemplateVariables
from shared.llm.chat import ChatMessage, ModelFailed
from shared.llm.seeds import SEED_CONFIGS, SEED_TEMPLATES
from tests.ai_engine.fakes import MemoryAgents
from tests.ai_engine.scripted import BAD_KEY, OUTAGE, Says, ScriptedModels
from tests.shared.llm.builders import a_config, a_template
from tests.shared.llm.fakes import MemoryBudgets, MemoryCatalogue

CONTRACT_OF = (Pipeline, Processing)

ALLOWED = '{"allowed": true, "reason": ""}'
REFUSED = '{"allowed": false, "reason": "weapons"}'
HISTORY = [ChatMessage("user", "Halo?"), ChatMessage("assistant", "Halo!")]


class Bench:
    """A ProcessingService with scripted models."""

    def __init__(
        self, says: Says = lambda _: "Halo!", *, caps: dict[str, int] | None = None
    ) -> None:
        self.models = ScriptedModels(says)
        self.agents = MemoryAgents()
        self.desk = Desk(
            catalogue=MemoryCatalogue(
                configs=[*SEED_CONFIGS, a_config("dear", output_price=10.0)],
                templates=[*SEED_TEMPLATES, a_template("named", "Speak to {{name}}.")],
            ),
            models=self.models,
            agents=self.agents,
            budgets=MemoryBudgets(caps or {}),
            keys_present=frozenset({"OPENAI_API_KEY"}),
        )
        self.service = ProcessingService(self.desk, AgentGraph(self.desk))


def by_agent(**answers: str | Exception) -> Says:
    """What each agent says, told apart by its seeded system prompt."""
    words = {template.name: template.content for template in SEED_TEMPLATES}

    def says(messages: Sequence[ChatMessage]) -> str | Exception:
        for agent, answer in answers.items():
            if messages[0].text.startswith(words[f"{agent}-agent"]):
                return answer
        raise AssertionError(f"nobody was to be asked with {messages[0].text[:60]!r}")

    return says


async def test_a_single_answer_takes_one_call_with_the_requests_own_words() -> None:
    bench = Bench()

    result = await bench.service.process(
        ProcessingRequest(prompt="Halo?", template_name="named", variables={"name": "{{name}}"})
    )

    [asked] = bench.models.asked
    assert (result.text, result.agent, result.moderation) == ("Halo!", None, None)
    assert asked.config == "default-smart"
    assert asked.messages == [
        ChatMessage("system", "Speak to {{name}}."),
        ChatMessage("user", "Halo?"),
    ]


async def test_a_conversation_is_told_to_the_model() -> None:
    bench = Bench()

    await bench.service.process(ProcessingRequest(prompt="Lagi?", history=HISTORY))

    assert list(bench.models.asked[0].messages[1:]) == [*HISTORY, ChatMessage("user", "Lagi?")]


async def test_tokens_reach_whoever_listens() -> None:
    heard: list[str] = []

    async def on_token(text: str) -> None:
        heard.append(text)

    await Bench(lambda _: "satu dua").service.process(
        ProcessingRequest(prompt="Hitung", on_token=on_token)
    )

    assert heard == ["satu", "dua"]


@pytest.mark.parametrize(
    ("request_", "refusal"),
    [
        (ProcessingRequest(prompt="?", template_name="gone"), TemplateNotFound),
        (ProcessingRequest(prompt="?", template_name="named"), TemplateVariables),
    ],
)
async def test_what_no_longer_fits_is_refused(
    request_: ProcessingRequest, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        await Bench().service.process(request_)


async def test_without_moderation_and_history_main_answers() -> None:
    bench = Bench(by_agent(main="Halo!"))

    result = await bench.service.process_multi_agent(ProcessingRequest(prompt="Halo?"))

    assert (result.agent, result.moderation) == (AgentType.MAIN, None)


@pytest.mark.parametrize("says_so", [{"context": {"is_followup": True}}, {"history": HISTORY}])
async def test_a_conversation_is_continued_by_the_followup_agent(
    says_so: dict[str, object],
) -> None:
    bench = Bench(by_agent(followup="Dan lagi."))
    history = HISTORY if "history" in says_so else []

    result = await bench.service.process_multi_agent(
        request=ProcessingRequest(prompt="Lagi?", history=history),
        context={"is_followup": True} if "context" in says_so else None,
        needs_moderation=False,
    )

    assert result.agent is AgentType.FOLLOWUP


async def test_what_moderation_allows_is_answered() -> None:
    bench = Bench(by_agent(moderation=ALLOWED, main="Halo!"))

    result = await bench.service.process_multi_agent(
        ProcessingRequest(prompt="Halo?"), needs_moderation=True
    )

    assert (result.agent, result.moderation) == (AgentType.MAIN, "passed")
    assert len(bench.models.asked) == 2


async def test_what_moderation_refuses_goes_to_fallback() -> None:
    bench = Bench(by_agent(moderation=REFUSED, fallback="Maaf."))

    result = await bench.service.process_multi_agent(
        ProcessingRequest(prompt="Bom?"), needs_moderation=True
    )

    assert (result.text, result.agent, result.moderation) == (
        "Maaf.",
        AgentType.FALLBACK,
        "refused",
    )


@pytest.mark.parametrize(
    ("said", "may_pass"),
    [
        (OUTAGE, True),
        (BAD_KEY, False),
        ("yes", True),
        ('{"allowed": "true"}', True),
        ('{"allowed": false, "allowed": true}', True),
        ("", True),
    ],
)
async def test_moderation_that_cannot_be_had_never_means_allowed(
    said: str | Exception, may_pass: bool
) -> None:
    bench = Bench(by_agent(moderation=said))

    with pytest.raises(ModerationUnavailable) as failed:
        await bench.service.process_multi_agent(
            ProcessingRequest(prompt="Halo?"), needs_moderation=True
        )

    assert failed.value.may_pass is may_pass


@pytest.mark.parametrize("agent", ["main", "followup"])
async def test_an_error_in_an_agent_goes_to_fallback(agent: str) -> None:
    answers: dict[str, str | Exception] = {agent: OUTAGE, "fallback": "Maaf."}
    bench = Bench(by_agent(**answers))

    result = await bench.service.process_multi_agent(
        ProcessingRequest(prompt="Halo?"), {"is_followup": agent == "followup"}
    )

    assert (result.text, result.agent) == ("Maaf.", AgentType.FALLBACK)


async def test_when_fallback_fails_too_the_first_error_is_told() -> None:
    bench = Bench(by_agent(main=BAD_KEY, fallback=OUTAGE))

    with pytest.raises(ModelFailed) as failed:
        await bench.service.process_multi_agent(ProcessingRequest(prompt="Halo?"))

    assert failed.value.code == "llm_auth"


async def test_an_agents_own_settings_come_before_the_configs() -> None:
    bench = Bench(by_agent(main="Halo!"))
    bench.agents.agents = [
        replace(agent, llm_config="dear", temperature=Temperature(0.1), max_tokens=99, retries=0)
        if agent.agent_type is AgentType.MAIN
        else agent
        for agent in SEEDS
    ]

    await bench.service.process_multi_agent(ProcessingRequest(prompt="Halo?"))

    [asked] = bench.models.asked
    assert (asked.config, asked.temperature, asked.max_tokens, asked.retries) == (
        "dear",
        0.1,
        99,
        0,
    )


async def test_every_call_is_metered_failed_ones_too() -> None:
    bench = Bench(by_agent(moderation=ALLOWED, main=OUTAGE, fallback="Maaf."))
    request = ProcessingRequest(prompt="Halo?")

    await bench.service.process_multi_agent(request, needs_moderation=True)

    assert [call.error for call in request.meter.calls] == [None, "llm_unavailable", None]


async def test_no_model_is_asked_once_the_budget_is_spent() -> None:
    bench = Bench(caps={PLATFORM: 1})

    with pytest.raises(BudgetExceeded):
        await bench.service.process(ProcessingRequest(prompt="Halo?", config_name="dear"))

    assert bench.models.asked == []


async def test_two_turns_at_once_share_nothing() -> None:
    bench = Bench(lambda messages: messages[-1].text.upper())

    results = await asyncio.gather(
        *(
            bench.service.process_multi_agent(ProcessingRequest(prompt=f"halo {number}"))
            for number in range(20)
        )
    )

    assert [result.text for result in results] == [f"HALO {number}" for number in range(20)]
