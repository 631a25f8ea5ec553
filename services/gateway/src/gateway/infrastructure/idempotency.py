"""Idempotency keys in PostgreSQL: the unique index decides who was first."""

from datetime import timedelta

from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.application.ports import IdempotencyInProgress, IdempotencyKeyReused, Once
from gateway.domain.job import JobId
from gateway.infrastructure.tables import idempotency_keys
from shared.infrastructure.database import Sessions, transaction

#: SQLSTATE lock_not_available
_LOCK_TIMEOUT = "55P03"


class SqlIdempotency:
    """Honours gateway.application.ports.Idempotency."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def claim(self, once: Once, job_id: JobId, /) -> JobId:
        if await self._insert(once, job_id):
            return job_id
        first = await self.find(once)
        if first is None:  # forgotten just now, for its age
            raise IdempotencyInProgress
        return first

    async def find(self, once: Once, /) -> JobId | None:
        table = idempotency_keys.c
        query = select(table.request_hash, table.job_id).where(
            table.scope == once.scope, table.key == once.key
        )
        first = (await self._session.execute(query)).one_or_none()
        if first is not None and first.request_hash != once.request_hash:
            raise IdempotencyKeyReused
        return None if first is None else JobId(first.job_id)

    async def _insert(self, once: Once, job_id: JobId) -> bool:
        # A twin that has inserted but not committed makes this wait; longer than 2 s is "later".
        await self._session.execute(text("SET LOCAL lock_timeout = '2s'"))
        try:
            inserted = await self._session.scalar(
                text("""
                    INSERT INTO gateway.idempotency_keys (scope, key, request_hash, job_id)
                    VALUES (:scope, :key, :request_hash, :job_id)
                    ON CONFLICT DO NOTHING RETURNING job_id"""),
                {
                    "scope": once.scope,
                    "key": once.key,
                    "request_hash": once.request_hash,
                    "job_id": job_id,
                },
            )
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) == _LOCK_TIMEOUT:
                raise IdempotencyInProgress from error
            raise
        return inserted is not None


async def forget_old_keys(sessions: Sessions, older_than: timedelta = timedelta(hours=24)) -> None:
    """A key is remembered for a day; after that it may be used anew."""
    async with transaction(sessions) as session:
        await session.execute(
            text("""
                DELETE FROM gateway.idempotency_keys
                 WHERE created_at < clock_timestamp() - CAST(:age AS interval)"""),
            {"age": older_than},
        )
