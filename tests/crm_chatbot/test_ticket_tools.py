"""The bot asks colleagues to see to something: once a turn, and not again and again."""

from typing import Any

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.application.tickets.opening import NewTicket, open_ticket
from crm_chatbot.application.turns.tools.registry import every_tool
from crm_chatbot.application.turns.tools.tickets import MOST_A_DAY, ticket_tools
from crm_chatbot.application.turns.tools.toolbox import Toolbox, ToolResult
from crm_chatbot.domain.conversations.message import TurnId
from crm_chatbot.domain.tickets.ticket import Priority, Ticket, Wanted
from tests.crm_chatbot.builders import NOON, TENANT
from tests.crm_chatbot.deciding import PlainAgent, Scene, a_scene, reply_of, steps_with
from tests.crm_chatbot.stores import Crm
from tests.crm_chatbot.test_steps import Script
from tests.crm_chatbot.test_tools import FORBIDDEN, context_of, names_in, wanted
from tests.shared.llm.fakes import calls

ORDINARY: dict[str, Any] = {"subject": "Cangkir pecah", "description": "Dua dari tiga pecah."}


@pytest.fixture
async def scene(crm: Crm) -> Scene:
    return await a_scene(crm, "barangnya pecah nih")


async def use(crm: Crm, scene: Scene, **said: Any) -> ToolResult:
    toolbox = Toolbox(crm.open_work, ticket_tools(new_id=uuid7))
    call = calls("create_ticket", id=uuid7().hex, **said)
    return await toolbox.run(context_of(scene), wanted(call))


async def tickets(crm: Crm) -> list[Ticket]:
    async with crm.open_work(TENANT) as work:
        return list(await work.tickets.page(Wanted(), before=None, limit=99))


async def an_earlier(crm: Crm, scene: Scene, **facts: Any) -> None:
    """Opened by the bot in another turn."""
    named: dict[str, Any] = {"by": "bot", "now": NOON, **facts}
    async with crm.open_work(TENANT) as work:
        wish = NewTicket(
            subject="Earlier",
            conversation_id=scene.conversation.id,
            reason=f"turn:{TurnId(uuid7())}",
        )
        await open_ticket(work, wish, new_id=uuid7, **named)


async def test_a_ticket_of_this_chat_is_opened_and_its_number_told(crm: Crm, scene: Scene) -> None:
    result = await use(crm, scene, **ORDINARY, priority="high")

    [ticket] = await tickets(crm)
    assert result.told == {"ticket_number": 1, "status": "open"}
    assert (ticket.subject, ticket.description) == ("Cangkir pecah", "Dua dari tiga pecah.")
    assert (ticket.priority, ticket.opened_by) == (Priority.HIGH, "bot")
    assert ticket.conversation_id == scene.conversation.id
    assert ticket.customer_id == scene.customer.id
    assert ticket.due_at is not None


async def test_within_one_turn_it_is_one_ticket(crm: Crm, scene: Scene) -> None:
    first = await use(crm, scene, **ORDINARY)
    again = await use(crm, scene, subject="Barang pecah")

    assert again.told == first.told
    assert [one.subject for one in await tickets(crm)] == ["Cangkir pecah"]


async def test_so_many_a_day_and_no_more(crm: Crm, scene: Scene) -> None:
    for _ in range(MOST_A_DAY):
        await an_earlier(crm, scene)

    assert (await use(crm, scene, **ORDINARY)).told["error"] == "ticket_limit"
    assert len(await tickets(crm)) == MOST_A_DAY


async def test_what_others_opened_or_what_is_old_does_not_count(crm: Crm, scene: Scene) -> None:
    for n in range(MOST_A_DAY):
        await an_earlier(crm, scene, by="system")
        await an_earlier(crm, scene, now=NOON.replace(day=NOON.day - 1, second=n))

    assert (await use(crm, scene, **ORDINARY)).told["status"] == "open"


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"subject": ""},
        {"subject": "x" * 201},
        {"subject": "x", "description": "x" * 1_001},
        {"subject": "x", "priority": "urgent"},
        {"subject": "x", "priority": "none"},
        {"subject": "x", "order_id": "ORD-1"},
        {"subject": "x", "assignee_id": "ani"},
        {"subject": " "},
    ],
)
async def test_a_model_can_say_nothing_else(crm: Crm, scene: Scene, said: dict[str, Any]) -> None:
    assert "error" in (await use(crm, scene, **said)).told
    assert await tickets(crm) == []


def test_the_bot_has_it_and_can_name_nothing_that_only_code_may_say() -> None:
    [tool] = [
        one for one in every_tool(new_id=uuid7, patience_s=30.0) if one.name == "create_ticket"
    ]

    names = list(names_in(tool.spec.parameters))
    assert [name for name in names for word in FORBIDDEN if word in name] == []


@pytest.mark.parametrize("words", ["Tiket #{} sudah dibuat, Kak.", "Nomor tiketnya {}."])
async def test_a_tickets_number_may_be_said_now_and_later(
    crm: Crm, scene: Scene, words: str
) -> None:
    async with crm.open_work(TENANT) as work:
        for _ in range(2_026):
            await work.tickets.next_number()
        wish = NewTicket(subject="Old", customer_id=scene.customer.id)
        old = await open_ticket(work, wish, by="ani", now=NOON, new_id=uuid7)
    assert old.number == 2_027
    later = words.format(old.number)
    progress = await PlainAgent(steps_with(Script(later).models, crm.open_work))(scene.brief())

    assert reply_of(progress) == later
