"""Changing LLM configs, prompt templates, agents and budgets while the platform runs."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Generic

from ai_engine.domain.agents import AgentConfig, AgentRejected, TemplateOfAgent
from shared.llm.budgets import Cap
from shared.llm.catalogue import LLMConfig, LLMConfigRejected, PromptTemplate
from shared.llm.entries import Change, Entries, EntryT, InUse


@dataclass(frozen=True)
class Work:
    """One transaction: commits when its block ends, rolls back when it raises."""

    configs: Entries[LLMConfig]
    templates: Entries[PromptTemplate]
    agents: Entries[AgentConfig]
    caps: Entries[Cap]


#: For looking only.
Look = Callable[[], AbstractAsyncContextManager[Work]]
#: For changing, in the name of an actor; one change at a time, so what a rule saw still holds.
OpenWork = Callable[[str], AbstractAsyncContextManager[Work]]


async def anything_fits(_work: Work, _entry: object) -> None:
    """No rule looks beyond the entry itself."""


async def nobody_uses(_work: Work, _name: str) -> Sequence[str]:
    return ()


@dataclass(frozen=True)
class Section(Generic[EntryT]):
    """What may be done with one kind of entry. Each method is one transaction."""

    look: Look
    open_work: OpenWork
    of: Callable[[Work], Entries[EntryT]]
    #: raises a refusal when the entry does not fit to the others
    fits: Callable[[Work, EntryT], Awaitable[None]] = anything_fits
    users: Callable[[Work, str], Awaitable[Sequence[str]]] = nobody_uses

    async def all(self) -> Sequence[EntryT]:
        async with self.look() as work:
            return await self.of(work).all()

    async def get(self, name: str) -> EntryT:
        """Raises the kind's NotFound."""
        async with self.look() as work:
            return await self.of(work).get(name)

    async def history(self, name: str) -> Sequence[Change]:
        """The newest change first. Raises the kind's NotFound for a name that never was."""
        async with self.look() as work:
            if changes := await self.of(work).history(name):
                return changes
            await self.of(work).get(name)
            return ()

    async def add(self, entry: EntryT, *, actor: str) -> EntryT:
        """Raises NameTaken, or a refusal of what does not fit."""
        async with self.open_work(actor) as work:
            await self.fits(work, entry)
            return await self.of(work).add(entry)

    async def replace(self, entry: EntryT, *, actor: str, expected: int | None = None) -> EntryT:
        """Raises the kind's NotFound, ChangedSince, or a refusal of what does not fit."""
        async with self.open_work(actor) as work:
            await self.of(work).get(entry.name)
            await self.fits(work, entry)
            return await self.of(work).replace(entry, expected=expected)

    async def put(self, entry: EntryT, *, actor: str, expected: int | None = None) -> EntryT:
        """Replace it, or add it where it is not there yet.

        Raises ChangedSince; the kind's NotFound where a version is expected and there is none.
        """
        async with self.open_work(actor) as work:
            names = {stored.name for stored in await self.of(work).all()}
            if entry.name in names or expected is not None:
                return await self.of(work).replace(entry, expected=expected)
            return await self.of(work).add(entry)

    async def remove(self, name: str, *, actor: str, expected: int | None = None) -> None:
        """Raises the kind's NotFound, ChangedSince, or InUse."""
        async with self.open_work(actor) as work:
            await self.of(work).get(name)
            if users := await self.users(work, name):
                raise InUse(name=name, users=", ".join(users))
            await self.of(work).remove(name, expected=expected)


@dataclass(frozen=True)
class Configuration:
    """Everything that operators configure."""

    configs: Section[LLMConfig]
    templates: Section[PromptTemplate]
    agents: Section[AgentConfig]
    caps: Section[Cap]


def configuration(look: Look, open_work: OpenWork) -> Configuration:
    """The sections, and the rules between them."""
    return Configuration(
        configs=Section(look, open_work, lambda work: work.configs, _config_fits, _config_users),
        templates=Section(
            look, open_work, lambda work: work.templates, _template_fits, _template_users
        ),
        agents=Section(look, open_work, lambda work: work.agents, _agent_fits),
        caps=Section(look, open_work, lambda work: work.caps),
    )


#: What a job is answered with that names neither; without them most requests would be refused.
DEFAULT_CONFIG = "default-smart"
DEFAULT_TEMPLATE = "default-assistant"
_EVERY_JOB = "every job that names none"


async def _config_fits(work: Work, config: LLMConfig) -> None:
    known = {other.name for other in await work.configs.all()}
    if unknown := [name for name in config.fallbacks if name not in known]:
        raise LLMConfigRejected(
            field="fallbacks", reason=f"there is no config named {unknown[0]!r}"
        )
    agents = [agent.name for agent in await work.agents.all() if agent.llm_config == config.name]
    if agents and not config.is_active:
        raise InUse(name=config.name, users=f"the {agents[0]} agent")


async def _config_users(work: Work, name: str) -> Sequence[str]:
    configs = await work.configs.all()
    agents = await work.agents.all()
    return [
        *([_EVERY_JOB] if name == DEFAULT_CONFIG else []),
        *(f"the config {config.name!r}" for config in configs if name in config.fallbacks),
        *(f"the {agent.name} agent" for agent in agents if agent.llm_config == name),
    ]


async def _template_fits(work: Work, template: PromptTemplate) -> None:
    users = [agent for agent in await work.agents.all() if agent.prompt_template == template.name]
    if users and template.variables:
        raise TemplateOfAgent(agent=users[0].name)


async def _template_users(work: Work, name: str) -> Sequence[str]:
    return [
        *([_EVERY_JOB] if name == DEFAULT_TEMPLATE else []),
        *(
            f"the {agent.name} agent"
            for agent in await work.agents.all()
            if agent.prompt_template == name
        ),
    ]


async def _agent_fits(work: Work, agent: AgentConfig) -> None:
    templates = {template.name: template for template in await work.templates.all()}
    template = templates.get(agent.prompt_template)
    if template is None:
        reason = f"there is no template named {agent.prompt_template!r}"
        raise AgentRejected(field="prompt_template", reason=reason)
    if template.variables:
        reason = "nobody fills the variables of an agent's template: it must have none"
        raise AgentRejected(field="prompt_template", reason=reason)
    usable = {config.name for config in await work.configs.all() if config.is_active}
    if agent.llm_config is not None and agent.llm_config not in usable:
        reason = f"there is no active config named {agent.llm_config!r}"
        raise AgentRejected(field="llm_config", reason=reason)
