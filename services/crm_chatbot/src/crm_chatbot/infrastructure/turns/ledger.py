"""What turns cost, in the kernel's books."""

from collections.abc import Sequence
from itertools import groupby

from sqlalchemy.ext.asyncio import AsyncSession

from crm_chatbot.application.ports import Spent
from crm_chatbot.domain.conversations.message import TurnId
from crm_chatbot.domain.tenants.tenant import TenantId
from shared.llm.budget_store import Settlement, settle
from shared.llm.budgets import Reservation
from shared.llm.usage import Used, record


class SqlLedger:
    """Honours crm_chatbot.application.ports.Ledger."""

    def __init__(self, session: AsyncSession, tenant_id: TenantId) -> None:
        self._session = session
        self._tenant_id = tenant_id

    async def record(
        self, turn_id: TurnId, spent: Sequence[Spent], reservations: Sequence[Reservation], /
    ) -> None:
        used = [
            Used(
                subject_kind="turn",
                subject_id=turn_id,
                attempt=attempt,
                tenant_id=self._tenant_id,
                calls=[one.call for one in calls],
            )
            for attempt, calls in groupby(
                sorted(spent, key=lambda one: one.attempt), key=lambda one: one.attempt
            )
        ]
        await record(self._session, used)
        cost = sum(one.call.cost_micro_usd for one in spent)
        await settle(self._session, [Settlement(reservations, cost)])
