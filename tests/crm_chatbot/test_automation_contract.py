"""Where automation rules are kept: in memory and in PostgreSQL alike."""

from datetime import timedelta

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.domain.automation import (
    Action,
    Assign,
    HandOver,
    LabelApplied,
    MessageMatches,
    OpenTicket,
    OrderBecame,
    OutsideHours,
    PutLabel,
    Reply,
    Rule,
    RuleId,
    RuleNameTaken,
    RuleNotFound,
    Rules,
    TicketBreached,
    When,
)
from crm_chatbot.domain.orders.order import OrderStatus
from crm_chatbot.domain.tickets.ticket import Priority
from shared.domain import ChangedMeanwhile
from tests.crm_chatbot.builders import LATER, NOON, OTHER_TENANT, TENANT, a_tenant
from tests.crm_chatbot.chats import a_conversation, a_customer
from tests.crm_chatbot.ruling import a_rule_that
from tests.crm_chatbot.stores import Crm

CONTRACT_OF = Rules

WHENS: tuple[When, ...] = (
    MessageMatches(("refund", "uang kembali", "café")),
    LabelApplied(uuid7()),
    OutsideHours(),
    OrderBecame((OrderStatus.PAID, OrderStatus.EXPIRED)),
    TicketBreached(),
)
THENS: tuple[Action, ...] = (
    *(PutLabel(uuid7()), Assign("sari"), OpenTicket("Look ☕", Priority.HIGH)),
    *(Reply(uuid7()), HandOver()),
)


@pytest.fixture
async def shop(crm: Crm) -> Crm:
    async with crm.open_work(TENANT) as work:
        await work.tenants.add(a_tenant())
    return crm


def terms(rule: Rule) -> dict[str, object]:
    return dict(vars(rule))


def test_every_kind_of_when_and_then_is_kept_here() -> None:
    assert set(map(type, WHENS)) == set(When.__args__)
    assert set(map(type, THENS)) == set(Action.__args__)


@pytest.mark.parametrize("when", WHENS, ids=lambda when: when.kind)
async def test_a_rule_comes_back_as_it_was_added_and_as_it_was_saved(shop: Crm, when: When) -> None:
    then = (Assign("budi"),) if isinstance(when, TicketBreached) else THENS
    rule = a_rule_that(*then, when=when, is_active=False, name="☕ 1")
    async with shop.open_work(TENANT) as work:
        await work.rules.add(rule)
    async with shop.open_work(TENANT) as work:
        seen = await work.rules.get(rule.id)
        assert terms(seen) == terms(rule)

        seen.change(LATER, name="☕ 2", when=OutsideHours(), then=(HandOver(),), is_active=True)
        await work.rules.save(seen)

    assert (seen.version, rule.version) == (2, 1)
    async with shop.open_work(TENANT) as work:
        assert terms(await work.rules.get(rule.id)) == terms(seen)
        with pytest.raises(ChangedMeanwhile):
            await work.rules.save(rule)


async def test_rules_have_an_order_and_a_new_one_is_the_last(shop: Crm) -> None:
    first, second, third = (a_rule_that(is_active=number != 2) for number in (1, 2, 3))
    async with shop.open_work(TENANT) as work:
        for rule in (first, second, third):
            await work.rules.add(rule)
        assert [rule.place for rule in (first, second, third)] == [1, 2, 3]
        assert [rule.id for rule in await work.rules.active()] == [first.id, third.id]

        await work.rules.arrange([third.id, first.id, second.id])
    async with shop.open_work(TENANT) as work:
        assert [rule.id for rule in await work.rules.active()] == [third.id, first.id]
        moved = await work.rules.get(third.id)
        third.change(LATER, name="x", when=OutsideHours(), then=third.then, is_active=True)
        await work.rules.save(third)

    assert (moved.place, moved.version) == (1, 1)
    async with shop.open_work(TENANT) as work:
        assert [rule.id for rule in await work.rules.all()] == [third.id, first.id, second.id]


async def test_what_is_changed_shows_in_the_same_transaction(shop: Crm) -> None:
    rule = a_rule_that()
    async with shop.open_work(TENANT) as work:
        assert await work.rules.active() == []
        await work.rules.add(rule)
        assert [one.id for one in await work.rules.active()] == [rule.id]
        rule.is_active = False
        await work.rules.save(rule)
        assert await work.rules.active() == []
        rule.is_active = True
        await work.rules.save(rule)
        assert [one.id for one in await work.rules.active()] == [rule.id]
        await work.rules.remove(rule.id)
        assert await work.rules.active() == []
        with pytest.raises(RuleNotFound):
            await work.rules.get(rule.id)
        with pytest.raises(RuleNotFound):
            await work.rules.remove(rule.id)


async def test_a_name_is_one_rules_alone(shop: Crm) -> None:
    first, second = a_rule_that(name="same"), a_rule_that(name="other")
    async with shop.open_work(TENANT) as work:
        await work.rules.hold()
        await work.rules.add(first)
        await work.rules.add(second)
        with pytest.raises(RuleNameTaken):
            await work.rules.add(a_rule_that(name="same"))
        second.name = "same"
        with pytest.raises(RuleNameTaken):
            await work.rules.save(second)
        await work.rules.save(first)


async def test_another_shop_may_call_its_rule_the_same(shop: Crm) -> None:
    async with shop.open_work(OTHER_TENANT) as work:
        await work.tenants.add(a_tenant(OTHER_TENANT))
        await work.rules.add(a_rule_that(name="same", tenant_id=OTHER_TENANT))

    async with shop.open_work(TENANT) as work:
        assert await work.rules.all() == []
        await work.rules.add(a_rule_that(name="same"))
        assert len(await work.rules.all()) == 1


async def test_a_rule_runs_for_the_first_time_once(shop: Crm) -> None:
    customer = a_customer()
    chat, rule_id, other_id = a_conversation(customer), RuleId(uuid7()), RuleId(uuid7())
    ever = NOON - timedelta(days=1)
    async with shop.open_work(TENANT) as work:
        await work.customers.add(customer)
        await work.conversations.add(chat)
        assert await work.rules.is_first_since(rule_id, chat.id, ever)
        assert not await work.rules.is_first_since(rule_id, chat.id, ever)
        await work.timeline.note(chat.id, "rule.ran", rule_id=rule_id)
        await work.timeline.note(chat.id, "message.read", rule_id=other_id)

    async with shop.open_work(TENANT) as work:
        assert not await work.rules.is_first_since(rule_id, chat.id, ever)
        assert await work.rules.is_first_since(other_id, chat.id, ever)
    async with shop.open_work(TENANT) as work:
        assert await work.rules.is_first_since(rule_id, chat.id, NOON + timedelta(days=36_500))
