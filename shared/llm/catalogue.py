"""LLM configs and prompt templates: what may be asked of which model, with which words."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Protocol

from shared.domain import Conflict, Invalid, NotFound


class Provider(StrEnum):
    """Whose wire protocol is spoken; an OpenAI-compatible server is OPENAI with a base_url."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    OFFLINE = "offline"  #: ours: deterministic, free, and honest about being no real model


class ConfigNotFound(Invalid):
    message = "There is no active LLM config named {name!r}."
    pointer = "/config_name"


class TemplateNotFound(Invalid):
    message = "There is no prompt template named {name!r}."
    pointer = "/template_name"


class TemplateVariables(Invalid):
    message = "The template {name!r} needs exactly the variables {needed}; it was given {given}."
    pointer = "/variables"


class NoSuchLLMConfig(NotFound):
    message = "There is no LLM config named {name!r}."


class NoSuchPromptTemplate(NotFound):
    message = "There is no prompt template named {name!r}."


class NameTaken(Conflict):
    message = "The name {name!r} is taken."


class LLMConfigRejected(Invalid):
    message = "{field}: {reason}"

    @property
    def pointer(self) -> str:
        return f"/{self.facts['field']}"


@dataclass(frozen=True)
class ModelName:
    """The provider's own name of a model: never empty, printable, at most 255 characters."""

    text: str

    def __post_init__(self) -> None:
        if not 0 < len(self.text.strip()) <= 255 or not self.text.isprintable():
            raise LLMConfigRejected(field="model_name", reason="1 to 255 printable characters")


@dataclass(frozen=True)
class Temperature:
    """How freely a model chooses its words: 0.0 (hardly) to 2.0 (wildly)."""

    value: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.value <= 2.0:
            raise LLMConfigRejected(field="temperature", reason="must lie between 0.0 and 2.0")


#: Only these environment variables may be named as keys: anything else in the environment
#: (a database URL, say) would otherwise leave the house in a request header.
KEY_VARIABLE = re.compile(r"^(OPENAI|ANTHROPIC|LLM)_[A-Z0-9_]*KEY$")


@dataclass(frozen=True, kw_only=True)
class LLMConfig:
    """One way of asking a model. `version` counts its changes."""

    name: str
    provider: Provider
    model_name: ModelName
    api_key_env: str
    temperature: Temperature = Temperature(0.7)
    max_tokens: int = 4096
    is_active: bool = True
    base_url: str | None = None
    #: for one whole call, seconds
    timeout_s: float = 180.0
    #: further tries of one call, within it
    retries: int = 2
    #: names of configs to turn to, in order, when this one's provider fails
    fallbacks: tuple[str, ...] = ()
    #: US dollars for a million tokens; nought where unknown or free
    input_price: float = 0.0
    output_price: float = 0.0
    version: int = 1

    def __post_init__(self) -> None:
        if self.provider is not Provider.OFFLINE and not KEY_VARIABLE.match(self.api_key_env):
            raise LLMConfigRejected(
                field="api_key_env", reason="must look like OPENAI_API_KEY, ANTHROPIC_... or LLM_..."
            )
        if not 1 <= self.max_tokens <= 1_000_000:
            raise LLMConfigRejected(field="max_tokens", reason="must lie between 1 and 1000000")
        if self.name in self.fallbacks:
            raise LLMConfigRejected(field="fallbacks", reason="a config cannot be its own fallback")

    def cost_micro_usd(self, input_tokens: int, output_tokens: int) -> int:
        """Millionths of a US dollar (a price per million tokens is one, per token)."""
        return round(input_tokens * self.input_price + output_tokens * self.output_price)


@dataclass(frozen=True, kw_only=True)
class PromptTemplate:
    """Words with holes: `{{name}}` is filled from a job's variables, once, never again."""

    HOLE: ClassVar[re.Pattern[str]] = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]{0,63})\s*\}\}")

    name: str
    content: str
    description: str = ""
    version: int = 1

    @property
    def variables(self) -> frozenset[str]:
        return frozenset(self.HOLE.findall(self.content))

    def check(self, variables: Mapping[str, str]) -> None:
        """Raises TemplateVariables unless exactly the needed ones are given."""
        if self.variables != variables.keys():
            raise TemplateVariables(
                name=self.name,
                needed=sorted(self.variables) or "none",
                given=sorted(variables) or "none",
            )

    def render(self, variables: Mapping[str, str]) -> str:
        """Raises TemplateVariables. A value that looks like a hole stays as it is."""
        self.check(variables)
        return self.HOLE.sub(lambda hole: variables[hole[1]], self.content)


@dataclass(frozen=True)
class Catalogue:
    """Every config and template as they were at one moment."""

    configs: Mapping[str, LLMConfig] = field(default_factory=dict[str, LLMConfig])
    templates: Mapping[str, PromptTemplate] = field(default_factory=dict[str, PromptTemplate])

    def config(self, name: str) -> LLMConfig:
        """Raises ConfigNotFound, also for an inactive one."""
        config = self.configs.get(name)
        if config is None or not config.is_active:
            raise ConfigNotFound(name=name)
        return config

    def template(self, name: str) -> PromptTemplate:
        """Raises TemplateNotFound."""
        if template := self.templates.get(name):
            return template
        raise TemplateNotFound(name=name)

    def candidates(self, name: str, keys_present: frozenset[str]) -> Sequence[LLMConfig]:
        """The configs to try for `name`, in order: itself, then its fallbacks (not theirs).

        Configs whose key is not in the environment are passed over. The offline model answers
        only where no real one is configured at all: a provider's outage must never look like an
        answer. Raises ConfigNotFound.
        """
        asked = self.config(name)
        chain = [asked, *(self.configs[other] for other in asked.fallbacks if other in self.configs)]
        active = [config for config in chain if config.is_active]
        real = [
            config
            for config in active
            if config.provider is not Provider.OFFLINE and config.api_key_env in keys_present
        ]
        offline = [config for config in active if config.provider is Provider.OFFLINE]
        return real or offline or [asked]


class ReadCatalogue(Protocol):
    """A catalogue that is at most two seconds old."""

    async def __call__(self, *, at_least: Sequence[str] = ()) -> Catalogue:
        """`at_least`: names that the caller needs; one that is unknown is looked for afresh."""
        ...
