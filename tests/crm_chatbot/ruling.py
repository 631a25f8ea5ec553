"""Automation rules as tests speak of them: `a_rule_that(HandOver(), when=said("refund"))`."""

from typing import Any

from uuid_utils.compat import uuid7

from crm_chatbot.domain.automation import Action, HandOver, MessageMatches, Rule, RuleId
from tests.crm_chatbot.builders import NOON, TENANT


def said(*words: str) -> MessageMatches:
    return MessageMatches(words)


def a_rule_that(*then: Action, **terms: Any) -> Rule:
    """Hands over when somebody says refund, unless told otherwise."""
    rule_id = RuleId(uuid7())
    named: dict[str, Any] = {
        "id": rule_id,
        "tenant_id": TENANT,
        "name": f"Rule {rule_id}",
        "when": said("refund"),
        "then": then or (HandOver(),),
        "created_at": NOON,
        "updated_at": NOON,
    }
    return Rule(**named | terms)
