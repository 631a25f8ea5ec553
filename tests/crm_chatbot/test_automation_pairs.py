"""Whatever sets a rule off, and whatever it says: each pair does it, and tells the timeline so."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import get_args

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.application.labelling import Labelling
from crm_chatbot.application.orders import lifecycle
from crm_chatbot.application.ticket_sweeping import TicketSweeper
from crm_chatbot.application.tickets.opening import NewTicket, open_ticket
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
    RuleRejected,
    TicketBreached,
    When,
)
from crm_chatbot.domain.conversations.conversation import Mode, TakeoverReason
from crm_chatbot.domain.label import Label
from crm_chatbot.domain.orders.order import Order, OrderStatus
from crm_chatbot.domain.quick_reply import QuickReply
from crm_chatbot.domain.tickets.ticket import Priority, Ticket
from crm_chatbot.infrastructure.backlog_store import SqlBacklog
from tests.clock import StandingClock
from tests.crm_chatbot.builders import HOURS, TENANT, a_tenant
from tests.crm_chatbot.deals import placed
from tests.crm_chatbot.fakes import MemoryCrm
from tests.crm_chatbot.memory_backlog import MemoryBacklog
from tests.crm_chatbot.ruling import (
    a_rule_that,
    labelled,
    labels_of,
    lay_down,
    quick_reply,
    ran,
    said_by_the_shop,
    tickets,
)
from tests.crm_chatbot.shop import Shop
from tests.crm_chatbot.stores import Crm, SqlCrm

#: A monday night in Jakarta: the shop of `HOURS` is closed.
NIGHT = datetime(2026, 5, 4, 14, tzinfo=UTC)
#: Whatever ticket was opened at `NIGHT` is late by now.
WEEKS_LATER = NIGHT + timedelta(weeks=9)

WHENS: tuple[type[When], ...] = get_args(When)
ACTIONS: tuple[type[Action], ...] = get_args(Action)
#: A ticket need not have a conversation.
OF_CONVERSATIONS: tuple[type[Action], ...] = (PutLabel, Reply, HandOver)
POSSIBLE = [
    (when, action)
    for when, action in product(WHENS, ACTIONS)
    if not (when is TicketBreached and action in OF_CONVERSATIONS)
]


@dataclass(frozen=True)
class Ready:
    """A closed shop with one chat, one open ticket and one cart: all that rules can be about."""

    shop: Shop
    ticket: Ticket
    order: Order
    #: by a person, and by a rule
    given: Label
    put: Label
    reply: QuickReply


@pytest.fixture
async def ready(crm: Crm) -> Ready:
    shop = await Shop(crm, a_tenant(business_hours=HOURS), StandingClock(NIGHT)).open()
    await shop.wrote("halo")
    chat = await shop.chat()
    customer = await shop.customer()
    wish = NewTicket(subject="Broken", priority=Priority.URGENT, conversation_id=chat.id)
    async with crm.open_work(TENANT) as work:
        order = await placed(work, customer)
        ticket = await open_ticket(work, wish, by="bot", now=NIGHT, new_id=uuid7)
    given, put = await labelled(shop, "Given"), await labelled(shop, "Put")
    return Ready(shop, ticket, order, given, put, await quick_reply(shop))


def said_when(kind: type[When], ready: Ready) -> When:
    whens: Mapping[type[When], When] = {
        MessageMatches: MessageMatches(("refund",)),
        OutsideHours: OutsideHours(),
        LabelApplied: LabelApplied(ready.given.id),
        OrderBecame: OrderBecame((OrderStatus.CANCELLED,)),
        TicketBreached: TicketBreached(),
    }
    return whens[kind]


def said_then(kind: type[Action], ready: Ready) -> Action:
    actions: Mapping[type[Action], Action] = {
        PutLabel: PutLabel(ready.put.id),
        Assign: Assign("sari"),
        OpenTicket: OpenTicket("Money back"),
        Reply: Reply(ready.reply.id),
        HandOver: HandOver(),
    }
    return actions[kind]


# -- what people and time do


async def writes(ready: Ready) -> None:
    await ready.shop.wrote("refund")


async def labels(ready: Ready) -> None:
    labelling = Labelling(open_work=ready.shop.crm.open_work, now=ready.shop.clock)
    await labelling.apply(TENANT, await ready.shop.chat_id(), ready.given.id, by="ani")


async def cancels(ready: Ready) -> None:
    async with ready.shop.crm.open_work(TENANT) as work:
        order = await lifecycle.locked(work, ready.order.id)
        await lifecycle.cancel(work, order, now=NIGHT, actor="ani")


async def nobody_sees_to_it(ready: Ready) -> None:
    crm = ready.shop.crm
    if isinstance(crm, MemoryCrm):  # PostgreSQL's own clock is long past
        crm.time = WEEKS_LATER
    of_crm = SqlBacklog(crm.sessions) if isinstance(crm, SqlCrm) else MemoryBacklog(crm)
    sweeper = TicketSweeper(backlog=of_crm, open_work=crm.open_work, now=lambda: WEEKS_LATER)
    assert await sweeper.note_overdue() == 1


HAPPENS: Mapping[type[When], Callable[[Ready], Awaitable[None]]] = {
    MessageMatches: writes,
    OutsideHours: writes,
    LabelApplied: labels,
    OrderBecame: cancels,
    TicketBreached: nobody_sees_to_it,
}


# -- what rules leave behind


async def is_labelled(ready: Ready, by: str) -> bool:
    return ("Put", by) in await labels_of(ready.shop)


async def is_assigned(ready: Ready, _: str) -> bool:
    [ticket] = await tickets(ready.shop)
    return ticket.assignee_id == "sari"


async def is_opened(ready: Ready, by: str) -> bool:
    chat_id = await ready.shop.chat_id()
    opened = [("Money back", by, chat_id), ("Broken", "bot", chat_id)]
    found = await tickets(ready.shop)
    return [(one.subject, one.opened_by, one.conversation_id) for one in found] == opened


async def is_answered(ready: Ready, _: str) -> bool:
    return await said_by_the_shop(ready.shop) == [ready.reply.content]


async def is_handed_over(ready: Ready, _: str) -> bool:
    chat = await ready.shop.chat()
    return (chat.mode, chat.mode_reason) == (Mode.HUMAN, TakeoverReason.RULE)


IS_DONE: Mapping[type[Action], Callable[[Ready, str], Awaitable[bool]]] = {
    PutLabel: is_labelled,
    Assign: is_assigned,
    OpenTicket: is_opened,
    Reply: is_answered,
    HandOver: is_handed_over,
}


EACH_PAIR = pytest.mark.parametrize(
    ("when", "action"), POSSIBLE, ids=[f"{when.kind}-{action.kind}" for when, action in POSSIBLE]
)


@EACH_PAIR
async def test_each_thing_that_happens_sets_off_each_thing_that_can_be_done(
    ready: Ready, when: type[When], action: type[Action]
) -> None:
    rule = a_rule_that(said_then(action, ready), when=said_when(when, ready))
    await lay_down(ready.shop, rule)

    await HAPPENS[when](ready)

    assert await IS_DONE[action](ready, f"rule:{rule.id}")
    [run] = [step.facts for step in await ready.shop.steps() if step.what == "rule.ran"]
    assert run | {"rule_id": str(run["rule_id"])} == {
        "rule_id": str(rule.id),
        "done": [action.kind],
        "skipped": [],
    }


@EACH_PAIR
async def test_none_of_it_is_done_where_no_rule_says_so(
    ready: Ready, when: type[When], action: type[Action]
) -> None:
    rule = a_rule_that(said_then(action, ready), when=said_when(when, ready), is_active=False)
    await lay_down(ready.shop, rule)

    await HAPPENS[when](ready)

    assert not await IS_DONE[action](ready, f"rule:{rule.id}")
    assert await ran(ready.shop) == []


@pytest.mark.parametrize("action", OF_CONVERSATIONS, ids=lambda action: action.kind)
async def test_what_is_done_to_conversations_is_not_promised_for_tickets(
    ready: Ready, action: type[Action]
) -> None:
    with pytest.raises(RuleRejected):
        a_rule_that(said_then(action, ready), when=TicketBreached())
