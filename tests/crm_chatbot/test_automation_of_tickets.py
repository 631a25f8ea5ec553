"""What rules do when a ticket was not seen to within its time."""

from crm_chatbot.application.automation import run_rules
from crm_chatbot.domain.automation import Assign, OpenTicket, TicketBreached, TicketRanOut
from crm_chatbot.domain.tickets.ticket import Wanted
from tests.crm_chatbot.builders import NOON, TENANT, a_tenant
from tests.crm_chatbot.desk import a_board, a_ticket
from tests.crm_chatbot.ruling import a_rule_that
from tests.crm_chatbot.stores import Crm


async def test_a_late_ticket_is_somebodys_and_opens_one_other_at_most(crm: Crm) -> None:
    board = a_board(is_default=True)
    late = a_ticket(board)
    rule = a_rule_that(Assign("sari"), OpenTicket("Late"), when=TicketBreached())
    async with crm.open_work(TENANT) as work:
        await work.tenants.add(a_tenant())
        await work.ticket_boards.add(board)
        await work.tickets.next_number()
        late.begin()
        await work.tickets.add(late)
        await work.rules.add(rule)

    for _ in range(2):
        async with crm.open_work(TENANT) as work:
            await run_rules(work, TicketRanOut(late.id), conversation=None, now=NOON)

    async with crm.open_work(TENANT) as work:
        found = await work.tickets.page(Wanted(), before=None, limit=9)
        seen = await work.tickets.get(late.id)
    assert seen.assignee_id == "sari"
    assert [one.subject for one in found if one.id != late.id] == ["Late"]
