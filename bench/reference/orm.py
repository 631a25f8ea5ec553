"""The same table by SQLAlchemy's ORM, as FastAPI's users mostly have it."""

import os
from datetime import datetime
from uuid import UUID

from sqlalchemy import Text, func, text, update
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from uuid_utils.compat import uuid7

from bench.reference.jobs import DATABASE_URL, TABLE, JobView, SubmitJob


class Base(DeclarativeBase):
    pass


class JobRow(Base):
    __tablename__ = "jobs"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    status: Mapped[str] = mapped_column(Text, default="QUEUED")
    prompt: Mapped[str] = mapped_column(Text)
    config_name: Mapped[str] = mapped_column(Text)
    template_name: Mapped[str] = mapped_column(Text)
    result: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class OrmJobs:
    """Ten connections, and one session for each request or task."""

    _engine: AsyncEngine
    _sessions: async_sessionmaker[AsyncSession]

    async def open(self) -> None:
        url = os.environ[DATABASE_URL].partition("://")[2]
        self._engine = create_async_engine(f"postgresql+asyncpg://{url}", pool_size=10)
        async with self._engine.begin() as connection:
            await connection.execute(text(TABLE))
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)

    async def close(self) -> None:
        await self._engine.dispose()

    async def add(self, asked: SubmitJob) -> UUID:
        async with self._sessions.begin() as session:
            job = JobRow(**asked.model_dump())
            session.add(job)
        return job.id

    async def finish(self, job_id: UUID, result: str) -> None:
        values = {"status": "COMPLETED", "result": result, "updated_at": func.clock_timestamp()}
        async with self._sessions.begin() as session:
            await session.execute(update(JobRow).where(JobRow.id == job_id).values(values))

    async def find(self, job_id: UUID) -> JobView | None:
        async with self._sessions() as session:
            row = await session.get(JobRow, job_id)
        if row is None:
            return None
        shown = {name: getattr(row, name) for name in JobView.model_fields if name != "job_id"}
        return JobView(job_id=row.id, **shown)
