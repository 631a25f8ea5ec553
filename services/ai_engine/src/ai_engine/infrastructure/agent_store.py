"""The agents in PostgreSQL: their table, the copy that workers keep, and how they are changed."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Boolean, Column, DateTime, Double, Integer, String, Table, text
from sqlalchemy.ext.asyncio import AsyncSession

from ai_engine.application.configuration import Configuration, Work, configuration
from ai_engine.domain.agents import AgentConfig, AgentType, NoSuchAgent, in_service
from shared.infrastructure.database import Row, Sessions, metadata, transaction
from shared.llm.budget_tables import CAPS
from shared.llm.catalogue import Temperature
from shared.llm.changes import SqlEntries, changing
from shared.llm.seeds import sow
from shared.llm.store import CONFIGS, NOW, TEMPLATES, Kind, copy_of

agent_configs = Table(
    "agent_configs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("agent_type", String(32), nullable=False, unique=True),
    Column("prompt_template", String(255), nullable=False),
    Column("llm_config", String(255)),
    Column("temperature", Double),
    Column("max_tokens", Integer),
    Column("retries", Integer),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    schema="ai_engine",
)


def _row(agent: AgentConfig) -> dict[str, Any]:
    return {
        "agent_type": agent.agent_type.value,
        "prompt_template": agent.prompt_template,
        "llm_config": agent.llm_config,
        "temperature": agent.temperature.value if agent.temperature else None,
        "max_tokens": agent.max_tokens,
        "retries": agent.retries,
        "is_active": agent.is_active,
    }


def _agent(row: Row) -> AgentConfig:
    return AgentConfig(
        agent_type=AgentType(row["agent_type"]),
        prompt_template=row["prompt_template"],
        llm_config=row["llm_config"],
        temperature=None if row["temperature"] is None else Temperature(row["temperature"]),
        max_tokens=row["max_tokens"],
        retries=row["retries"],
        is_active=row["is_active"],
        version=row["version"],
    )


AGENTS = Kind("agent", agent_configs, agent_configs.c.agent_type, NoSuchAgent, _row, _agent)

#: The agents as they come; their templates come with shared.llm.seeds.
SEEDS: Sequence[AgentConfig] = (
    AgentConfig(agent_type=AgentType.MAIN, prompt_template="main-agent"),
    AgentConfig(agent_type=AgentType.FALLBACK, prompt_template="fallback-agent", max_tokens=500),
    AgentConfig(agent_type=AgentType.FOLLOWUP, prompt_template="followup-agent"),
    AgentConfig(
        agent_type=AgentType.MODERATION,
        prompt_template="moderation-agent",
        temperature=Temperature(0.0),
        max_tokens=200,
    ),
)


async def seed_agents(session: AsyncSession) -> None:
    """After shared.llm.seeds.seed. Harmless the second time; never touches what is there."""
    await sow(session, AGENTS, SEEDS)


class CachedAgents:
    """Fits `ai_engine.domain.agents.Agents`; the last known ones while PostgreSQL is away."""

    def __init__(self, sessions: Sessions, *, max_age_s: float = 1.0) -> None:
        self._copy = copy_of(sessions, AGENTS.read_all, max_age_s=max_age_s)

    async def __call__(self) -> Mapping[AgentType, AgentConfig]:
        """Raises DatabaseUnavailable only where they were never read."""
        return in_service((await self._copy()).content)


def sql_configuration(sessions: Sessions) -> Configuration:
    """What operators may change, in PostgreSQL."""

    @asynccontextmanager
    async def look() -> AsyncGenerator[Work]:
        async with transaction(sessions) as session:
            yield _work(session, actor="")

    @asynccontextmanager
    async def open_work(actor: str) -> AsyncGenerator[Work]:
        async with changing(sessions) as session:
            yield _work(session, actor=actor)

    return configuration(look, open_work)


def _work(session: AsyncSession, *, actor: str) -> Work:
    return Work(
        configs=SqlEntries(session, CONFIGS, actor=actor),
        templates=SqlEntries(session, TEMPLATES, actor=actor),
        agents=SqlEntries(session, AGENTS, actor=actor),
        caps=SqlEntries(session, CAPS, actor=actor),
    )
