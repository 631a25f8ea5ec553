"""The agents: what each is told and asked with, and who of them answers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Protocol, cast

from shared.domain import Invalid, NotFound
from shared.llm.catalogue import Temperature


class AgentType(StrEnum):
    MAIN = "main"  #: answers
    FALLBACK = "fallback"  #: answers when nobody else may or can
    FOLLOWUP = "followup"  #: goes on with a conversation
    MODERATION = "moderation"  #: judges what was asked, and answers nobody


class NoSuchAgent(NotFound):
    message = "There is no agent named {name!r}."


class AgentRejected(Invalid):
    message = "{field}: {reason}"
    at = "/{field}"


class TemplateOfAgent(Invalid):
    message = "It is the {agent} agent's system prompt: nobody would fill its variables."
    at = "/content"


@dataclass(frozen=True, kw_only=True)
class AgentConfig:
    """How an agent works. What is None is left to the LLM config; `version` counts its changes."""

    agent_type: AgentType
    #: the template that is its system prompt; it has no variables
    prompt_template: str
    #: None: the config that the job asks for
    llm_config: str | None = None
    temperature: Temperature | None = None
    max_tokens: int | None = None
    retries: int | None = None
    is_active: bool = True
    version: int = 1

    def __post_init__(self) -> None:
        if self.max_tokens is not None and not 1 <= self.max_tokens <= 1_000_000:
            raise AgentRejected(field="max_tokens", reason="must lie between 1 and 1000000")
        if self.retries is not None and not 0 <= self.retries <= 10:
            raise AgentRejected(field="retries", reason="must lie between 0 and 10")
        if not self.is_active and self.agent_type is not AgentType.FOLLOWUP:
            raise AgentRejected(
                field="is_active", reason=f"nobody can stand in for the {self.agent_type} agent"
            )

    @property
    def name(self) -> str:
        return self.agent_type.value


def in_service(agents: Sequence[AgentConfig]) -> Mapping[AgentType, AgentConfig]:
    """Who works as what: main stands in for the follow-up agent when that is switched off."""
    by_type = {agent.agent_type: agent for agent in agents}
    main = by_type.get(AgentType.MAIN)
    followup = by_type.get(AgentType.FOLLOWUP)
    if main and not (followup and followup.is_active):
        by_type[AgentType.FOLLOWUP] = replace(main, agent_type=AgentType.FOLLOWUP)
    return by_type


class Agents(Protocol):
    """Every agent, as configured at most two seconds ago."""

    async def __call__(self) -> Mapping[AgentType, AgentConfig]: ...


def choose_config(agent: AgentConfig, requested: str) -> str:
    """The LLM config's name that an agent is to be asked with: its own, or the job's."""
    return agent.llm_config or requested


@dataclass(frozen=True)
class Verdict:
    """What moderation thinks of a prompt."""

    allowed: bool
    reason: str = ""


def route(verdict: Verdict, *, is_followup: bool) -> AgentType:
    """Who answers."""
    if not verdict.allowed:
        return AgentType.FALLBACK
    return AgentType.FOLLOWUP if is_followup else AgentType.MAIN


class VerdictUnreadable(ValueError):
    """Moderation did not say yes or no in the form it was asked for; that is never a yes."""


def read_verdict(text: str) -> Verdict:
    """Raises VerdictUnreadable unless it is `{"allowed": true|false, "reason": "..."}`.

    Many models put JSON into a code fence whatever they are told: one is taken off.
    """
    try:
        found: object = json.loads(_without_fence(text), object_pairs_hook=_no_name_twice)
    except (ValueError, RecursionError) as unreadable:
        raise VerdictUnreadable("not JSON") from unreadable
    verdict = dict(cast("dict[str, object]", found)) if isinstance(found, dict) else {}
    allowed, reason = verdict.pop("allowed", None), verdict.pop("reason", "")
    if not isinstance(allowed, bool) or not isinstance(reason, str) or verdict:
        raise VerdictUnreadable("not a verdict")
    return Verdict(allowed, reason[:500])


def _without_fence(text: str) -> str:
    text = text.strip()
    if text.startswith("```") and text.endswith("```") and len(text) > 6:
        return text[3:-3].removeprefix("json")
    return text


def _no_name_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        # {"allowed": false, "allowed": true}: whoever reads the last one says yes.
        raise ValueError("a name appears twice")
    return found
