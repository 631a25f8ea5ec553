"""What waits, for how long, and what was set aside, as Prometheus hears it."""

from collections.abc import AsyncGenerator
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from shared import metrics
from shared.infrastructure.ages import Waits, watch_ages
from shared.infrastructure.database import Sessions, transaction
from shared.infrastructure.postgres_queue import PostgresTransport
from tests.shared.infrastructure.hearing import a_message, listening, unreadable
from tests.waiting import until

WORKERS = Waits("workers", "ai_engine.workers", since="beat_at", condition="beat_at < now()")
ADD = text("INSERT INTO ai_engine.workers VALUES (:id, now() - make_interval(secs => :age))")
QUEUE = "ages"


@pytest.fixture
async def transport(sessions: Sessions) -> AsyncGenerator[PostgresTransport]:
    transport = PostgresTransport(sessions)
    yield transport
    await transport.close()


async def scraped(name: str, **labels: str) -> float | None:
    await metrics.exposition()
    return REGISTRY.get_sample_value(name, labels)


async def test_the_oldest_of_those_that_wait_counts(
    sessions: Sessions, transport: PostgresTransport
) -> None:
    async with watch_ages(sessions, transport, [WORKERS]):
        nothing = await scraped("aip_oldest_age_seconds", what="workers")
        async with transaction(sessions) as session:
            for age in (20, 300, -600):
                await session.execute(ADD, {"id": uuid4(), "age": age})

        assert nothing == 0
        assert await scraped("aip_waiting", what="workers") == 2
        oldest = await scraped("aip_oldest_age_seconds", what="workers")
        assert oldest is not None
        assert 300 <= oldest < 330


async def test_dead_letters_are_counted_until_they_are_gone(
    sessions: Sessions, transport: PostgresTransport
) -> None:
    message = a_message(QUEUE)
    await transport.publish([message])

    async def is_counted() -> bool:
        return await scraped("aip_dead_letters", queue=QUEUE) == 1

    async with watch_ages(sessions, transport, []):
        async with listening(transport, QUEUE, unreadable):
            await until(is_counted, "it was set aside", within=5)
        await transport.replay(QUEUE, [str(message.id)])
        assert await scraped("aip_dead_letters", queue=QUEUE) == 0


async def test_nobody_asks_for_ages_after_the_end(
    sessions: Sessions, transport: PostgresTransport
) -> None:
    incomplete = await scraped("aip_scrapes_incomplete_total")

    async with watch_ages(sessions, transport, [Waits("nonsense", "no.such_table")]):
        assert await scraped("aip_scrapes_incomplete_total") == (incomplete or 0) + 1

    assert await scraped("aip_scrapes_incomplete_total") == (incomplete or 0) + 1
