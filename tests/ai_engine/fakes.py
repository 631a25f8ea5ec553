"""The agents and the configuration in memory; they pass the same tests as the real ones."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager

from ai_engine.application.configuration import Configuration, Work, configuration
from ai_engine.domain.agents import AgentConfig, AgentType, NoSuchAgent, in_service
from ai_engine.infrastructure.agent_store import AGENTS, SEEDS
from shared.llm.budget_tables import CAPS
from shared.llm.budgets import NoSuchBudget
from shared.llm.catalogue import NoSuchLLMConfig, NoSuchPromptTemplate
from shared.llm.seeds import SEED_CONFIGS, SEED_TEMPLATES
from shared.llm.store import CONFIGS, TEMPLATES
from tests.shared.llm.fakes import MemoryEntries


class MemoryAgents:
    """Fits `ai_engine.domain.agents.Agents`."""

    def __init__(self, agents: Sequence[AgentConfig] = SEEDS) -> None:
        self.agents = list(agents)

    async def __call__(self) -> Mapping[AgentType, AgentConfig]:
        return in_service(self.agents)


def memory_configuration() -> Configuration:
    """What operators may change, as it comes."""
    work = Work(
        configs=MemoryEntries(
            CONFIGS.name,
            NoSuchLLMConfig,
            CONFIGS.to_row,
            entries={config.name: config for config in SEED_CONFIGS},
        ),
        templates=MemoryEntries(
            TEMPLATES.name,
            NoSuchPromptTemplate,
            TEMPLATES.to_row,
            entries={template.name: template for template in SEED_TEMPLATES},
        ),
        agents=MemoryEntries(
            AGENTS.name,
            NoSuchAgent,
            AGENTS.to_row,
            entries={agent.name: agent for agent in SEEDS},
        ),
        caps=MemoryEntries(CAPS.name, NoSuchBudget, CAPS.to_row),
    )

    @asynccontextmanager
    async def look() -> AsyncGenerator[Work]:
        yield work

    @asynccontextmanager
    async def open_work(_actor: str) -> AsyncGenerator[Work]:
        yield work

    return configuration(look, open_work)
