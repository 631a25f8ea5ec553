"""Agents come back as they were stored, and soon after they were changed."""

from collections.abc import Awaitable, Callable, Sequence

import pytest
from sqlalchemy import delete

from ai_engine.domain.agents import AgentConfig, Agents, AgentType
from ai_engine.infrastructure.agent_store import (
    AGENTS,
    SEEDS,
    CachedAgents,
    agent_configs,
    seed_agents,
    sql_configuration,
)
from shared.infrastructure.database import Sessions, transaction
from shared.llm.catalogue import Temperature
from shared.llm.changes import SqlEntries, changing
from shared.llm.seeds import SEED_TEMPLATES
from shared.llm.store import catalogue_changes
from tests.ai_engine.fakes import MemoryAgents
from tests.waiting import until

CONTRACT_OF = Agents

EVERY_FIELD = AgentConfig(
    agent_type=AgentType.FOLLOWUP,
    prompt_template="followup-agent",
    llm_config="default-claude",
    temperature=Temperature(0.0),
    max_tokens=77,
    retries=0,
)

Stock = Callable[[Sequence[AgentConfig]], Awaitable[Agents]]


@pytest.fixture(params=["memory", "sql"])
def stock(request: pytest.FixtureRequest) -> Stock:
    """Makes Agents that hold just these."""
    sessions: Sessions | None = None
    if request.param == "sql":
        sessions = request.getfixturevalue("sessions")

    async def stocked(agents: Sequence[AgentConfig]) -> Agents:
        if sessions is None:
            return MemoryAgents(agents)
        await empty(sessions)
        async with changing(sessions) as session:
            for agent in agents:
                await SqlEntries(session, AGENTS).add(agent)
        return CachedAgents(sessions)

    return stocked


async def empty(sessions: Sessions) -> None:
    async with transaction(sessions) as session:
        await session.execute(delete(agent_configs))
        await session.execute(delete(catalogue_changes).where(catalogue_changes.c.kind == "agent"))


async def test_an_agent_comes_back_with_every_field(stock: Stock) -> None:
    agents = await stock([SEEDS[0], EVERY_FIELD])

    assert await agents() == {AgentType.MAIN: SEEDS[0], AgentType.FOLLOWUP: EVERY_FIELD}


async def test_main_stands_in_where_followup_is_off(stock: Stock) -> None:
    off = AgentConfig(
        agent_type=AgentType.FOLLOWUP, prompt_template="followup-agent", is_active=False
    )
    agents = await stock([SEEDS[0], off])

    assert (await agents())[AgentType.FOLLOWUP].prompt_template == SEEDS[0].prompt_template


async def test_the_four_agents_come_with_the_platform(sessions: Sessions) -> None:
    await empty(sessions)
    for _ in range(2):
        async with transaction(sessions) as session:
            await seed_agents(session)

    agents = await CachedAgents(sessions)()

    assert set(agents) == set(AgentType)
    words = {template.name for template in SEED_TEMPLATES}
    assert {agent.prompt_template for agent in agents.values()} <= words
    assert agents[AgentType.MODERATION].temperature == Temperature(0.0)


async def test_a_change_is_seen_within_two_seconds(sessions: Sessions) -> None:
    await empty(sessions)
    async with transaction(sessions) as session:
        await seed_agents(session)
    agents = CachedAgents(sessions)
    await agents()
    change = AgentConfig(agent_type=AgentType.MAIN, prompt_template="main-agent", max_tokens=5)

    await sql_configuration(sessions).agents.replace(change, actor="tests")

    async def is_seen() -> bool:
        return (await agents())[AgentType.MAIN].max_tokens == 5

    await until(is_seen, "the change is in force", within=2, every=0.02)
