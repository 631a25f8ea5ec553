"""Answering one prompt: with a single model call, or through the moderated agents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol
from uuid import UUID

from ai_engine.domain.agents import (
    AgentConfig,
    Agents,
    AgentType,
    Verdict,
    choose_config,
    read_verdict,
)
from shared.llm.budgets import Budgets, Reservation
from shared.llm.catalogue import LLMConfig, ReadCatalogue
from shared.llm.chat import ChatMessage, ChatModels, ModelCall, ModelFailed, OnToken, Reply


class ModerationUnavailable(Exception):
    """Moderation was asked for and could not be had: the prompt must not be answered."""

    def __init__(self, detail: str, *, may_pass: bool, retry_after_s: float | None = None) -> None:
        super().__init__(detail)
        self.may_pass = may_pass
        self.retry_after_s = retry_after_s


@dataclass
class Meter:
    """What an attempt has used so far; it holds even when the attempt fails."""

    calls: list[ModelCall] = field(default_factory=list[ModelCall])
    reservations: list[Reservation] = field(default_factory=list[Reservation])


@dataclass(frozen=True, kw_only=True)
class ProcessingRequest:
    """One prompt, and everything that its answer may depend on."""

    prompt: str
    config_name: str = "default-smart"
    template_name: str = "default-assistant"
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    tenant_id: UUID | None = None
    #: what was said on the thread before, oldest first
    history: Sequence[ChatMessage] = ()
    #: called with each piece of the answer, as it is written
    on_token: OnToken | None = None
    meter: Meter = field(default_factory=Meter)


@dataclass(frozen=True, kw_only=True)
class ProcessingResult:
    """The answer, who gave it, and what moderation said (None: it was not asked)."""

    text: str
    provider: str
    model: str
    agent: AgentType | None = None
    moderation: Literal["passed", "refused"] | None = None


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What the agents' pipeline is given."""

    request: ProcessingRequest
    is_followup: bool
    needs_moderation: bool


class Pipeline(Protocol):
    """moderation -> router -> main | followup | fallback."""

    async def __call__(self, turn: Turn, /) -> ProcessingResult:
        """Raises ModelFailed, ModerationUnavailable, BudgetExceeded, or a refusal."""
        ...


@dataclass(frozen=True)
class Desk:
    """Asks models: within the budget, with the right words, noting what it cost."""

    catalogue: ReadCatalogue
    models: ChatModels
    agents: Agents
    budgets: Budgets
    keys_present: frozenset[str]

    async def answer(self, request: ProcessingRequest) -> Reply:
        """Answer with the request's own template and config."""
        catalogue = await self.catalogue(at_least=(request.config_name, request.template_name))
        system = catalogue.template(request.template_name).render(request.variables)
        candidates = catalogue.candidates(request.config_name, self.keys_present)
        return await self._ask(candidates, system, request, on_token=request.on_token)

    async def answer_as(self, agent_type: AgentType, request: ProcessingRequest) -> Reply:
        """Answer as an agent: its words first, then those of the request's own template."""
        agent = (await self.agents())[agent_type]
        catalogue = await self.catalogue(at_least=(request.config_name, request.template_name))
        system = "\n\n".join(
            (
                catalogue.template(agent.prompt_template).render({}),
                catalogue.template(request.template_name).render(request.variables),
            )
        )
        candidates = catalogue.candidates(
            choose_config(agent, request.config_name), self.keys_present
        )
        return await self._ask(candidates, system, request, agent=agent, on_token=request.on_token)

    async def moderate(self, request: ProcessingRequest) -> Verdict:
        """Ask the moderation agent. Raises ModerationUnavailable, BudgetExceeded."""
        agent = (await self.agents())[AgentType.MODERATION]
        catalogue = await self.catalogue()
        system = catalogue.template(agent.prompt_template).render({})
        candidates = catalogue.candidates(
            choose_config(agent, request.config_name), self.keys_present
        )
        try:
            reply = await self._ask(candidates, system, request, agent=agent)
            return read_verdict(reply.text)
        except ModelFailed as failed:
            raise ModerationUnavailable(
                failed.detail, may_pass=failed.may_pass, retry_after_s=failed.retry_after_s
            ) from failed
        except ValueError as unreadable:
            raise ModerationUnavailable("its verdict was unreadable", may_pass=True) from unreadable

    async def _ask(
        self,
        candidates: Sequence[LLMConfig],
        system: str,
        request: ProcessingRequest,
        *,
        agent: AgentConfig | None = None,
        on_token: OnToken | None = None,
    ) -> Reply:
        messages = [
            ChatMessage("system", system),
            *request.history,
            ChatMessage("user", request.prompt),
        ]
        meter = request.meter
        worst = max(_worst_cost(config, messages) for config in candidates)
        meter.reservations.append(
            await self.budgets.reserve(("platform", request.tenant_id), worst)
        )
        try:
            reply = await self.models.reply(
                candidates,
                messages,
                temperature=agent.temperature.value if agent and agent.temperature else None,
                max_tokens=agent.max_tokens if agent else None,
                retries=agent.retries if agent else None,
                on_token=on_token,
            )
        except ModelFailed as failed:
            meter.calls.extend(failed.calls)
            raise
        meter.calls.extend(reply.calls)
        return reply


@dataclass(frozen=True)
class ProcessingService:
    """The two ways to answer a prompt."""

    desk: Desk
    pipeline: Pipeline

    async def process(self, request: ProcessingRequest) -> ProcessingResult:
        """One model call, with the request's template and config."""
        reply = await self.desk.answer(request)
        return ProcessingResult(text=reply.text, provider=reply.provider, model=reply.model)

    async def process_multi_agent(
        self,
        request: ProcessingRequest,
        context: Mapping[str, object] | None = None,
        *,
        needs_moderation: bool = False,
    ) -> ProcessingResult:
        """Through moderation (when asked for), the router and an agent.

        `context["is_followup"]` says that the prompt continues a conversation; a history says so
        too. Raises ModerationUnavailable when moderation is asked for and cannot be had.
        """
        is_followup = bool((context or {}).get("is_followup", request.history))
        return await self.pipeline(
            Turn(request=request, is_followup=is_followup, needs_moderation=needs_moderation)
        )


def _worst_cost(config: LLMConfig, messages: Sequence[ChatMessage]) -> int:
    # About four characters make a token; an answer may be as long as it is allowed to be.
    input_tokens = sum(len(message.text) for message in messages) // 4 + 16
    return config.cost_micro_usd(input_tokens, config.max_tokens)
