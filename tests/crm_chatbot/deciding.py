"""Briefs as tests speak of them, and an agent that takes its steps without LangGraph."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from uuid_utils.compat import uuid7

from crm_chatbot.application.ports import OpenWork
from crm_chatbot.application.turns.answering import Brief, Progress
from crm_chatbot.application.turns.desk import Desk
from crm_chatbot.application.turns.facts import FactCheck
from crm_chatbot.application.turns.steps import Step, Steps, step_after
from crm_chatbot.application.turns.tools.customer import TOOLS
from crm_chatbot.application.turns.tools.toolbox import Tool, Toolbox
from crm_chatbot.domain.conversations.conversation import Claim, Conversation
from crm_chatbot.domain.conversations.message import Message, TurnId
from crm_chatbot.domain.customers.customer import Customer
from crm_chatbot.domain.tenants.tenant import Tenant
from crm_chatbot.domain.turns.turn import Outcome, Turn, TurnLimits
from shared.llm.chat import ChatModels
from tests.crm_chatbot.builders import NOON, a_tenant
from tests.crm_chatbot.chats import PHONE, a_conversation, a_customer, a_message
from tests.crm_chatbot.stores import Crm
from tests.shared.llm.builders import an_offline_config
from tests.shared.llm.fakes import MemoryBudgets, MemoryCatalogue

MARKER = "# A shop's assistant"


@dataclass
class PlainAgent:
    """Honours crm_chatbot.application.turns.answering.Agent."""

    steps: Steps
    kept: dict[TurnId, Progress] = field(default_factory=dict[TurnId, Progress])

    async def __call__(self, brief: Brief, /) -> Progress:
        progress = self.kept.get(brief.turn_id)
        if progress is None:
            first = Step.MODERATE if brief.tenant.is_moderated else Step.THINK
            progress = await self._take(first, brief, Progress())
        while True:
            while progress.decision is None:
                progress = await self._take(step_after(progress), brief, progress)
            progress = await self._take(Step.REVIEW, brief, progress)
            if progress.decision is not None:
                return progress

    async def _take(self, step: Step, brief: Brief, progress: Progress) -> Progress:
        taken = await self.steps.take(step, brief, progress)
        self.kept[brief.turn_id] = taken
        return taken


def steps_with(
    models: ChatModels,
    open_work: OpenWork,
    *,
    tools: Sequence[Tool[Any]] = TOOLS,
    limits: TurnLimits | None = None,
    budgets: MemoryBudgets | None = None,
    catalogue: MemoryCatalogue | None = None,
) -> Steps:
    desk = Desk(
        catalogue=catalogue or MemoryCatalogue([an_offline_config("default-smart")]),
        models=models,
        budgets=budgets or MemoryBudgets(),
        keys_present=frozenset(),
        marker=MARKER,
    )
    check = FactCheck(open_work)
    return Steps(desk, Toolbox(open_work, tools), check, limits or TurnLimits())


@dataclass
class Scene:
    """One chat of one shop, and a turn that is under way in it."""

    tenant: Tenant
    customer: Customer
    conversation: Conversation
    turn: Turn
    heard: Sequence[Message]

    def brief(self, **facts: Any) -> Brief:
        named: dict[str, Any] = {
            "claim": claim_of(self.conversation),
            "turn_id": self.turn.id,
            "tenant": self.tenant,
            "customer": self.customer,
            "heard": self.heard,
            "language": self.tenant.language,
            "now": NOON,
            "deadline": asyncio.get_running_loop().time() + 60,
        }
        return Brief(**named | facts)


def claim_of(conversation: Conversation) -> Claim:
    return Claim(
        tenant_id=conversation.tenant_id, conversation_id=conversation.id, epoch=conversation.epoch
    )


async def a_scene(crm: Crm, *texts: str, tenant: Tenant | None = None) -> Scene:
    """Stored: a customer has written these, and a turn about them has begun."""
    tenant = tenant or a_tenant()
    customer = a_customer(PHONE, tenant_id=tenant.id, name="Budi")
    conversation = a_conversation(customer, tenant_id=tenant.id, epoch=1, lease_worker=uuid7())
    heard = [a_message(conversation, text=words) for words in texts or ("Halo kak",)]
    seqs = [message.seq for message in heard]
    turn = Turn.begin(TurnId(uuid7()), claim_of(conversation), seqs=seqs, now=NOON)
    async with crm.open_work(tenant.id) as work:
        await work.tenants.add(tenant)
        assert await work.customers.add(customer)
        await work.conversations.add(conversation)
        await work.messages.add(heard)
        await work.turns.add(turn)
    return Scene(tenant, customer, conversation, turn, heard)


def reply_of(progress: Progress) -> str:
    assert progress.decision is not None
    return progress.decision.reply


def outcome_of(progress: Progress) -> Outcome:
    assert progress.decision is not None
    return progress.decision.outcome
