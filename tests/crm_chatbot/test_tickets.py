"""What people of a shop do with tickets, on fakes."""

from dataclasses import dataclass
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.application.once import IdempotencyKeyReused, Once
from crm_chatbot.application.tickets.boards import BoardService
from crm_chatbot.application.tickets.templates import TicketTemplateService
from crm_chatbot.application.tickets.tickets import Draft, LinksDisagree, TicketService
from crm_chatbot.application.whatsapp.acquaintance import Acquaintance
from crm_chatbot.domain.conversations.conversation import (
    Conversation,
    ConversationId,
    ConversationNotFound,
)
from crm_chatbot.domain.customers.customer import CustomerId, CustomerNotFound
from crm_chatbot.domain.language import Language
from crm_chatbot.domain.orders.order import OrderId, OrderNotFound
from crm_chatbot.domain.tickets.board import (
    BoardId,
    BoardIsDefault,
    BoardNotFound,
)
from crm_chatbot.domain.tickets.status import Status
from crm_chatbot.domain.tickets.template import TemplateId, TemplateNotFound
from crm_chatbot.domain.tickets.ticket import (
    Priority,
    Ticket,
    TicketId,
    TicketNotFound,
    TicketOpenAlready,
    TicketRejected,
    Wanted,
)
from shared.domain import ChangedSince
from tests.crm_chatbot.builders import NOON, TENANT, a_tenant
from tests.crm_chatbot.chats import LID, PHONE, another_chat, open_chat
from tests.crm_chatbot.deals import an_event, an_order
from tests.crm_chatbot.desk import a_ticket
from tests.crm_chatbot.fakes import MemoryCrm


@dataclass
class Desk:
    """Its services, and one customer who writes."""

    crm: MemoryCrm
    conversation: Conversation

    @property
    def tickets(self) -> TicketService:
        return TicketService(open_work=self.crm.open_work, now=self.crm.clock, new_id=uuid7)

    @property
    def boards(self) -> BoardService:
        return BoardService(open_work=self.crm.open_work, now=self.crm.clock, new_id=uuid7)

    @property
    def templates(self) -> TicketTemplateService:
        return TicketTemplateService(open_work=self.crm.open_work, now=self.crm.clock, new_id=uuid7)

    async def open(self, subject: str = "A parcel is missing", **draft: Any) -> Ticket:
        wish: dict[str, Any] = {"subject": subject, **draft}
        return (await self.tickets.open(TENANT, Draft(**wish), by="key 1")).ticket

    async def told(self) -> list[str]:
        steps = await self.crm.timeline(TENANT, self.conversation.id)
        return [say for step in steps if (say := step.what).startswith("ticket.")]


@pytest.fixture
async def desk(memory: MemoryCrm) -> Desk:
    async with memory.open_work(TENANT) as work:
        return Desk(memory, await open_chat(work))


async def test_a_ticket_is_opened_on_the_default_board(desk: Desk) -> None:
    first, second = await desk.open(), await desk.open()

    [board] = await desk.boards.all(TENANT)
    assert (board.name, board.is_default) == ("Umum", True)
    assert [column.name for column in board.columns][:2] == ["Baru", "Dikerjakan"]
    assert [(one.number, one.board_id) for one in (first, second)] == [(1, board.id), (2, board.id)]
    assert (first.opened_by, first.status, first.created_at) == ("key 1", Status.OPEN, NOON)


async def test_the_first_board_speaks_the_shops_language(memory: MemoryCrm) -> None:
    async with memory.open_work(TENANT) as work:
        await work.tenants.add(a_tenant(language=Language.ENGLISH))
    boards = BoardService(open_work=memory.open_work, now=memory.clock, new_id=uuid7)

    assert [board.name for board in await boards.all(TENANT)] == ["General"]


async def test_a_ticket_is_about_whoever_writes(desk: Desk) -> None:
    ticket = await desk.open(conversation_id=desk.conversation.id)

    assert ticket.customer_id == desk.conversation.customer_id
    assert await desk.told() == ["ticket.opened"]


async def test_links_are_of_one_customer(desk: Desk) -> None:
    async with desk.crm.open_work(TENANT) as work:
        other = await another_chat(work, LID)

    with pytest.raises(LinksDisagree) as refused:
        await desk.open(conversation_id=desk.conversation.id, customer_id=other.customer_id)

    assert refused.value.pointer == "/conversation_id"


@pytest.mark.parametrize(
    ("link", "refusal"),
    [
        ({"conversation_id": ConversationId(uuid7())}, ConversationNotFound),
        ({"customer_id": CustomerId(uuid7())}, CustomerNotFound),
        ({"order_id": OrderId(uuid7())}, OrderNotFound),
        ({"board_id": BoardId(uuid7())}, BoardNotFound),
        ({"template_id": TemplateId(uuid7())}, TemplateNotFound),
    ],
)
async def test_what_is_not_there_is_not_linked(
    desk: Desk, link: dict[str, Any], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        await desk.open(**link)

    assert await desk.tickets.page(TENANT, Wanted(), before=None, limit=9) == []


async def test_a_template_says_what_is_not_said(desk: Desk) -> None:
    order = an_order(None, number="ORD-7", customer_id=desk.conversation.customer_id)
    async with desk.crm.open_work(TENANT) as work:
        await work.orders.add(order, an_event())
    template = await desk.templates.add(
        TENANT,
        name="Lost",
        subject_template="Paket {order_number} hilang",
        description_template="{customer_name} ({customer_phone}), {order_total}, {shop_name}",
        default_priority=Priority.HIGH,
    )

    opened = await desk.tickets.open(
        TENANT, Draft(template_id=template.id, order_id=order.id), by="key 1"
    )
    other = await desk.tickets.open(
        TENANT,
        Draft(template_id=template.id, subject="Mine", priority=Priority.NONE, description=""),
        by="key 1",
    )

    assert opened.ticket.subject == "Paket ORD-7 hilang"
    assert opened.ticket.description == f" ({PHONE.value}), Rp0, {a_tenant().name}"
    assert (opened.ticket.priority, opened.missing) == (Priority.HIGH, ("customer_name",))
    assert (other.ticket.subject, other.ticket.priority) == ("Mine", Priority.NONE)
    assert other.ticket.description == ""


async def test_without_a_template_a_subject_is_needed(desk: Desk) -> None:
    for draft in (Draft(), Draft(subject="")):
        with pytest.raises(TicketRejected) as refused:
            await desk.tickets.open(TENANT, draft, by="key 1")
        assert refused.value.pointer == "/subject"


async def test_a_request_that_is_made_twice_opens_one_ticket(desk: Desk) -> None:
    once = Once("tenant", "key", "hash")

    first = await desk.tickets.open(TENANT, Draft(subject="One"), by="key 1", once=once)
    again = await desk.tickets.open(TENANT, Draft(subject="One"), by="key 1", once=once)
    with pytest.raises(IdempotencyKeyReused):
        await desk.tickets.open(
            TENANT, Draft(subject="Two"), by="key 1", once=Once("tenant", "key", "other")
        )

    assert (first.is_replay, again.is_replay) == (False, True)
    assert again.ticket.id == first.ticket.id
    assert len(await desk.tickets.page(TENANT, Wanted(), before=None, limit=9)) == 1


async def test_a_ticket_is_seen_to_step_by_step(desk: Desk) -> None:
    ticket = await desk.open(conversation_id=desk.conversation.id)
    tickets = desk.tickets

    await tickets.change(TENANT, ticket.id, by="key 2", status=Status.IN_PROGRESS, assignee_id="s")
    await tickets.change(TENANT, ticket.id, by="key 2", status=Status.RESOLVED, resolution="Done.")
    await tickets.change(TENANT, ticket.id, by="key 2", status=Status.RESOLVED, resolution="Well.")
    closed = await tickets.change(TENANT, ticket.id, by="key 2", status=Status.CLOSED)
    again = await tickets.reopen(TENANT, ticket.id, by="key 3")

    assert (closed.resolution, closed.closed_at) == ("Well.", NOON)
    assert (again.status, again.version) == (Status.OPEN, 6)
    assert await desk.told() == ["ticket.opened", "ticket.resolved", "ticket.reopened"]
    history = await tickets.history(TENANT, ticket.id, before=None, limit=99)
    assert [(one.what, one.actor) for one in history] == [
        ("ticket.opened", "key 1"),
        ("ticket.moved", "key 2"),
        ("ticket.assigned", "key 2"),
        ("ticket.moved", "key 2"),
        ("ticket.described", "key 2"),
        ("ticket.moved", "key 2"),
        ("ticket.reopened", "key 3"),
    ]


async def test_a_resolution_belongs_to_the_time_that_it_was_resolved(desk: Desk) -> None:
    ticket = await desk.open()
    await desk.tickets.change(TENANT, ticket.id, by="k", status=Status.RESOLVED, resolution="Done.")
    await desk.tickets.reopen(TENANT, ticket.id, by="k")

    with pytest.raises(TicketRejected):
        await desk.tickets.change(TENANT, ticket.id, by="k", status=Status.RESOLVED)


async def test_what_changes_nothing_is_not_saved(desk: Desk) -> None:
    ticket = await desk.open()

    seen = await desk.tickets.change(
        TENANT, ticket.id, by="k", status=Status.OPEN, subject=ticket.subject
    )

    assert seen.version == 1
    assert len(await desk.tickets.history(TENANT, ticket.id, before=None, limit=99)) == 1


async def test_a_change_is_meant_for_the_version_that_was_seen(desk: Desk) -> None:
    ticket = await desk.open()
    await desk.tickets.change(TENANT, ticket.id, by="k", expected=1, subject="Mine")

    with pytest.raises(ChangedSince):
        await desk.tickets.change(TENANT, ticket.id, by="k", expected=1, subject="Yours")
    with pytest.raises(ChangedSince):
        await desk.tickets.reopen(TENANT, ticket.id, by="k", expected=1)

    assert (await desk.tickets.get(TENANT, ticket.id)).subject == "Mine"


async def test_a_ticket_is_put_on_a_board_that_is_there(desk: Desk) -> None:
    ticket, board = await desk.open(), await desk.boards.add(TENANT, name="Money")

    moved = await desk.tickets.change(TENANT, ticket.id, by="k", board_id=board.id)
    with pytest.raises(BoardNotFound):
        await desk.tickets.change(TENANT, ticket.id, by="k", board_id=BoardId(uuid7()))

    assert moved.board_id == board.id


async def test_what_is_about_the_same_is_not_open_twice(desk: Desk) -> None:
    [board] = await desk.boards.all(TENANT)
    was = a_ticket(board, number=8, reason="handover:1", status=Status.CLOSED)
    now = a_ticket(board, number=9, reason="handover:1")
    async with desk.crm.open_work(TENANT) as work:
        await work.tickets.add(was)
        await work.tickets.add(now)

    with pytest.raises(TicketOpenAlready, match="Ticket 9 "):
        await desk.tickets.reopen(TENANT, was.id, by="k")


async def test_the_overdue_are_asked_for_by_the_clock(desk: Desk) -> None:
    ticket, _ = await desk.open(), await desk.open()
    async with desk.crm.open_work(TENANT) as work:
        seen = await work.tickets.lock(ticket.id)
        seen.due_at = NOON
        await work.tickets.save(seen)
    await desk.crm.pass_time(1)

    found = await desk.tickets.page(TENANT, Wanted(), is_overdue=True, before=None, limit=9)

    assert ticket.id in {one.id for one in found}


async def test_colleagues_comment_on_a_ticket(desk: Desk) -> None:
    ticket = await desk.open()

    comment = await desk.tickets.comment(TENANT, ticket.id, "Called.", by="key 2")
    with pytest.raises(TicketNotFound):
        await desk.tickets.comment(TENANT, TicketId(uuid7()), "Called.", by="key 2")
    with pytest.raises(TicketRejected):
        await desk.tickets.comment(TENANT, ticket.id, " ", by="key 2")

    found = await desk.tickets.comments(TENANT, ticket.id, before=None, limit=9)
    assert found == [comment]
    assert (comment.author, comment.text) == ("key 2", "Called.")


async def test_one_board_is_always_the_default(desk: Desk) -> None:
    [first] = await desk.boards.all(TENANT)
    second = await desk.boards.add(TENANT, name="Money", is_default=True)

    assert second.is_default
    assert not (await desk.boards.get(TENANT, first.id)).is_default
    with pytest.raises(BoardIsDefault):
        await desk.boards.change(TENANT, second.id, is_default=False)
    with pytest.raises(BoardIsDefault):
        await desk.boards.remove(TENANT, second.id)
    again = await desk.boards.change(TENANT, first.id, is_default=True, name="Back")
    await desk.boards.remove(TENANT, second.id)

    assert (again.is_default, again.name) == (True, "Back")
    assert [board.id for board in await desk.boards.all(TENANT)] == [first.id]


async def test_a_board_is_changed_as_it_was_seen(desk: Desk) -> None:
    [board] = await desk.boards.all(TENANT)
    await desk.boards.change(TENANT, board.id, expected=1, description="All.")

    with pytest.raises(ChangedSince):
        await desk.boards.change(TENANT, board.id, expected=1, name="Mine")


async def test_a_template_is_changed_as_it_was_seen(desk: Desk) -> None:
    template = await desk.templates.add(TENANT, name="Lost", subject_template="Lost")
    changed = await desk.templates.change(TENANT, template.id, expected=1, name="Gone")

    with pytest.raises(ChangedSince):
        await desk.templates.change(TENANT, template.id, expected=1, name="Mine")
    assert changed.version == 2
    await desk.templates.remove(TENANT, template.id)
    assert await desk.templates.all(TENANT) == []


async def test_tickets_follow_two_who_turn_out_to_be_one(desk: Desk) -> None:
    async with desk.crm.open_work(TENANT) as work:
        other = await another_chat(work, LID)
    ticket = await desk.open(conversation_id=other.id)

    async with desk.crm.open_work(TENANT) as work:
        await Acquaintance(work, TENANT, NOON, uuid7).link([PHONE, LID])

    seen = await desk.tickets.get(TENANT, ticket.id)
    assert (seen.conversation_id, seen.customer_id) == (
        desk.conversation.id,
        desk.conversation.customer_id,
    )
