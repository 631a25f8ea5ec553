"""P22: what a tenant's code can tell and change of another's rows: nothing, even with a bug in it.

Every method of every store is called for one shop with the things of another, and must answer and
do what it does for things that never were. Then once more with every condition on the tenant cut
out of the SQL: the policies alone must hold. And without policies, to see that this would show.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, get_type_hints
from uuid import UUID

import pytest
from langgraph.checkpoint.base import empty_checkpoint
from sqlalchemy.ext.asyncio import AsyncEngine

from crm_chatbot import infrastructure
from crm_chatbot.application.conversations.looking import Wanted
from crm_chatbot.application.payments.accounts import AccountChange
from crm_chatbot.application.ports import Work
from crm_chatbot.domain.catalog.stock import MovementKind
from crm_chatbot.domain.orders.order import Wanted as OrdersWanted
from crm_chatbot.domain.payments.payment import Provider
from crm_chatbot.domain.payments.standing import Fact
from crm_chatbot.domain.quick_reply import Wanted as QuickRepliesWanted
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.domain.tickets.ticket import TicketEvent, TicketId
from crm_chatbot.domain.tickets.ticket import Wanted as TicketsWanted
from crm_chatbot.domain.whatsapp import Rank
from crm_chatbot.infrastructure.conversations.reader import SqlConversationReader
from shared.infrastructure.database import Sessions, connect, sessions_of
from shared.whatsapp.connection_store import SqlConnections
from shared.whatsapp.connections import ConnectionChange
from tests.crm_chatbot.builders import LATER, NOON, OTHER_TENANT, TENANT
from tests.crm_chatbot.deals import an_event
from tests.crm_chatbot.furnished import Shop, connections, furnish
from tests.crm_chatbot.goods import a_product, a_variant
from tests.crm_chatbot.stores import SqlCrm
from tests.isolation import Target, cut_filters, findings, methods_of, stores_in

OURS = Shop(TENANT, "ours-01")
NOBODY = TenantId(UUID("00000000-0000-4000-8000-00000000000c"))

#: Look across tenants, by functions of the database that tell ids, or for the platform's keys.
ACROSS = {
    *("SqlAttic", "SqlBacklog", "SqlDirectory", "SqlMailboxes", "SqlPaymentDirectory"),
    "SqlTenantList",
}

Act = Callable[[SqlCrm, Shop], Awaitable[object]]


async def _heard(work: Work, key: str) -> set[str]:
    return {key}.difference(await work.inbox.unheard([key]))


async def _looked_back(work: Work, shop: Shop) -> object:
    await work.messages.look_back([shop.conversation.id], NOON)
    return await work.messages.lately(shop.conversation.id, NOON)


async def _acked(work: Work, word: str) -> object:
    """Also of which message live screens are told."""
    is_news = await work.acks.advance(word, f"3EB0{word}", Rank.READ)
    acks: Any = work.acks
    return is_news, list(acks._session.touches)


async def _number(work: Work) -> None:
    """Each time another one."""
    await work.orders.next_number()


async def _ticket_number(work: Work) -> None:
    """Each time another one."""
    await work.tickets.next_number()


async def _noted(work: Work, ticket_id: TicketId) -> object:
    """Whether it was news."""
    event = TicketEvent(what="ticket.opened", occurred_at=LATER, actor="mine")
    await work.tickets.note(ticket_id, event, unless_since=NOON - timedelta(days=1))
    tickets: Any = work.tickets
    return list(tickets._session.touches)


async def _change(act: Callable[[Any], Awaitable[object]], thing: Any, **facts: object) -> object:  # noqa: ANN401 - any aggregate
    for name, value in facts.items():
        setattr(thing, name, value)
    return await act(thing)


#: By a store and its method: what our code does, with whatever another shop has.
IN_WORK: Mapping[str, Callable[[Work, Shop], Awaitable[object]]] = {
    "tenants.get": lambda w, s: w.tenants.get(s.tenant_id),
    "tenants.add": lambda w, s: w.tenants.add(s.tenant),
    "tenants.save": lambda w, s: _change(w.tenants.save, s.tenant, name="mine"),
    "customers.known_as": lambda w, s: w.customers.known_as([s.identity]),
    "customers.look_ahead": lambda w, s: w.customers.look_ahead([s.identity]),
    "customers.get": lambda w, s: w.customers.get(s.customer.id),
    "customers.lock": lambda w, s: w.customers.lock(s.customer.id),
    "customers.add": lambda w, s: w.customers.add(s.customer),
    "customers.save": lambda w, s: _change(
        w.customers.save, s.customer, name="mine", identities=()
    ),
    "customers.remove": lambda w, s: w.customers.remove(s.customer),
    "conversations.lock": lambda w, s: w.conversations.lock(s.conversation.id),
    "conversations.lock_of": lambda w, s: w.conversations.lock_of(s.customer.id),
    "conversations.lock_all_of": lambda w, s: w.conversations.lock_all_of([s.customer.id]),
    "conversations.add": lambda w, s: w.conversations.add(s.conversation),
    "conversations.save": lambda w, s: _change(
        w.conversations.save, s.conversation, session="mine"
    ),
    "conversations.absorb": lambda w, s: w.conversations.absorb(OURS.conversation, s.conversation),
    "messages.add": lambda w, s: w.messages.add([s.heard]),
    "messages.save": lambda w, s: _change(w.messages.save, s.heard, text="mine"),
    "messages.get": lambda w, s: w.messages.get(s.heard.id),
    "messages.by_stanza": lambda w, s: w.messages.by_stanza(s.word, s.word),
    "messages.unanswered": lambda w, s: w.messages.unanswered(s.conversation.id, most=9),
    "messages.leaving": lambda w, s: w.messages.leaving(s.conversation.id),
    "messages.entrusted": lambda w, s: w.messages.entrusted(s.conversation.id),
    "messages.newest": lambda w, s: w.messages.newest(s.conversation.id, most=9),
    "messages.lately": lambda w, s: w.messages.lately(s.conversation.id, NOON),
    "messages.look_back": _looked_back,
    "messages.leave_to_person": lambda w, s: w.messages.leave_to_person(
        s.conversation.id, reason="mine"
    ),
    "messages.erase": lambda w, s: w.messages.erase(s.conversation.id),
    "messages.cover": lambda w, s: w.messages.cover(s.conversation.id, s.turn.id, seqs=[1, 2]),
    "labels.get": lambda w, s: w.labels.get(s.label.id),
    "labels.named": lambda w, s: w.labels.named(s.label.name),
    "labels.all": lambda w, _: w.labels.all(),
    "labels.add": lambda w, s: w.labels.add(s.label),
    "labels.save": lambda w, s: _change(w.labels.save, s.label, name="mine"),
    "labels.apply": lambda w, s: w.labels.apply(s.conversation.id, s.label.id, by="", at=NOON),
    "labels.take_off": lambda w, s: w.labels.take_off(s.conversation.id, s.label.id),
    "labels.on": lambda w, s: w.labels.on(s.conversation.id),
    "inbox.record": lambda w, s: w.inbox.record(s.told),
    "inbox.unheard": lambda w, s: _heard(w, s.told.event.key),
    "inbox.forget_chats": lambda w, s: w.inbox.forget_chats([s.word]),
    "acks.advance": lambda w, s: _acked(w, s.word),
    "whatsapp_sessions.get": lambda w, s: w.whatsapp_sessions.get(s.word),
    "whatsapp_sessions.changed": lambda w, s: w.whatsapp_sessions.changed(s.word, "FAILED", LATER),
    "whatsapp_sessions.look": lambda w, s: w.whatsapp_sessions.look(s.word, LATER, older_than_s=1),
    "whatsapp_sessions.look_soon": lambda w, s: w.whatsapp_sessions.look_soon(s.word, LATER),
    "whatsapp_sessions.caught_up": lambda w, s: w.whatsapp_sessions.caught_up(s.word, LATER),
    "products.get": lambda w, s: w.products.get(s.product.id),
    "products.add": lambda w, s: w.products.add(a_product("mine", a_variant(s.word))),
    "products.save": lambda w, s: _change(w.products.save, s.product, name="mine"),
    "products.by_skus": lambda w, s: w.products.by_skus([s.word]),
    "products.these": lambda w, s: w.products.these([s.product.id]),
    "products.page": lambda w, s: w.products.page(before=None, limit=9, category=s.word),
    "products.categories": lambda w, _: w.products.categories(),
    "products.variant": lambda w, s: w.products.variant(s.variant_id),
    "products.variants": lambda w, s: w.products.variants([s.variant_id]),
    "stock.adjust": lambda w, s: w.stock.adjust(
        s.variant_id, 1, kind=MovementKind.RECEIVED, reason=None, actor="mine"
    ),
    "stock.count": lambda w, s: w.stock.count(s.variant_id, 1, reason=None, actor="mine"),
    "stock.count_all": lambda w, s: w.stock.count_all({s.variant_id: 1}, reason=None, actor="mine"),
    "stock.ledger": lambda w, s: w.stock.ledger(s.variant_id, before=None, limit=9),
    "catalog.find": lambda w, s: w.catalog.find(s.word, 9),
    "catalog.synonyms": lambda w, _: w.catalog.synonyms(),
    "catalog.agree_on": lambda w, _: w.catalog.agree_on([("mine", "yours")]),
    "imports.add": lambda w, s: w.imports.add(s.imported),
    "imports.get": lambda w, s: w.imports.get(s.imported.id),
    "imports.save": lambda w, s: _change(w.imports.save, s.imported, rows=7),
    "orders.get": lambda w, s: w.orders.get(s.order.id),
    "orders.lock": lambda w, s: w.orders.lock(s.order.id),
    "orders.lock_current": lambda w, s: w.orders.lock_current(s.customer.id),
    "orders.newest_of": lambda w, s: w.orders.newest_of(s.customer.id, most=9),
    "orders.page": lambda w, _: w.orders.page(OrdersWanted(), before=None, limit=9),
    "orders.count_since": lambda w, s: w.orders.count_since(s.customer.id, NOON),
    "orders.count_confirmed_since": lambda w, s: w.orders.count_confirmed_since(
        s.customer.id, NOON
    ),
    "orders.count_unpaid": lambda w, s: w.orders.count_unpaid(s.customer.id),
    "orders.next_number": lambda w, _: _number(w),
    "orders.add": lambda w, s: w.orders.add(s.order, an_event()),
    "orders.save": lambda w, s: _change(
        lambda order: w.orders.save(order, an_event()), s.order, note="mine"
    ),
    "orders.events": lambda w, s: w.orders.events(s.order.id),
    "orders.hand_on": lambda w, s: w.orders.hand_on(s.customer.id, OURS.customer.id),
    "orders.forget": lambda w, s: w.orders.forget(s.customer.id),
    "reservations.reserve": lambda w, s: w.reservations.reserve(s.order.id, 3, {s.variant_id: 1}),
    "reservations.release": lambda w, s: w.reservations.release(s.order.id, 2),
    "reservations.sell": lambda w, s: w.reservations.sell(s.order.id, 2),
    "reservations.restock": lambda w, s: w.reservations.restock(s.order.id, 1),
    "reservations.state": lambda w, s: w.reservations.state(s.order.id, 1),
    "delivery.get": lambda w, _: w.delivery.get(),
    "delivery.put": lambda w, _: w.delivery.put(OURS.terms),
    "ticket_targets.get": lambda w, _: w.ticket_targets.get(),
    "ticket_targets.put": lambda w, _: w.ticket_targets.put(OURS.targets),
    "discounts.get": lambda w, s: w.discounts.get(s.rule.id),
    "discounts.all": lambda w, _: w.discounts.all(),
    "discounts.active": lambda w, _: w.discounts.active(),
    "discounts.add": lambda w, s: w.discounts.add(s.rule),
    "discounts.save": lambda w, s: _change(w.discounts.save, s.rule, name="mine"),
    "discounts.remove": lambda w, s: w.discounts.remove(s.rule.id),
    "concerns.add": lambda w, s: w.concerns.add(s.concern),
    "concerns.get": lambda w, s: w.concerns.get(s.concern.id),
    "concerns.lock": lambda w, s: w.concerns.lock(s.concern.id),
    "concerns.save": lambda w, s: _change(w.concerns.save, s.concern, note="mine"),
    "concerns.twin_of": lambda w, s: w.concerns.twin_of(s.concern),
    "concerns.page": lambda w, _: w.concerns.page(is_settled=None, before=None, limit=9),
    "payments.get": lambda w, s: w.payments.get(s.payment.id),
    "payments.lock": lambda w, s: w.payments.lock(s.payment.id),
    "payments.of_order": lambda w, s: w.payments.of_order(s.order.id),
    "payments.wanted_of": lambda w, s: w.payments.wanted_of(s.order.id),
    "payments.transfer_of": lambda w, s: w.payments.transfer_of(s.customer.id, NOON),
    "payments.known_as": lambda w, s: w.payments.known_as(s.payment.provider, [s.word]),
    "payments.add": lambda w, s: w.payments.add(s.payment),
    # Without its facts: a reference within the tenant would refuse those, whatever policies say.
    "payments.save": lambda w, s: _change(
        w.payments.save, s.payment, reason="mine", facts=frozenset[Fact]()
    ),
    "payments.wake": lambda w, s: w.payments.wake(s.payment.id, LATER, transaction="mine"),
    "payments.drop": lambda w, s: w.payments.drop(s.order.id, LATER),
    "payment_events.record": lambda w, s: w.payment_events.record(s.callback),
    "payment_events.of": lambda w, s: w.payment_events.of(s.payment.id),
    "payment_events.looked": lambda w, s: w.payment_events.looked([s.word], s.payment.id, LATER),
    "payment_events.prove": lambda w, s: w.payment_events.prove(s.proof),
    "payment_events.proofs": lambda w, s: w.payment_events.proofs(s.payment.id),
    "refunds.of": lambda w, s: w.refunds.of(s.payment.id),
    "refunds.add": lambda w, s: w.refunds.add(s.refund),
    "refunds.save": lambda w, s: _change(w.refunds.save, s.refund, reason="mine"),
    # We have no account ourselves: another's is the only one to be found.
    "ways_to_pay.choose": lambda w, _: w.ways_to_pay.choose(None),
    "tickets.get": lambda w, s: w.tickets.get(s.ticket.id),
    "tickets.lock": lambda w, s: w.tickets.lock(s.ticket.id),
    "tickets.open_for": lambda w, s: w.tickets.open_for(s.word),
    "tickets.next_number": lambda w, _: _ticket_number(w),
    "tickets.add": lambda w, s: w.tickets.add(s.ticket),
    "tickets.save": lambda w, s: _change(w.tickets.save, s.ticket, subject="mine"),
    "tickets.page": lambda w, _: w.tickets.page(TicketsWanted(), before=None, limit=9),
    "tickets.comment": lambda w, s: w.tickets.comment(s.comment),
    "tickets.comments": lambda w, s: w.tickets.comments(s.ticket.id, before=None, limit=9),
    "tickets.note": lambda w, s: _noted(w, s.ticket.id),
    "tickets.events": lambda w, s: w.tickets.events(s.ticket.id, before=None, limit=99),
    "tickets.hand_on": lambda w, s: w.tickets.hand_on(s.customer.id, OURS.customer.id),
    "tickets.move": lambda w, s: w.tickets.move(s.conversation.id, OURS.conversation.id),
    "tickets.forget": lambda w, s: w.tickets.forget(s.customer.id),
    "ticket_boards.get": lambda w, s: w.ticket_boards.get(s.board.id),
    "ticket_boards.hold": lambda w, s: w.ticket_boards.hold(s.board.id),
    "ticket_boards.default": lambda w, _: w.ticket_boards.default(),
    "ticket_boards.all": lambda w, _: w.ticket_boards.all(),
    "ticket_boards.add": lambda w, s: w.ticket_boards.add(s.other_board),
    "ticket_boards.save": lambda w, s: _change(w.ticket_boards.save, s.board, name="mine"),
    "ticket_boards.make_default": lambda w, s: w.ticket_boards.make_default(s.other_board.id),
    "ticket_boards.remove": lambda w, s: w.ticket_boards.remove(s.other_board.id),
    "ticket_templates.get": lambda w, s: w.ticket_templates.get(s.ticket_template.id),
    "ticket_templates.all": lambda w, _: w.ticket_templates.all(),
    "ticket_templates.add": lambda w, s: w.ticket_templates.add(s.ticket_template),
    "ticket_templates.save": lambda w, s: _change(
        w.ticket_templates.save, s.ticket_template, name="mine"
    ),
    "ticket_templates.remove": lambda w, s: w.ticket_templates.remove(s.ticket_template.id),
    "turns.running": lambda w, s: w.turns.running(s.conversation.id),
    "turns.add": lambda w, s: w.turns.add(s.turn),
    "turns.save": lambda w, s: _change(w.turns.save, s.turn, model_calls=7),
    "turns.tally": lambda w, s: w.turns.tally(s.conversation.id),
    "turns.forget_progress": lambda w, s: w.turns.forget_progress(s.turn.id),
    "executions.result_of": lambda w, s: w.executions.result_of(
        s.turn.id, key="call-1", tool="get_customer_profile", arguments_hash="same", occurrence=0
    ),
    "executions.add": lambda w, s: w.executions.add(s.execution),
    "ledger.record": lambda w, s: w.ledger.record(s.turn.id, [], []),
    "idempotency.claim": lambda w, s: w.idempotency.claim(s.once, OURS.leaving.id),
    "quick_replies.get": lambda w, s: w.quick_replies.get(s.quick_reply.id),
    "quick_replies.by_shortcut": lambda w, s: w.quick_replies.by_shortcut(s.quick_reply.shortcut),
    "quick_replies.page": lambda w, _: w.quick_replies.page(
        QuickRepliesWanted(), after=None, limit=9
    ),
    "quick_replies.add": lambda w, s: w.quick_replies.add(s.quick_reply),
    "quick_replies.save": lambda w, s: _change(w.quick_replies.save, s.quick_reply, content="mine"),
    "quick_replies.used": lambda w, s: w.quick_replies.used(s.quick_reply.id, LATER),
    "timeline.note": lambda w, s: w.timeline.note(s.conversation.id, "message.read"),
    "rules.hold": lambda w, _: w.rules.hold(),
    "rules.get": lambda w, s: w.rules.get(s.automation.id),
    "rules.all": lambda w, _: w.rules.all(),
    "rules.active": lambda w, _: w.rules.active(),
    "rules.add": lambda w, s: w.rules.add(s.automation),
    "rules.save": lambda w, s: _change(w.rules.save, s.automation, name="mine"),
    "rules.remove": lambda w, s: w.rules.remove(s.automation.id),
    "rules.arrange": lambda w, s: w.rules.arrange([OURS.automation.id, s.automation.id]),
    "rules.is_first_since": lambda w, s: w.rules.is_first_since(
        s.automation.id, s.conversation.id, NOON
    ),
    "outbox.say": lambda w, _: w.outbox.say(),
}


async def _listed(crm: SqlCrm, shop: Shop) -> object:
    return [one async for one in shop.checkpoints(crm.sessions, TENANT).alist(shop.thread)]


async def _connected(crm: SqlCrm, _shop: Shop) -> None:
    await connections(crm.sessions).put(TENANT, ConnectionChange(session="ours"))


async def _given_an_account(crm: SqlCrm, _shop: Shop) -> None:
    await crm.payment_accounts.put(TENANT, Provider.MANUAL, AccountChange(details="ours"))


def _look(act: Callable[[SqlConversationReader, Shop], Awaitable[object]]) -> Act:
    return lambda crm, shop: act(SqlConversationReader(crm.sessions), shop)


#: The same for stores that open their own transactions.
ALONE: Mapping[str, Act] = {
    "SqlCheckpoints.aget_tuple": lambda c, s: s.checkpoints(c.sessions, TENANT).aget_tuple(
        s.thread
    ),
    "SqlCheckpoints.alist": _listed,
    "SqlCheckpoints.aput": lambda c, s: s.checkpoints(c.sessions, TENANT).aput(
        s.thread, empty_checkpoint(), {}, {}
    ),
    "SqlCheckpoints.aput_writes": lambda c, s: s.checkpoints(c.sessions, TENANT).aput_writes(
        s.thread, [("said", "mine")], "task"
    ),
    "SqlCheckpoints.adelete_thread": lambda c, s: s.checkpoints(c.sessions, TENANT).adelete_thread(
        str(s.turn.id)
    ),
    "SqlConversationReader.these": _look(lambda r, s: r.these(TENANT, [s.conversation.id])),
    "SqlConversationReader.page": _look(
        lambda r, _: r.page(TENANT, Wanted(is_unread=True), after=None, limit=9)
    ),
    "SqlConversationReader.messages": _look(
        lambda r, s: r.messages(TENANT, s.conversation.id, before=None, limit=9)
    ),
    "SqlConversationReader.steps": _look(
        lambda r, s: r.steps(TENANT, s.conversation.id, before=None, limit=9)
    ),
    "SqlConversationReader.situation": _look(lambda r, s: r.situation(TENANT, s.conversation.id)),
    # We have no connection ourselves: another's is the only one to be found.
    "SqlConnections.find": lambda c, _: connections(c.sessions).find(TENANT),
    "SqlConnections.show": lambda c, _: connections(c.sessions).show(TENANT),
    "SqlConnections.put": _connected,
    "SqlConnections.rotate_webhook_secret": lambda c, _: connections(
        c.sessions
    ).rotate_webhook_secret(TENANT),
    "SqlPaymentAccounts.find": lambda c, _: c.payment_accounts.find(TENANT, Provider.MANUAL),
    "SqlPaymentAccounts.show": lambda c, _: c.payment_accounts.show(TENANT, Provider.MANUAL),
    "SqlPaymentAccounts.put": _given_an_account,
    "SqlPaymentAccounts.remove": lambda c, _: c.payment_accounts.remove(TENANT, Provider.MANUAL),
    "SqlConnections.webhook_secrets": lambda c, _: connections(c.sessions).webhook_secrets(TENANT),
}


def _in_work(act: Callable[[Work, Shop], Awaitable[object]]) -> Act:
    async def open_and_act(crm: SqlCrm, shop: Shop) -> object:
        async with crm.open_work(TENANT) as work:
            return await act(work, shop)

    return open_and_act


CASES: Mapping[str, Act] = {**ALONE, **{name: _in_work(act) for name, act in IN_WORK.items()}}


@pytest.fixture
async def crm(sessions: Sessions) -> SqlCrm:
    return SqlCrm(sessions)


@pytest.fixture
async def all_seeing(owner_database_url: str) -> AsyncGenerator[AsyncEngine]:
    """For whom there are no policies."""
    engine = connect(owner_database_url)
    yield engine
    await engine.dispose()


@pytest.fixture
def owner(all_seeing: AsyncEngine) -> Sessions:
    return sessions_of(all_seeing)


async def look_for(case: str, crm: SqlCrm, owner: Sessions) -> list[str]:
    """What is wrong with how this case treats another shop."""
    theirs, nobodys = Shop(OTHER_TENANT, "theirs-7"), Shop(NOBODY, "nobodys-7")
    # A tenant is its own shop: where it has none itself, another's is the only one to be found.
    if not case.startswith("tenants."):
        await furnish(SqlCrm(owner), OURS, is_connected=False)
    return await findings(
        Target(lambda: CASES[case](crm, theirs), theirs.ids),
        Target(lambda: CASES[case](crm, nobodys), nobodys.ids),
        move_in=lambda: furnish(SqlCrm(owner), theirs),
        word=theirs.word,
        whose=OTHER_TENANT,
        owner=owner,
    )


def test_every_method_of_every_port_has_a_case() -> None:
    ports = get_type_hints(Work).items()

    assert {f"{field}.{name}" for field, port in ports for name in methods_of(port)} == set(IN_WORK)


async def test_every_store_has_its_cases(crm: SqlCrm) -> None:
    async with crm.open_work(TENANT) as work:
        in_work = {type(store).__name__ for store in vars(work).values()}
    every = {**stores_in(infrastructure), "SqlConnections": SqlConnections}
    alone = {name: store for name, store in every.items() if name not in in_work | ACROSS}

    assert {f"{name}.{one}" for name, store in alone.items() for one in methods_of(store)} == set(
        ALONE
    )


@pytest.mark.parametrize("case", CASES)
async def test_what_is_anothers_is_as_good_as_absent(
    case: str, crm: SqlCrm, owner: Sessions
) -> None:
    assert await look_for(case, crm, owner) == []


@pytest.mark.parametrize("case", CASES)
async def test_it_still_is_where_the_code_forgets_whose_it_is(
    case: str, crm: SqlCrm, engine: AsyncEngine, owner: Sessions
) -> None:
    cut_filters(engine)

    assert await look_for(case, crm, owner) == []


@pytest.mark.parametrize("case", CASES)
async def test_without_policies_what_was_forgotten_shows(
    case: str, owner_database_url: str, owner: Sessions
) -> None:
    engine = connect(owner_database_url)
    cut = cut_filters(engine)

    found = await look_for(case, SqlCrm(sessions_of(engine)), owner)
    await engine.dispose()

    assert found or not cut
