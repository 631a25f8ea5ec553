"""What rules do when something happens, and that no rule ever sets off a rule."""

import ast
from datetime import UTC, datetime

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.application import automation
from crm_chatbot.application.labelling import Labelling
from crm_chatbot.application.orders import lifecycle
from crm_chatbot.application.whatsapp.hearing import Reception
from crm_chatbot.domain.automation import (
    Action,
    Assign,
    CustomerWrote,
    HandOver,
    LabelApplied,
    OpenTicket,
    OrderBecame,
    OutsideHours,
    PutLabel,
    Reply,
)
from crm_chatbot.domain.conversations.conversation import Mode, TakeoverReason
from crm_chatbot.domain.orders.order import OrderStatus
from crm_chatbot.domain.tickets.ticket import Priority
from tests.clock import StandingClock
from tests.crm_chatbot.builders import HOURS, NOON, TENANT, a_tenant
from tests.crm_chatbot.deals import an_event, an_order
from tests.crm_chatbot.fakes import MemoryCrm
from tests.crm_chatbot.ruling import (
    a_rule_that,
    chat,
    labelled,
    labels_of,
    lay_down,
    quick_reply,
    ran,
    said,
    said_by_the_shop,
    tickets,
)
from tests.crm_chatbot.shop import Shop
from tests.crm_chatbot.stores import Crm
from tests.crm_chatbot.waha import a_text
from tests.house.source import names_in, product

#: Those that hold rules against what has happened; nobody else may.
CALLERS = {"labelling", "orders.lifecycle", "ticket_sweeping", "whatsapp.listening"}

#: A monday night in Jakarta: the shop of `HOURS` is closed.
NIGHT = datetime(2026, 5, 4, 14, tzinfo=UTC)


@pytest.fixture
async def shop(crm: Crm) -> Shop:
    return await Shop(crm).open()


# -- what is done


async def test_words_of_a_customer_set_off_everything_that_a_rule_says(shop: Shop) -> None:
    label, reply = await labelled(shop), await quick_reply(shop)
    then: tuple[Action, ...] = (
        PutLabel(label.id),
        OpenTicket("Money back", Priority.HIGH),
        Assign("sari"),
        Reply(reply.id),
        HandOver(),
    )
    rule = a_rule_that(*then)
    await lay_down(shop, rule)

    assert await shop.wrote("Mau REFUND kak") == Reception("taken")

    found, [ticket] = await shop.chat(), await tickets(shop)
    assert await labels_of(shop) == [("Refund", f"rule:{rule.id}")]
    assert (ticket.subject, ticket.priority, ticket.assignee_id) == (
        *("Money back", Priority.HIGH, "sari"),
    )
    assert (ticket.conversation_id, ticket.customer_id) == (found.id, found.customer_id)
    assert (ticket.opened_by, ticket.reason) == (f"rule:{rule.id}", f"rule:{rule.id}:{found.id}")
    assert await said_by_the_shop(shop) == ["Sebentar ya kak"]
    assert (found.mode, found.mode_reason) == (Mode.HUMAN, TakeoverReason.RULE)
    assert await ran(shop) == [([action.kind for action in then], [])]


async def test_nothing_is_done_where_no_rule_is_set_off(shop: Shop) -> None:
    await lay_down(shop, a_rule_that(is_active=False), a_rule_that(when=said("other")))

    await shop.wrote("refund")

    assert await shop.codes() == ["message.received"]


async def test_all_rules_that_are_set_off_run_in_their_order(shop: Shop) -> None:
    rules = [a_rule_that(OpenTicket(name)) for name in ("one", "two", "three")]
    await lay_down(shop, *rules)
    async with shop.crm.open_work(TENANT) as work:
        await work.rules.arrange([rule.id for rule in reversed(rules)])

    await shop.wrote("refund")

    newest_first = [ticket.subject for ticket in await tickets(shop)]
    assert newest_first == ["one", "two", "three"]


async def test_of_a_rules_tickets_one_is_open_at_a_time(shop: Shop) -> None:
    await lay_down(shop, a_rule_that(OpenTicket("Money back")))

    for _ in range(2):
        await shop.wrote("refund")

    assert len(await tickets(shop)) == 1
    assert len(await ran(shop)) == 2


@pytest.mark.parametrize("stale_s", [0, 3_600])
async def test_who_is_not_to_be_answered_sets_off_nothing(shop: Shop, stale_s: int) -> None:
    await lay_down(shop, a_rule_that(HandOver(), when=said("stop", "refund")))

    if stale_s:
        await shop.wrote("halo")
        await shop.hear(a_text("refund", stanza=uuid7().hex), seconds_ago=stale_s)
    else:
        await shop.wrote("STOP")
        await shop.wrote("refund")

    assert await ran(shop) == []


# -- what cannot be done


async def test_what_is_not_there_any_more_is_skipped_and_the_rest_is_done(shop: Shop) -> None:
    old = await labelled(shop, "Old", is_active=False)
    gone = await quick_reply(shop, is_active=False)
    await lay_down(
        shop,
        a_rule_that(
            PutLabel(uuid7()), PutLabel(old.id), Assign("sari"), Reply(gone.id), HandOver()
        ),
    )

    assert await shop.wrote("refund") == Reception("taken")

    assert await ran(shop) == [
        (
            ["hand_over"],
            [
                *("label: label_not_found", "label: label_inactive"),
                *("assign: no_ticket", "quick_reply: not_sayable"),
            ],
        )
    ]
    assert [text for text, _, _ in await shop.told()] == ["refund"]


async def test_who_wants_to_hear_nothing_is_told_nothing(shop: Shop) -> None:
    reply = await quick_reply(shop)
    await shop.wrote("STOP")
    before = await said_by_the_shop(shop)
    label = await labelled(shop)
    await lay_down(shop, a_rule_that(Reply(reply.id), when=LabelApplied(label.id)))

    await Labelling(open_work=shop.crm.open_work, now=shop.clock).apply(
        TENANT, await shop.chat_id(), label.id, by="sari"
    )

    assert await said_by_the_shop(shop) == before
    assert await ran(shop) == [([], ["quick_reply: not_sayable"])]


# -- how often


async def test_who_writes_all_night_is_told_once_that_nobody_is_there(crm: Crm) -> None:
    shop = await Shop(crm, a_tenant(business_hours=HOURS), StandingClock(NIGHT)).open()
    reply = await quick_reply(shop, "Kami tutup")
    await lay_down(shop, a_rule_that(Reply(reply.id), when=OutsideHours()))

    for text in ("halo", "ada orang?"):
        await shop.wrote(text)

    assert await said_by_the_shop(shop) == ["Kami tutup"]
    assert len(await ran(shop)) == 1


async def test_while_the_shop_is_open_nobody_is_told_so(crm: Crm) -> None:
    morning = StandingClock(datetime(2026, 5, 4, 3, tzinfo=UTC))
    shop = await Shop(crm, a_tenant(business_hours=HOURS), morning).open()
    await lay_down(shop, a_rule_that(when=OutsideHours()))

    await shop.wrote("halo")

    assert await ran(shop) == []


async def test_two_bots_do_not_write_to_each_other_for_ever(shop: Shop) -> None:
    reply = await quick_reply(shop, "refund? refund!")
    await lay_down(shop, a_rule_that(Reply(reply.id)))

    for number in range(5):
        await shop.wrote(f"refund {number}")

    assert await said_by_the_shop(shop) == ["refund? refund!"]


async def test_after_its_rest_a_rule_runs_again(memory: MemoryCrm) -> None:
    shop = await Shop(memory).open()
    reply = await quick_reply(shop)
    await lay_down(shop, a_rule_that(Reply(reply.id)))

    await shop.wrote("refund")
    shop.clock.advance(3_601)
    await memory.pass_time(3_601)
    await shop.wrote("refund")

    assert len(await said_by_the_shop(shop)) == 2


# -- what else sets rules off


async def test_a_label_sets_rules_off_when_it_is_new(shop: Shop) -> None:
    label = await labelled(shop)
    await lay_down(shop, a_rule_that(HandOver(), when=LabelApplied(label.id)))
    await shop.wrote("halo")
    labelling = Labelling(open_work=shop.crm.open_work, now=shop.clock)

    for _ in range(2):
        await labelling.apply(TENANT, await shop.chat_id(), label.id, by="sari")

    assert await ran(shop) == [(["hand_over"], [])]
    assert (await shop.chat()).mode_reason is TakeoverReason.RULE


async def test_an_order_sets_rules_off_when_it_moves(shop: Shop) -> None:
    label = await labelled(shop, "Gone")
    when = OrderBecame((OrderStatus.EXPIRED, OrderStatus.CANCELLED))
    await lay_down(shop, a_rule_that(PutLabel(label.id), OpenTicket("Why?"), when=when))
    await shop.wrote("halo")
    order = an_order(await shop.customer())
    async with shop.crm.open_work(TENANT) as work:
        await work.orders.add(order, an_event("order.created"))

    async with shop.crm.open_work(TENANT) as work:
        order = await lifecycle.locked(work, order.id)
        await lifecycle.filled(work, order, now=NOON, actor="bot")
        await lifecycle.cancel(work, order, now=NOON, actor="sari")

    [ticket] = await tickets(shop)
    assert await ran(shop) == [(["label", "open_ticket"], [])]
    assert ticket.order_id == order.id


async def test_of_a_rules_tickets_each_order_has_its_own(shop: Shop) -> None:
    await lay_down(
        shop, a_rule_that(OpenTicket("Why?"), when=OrderBecame((OrderStatus.CANCELLED,)))
    )
    await shop.wrote("halo")
    customer = await shop.customer()
    for number in ("ORD-1", "ORD-2"):
        order = an_order(customer, number=number)
        async with shop.crm.open_work(TENANT) as work:
            await work.orders.add(order, an_event("order.created"))
        async with shop.crm.open_work(TENANT) as work:
            order = await lifecycle.locked(work, order.id)
            await lifecycle.cancel(work, order, now=NOON, actor="sari")

    assert len({ticket.order_id for ticket in await tickets(shop)}) == 2


@pytest.mark.parametrize(
    ("then", "subjects"),
    [
        ((HandOver(),), ["Aturan toko meminta chat ini dijawab orang"]),
        ((HandOver(), OpenTicket("Money back")), ["Money back"]),
    ],
)
async def test_whom_a_rule_calls_finds_one_ticket(
    shop: Shop, then: tuple[Action, ...], subjects: list[str]
) -> None:
    await lay_down(shop, a_rule_that(*then))

    await shop.wrote("refund")

    assert [ticket.subject for ticket in await tickets(shop)] == subjects


# -- no rule sets off a rule


async def test_rules_that_would_feed_each_other_do_not(shop: Shop) -> None:
    ping, pong = await labelled(shop, "Ping"), await labelled(shop, "Pong")
    await lay_down(
        shop,
        a_rule_that(PutLabel(pong.id), when=LabelApplied(ping.id)),
        a_rule_that(PutLabel(ping.id), OpenTicket("x"), when=LabelApplied(pong.id)),
        a_rule_that(PutLabel(ping.id)),
    )

    await shop.wrote("refund")

    assert [name for name, _ in await labels_of(shop)] == ["Ping"]
    assert len(await ran(shop)) == 1


def imported(module: str, known: dict[str, set[str]]) -> set[str]:
    """Everything of the application that a module needs, directly or not."""
    found: set[str] = set()
    left = [module]
    while left:
        for one in known.get(left.pop(), set()) - found:
            found.add(one)
            left.append(one)
    return found


def application() -> dict[str, set[str]]:
    """Each module of crm_chatbot's application, and those of the same that it imports."""
    prefix = "crm_chatbot.application."
    found: dict[str, set[str]] = {}
    for source in product():
        path = source.path.as_posix()
        if "crm_chatbot/application/" not in path:
            continue
        name = path.split("crm_chatbot/application/")[1].removesuffix(".py").replace("/", ".")
        nodes = [one for one in ast.walk(source.tree) if isinstance(one, ast.ImportFrom)]
        found[name] = {
            one.module.removeprefix(prefix) for one in nodes if one.module and prefix in one.module
        }
        found[name] |= {
            alias.name for one in nodes if one.module == prefix[:-1] for alias in one.names
        }
    return found


def test_what_rules_do_never_leads_back_to_rules() -> None:
    known = application()

    needed = imported("automation", known)

    acting = {"labels", "conversations.takeover", "tickets.opening", "quick_reply_sending"}
    assert acting <= needed
    assert "automation" not in needed
    assert needed & CALLERS == set()


def test_only_use_cases_that_somebody_began_run_rules() -> None:
    users = {name for name, needs in application().items() if "automation" in needs}

    assert users == CALLERS


def test_nobody_reaches_rules_by_another_name() -> None:
    names = [
        source.path.stem
        for source in product()
        if "run_rules" in {name for node in ast.walk(source.tree) for name in names_in(node)}
    ]

    assert set(names) == {caller.rpartition(".")[2] for caller in CALLERS}


async def test_what_rules_do_is_undone_with_what_set_them_off(shop: Shop) -> None:
    label = await labelled(shop)
    await lay_down(shop, a_rule_that(PutLabel(label.id), OpenTicket("x"), HandOver()))
    await shop.wrote("halo")

    with pytest.raises(ZeroDivisionError):
        async with shop.crm.open_work(TENANT) as work:
            found = await work.conversations.lock(await chat(work))
            wrote = CustomerWrote("refund", is_closed=False)
            await automation.run_rules(work, wrote, conversation=found, now=NOON)
            assert len(await work.labels.on(found.id)) == 1
            raise ZeroDivisionError

    assert (await labels_of(shop), list(await tickets(shop)), await ran(shop)) == ([], [], [])
    assert (await shop.chat()).mode is Mode.BOT
