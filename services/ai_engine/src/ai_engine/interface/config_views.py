"""LLM configs, templates and agents as operators see them: the schemas of requests and answers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints

from ai_engine.domain.agents import AgentConfig, AgentType
from shared.llm.catalogue import LLMConfig, ModelName, PromptTemplate, Provider, Temperature
from shared.llm.entries import Change

#: Fit for a path without any escaping.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$")]
#: Neither `true` nor `"1"` is a number, and 1.5 is no whole one.
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Whole = Annotated[int, Field(strict=True)]


class Body(BaseModel):
    """What a request holds: these fields and no others."""

    model_config = ConfigDict(extra="forbid")


class ConfigBody(Body):
    """One way of asking a model."""

    provider: Provider = Field(
        description="`openai` also speaks to any server with its protocol: give its `base_url`."
    )
    model_name: str = Field(max_length=255, examples=["gpt-4-turbo"])
    api_key_env: str = Field(
        "",
        max_length=255,
        description="The environment variable that holds the key: OPENAI_..._KEY, "
        "ANTHROPIC_..._KEY or LLM_..._KEY. The key itself is never stored here.",
        examples=["OPENAI_API_KEY"],
    )
    temperature: Number = Field(0.7, ge=0, le=2)
    max_tokens: Whole = Field(4096, ge=1, le=1_000_000, description="Of one answer.")
    is_active: StrictBool = True
    base_url: str | None = Field(None, max_length=2_000, examples=["http://localhost:11434/v1"])
    timeout_s: Number = Field(180, gt=0, le=600, description="For one call, retries included.")
    retries: Whole = Field(2, ge=0, le=10)
    fallbacks: list[Name] = Field(
        default_factory=list,
        max_length=10,
        description="Configs to turn to, in this order, when the provider fails.",
    )
    vision: StrictBool = Field(
        default=False, description="The model takes pictures: customers' photos are read with it."
    )
    transcription_model: str | None = Field(
        None,
        max_length=255,
        description="What `/audio/transcriptions` of the same server turns voice messages into "
        "text with. Null: nothing there does.",
        examples=["gpt-4o-mini-transcribe"],
    )
    input_price: Number = Field(0, ge=0, le=1_000_000, description="US dollars per million tokens.")
    output_price: Number = Field(0, ge=0, le=1_000_000)

    def named(self, name: str) -> LLMConfig:
        """Raises LLMConfigRejected."""
        return LLMConfig(
            name=name,
            provider=self.provider,
            model_name=ModelName(self.model_name),
            api_key_env=self.api_key_env,
            temperature=Temperature(self.temperature),
            max_tokens=self.max_tokens,
            is_active=self.is_active,
            base_url=self.base_url,
            timeout_s=self.timeout_s,
            retries=self.retries,
            fallbacks=tuple(self.fallbacks),
            vision=self.vision,
            transcription_model=self.transcription_model,
            input_price=self.input_price,
            output_price=self.output_price,
        )


class NewConfig(ConfigBody):
    """A config that is not there yet."""

    name: Name = Field(examples=["fast-and-cheap"])


class ConfigView(BaseModel):
    """An LLM config as it is now."""

    name: str
    provider: Provider
    model_name: str
    api_key_env: str
    key_is_set: bool = Field(description="Whether that variable holds anything where this runs.")
    temperature: float
    max_tokens: int
    is_active: bool
    base_url: str | None
    timeout_s: float
    retries: int
    fallbacks: list[str]
    vision: bool
    transcription_model: str | None
    input_price: float
    output_price: float
    version: int

    @classmethod
    def of(cls, config: LLMConfig, keys_present: frozenset[str]) -> "ConfigView":
        return cls(
            name=config.name,
            provider=config.provider,
            model_name=config.model_name.text,
            api_key_env=config.api_key_env,
            key_is_set=config.api_key_env in keys_present,
            temperature=config.temperature.value,
            max_tokens=config.max_tokens,
            is_active=config.is_active,
            base_url=config.base_url,
            timeout_s=config.timeout_s,
            retries=config.retries,
            fallbacks=list(config.fallbacks),
            vision=config.vision,
            transcription_model=config.transcription_model,
            input_price=config.input_price,
            output_price=config.output_price,
            version=config.version,
        )


class ConfigList(BaseModel):
    """All LLM configs, by name."""

    llm_configs: list[ConfigView]


class TemplateBody(Body):
    """Words with holes: `{{name}}` is filled from a job's `variables`."""

    content: str = Field(
        max_length=PromptTemplate.LIMIT, examples=["Answer as {{role}}, in one sentence."]
    )
    description: str = Field("", max_length=2_000)

    def named(self, name: str) -> PromptTemplate:
        """Raises PromptTemplateRejected."""
        return PromptTemplate(name=name, content=self.content, description=self.description)


class NewTemplate(TemplateBody):
    """A template that is not there yet."""

    name: Name = Field(examples=["in-one-sentence"])


class TemplateView(BaseModel):
    """A prompt template as it is now."""

    name: str
    content: str
    description: str
    variables: list[str] = Field(description="What a job that uses it must give, exactly.")
    version: int

    @classmethod
    def of(cls, template: PromptTemplate) -> "TemplateView":
        return cls(
            name=template.name,
            content=template.content,
            description=template.description,
            variables=sorted(template.variables),
            version=template.version,
        )


class TemplateList(BaseModel):
    """All prompt templates, by name."""

    prompt_templates: list[TemplateView]


class AgentBody(Body):
    """How an agent works. What is null is left to the LLM config."""

    prompt_template: Name = Field(description="The template that is its system prompt.")
    llm_config: Name | None = Field(None, description="Null: the config that the job asks for.")
    temperature: Number | None = Field(None, ge=0, le=2)
    max_tokens: Whole | None = Field(None, ge=1, le=1_000_000)
    retries: Whole | None = Field(None, ge=0, le=10)
    is_active: StrictBool = Field(
        default=True,
        description="Only `followup` can be switched off; `main` then stands in for it.",
    )

    def typed(self, agent_type: AgentType) -> AgentConfig:
        """Raises AgentRejected."""
        return AgentConfig(
            agent_type=agent_type,
            prompt_template=self.prompt_template,
            llm_config=self.llm_config,
            temperature=None if self.temperature is None else Temperature(self.temperature),
            max_tokens=self.max_tokens,
            retries=self.retries,
            is_active=self.is_active,
        )


class AgentView(BaseModel):
    """An agent as it is configured now."""

    agent_type: AgentType
    prompt_template: str
    llm_config: str | None
    temperature: float | None
    max_tokens: int | None
    retries: int | None
    is_active: bool
    version: int

    @classmethod
    def of(cls, agent: AgentConfig) -> "AgentView":
        return cls(
            agent_type=agent.agent_type,
            prompt_template=agent.prompt_template,
            llm_config=agent.llm_config,
            temperature=agent.temperature.value if agent.temperature else None,
            max_tokens=agent.max_tokens,
            retries=agent.retries,
            is_active=agent.is_active,
            version=agent.version,
        )


class AgentList(BaseModel):
    """The four agents."""

    agents: list[AgentView]


class ChangeView(BaseModel):
    """One change; `before` is null for the first, `after` for a removal."""

    version: int
    actor: str
    changed_at: datetime
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None

    @classmethod
    def of(cls, change: Change) -> "ChangeView":
        return cls(
            version=change.version,
            actor=change.actor,
            changed_at=change.changed_at,
            before=change.before,
            after=change.after,
        )


class History(BaseModel):
    """The latest hundred changes, the newest first."""

    changes: list[ChangeView]
