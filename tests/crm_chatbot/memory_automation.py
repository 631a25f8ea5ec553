"""A tenant's automation rules in memory."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from crm_chatbot.domain.automation import Rule, RuleId, RuleNameTaken, RuleNotFound
from crm_chatbot.domain.conversations.conversation import ConversationId
from shared.domain import ChangedMeanwhile
from tests.crm_chatbot.memory_chats import Chats


@dataclass
class Automation:
    """Everything that one tenant's transactions may change of its rules."""

    rules: dict[RuleId, Rule] = field(default_factory=dict[RuleId, Rule])


@dataclass
class MemoryRules:
    """Honours crm_chatbot.domain.automation.Rules."""

    automation: Automation
    chats: Chats
    _ran: set[tuple[RuleId, ConversationId]] = field(
        default_factory=set[tuple[RuleId, ConversationId]]
    )

    async def hold(self) -> None:
        """Transactions in memory come one after the other."""

    async def get(self, rule_id: RuleId, /) -> Rule:
        if rule_id not in self.automation.rules:
            raise RuleNotFound(rule_id=rule_id)
        return copy.deepcopy(self.automation.rules[rule_id])

    async def all(self) -> Sequence[Rule]:
        every = sorted(self.automation.rules.values(), key=lambda one: (one.place, one.id))
        return copy.deepcopy(every)

    async def active(self) -> Sequence[Rule]:
        return [rule for rule in await self.all() if rule.is_active]

    async def add(self, rule: Rule, /) -> None:
        self._refuse_taken(rule)
        rule.place = 1 + max((one.place for one in self.automation.rules.values()), default=0)
        self.automation.rules[rule.id] = copy.deepcopy(rule)

    async def save(self, rule: Rule, /) -> None:
        self._refuse_taken(rule)
        stored = self.automation.rules.get(rule.id)
        if stored is None or stored.version != rule.version:
            raise ChangedMeanwhile
        rule.version += 1
        self.automation.rules[rule.id] = copy.deepcopy(rule)
        self.automation.rules[rule.id].place = stored.place

    async def remove(self, rule_id: RuleId, /) -> None:
        await self.get(rule_id)
        del self.automation.rules[rule_id]

    async def arrange(self, rule_ids: Sequence[RuleId], /) -> None:
        for place, rule_id in enumerate(rule_ids, start=1):
            if rule_id in self.automation.rules:
                self.automation.rules[rule_id].place = place

    async def is_first_since(
        self, rule_id: RuleId, conversation_id: ConversationId, moment: datetime, /
    ) -> bool:
        if (rule_id, conversation_id) in self._ran:
            return False
        self._ran.add((rule_id, conversation_id))
        return not any(
            whose == conversation_id
            and step.what == "rule.ran"
            and step.at is not None
            and step.at > moment
            and str(step.facts.get("rule_id")) == str(rule_id)
            for whose, step in self.chats.timeline
        )

    def _refuse_taken(self, rule: Rule) -> None:
        others = [one for one in self.automation.rules.values() if one.id != rule.id]
        if any(one.name == rule.name for one in others):
            raise RuleNameTaken(name=rule.name)
