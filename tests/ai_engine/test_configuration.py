"""The rules between configs, templates and agents, whoever changes what first."""

import asyncio
from typing import Any

import pytest

from ai_engine.application.configuration import Configuration
from ai_engine.domain.agents import (
    AgentConfig,
    AgentRejected,
    AgentType,
    NoSuchAgent,
    TemplateOfAgent,
)
from ai_engine.infrastructure.agent_store import seed_agents, sql_configuration
from shared.domain import ChangedSince, DomainError
from shared.infrastructure.database import Sessions, transaction
from shared.llm.budgets import Cap, NoSuchBudget
from shared.llm.catalogue import LLMConfigRejected, NameTaken, NoSuchLLMConfig
from shared.llm.entries import InUse
from tests.ai_engine.fakes import memory_configuration
from tests.shared.llm.builders import a_config, a_template


@pytest.fixture
async def stored(sessions: Sessions) -> Configuration:
    async with transaction(sessions) as session:
        await seed_agents(session)
    return sql_configuration(sessions)


@pytest.fixture(params=["memory", "sql"])
def office(request: pytest.FixtureRequest) -> Configuration:
    """A configuration that holds what the platform comes with."""
    if request.param == "memory":
        return memory_configuration()
    office: Configuration = request.getfixturevalue("stored")
    return office


def an_agent(agent_type: AgentType = AgentType.MAIN, **changes: Any) -> AgentConfig:
    facts: dict[str, Any] = {"prompt_template": "main-agent"}
    return AgentConfig(agent_type=agent_type, **facts | changes)


async def test_fallbacks_must_be_there(office: Configuration) -> None:
    with pytest.raises(LLMConfigRejected) as refusal:
        await office.configs.add(a_config("new", fallbacks=("offline", "nope")), actor="ani")

    assert refusal.value.pointer == "/fallbacks"
    with pytest.raises(NoSuchLLMConfig):
        await office.configs.get("new")


async def test_a_config_cannot_be_removed_while_it_is_used(office: Configuration) -> None:
    await office.configs.add(a_config("strict"), actor="ani")
    await office.configs.add(a_config("other", fallbacks=("strict",)), actor="ani")
    await office.agents.replace(an_agent(llm_config="strict"), actor="ani")

    with pytest.raises(InUse) as refusal:
        await office.configs.remove("strict", actor="ani")

    assert refusal.value.code == "in_use"
    assert "the config 'other', the main agent" in str(refusal.value)
    await office.configs.remove("other", actor="ani")
    await office.agents.replace(an_agent(), actor="ani")
    await office.configs.remove("strict", actor="ani")


async def test_an_agents_config_cannot_be_switched_off(office: Configuration) -> None:
    await office.configs.add(a_config("strict"), actor="ani")
    await office.agents.replace(an_agent(llm_config="strict"), actor="ani")

    with pytest.raises(InUse):
        await office.configs.replace(a_config("strict", is_active=False), actor="ani")


async def test_what_jobs_default_to_cannot_be_removed(office: Configuration) -> None:
    with pytest.raises(InUse):
        await office.configs.remove("default-smart", actor="ani")
    with pytest.raises(InUse):
        await office.templates.remove("default-assistant", actor="ani")


async def test_an_agents_template_cannot_be_removed(office: Configuration) -> None:
    with pytest.raises(InUse, match="moderation agent"):
        await office.templates.remove("moderation-agent", actor="ani")


async def test_an_agents_template_has_no_variables(office: Configuration) -> None:
    await office.templates.add(a_template("letter", "Dear {{name}}"), actor="ani")

    with pytest.raises(AgentRejected) as refusal:
        await office.agents.replace(an_agent(prompt_template="letter"), actor="ani")
    with pytest.raises(TemplateOfAgent) as other_way_round:
        await office.templates.replace(a_template("main-agent", "Dear {{name}}"), actor="ani")

    assert refusal.value.pointer == "/prompt_template"
    assert other_way_round.value.pointer == "/content"


@pytest.mark.parametrize(
    ("field", "value"), [("prompt_template", "nope"), ("llm_config", "nope"), ("llm_config", "off")]
)
async def test_an_agent_names_only_what_can_be_used(
    office: Configuration, field: str, value: str
) -> None:
    await office.configs.add(a_config("off", is_active=False), actor="ani")
    changes: dict[str, Any] = {field: value}

    with pytest.raises(AgentRejected) as refusal:
        await office.agents.replace(an_agent(**changes), actor="ani")

    assert refusal.value.pointer == f"/{field}"


async def test_an_absent_entry_is_absent_before_it_is_wrong(office: Configuration) -> None:
    with pytest.raises(NoSuchLLMConfig):
        await office.configs.replace(a_config("nope", fallbacks=("nope-either",)), actor="ani")
    with pytest.raises(NoSuchLLMConfig):
        await office.configs.remove("nope", actor="ani")
    with pytest.raises(NoSuchAgent):
        await office.agents.history("nobody")


async def test_history_outlives_its_entry(office: Configuration) -> None:
    await office.configs.add(a_config("short-lived"), actor="ani")
    await office.configs.remove("short-lived", actor="budi")

    changes = await office.configs.history("short-lived")

    assert [change.after is None for change in changes] == [True, False]


async def test_a_change_names_the_version_it_is_meant_for(office: Configuration) -> None:
    await office.configs.add(a_config("smart"), actor="ani")
    await office.configs.replace(a_config("smart", max_tokens=1), actor="ani", expected=1)

    with pytest.raises(ChangedSince):
        await office.configs.replace(a_config("smart", max_tokens=2), actor="ani", expected=1)
    with pytest.raises(ChangedSince):
        await office.configs.remove("smart", actor="ani", expected=1)
    with pytest.raises(NameTaken):
        await office.configs.add(a_config("smart"), actor="ani")


async def test_a_cap_is_set_whether_it_was_there_or_not(office: Configuration) -> None:
    first = await office.caps.put(Cap(scope="platform", micro_usd=5), actor="ani")
    second = await office.caps.put(Cap(scope="platform", micro_usd=7), actor="ani", expected=1)

    assert (first.version, second.version) == (1, 2)
    with pytest.raises(ChangedSince):
        await office.caps.put(Cap(scope="platform", micro_usd=9), actor="ani", expected=1)
    with pytest.raises(NoSuchBudget):
        await office.caps.put(Cap(scope="elsewhere", micro_usd=9), actor="ani", expected=1)


async def test_who_removes_and_who_begins_to_use_cannot_both_win(stored: Configuration) -> None:
    """Each would be right alone: the rule must see what the other has done."""
    for round_number in range(5):
        name = f"contested-{round_number}"
        await stored.configs.add(a_config(name), actor="ani")
        outcomes = await asyncio.gather(
            stored.configs.remove(name, actor="ani"),
            stored.agents.replace(an_agent(llm_config=name), actor="budi"),
            return_exceptions=True,
        )

        refused = [outcome for outcome in outcomes if isinstance(outcome, DomainError)]
        assert len(refused) == 1
        await stored.agents.replace(an_agent(), actor="budi")
