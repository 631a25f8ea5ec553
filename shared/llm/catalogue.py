"""LLM configs and prompt templates: what may be asked of which model, with which words."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Protocol
from urllib.parse import urlsplit

from shared.domain import Conflict, Invalid, NotFound


class Provider(StrEnum):
    """Whose wire protocol is spoken; an OpenAI-compatible server is OPENAI with a base_url."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    OFFLINE = "offline"  #: ours: deterministic, free, and honest about being no real model


class ConfigNotFound(Invalid):
    message = "There is no active LLM config named {name!r}."
    at = "/config_name"


class TemplateNotFound(Invalid):
    message = "There is no prompt template named {name!r}."
    at = "/template_name"


class TemplateVariables(Invalid):
    message = "The template {name!r} needs exactly the variables {needed}; it was given {given}."
    at = "/variables"


class NoSuchLLMConfig(NotFound, code="no_such_llm_config"):
    message = "There is no LLM config named {name!r}."


class NoSuchPromptTemplate(NotFound):
    message = "There is no prompt template named {name!r}."


class NameTaken(Conflict):
    message = "The name {name!r} is taken."


class LLMConfigRejected(Invalid, code="llm_config_rejected"):
    message = "{field}: {reason}"
    at = "/{field}"


class PromptTemplateRejected(Invalid):
    message = "A template has 1 to {limit} characters, and not only blank ones."
    at = "/content"


def _is_model_name(text: str) -> bool:
    return 0 < len(text.strip()) <= 255 and text.isprintable()


@dataclass(frozen=True)
class ModelName:
    """The provider's own name of a model: never empty, printable, at most 255 characters."""

    text: str

    def __post_init__(self) -> None:
        if not _is_model_name(self.text):
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


_PLAIN_URL = "must be an http or https address, without a login, a query or a fragment"


def _is_plain_url(url: str) -> bool:
    if len(url) > 2_000 or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises ValueError when it is no number
    except ValueError:
        return False
    has_extras = "@" in parts.netloc or "?" in url or "#" in url
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not has_extras


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
    #: the model takes pictures, too
    vision: bool = False
    #: what turns speech into text at the same address; None: nothing there does
    transcription_model: str | None = None
    #: US dollars for a million tokens; nought where unknown or free
    input_price: float = 0.0
    output_price: float = 0.0
    version: int = 1

    def __post_init__(self) -> None:
        for name, is_kept, rule in self._rules():
            if not is_kept:
                raise LLMConfigRejected(field=name, reason=rule)

    def _rules(self) -> Iterator[tuple[str, bool, str]]:
        needs_key = self.provider is not Provider.OFFLINE or self.api_key_env != ""
        yield (
            "api_key_env",
            not needs_key or KEY_VARIABLE.fullmatch(self.api_key_env) is not None,
            "must look like OPENAI_API_KEY, ANTHROPIC_..._KEY or LLM_..._KEY",
        )
        yield "max_tokens", 1 <= self.max_tokens <= 1_000_000, "must lie between 1 and 1000000"
        yield "timeout_s", 0 < self.timeout_s <= 600, "must be more than 0 and at most 600"
        yield "retries", 0 <= self.retries <= 10, "must lie between 0 and 10"
        yield "base_url", self.base_url is None or _is_plain_url(self.base_url), _PLAIN_URL
        yield "fallbacks", self.name not in self.fallbacks, "a config cannot be its own fallback"
        yield "fallbacks", len(set(self.fallbacks)) == len(self.fallbacks), "each only once"
        yield "fallbacks", len(self.fallbacks) <= 10, "at most 10"
        yield (
            "transcription_model",
            self.transcription_model is None or self.provider is not Provider.ANTHROPIC,
            "Anthropic's models do not transcribe; name it in a config of an OpenAI-compatible one",
        )
        yield (
            "transcription_model",
            self.transcription_model is None or _is_model_name(self.transcription_model),
            "1 to 255 printable characters",
        )
        yield "input_price", 0 <= self.input_price <= 1e6, "must lie between 0 and 1000000"
        yield "output_price", 0 <= self.output_price <= 1e6, "must lie between 0 and 1000000"

    def cost_micro_usd(self, input_tokens: int, output_tokens: int) -> int:
        """Millionths of a US dollar (a price per million tokens is one, per token)."""
        return round(input_tokens * self.input_price + output_tokens * self.output_price)


@dataclass(frozen=True, kw_only=True)
class PromptTemplate:
    """Words with holes: `{{name}}` is filled from a job's variables, once, never again."""

    HOLE: ClassVar[re.Pattern[str]] = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]{0,63})\s*\}\}")
    LIMIT: ClassVar[int] = 100_000

    name: str
    content: str
    description: str = ""
    version: int = 1

    def __post_init__(self) -> None:
        if not 0 < len(self.content.strip()) <= self.LIMIT:
            raise PromptTemplateRejected(limit=self.LIMIT)

    @property
    def variables(self) -> frozenset[str]:
        return frozenset(self.HOLE.findall(self.content))

    def check(self, variables: Mapping[str, str]) -> None:
        """Raises TemplateVariables unless exactly the needed ones are given."""
        if self.variables != frozenset(variables):
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
        chain = [
            asked,
            *(self.configs[other] for other in asked.fallbacks if other in self.configs),
        ]
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
