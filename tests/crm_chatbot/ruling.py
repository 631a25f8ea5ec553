"""Automation rules as tests speak of them: `a_rule_that(HandOver(), when=said("refund"))`."""

from collections.abc import Sequence
from typing import Any

from uuid_utils.compat import uuid7

from crm_chatbot.application.ports import Work
from crm_chatbot.domain.automation import Action, HandOver, MessageMatches, Rule, RuleId
from crm_chatbot.domain.conversations.message import Author, Direction
from crm_chatbot.domain.label import Label
from crm_chatbot.domain.quick_reply import QuickReply
from crm_chatbot.domain.tickets.ticket import Ticket, Wanted
from tests.crm_chatbot.builders import NOON, TENANT
from tests.crm_chatbot.chats import PHONE
from tests.crm_chatbot.deals import a_quick_reply
from tests.crm_chatbot.labels import a_label
from tests.crm_chatbot.shop import Shop


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


# -- in a shop


async def lay_down(shop: Shop, *rules: Rule) -> None:
    async with shop.crm.open_work(TENANT) as work:
        for rule in rules:
            await work.rules.add(rule)


async def labelled(shop: Shop, name: str = "Refund", **facts: Any) -> Label:
    label = a_label(name, **facts)
    async with shop.crm.open_work(TENANT) as work:
        await work.labels.add(label)
    return label


async def quick_reply(shop: Shop, content: str = "Sebentar ya kak", **facts: Any) -> QuickReply:
    reply = a_quick_reply(content=content, **facts)
    async with shop.crm.open_work(TENANT) as work:
        await work.quick_replies.add(reply)
    return reply


async def ran(shop: Shop) -> list[tuple[Any, Any]]:
    """What each run of a rule did, and did not."""
    steps = [step.facts for step in await shop.steps() if step.what == "rule.ran"]
    return [(facts["done"], facts["skipped"]) for facts in steps]


async def labels_of(shop: Shop) -> list[tuple[str, str]]:
    async with shop.crm.open_work(TENANT) as work:
        return [(one.label.name, one.applied_by) for one in await work.labels.on(await chat(work))]


async def tickets(shop: Shop) -> Sequence[Ticket]:
    async with shop.crm.open_work(TENANT) as work:
        return await work.tickets.page(Wanted(), before=None, limit=9)


async def chat(work: Work) -> Any:  # noqa: ANN401 - an id
    [customer] = await work.customers.known_as([PHONE])
    found = await work.conversations.lock_of(customer.id)
    assert found is not None
    return found.id


async def said_by_the_shop(shop: Shop) -> list[str]:
    history = await shop.history()
    return [m.text for m in history if (m.direction, m.author) == (Direction.OUT, Author.SYSTEM)]
