"""The gateway's PostgreSQL behind the same face as its memory."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from uuid_utils.compat import uuid7

from gateway.application.jobs import JobService
from gateway.application.ports import JobReader, OpenWork, Work
from gateway.infrastructure.persistence import SqlJobReader, sql_work
from shared.contracts import KINDS, Message
from shared.domain import Clock
from shared.infrastructure.database import Sessions, transaction
from shared.llm.seeds import SEED_CONFIGS, SEED_TEMPLATES
from tests.gateway.builders import PATIENCE, TRACE
from tests.gateway.fakes import MemoryGateway
from tests.shared.llm.fakes import MemoryCatalogue

TASK_QUEUE = "ai_tasks"


@dataclass
class SqlGateway:
    """Time passes in it by moving every date in its tables into the past."""

    sessions: Sessions
    reask_after: timedelta = timedelta(seconds=15)

    def open_work(self, *, in_one_step: bool = False) -> AbstractAsyncContextManager[Work]:
        open_work = sql_work(
            self.sessions,
            task_queue=TASK_QUEUE,
            reask_after_s=self.reask_after.total_seconds(),
        )
        return open_work(in_one_step=in_one_step)

    @property
    def read(self) -> JobReader:
        return SqlJobReader(self.sessions)

    async def now(self) -> datetime:
        async with transaction(self.sessions) as session:
            time = await session.scalar(text("SELECT clock_timestamp()"))
        assert isinstance(time, datetime)
        return time

    async def pass_time(self, seconds: float) -> None:
        ago = {"ago": timedelta(seconds=seconds)}
        async with transaction(self.sessions) as session:
            await session.execute(
                text("""
                    UPDATE gateway.jobs SET ask_at = ask_at - CAST(:ago AS interval),
                           deadline_at = deadline_at - CAST(:ago AS interval)
                     WHERE status IN ('QUEUED', 'PROCESSING')"""),
                ago,
            )
            for table, column in (
                ("callbacks", "available_at"),
                ("idempotency_keys", "created_at"),
                ("callback_secrets", "expires_at"),
            ):
                move = f"UPDATE gateway.{table} SET {column} = {column} - CAST(:ago AS interval)"  # noqa: S608 - ours
                await session.execute(text(move), ago)

    async def announced(self) -> list[Message]:
        """Everything that was announced, in order."""
        async with transaction(self.sessions) as session:
            rows = await session.execute(text("SELECT kind, body FROM gateway.outbox ORDER BY id"))
            return [KINDS[row.kind].model_validate_json(row.body) for row in rows]


Gateway = MemoryGateway | SqlGateway


def job_service(open_work: OpenWork, now: Clock) -> JobService:
    """Knows the configs and templates that every catalogue begins with."""
    return JobService(
        open_work=open_work,
        catalogue=MemoryCatalogue(SEED_CONFIGS, SEED_TEMPLATES),
        now=now,
        new_id=uuid7,
        trace=lambda: TRACE,
        patience_s=PATIENCE.total_seconds(),
    )
