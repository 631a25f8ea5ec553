"""One tenant's transaction in PostgreSQL, and what it says once it has committed."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from shared.contracts import Message
from shared.infrastructure.database import Sessions
from shared.infrastructure.outbox import Envelope, HandOver, announce
from shared.infrastructure.tenancy import tenant_transaction
from shared.messaging import Outgoing
from waha_sender.application.ports import OpenWork, Work
from waha_sender.infrastructure.delivery_store import SqlDeliveries
from waha_sender.infrastructure.pace_store import SqlPaces
from waha_sender.infrastructure.tables import SCHEMA


class SqlOutbox:
    """Honours waha_sender.application.ports.Outbox."""

    def __init__(self, session: AsyncSession, queue: str, said: list[Outgoing]) -> None:
        """`said` takes note of what is announced."""
        self._session = session
        self._queue = queue
        self._said = said

    async def say(self, message: Message, headers: Mapping[str, str], /) -> None:
        envelope = Envelope(self._queue, message, headers)
        self._said += await announce(self._session, SCHEMA, [envelope])


def sql_work(
    sessions: Sessions, result_queue: str, *, hand_over: HandOver = lambda _: None
) -> OpenWork:
    """Transactions on PostgreSQL. `hand_over` gets what was announced, once it is committed."""

    @asynccontextmanager
    async def open_work(tenant_id: UUID) -> AsyncGenerator[Work]:
        said: list[Outgoing] = []
        async with tenant_transaction(sessions, tenant_id) as session:
            yield Work(
                deliveries=SqlDeliveries(session, tenant_id),
                paces=SqlPaces(session, tenant_id),
                outbox=SqlOutbox(session, result_queue, said),
            )
        hand_over(said)

    return open_work
