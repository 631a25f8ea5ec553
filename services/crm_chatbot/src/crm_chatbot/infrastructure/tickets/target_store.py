"""Within what time a shop wants to have its tickets resolved, in PostgreSQL."""

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql

from crm_chatbot.application.feed import Thing
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.domain.tickets.clock import Targets
from crm_chatbot.domain.tickets.ticket import Priority
from crm_chatbot.infrastructure.service_desk_tables import ticket_targets
from shared.infrastructure.late import LateSession

_t = ticket_targets.c


class SqlTicketTargets:
    """Honours crm_chatbot.domain.tickets.clock.TicketTargets."""

    def __init__(self, session: LateSession, tenant_id: TenantId) -> None:
        self._session = session
        self._tenant_id = tenant_id

    async def get(self) -> Targets:
        rows = await self._session.execute(
            select(_t.priority, _t.within_s).where(_t.tenant_id == self._tenant_id)
        )
        return Targets({Priority(row.priority): row.within_s for row in rows})

    async def put(self, targets: Targets, /) -> None:
        theirs = delete(ticket_targets).where(_t.tenant_id == self._tenant_id)
        await self._session.execute(theirs)
        self._session.touched(Thing.TICKET_TARGETS, self._tenant_id)
        rows = [
            {"tenant_id": self._tenant_id, "priority": priority, "within_s": within_s}
            for priority, within_s in targets.own.items()
        ]
        if rows:
            new = postgresql.insert(ticket_targets)
            # Somebody else may put theirs at the same time.
            changed = new.on_conflict_do_update(
                index_elements=["tenant_id", "priority"], set_={"within_s": new.excluded.within_s}
            )
            await self._session.execute(changed, rows)
