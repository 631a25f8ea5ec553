"""Callbacks in PostgreSQL: claimed by a lease, stored only while the lease is ours."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Row, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.domain.callback import Callback, CallbackState
from gateway.infrastructure.tables import callbacks
from shared.infrastructure.database import insert_rows

# The lease is the moving of `available_at`: a sender that dies leaves a row that is due again.
_CLAIM = text("""
    UPDATE gateway.callbacks
       SET lease_token = gen_random_uuid(),
           available_at = clock_timestamp() + make_interval(secs => :lease_s)
     WHERE id = ANY(ARRAY(
           SELECT id FROM gateway.callbacks
            WHERE id IN (
                  SELECT id FROM (
                         SELECT id, coalesce(CAST(CAST(:busy AS json) ->> host AS integer), 0)
                                  + row_number() OVER (PARTITION BY host ORDER BY available_at)
                                    AS nth
                           FROM (SELECT id, available_at,
                                        lower(substring(url FROM '//([^/?#]*)')) AS host
                                   FROM gateway.callbacks
                                  WHERE state = 'PENDING'
                                    AND available_at <= statement_timestamp()) AS due) AS counted
                   WHERE nth <= :per_host)
              AND state = 'PENDING' AND available_at <= statement_timestamp()
            ORDER BY available_at LIMIT :most FOR UPDATE SKIP LOCKED))
    RETURNING *""")


class SqlCallbacks:
    """Honours gateway.domain.callback.Callbacks."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, owed: Sequence[Callback], /) -> None:
        rows = [
            {
                "id": callback.id,
                "job_id": callback.job_id,
                "tenant_id": callback.owner,
                "url": callback.url,
                "state": callback.state,
                "attempts": callback.attempts,
                "available_at": callback.available_at,
            }
            for callback in owed
        ]
        await insert_rows(self._session, "gateway.callbacks", rows)

    async def claim(
        self, limit: int, /, *, lease_s: float, busy: Mapping[str, int], per_host: int
    ) -> Sequence[Callback]:
        wanted = {
            "lease_s": lease_s,
            "most": limit,
            "busy": orjson.dumps(dict(busy)).decode(),
            "per_host": per_host,
        }
        rows = await self._session.execute(_CLAIM, wanted)
        return [callback_of(row) for row in rows]

    async def save(self, callback: Callback, /) -> bool:
        saved = await self._session.execute(
            update(callbacks)
            .where(callbacks.c.id == callback.id, callbacks.c.lease_token == callback.lease_token)
            .values(
                state=callback.state,
                attempts=callback.attempts,
                available_at=callback.available_at,
                last_status=callback.last_status,
                last_error=callback.last_error,
                lease_token=None,
            )
            .returning(callbacks.c.id)
        )
        return saved.first() is not None


def callback_of(row: Row[Any]) -> Callback:
    return Callback(
        id=row.id,
        job_id=row.job_id,
        owner=row.tenant_id,
        url=row.url,
        available_at=row.available_at,
        state=CallbackState(row.state),
        attempts=row.attempts,
        last_status=row.last_status,
        last_error=row.last_error,
        lease_token=row.lease_token,
    )
