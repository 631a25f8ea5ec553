"""What a shop lays down about what is done by itself: its automation rules, and their order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Unpack
from uuid import UUID

from crm_chatbot.application.ports import OpenWork, Work
from crm_chatbot.domain.automation import (
    MOST_RULES,
    LabelApplied,
    PutLabel,
    Reply,
    Rule,
    RuleId,
    RuleOrderRejected,
    Terms,
    TooManyRules,
)
from crm_chatbot.domain.label import LabelId, LabelInactive
from crm_chatbot.domain.quick_reply import QuickReplyId, QuickReplyNotFound
from crm_chatbot.domain.tenants.tenant import TenantId
from shared.domain import ChangedSince, Clock


@dataclass(frozen=True, kw_only=True)
class AutomationRules:
    """They hold from the next thing that happens."""

    open_work: OpenWork
    now: Clock
    new_id: Callable[[], UUID]

    async def all(self, tenant_id: TenantId) -> Sequence[Rule]:
        """In the order in which they run. Raises TenantNotFound."""
        async with self.open_work(tenant_id) as work:
            await work.tenants.get(tenant_id)
            return await work.rules.all()

    async def get(self, tenant_id: TenantId, rule_id: RuleId) -> Rule:
        """Raises RuleNotFound."""
        async with self.open_work(tenant_id) as work:
            return await work.rules.get(rule_id)

    async def add(self, tenant_id: TenantId, **terms: Unpack[Terms]) -> Rule:
        """It runs after all others.

        Raises TenantNotFound, RuleRejected, RuleNameTaken, TooManyRules, LabelNotFound,
        LabelInactive, QuickReplyNotFound.
        """
        now = self.now()
        rule = Rule(
            id=RuleId(self.new_id()), tenant_id=tenant_id, created_at=now, updated_at=now, **terms
        )
        async with self.open_work(tenant_id) as work:
            await work.tenants.get(tenant_id)
            await work.rules.hold()
            if len(await work.rules.all()) >= MOST_RULES:
                raise TooManyRules(most=MOST_RULES)
            await _look_up(work, rule)
            await work.rules.add(rule)
        return rule

    async def replace(
        self,
        tenant_id: TenantId,
        rule_id: RuleId,
        *,
        expected: int | None = None,
        **terms: Unpack[Terms],
    ) -> Rule:
        """All that it says; with `expected`, only that version. It keeps its place.

        Raises RuleNotFound, ChangedSince, and what `add` does.
        """
        async with self.open_work(tenant_id) as work:
            await work.rules.hold()
            rule = await work.rules.get(rule_id)
            if expected not in {None, rule.version}:
                raise ChangedSince(name=rule.name, version=rule.version)
            rule.change(self.now(), **terms)
            if rule.is_active:  # it may be switched off because of what is gone
                await _look_up(work, rule)
            await work.rules.save(rule)
        return rule

    async def remove(self, tenant_id: TenantId, rule_id: RuleId) -> None:
        """What it did stays done. Raises RuleNotFound."""
        async with self.open_work(tenant_id) as work:
            await work.rules.remove(rule_id)

    async def arrange(self, tenant_id: TenantId, rule_ids: Sequence[RuleId]) -> Sequence[Rule]:
        """They run in this order from now on. Raises TenantNotFound, RuleOrderRejected."""
        async with self.open_work(tenant_id) as work:
            await work.tenants.get(tenant_id)
            await work.rules.hold()
            known = [rule.id for rule in await work.rules.all()]
            if sorted(known) != sorted(rule_ids):
                raise RuleOrderRejected
            await work.rules.arrange(rule_ids)
            return await work.rules.all()


async def _look_up(work: Work, rule: Rule) -> None:
    """What it speaks of has to be there, and in use."""
    for part in (rule.when, *rule.then):
        if isinstance(part, LabelApplied | PutLabel):
            label = await work.labels.get(LabelId(part.label_id))
            if not label.is_active:
                raise LabelInactive(name=label.name)
        elif isinstance(part, Reply):
            reply = await work.quick_replies.get(QuickReplyId(part.quick_reply_id))
            if not reply.is_active:
                raise QuickReplyNotFound(which=reply.id)
