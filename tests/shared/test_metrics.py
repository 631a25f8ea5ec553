"""What Prometheus is told."""

import asyncio
import re
from collections.abc import Callable, Iterator

import pytest
from prometheus_client import REGISTRY

from shared import metrics


@pytest.fixture
def before_each_scrape() -> Iterator[Callable[[metrics.Refresh], None]]:
    stops: list[Callable[[], None]] = []
    yield lambda refresh: stops.append(metrics.before_each_scrape(refresh))
    for stop in stops:
        stop()


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_the_exposition_tells_what_was_counted() -> None:
    before = sample("aip_jobs_finished_total", code="llm_auth")

    metrics.jobs_finished.labels("llm_auth").inc()

    told = (await metrics.exposition()).decode()
    assert f'aip_jobs_finished_total{{code="llm_auth"}} {before + 1}' in told


async def test_every_number_of_ours_says_what_it_means() -> None:
    told = (await metrics.exposition()).decode()

    helped = re.findall(r"^# HELP (aip_\w+) (.*)$", told, re.MULTILINE)

    assert len(helped) > 15
    assert [name for name, sentence in helped if not sentence.endswith(".")] == []


async def test_the_ages_are_read_at_each_scrape(
    before_each_scrape: Callable[[metrics.Refresh], None],
) -> None:
    ages = iter([3.0, 5.0])

    async def read() -> None:
        metrics.oldest_age_seconds.labels("test").set(next(ages))

    before_each_scrape(read)

    assert b'aip_oldest_age_seconds{what="test"} 3.0' in await metrics.exposition()
    assert b'aip_oldest_age_seconds{what="test"} 5.0' in await metrics.exposition()


async def test_a_scrape_is_answered_although_the_tables_are_away(
    before_each_scrape: Callable[[metrics.Refresh], None],
) -> None:
    async def broken() -> None:
        raise ConnectionError

    async def well() -> None:
        metrics.waiting.labels("test").set(7)

    before_each_scrape(broken)
    before_each_scrape(well)
    incomplete = sample("aip_scrapes_incomplete_total")

    told = await metrics.exposition()

    assert b'aip_waiting{what="test"} 7.0' in told
    assert sample("aip_scrapes_incomplete_total") == incomplete + 1


async def test_a_scrape_does_not_wait_for_tables_that_hang(
    before_each_scrape: Callable[[metrics.Refresh], None],
) -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    before_each_scrape(hang)

    async with asyncio.timeout(1):
        told = await metrics.exposition(within_s=0.01)

    assert b"aip_jobs_accepted" in told
