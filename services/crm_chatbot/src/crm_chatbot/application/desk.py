"""Asking models on a turn's behalf: within the budgets, noting what it costs."""

from collections.abc import Sequence
from dataclasses import dataclass

from crm_chatbot.application.answering import Brief
from crm_chatbot.application.moderation import WORDS, Verdict, read_verdict
from crm_chatbot.application.prompting import RULES, system_text
from shared.llm.budgets import Budgets
from shared.llm.catalogue import Catalogue, LLMConfig, ReadCatalogue
from shared.llm.chat import ChatMessage, ChatModels, ModelFailed, Reply, ToolSpec
from shared.llm.tokens import estimate

#: The templates' names; their words may be changed at run time.
ASSISTANT, MODERATION = "crm-assistant", "crm-moderation"

#: A reply on WhatsApp is short; this leaves room for the arguments of tools.
LONGEST_ANSWER = 1_500
LONGEST_VERDICT = 200


@dataclass(frozen=True)
class Desk:
    """Every model that a tenant's config names, asked with the right words."""

    catalogue: ReadCatalogue
    models: ChatModels
    budgets: Budgets
    keys_present: frozenset[str]
    #: the first line of what a shop's assistant is told
    marker: str

    async def answer(
        self, brief: Brief, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]
    ) -> Reply:
        """One model call. Raises ModelFailed, BudgetExceeded."""
        catalogue = await self.catalogue(at_least=(brief.tenant.llm_config,))
        system = system_text(brief, marker=self.marker, rules=_words(catalogue, ASSISTANT, RULES))
        asked = [ChatMessage("system", system), *messages]
        return await self._ask(brief, catalogue, asked, tools=tools)

    async def moderate(self, brief: Brief, text: str) -> Verdict:
        """Raises ModelFailed, BudgetExceeded, VerdictUnreadable."""
        catalogue = await self.catalogue(at_least=(brief.tenant.llm_config,))
        asked = [
            ChatMessage("system", _words(catalogue, MODERATION, WORDS)),
            ChatMessage("user", text),
        ]
        reply = await self._ask(brief, catalogue, asked, longest=LONGEST_VERDICT, temperature=0.0)
        return read_verdict(reply.text)

    async def rules(self) -> str:
        """What no reply may quote."""
        return _words(await self.catalogue(), ASSISTANT, RULES)

    async def _ask(
        self,
        brief: Brief,
        catalogue: Catalogue,
        messages: Sequence[ChatMessage],
        *,
        tools: Sequence[ToolSpec] = (),
        longest: int = LONGEST_ANSWER,
        temperature: float | None = None,
    ) -> Reply:
        candidates = catalogue.candidates(brief.tenant.llm_config, self.keys_present)
        worst = max(_worst_cost(config, messages, longest) for config in candidates)
        scopes = ("platform", brief.tenant.id)
        brief.meter.reservations.append(await self.budgets.reserve(scopes, worst))
        try:
            reply = await self.models.reply(
                candidates, messages, max_tokens=longest, temperature=temperature, tools=tools
            )
        except ModelFailed as failed:
            brief.meter.note(failed.calls)
            raise
        brief.meter.note(reply.calls)
        return reply


def _words(catalogue: Catalogue, name: str, ours: str) -> str:
    """The template's, unless somebody took it away or put holes into it."""
    template = catalogue.templates.get(name)
    return ours if template is None or template.variables else template.content


def _worst_cost(config: LLMConfig, messages: Sequence[ChatMessage], longest: int) -> int:
    characters = sum(len(message.text) for message in messages)
    return config.cost_micro_usd(estimate(characters) + 16, longest)
