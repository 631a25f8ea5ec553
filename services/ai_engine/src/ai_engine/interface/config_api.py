"""`/v1/llm-configs`, `/v1/prompt-templates`, `/v1/agents`: in force within two seconds."""

from typing import Annotated

from fastapi import Response
from pydantic import WithJsonSchema

from ai_engine.domain.agents import AgentType, NoSuchAgent
from ai_engine.interface.administration import (
    Admin,
    actor,
    history_of,
)
from ai_engine.interface.config_views import (
    AgentBody,
    AgentList,
    AgentView,
    ConfigBody,
    ConfigList,
    ConfigView,
    History,
    NewConfig,
    NewTemplate,
    TemplateBody,
    TemplateList,
    TemplateView,
)
from ai_engine.interface.spending_api import budgets, usage
from shared.interface.access import AnyCaller, PlatformCaller
from shared.interface.routes import api_router
from shared.interface.versions import ExpectedVersion, tag

#: Any other text names nothing (404); it is not a bad request.
AgentName = Annotated[str, WithJsonSchema({"enum": [str(one) for one in AgentType]})]

configs = api_router("/v1/llm-configs", tag="llm configs")
templates = api_router("/v1/prompt-templates", tag="prompt templates")
agents = api_router("/v1/agents", tag="agents")


@configs.get("", summary="List LLM configs")
async def list_configs(app: Admin, _caller: AnyCaller) -> ConfigList:
    """All of them, by name."""
    found = await app.configuration.configs.all()
    return ConfigList(llm_configs=[ConfigView.of(one, app.keys_present) for one in found])


@configs.post("", status_code=201, summary="Add an LLM config")
async def add_config(
    body: NewConfig, app: Admin, caller: PlatformCaller, response: Response
) -> ConfigView:
    """Jobs can name it at once."""
    config = await app.configuration.configs.add(body.named(body.name), actor=actor(caller))
    response.headers["Location"] = f"/v1/llm-configs/{config.name}"
    tag(response, config.version)
    return ConfigView.of(config, app.keys_present)


@configs.get("/{name}", summary="Look at an LLM config")
async def get_config(name: str, app: Admin, _caller: AnyCaller, response: Response) -> ConfigView:
    """Its `ETag` is its version."""
    config = await app.configuration.configs.get(name)
    tag(response, config.version)
    return ConfigView.of(config, app.keys_present)


@configs.put("/{name}", summary="Change an LLM config")
async def change_config(
    name: str,
    body: ConfigBody,
    app: Admin,
    caller: PlatformCaller,
    expected: ExpectedVersion,
    response: Response,
) -> ConfigView:
    """The whole config: what is left out gets its default. With `If-Match`, only that version."""
    config = await app.configuration.configs.replace(
        body.named(name), actor=actor(caller), expected=expected
    )
    tag(response, config.version)
    return ConfigView.of(config, app.keys_present)


@configs.delete("/{name}", status_code=204, summary="Remove an LLM config")
async def remove_config(
    name: str, app: Admin, caller: PlatformCaller, expected: ExpectedVersion
) -> None:
    """Refused (409 `in_use`) while an agent or another config's fallbacks name it."""
    await app.configuration.configs.remove(name, actor=actor(caller), expected=expected)


@configs.get("/{name}/history", summary="Who changed an LLM config")
async def config_history(name: str, app: Admin, _caller: PlatformCaller) -> History:
    """The newest change first; a removed config's too."""
    return history_of(await app.configuration.configs.history(name))


@templates.get("", summary="List prompt templates")
async def list_templates(app: Admin, _caller: AnyCaller) -> TemplateList:
    """All of them, by name."""
    found = await app.configuration.templates.all()
    return TemplateList(prompt_templates=[TemplateView.of(one) for one in found])


@templates.post("", status_code=201, summary="Add a prompt template")
async def add_template(
    body: NewTemplate, app: Admin, caller: PlatformCaller, response: Response
) -> TemplateView:
    """Jobs can name it at once."""
    template = await app.configuration.templates.add(body.named(body.name), actor=actor(caller))
    response.headers["Location"] = f"/v1/prompt-templates/{template.name}"
    tag(response, template.version)
    return TemplateView.of(template)


@templates.get("/{name}", summary="Look at a prompt template")
async def get_template(
    name: str, app: Admin, _caller: AnyCaller, response: Response
) -> TemplateView:
    """Its `ETag` is its version."""
    template = await app.configuration.templates.get(name)
    tag(response, template.version)
    return TemplateView.of(template)


@templates.put("/{name}", summary="Change a prompt template")
async def change_template(
    name: str,
    body: TemplateBody,
    app: Admin,
    caller: PlatformCaller,
    expected: ExpectedVersion,
    response: Response,
) -> TemplateView:
    """The whole template. With `If-Match`, only that version."""
    template = await app.configuration.templates.replace(
        body.named(name), actor=actor(caller), expected=expected
    )
    tag(response, template.version)
    return TemplateView.of(template)


@templates.delete("/{name}", status_code=204, summary="Remove a prompt template")
async def remove_template(
    name: str, app: Admin, caller: PlatformCaller, expected: ExpectedVersion
) -> None:
    """Refused (409 `in_use`) while it is an agent's system prompt."""
    await app.configuration.templates.remove(name, actor=actor(caller), expected=expected)


@templates.get("/{name}/history", summary="Who changed a prompt template")
async def template_history(name: str, app: Admin, _caller: PlatformCaller) -> History:
    """The newest change first; a removed template's too."""
    return history_of(await app.configuration.templates.history(name))


@agents.get("", summary="List the agents")
async def list_agents(app: Admin, _caller: AnyCaller) -> AgentList:
    """All four."""
    return AgentList(agents=[AgentView.of(one) for one in await app.configuration.agents.all()])


@agents.get("/{agent_type}", summary="Look at an agent")
async def get_agent(
    agent_type: AgentName, app: Admin, _caller: AnyCaller, response: Response
) -> AgentView:
    """Its `ETag` is its version."""
    agent = await app.configuration.agents.get(agent_type)
    tag(response, agent.version)
    return AgentView.of(agent)


@agents.put("/{agent_type}", summary="Change an agent")
async def change_agent(
    agent_type: AgentName,
    body: AgentBody,
    app: Admin,
    caller: PlatformCaller,
    expected: ExpectedVersion,
    response: Response,
) -> AgentView:
    """The whole agent: what is left out is the LLM config's. With `If-Match`, only that version."""
    agent = await app.configuration.agents.replace(
        body.typed(_agent_type(agent_type)), actor=actor(caller), expected=expected
    )
    tag(response, agent.version)
    return AgentView.of(agent)


@agents.get("/{agent_type}/history", summary="Who changed an agent")
async def agent_history(agent_type: AgentName, app: Admin, _caller: PlatformCaller) -> History:
    """The newest change first."""
    return history_of(await app.configuration.agents.history(agent_type))


def _agent_type(text: str) -> AgentType:
    try:
        return AgentType(text)
    except ValueError:
        raise NoSuchAgent(name=text) from None


routers = (configs, templates, agents, usage, budgets)
