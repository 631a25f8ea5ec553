"""One transaction of ai_engine, on behalf of one worker."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ai_engine.application.ports import OpenWork, Work
from ai_engine.application.processing import Meter
from ai_engine.domain.run import Run
from ai_engine.infrastructure.run_store import SqlRuns, SqlWorkers
from ai_engine.infrastructure.thread_store import SqlThreads
from shared.infrastructure.database import Sessions, one_statement, transaction
from shared.infrastructure.outbox import HandOver
from shared.llm.budget_store import Settlement, settle
from shared.llm.usage import Used, record
from shared.messaging import Outgoing


class SqlLedger:
    """Honours ai_engine.application.ports.Ledger."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def record(self, used: Sequence[tuple[Run, Meter]], /) -> None:
        await record(
            self._session,
            [
                Used(
                    subject_kind="job",
                    subject_id=run.job_id,
                    attempt=run.attempt,
                    tenant_id=run.tenant_id,
                    calls=meter.calls,
                )
                for run, meter in used
            ],
        )
        await settle(
            self._session,
            [
                Settlement(meter.reservations, sum(call.cost_micro_usd for call in meter.calls))
                for _, meter in used
            ],
        )


def sql_work(
    sessions: Sessions,
    *,
    worker_id: UUID,
    result_queue: str,
    dead_after_s: float,
    hand_over: HandOver = lambda _: None,
) -> OpenWork:
    """Transactions on PostgreSQL. `hand_over` gets what was announced, once it is committed."""

    @asynccontextmanager
    async def open_work(*, in_one_step: bool = False) -> AsyncGenerator[Work]:
        said: list[Outgoing] = []
        begin = one_statement if in_one_step else transaction
        async with begin(sessions) as session:
            yield Work(
                runs=SqlRuns(
                    session,
                    said,
                    worker_id=worker_id,
                    result_queue=result_queue,
                    dead_after_s=dead_after_s,
                ),
                workers=SqlWorkers(session, worker_id),
                threads=SqlThreads(session),
                ledger=SqlLedger(session),
            )
        hand_over(said)

    return open_work
