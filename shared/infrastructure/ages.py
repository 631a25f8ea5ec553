"""How much waits, how long the oldest of it has, and what was set aside: read at each scrape."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy import text

from shared import metrics
from shared.infrastructure.database import Sessions, transaction
from shared.messaging import Transport


@dataclass(frozen=True)
class Waits:
    """Rows of a table that wait for something; `since` says from when on each of them does."""

    what: str
    table: str
    since: str = "created_at"
    condition: str = "true"

    @property
    def sql(self) -> str:
        return f"""
            SELECT '{self.what}' AS what, count(*) AS waiting,
                   extract(epoch FROM clock_timestamp() - min({self.since})) AS age
              FROM {self.table} WHERE {self.condition}"""  # noqa: S608 - every word is ours


@asynccontextmanager
async def watch_ages(
    sessions: Sessions, transport: Transport, waits: Sequence[Waits]
) -> AsyncGenerator[None]:
    """Keep the gauges of what waits current while the block lasts."""
    ages = text(" UNION ALL ".join(one.sql for one in waits))

    async def refresh_ages() -> None:
        async with transaction(sessions) as session:
            for row in await session.execute(ages):
                metrics.waiting.labels(row.what).set(row.waiting)
                metrics.oldest_age_seconds.labels(row.what).set(max(0.0, float(row.age or 0)))

    async def refresh_dead_letters() -> None:
        depths = await transport.depths()
        metrics.dead_letters.clear()  # a queue that holds nothing is not named
        for queue, (_, dead) in depths.items():
            metrics.dead_letters.labels(queue).set(dead)

    stops = [metrics.before_each_scrape(refresh_dead_letters)]
    if waits:
        stops.append(metrics.before_each_scrape(refresh_ages))
    try:
        yield
    finally:
        for stop in stops:
            stop()
