"""What was said on threads: written with the answer, or not at all."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ai_engine.domain.run import Run
from ai_engine.infrastructure.run_store import thread_of
from ai_engine.infrastructure.tables import thread_messages
from shared.infrastructure.database import Sessions, insert_rows, transaction
from shared.llm.chat import ChatMessage


class SqlThreads:
    """Honours ai_engine.application.ports.Threads."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def append(self, said: Sequence[tuple[Run, str]], /) -> None:
        rows = [
            {
                "thread": thread_of(run.tenant_id, run.question.thread_id),
                "job_id": run.job_id,
                "role": role,
                "text": text,
            }
            for run, answer in said
            if run.question.thread_id is not None
            for role, text in (("user", run.question.prompt), ("assistant", answer))
        ]
        await insert_rows(self._session, "ai_engine.thread_messages", rows)


class SqlThreadHistory:
    """Honours ai_engine.application.ports.ThreadHistory: the newest messages, within bounds."""

    MESSAGES = 40
    CHARACTERS = 24_000

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def __call__(self, tenant_id: UUID | None, thread_id: str, /) -> Sequence[ChatMessage]:
        table = thread_messages.c
        query = (
            select(table.role, table.text)
            .where(table.thread == thread_of(tenant_id, thread_id))
            .order_by(table.seq.desc())
            .limit(self.MESSAGES)
        )
        async with transaction(self._sessions) as session:
            newest_first = (await session.execute(query)).all()
        kept: list[ChatMessage] = []
        room = self.CHARACTERS
        for row in newest_first:
            room -= len(row.text)
            if room < 0:
                break
            kept.append(ChatMessage(row.role, row.text))
        return kept[::-1]
