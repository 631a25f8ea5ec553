"""How long the oldest unfinished things have waited, told to Prometheus at each scrape."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from sqlalchemy import text

from shared import metrics
from shared.infrastructure.database import Sessions, transaction

_AGES = text("""
    SELECT what, waiting, extract(epoch FROM clock_timestamp() - oldest) AS age
      FROM (SELECT 'jobs' AS what, count(*) AS waiting, min(created_at) AS oldest
              FROM gateway.jobs WHERE status IN ('QUEUED', 'PROCESSING')
             UNION ALL
            SELECT 'gateway.outbox', count(*), min(created_at) FROM gateway.outbox
             UNION ALL
            SELECT 'callbacks', count(*), min(available_at)
              FROM gateway.callbacks
             WHERE state = 'PENDING' AND available_at < clock_timestamp()) AS queues""")


@asynccontextmanager
async def watch_ages(sessions: Sessions) -> AsyncGenerator[None]:
    """Keep the gauges of what waits current while the block lasts."""

    async def refresh() -> None:
        async with transaction(sessions) as session:
            for row in await session.execute(_AGES):
                metrics.waiting.labels(row.what).set(row.waiting)
                metrics.oldest_age_seconds.labels(row.what).set(float(row.age or 0))

    stop = metrics.before_each_scrape(refresh)
    try:
        yield
    finally:
        stop()
