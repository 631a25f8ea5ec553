"""The sender's PostgreSQL behind the same face as its memory."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from shared.contracts import KINDS, Message
from shared.infrastructure.database import Sessions, transaction
from shared.infrastructure.tenancy import tenant_transaction
from tests.waha_sender.fakes import MemoryStore
from waha_sender.application.ports import Leases, Work
from waha_sender.infrastructure.lease_store import SqlLeases
from waha_sender.infrastructure.work import sql_work


@dataclass
class SqlStore:
    """The real thing."""

    sessions: Sessions

    def open_work(self, tenant_id: UUID) -> AbstractAsyncContextManager[Work]:
        return sql_work(self.sessions, "wa_results")(tenant_id)

    def leases(self, worker_id: UUID) -> Leases:
        return SqlLeases(self.sessions, worker_id)

    async def said(self) -> list[Message]:
        async with transaction(self.sessions) as session:
            rows = await session.execute(
                text("SELECT kind, body FROM waha_sender.outbox ORDER BY id")
            )
            return [KINDS[row.kind].model_validate_json(row.body) for row in rows]

    async def now(self) -> datetime:
        async with transaction(self.sessions) as session:
            now: datetime | None = await session.scalar(text("SELECT clock_timestamp()"))
            assert now is not None
            return now

    async def silence(self, worker_id: UUID) -> None:
        async with transaction(self.sessions) as session:
            await session.execute(
                text(
                    "UPDATE waha_sender.workers SET beat_at = beat_at - interval '1 hour'"
                    " WHERE id = :worker"
                ),
                {"worker": worker_id},
            )

    async def age(self, tenant_id: UUID, seconds: float) -> None:
        async with tenant_transaction(self.sessions, tenant_id) as session:
            await session.execute(
                text(
                    "UPDATE waha_sender.deliveries SET created_at ="
                    " created_at - make_interval(secs => :seconds)"
                ),
                {"seconds": seconds},
            )


Store = MemoryStore | SqlStore
