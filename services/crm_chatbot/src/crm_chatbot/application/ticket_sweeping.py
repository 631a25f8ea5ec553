"""Tickets whose time has run out: noted once, for the people who look at them."""

from dataclasses import dataclass

from crm_chatbot.application.automation import run_rules
from crm_chatbot.application.backlog import Backlog
from crm_chatbot.application.ports import OpenWork, Work
from crm_chatbot.application.tickets.occasions import SYSTEM
from crm_chatbot.domain.automation import TicketRanOut
from crm_chatbot.domain.conversations.conversation import Conversation, ConversationNotFound
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.domain.tickets.clock import has_run_out
from crm_chatbot.domain.tickets.ticket import Ticket, TicketId, TicketNotFound
from shared import logs, metrics
from shared.availability import DatabaseUnavailable
from shared.crash_points import crash_point
from shared.domain import Clock

log = logs.get()

#: Tickets of one round. Whatever is left over waits for the next.
MOST = 200


@dataclass(frozen=True, kw_only=True)
class TicketSweeper:
    """Looks again under the ticket's lock: many may sweep at once."""

    backlog: Backlog
    open_work: OpenWork
    now: Clock

    async def note_overdue(self) -> int:
        """Returns how many tickets have run out of time; each in a transaction of its own."""
        done = 0
        for tenant_id, ticket_id in await self.backlog.overdue(MOST):
            try:
                done += await self._note(tenant_id, ticket_id)
                crash_point("crm.ticket_breached")
            except (TicketNotFound, ConversationNotFound):
                continue
            except DatabaseUnavailable:
                raise
            except Exception:
                log.exception("ticket.not_swept", ticket_id=str(ticket_id))
        return done

    async def _note(self, tenant_id: TenantId, ticket_id: TicketId) -> bool:
        async with self.open_work(tenant_id) as work:
            ticket, conversation = await _locked(work, ticket_id)
            now = self.now()
            if not has_run_out(ticket, now):
                return False
            ticket.breached_at = now
            ticket.record("ticket.breached", now, by=SYSTEM)
            await work.tickets.save(ticket)
            if conversation is not None:
                facts = {"ticket_id": ticket.id, "number": ticket.number}
                await work.timeline.note(conversation.id, "ticket.breached", **facts)
            await run_rules(work, TicketRanOut(ticket.id), conversation=conversation, now=now)
        metrics.tickets_breached.labels(ticket.priority).inc()
        return True


async def _locked(work: Work, ticket_id: TicketId) -> tuple[Ticket, Conversation | None]:
    """After its conversation, as everybody does who locks both.

    Raises TicketNotFound, ConversationNotFound.
    """
    named = (await work.tickets.get(ticket_id)).conversation_id
    conversation = None if named is None else await work.conversations.lock(named)
    return await work.tickets.lock(ticket_id), conversation
