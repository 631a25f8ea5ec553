"""Watching jobs over a real connection: every state, every word, and an end."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from shared.infrastructure.token_stream import TokenWriter
from tests.gateway.builders import OTHER_TENANT, completed, failed
from tests.gateway.running import JOBS, Running, running
from tests.served import WITHIN_S, said, serving
from tests.waiting import until


@dataclass(frozen=True)
class Event:
    """One server-sent event."""

    name: str
    id: str
    data: dict[str, Any]


@asynccontextmanager
async def watching(
    client: httpx.AsyncClient, job_id: UUID, last_event_id: str | None = None
) -> AsyncGenerator[AsyncGenerator[Event]]:
    """The events of a job; fails when one lets itself be waited for too long."""
    headers = [] if last_event_id is None else [(b"Last-Event-ID", last_event_id.encode())]
    async with client.stream("GET", f"{JOBS}/{job_id}/events", headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield events_in(answer)


async def events_in(answer: httpx.Response) -> AsyncGenerator[Event]:
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields.get("event"):
            yield Event(fields["event"], fields["id"], json.loads(fields["data"]))
            fields = {}


async def rest(events: AsyncGenerator[Event]) -> list[Event]:
    """All that is still to come."""
    async with asyncio.timeout(WITHIN_S):
        return [event async for event in events]


async def following(events: AsyncGenerator[Event]) -> Event:
    return await asyncio.wait_for(anext(events), WITHIN_S)


def told(events: list[Event]) -> list[tuple[str, Any]]:
    """What each event is about, in short."""
    about = {"status": "status", "token": "text", "restart": "attempt"}
    return [(event.name, event.data[about.get(event.name, "status")]) for event in events]


@pytest.fixture(autouse=True)
def patient(api: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine Redis is now and then late, and then nobody asks it for five seconds."""
    monkeypatch.setattr(api.ground.hints, "_timeout_s", 5.0)


@pytest.fixture
async def client(api: Running) -> AsyncGenerator[httpx.AsyncClient]:
    async with serving(api.app) as url, api.client("reader", url=url) as client:
        yield client


@pytest.fixture
async def words(api: Running) -> AsyncGenerator[TokenWriter]:
    """What workers write into while models speak."""
    writer = TokenWriter(api.ground.hints, every_s=0.001)
    writing = asyncio.create_task(writer.run())
    yield writer
    writing.cancel()


async def test_a_job_is_watched_as_it_is_worked_on(
    api: Running, client: httpx.AsyncClient, words: TokenWriter
) -> None:
    job_id = await api.job()

    async with watching(client, job_id) as events:
        seen = [await following(events)]
        await api.menu.jobs.started([job_id])
        seen.append(await following(events))
        words.emit(job_id, 1, "Code ")
        seen.append(await following(events))
        words.emit(job_id, 2, "Code flows")
        seen += [await following(events), await following(events)]
        await api.menu.jobs.completed([completed(job_id)])
        seen += await rest(events)

    assert told(seen) == [
        ("status", "QUEUED"),
        ("status", "PROCESSING"),
        ("token", "Code "),
        ("restart", 2),
        ("token", "Code flows"),
        ("completed", "COMPLETED"),
    ]
    async with api.client() as other:
        whole = (await other.get(f"{JOBS}/{job_id}")).json()
    assert seen[-1].data == whole


@pytest.mark.parametrize("end", ["failed", "cancelled"])
async def test_every_end_is_told_to_those_who_come_after_it(
    api: Running, client: httpx.AsyncClient, end: str
) -> None:
    job_id = await api.job()
    if end == "failed":
        await api.menu.jobs.failed([failed(job_id)])
    else:
        await api.menu.jobs.cancel(job_id, owner=None)

    async with watching(client, job_id) as events:
        seen = await rest(events)

    assert told(seen) == [(end, end.upper())]


async def test_a_watcher_who_comes_back_gets_the_words_it_missed(
    api: Running, client: httpx.AsyncClient, words: TokenWriter
) -> None:
    job_id = await api.job()
    words.emit(job_id, 1, "Code ")
    async with watching(client, job_id) as events:
        seen = [await following(events), await following(events)]

    words.emit(job_id, 2, "Ha")
    async with watching(client, job_id, seen[-1].id) as events:
        seen_again = [await following(events) for _ in range(3)]
    # Whoever was cut off right after `restart` starts there again.
    async with watching(client, job_id, seen_again[1].id) as events:
        seen_thrice = [await following(events) for _ in range(3)]
    await api.menu.jobs.completed([completed(job_id)])
    async with watching(client, job_id, seen_again[2].id) as events:
        end = await rest(events)

    assert told(seen) == [("status", "QUEUED"), ("token", "Code ")]
    assert told(seen_again) == [("status", "QUEUED"), ("restart", 2), ("token", "Ha")]
    assert told(seen_thrice) == told(seen_again)
    assert told(end) == [("completed", "COMPLETED")]


@pytest.mark.parametrize("odd", ["", "0", "yesterday", "1-1", "9" * 400, "-1-0.0", "1-0.\u0663"])
async def test_an_odd_last_event_id_starts_at_the_beginning(
    api: Running, client: httpx.AsyncClient, words: TokenWriter, odd: str
) -> None:
    job_id = await api.job()
    words.emit(job_id, 1, "Code")

    async with watching(client, job_id, odd) as events:
        seen = [await following(events), await following(events)]

    assert told(seen) == [("status", "QUEUED"), ("token", "Code")]


async def test_nobody_watches_another_tenants_job(api: Running, client: httpx.AsyncClient) -> None:
    job_id = await api.job(owner=OTHER_TENANT)

    answer = await client.get(f"{JOBS}/{job_id}/events")

    assert said(answer) == "404 not_found"


@pytest.mark.parametrize("redis_url_", [None, "redis://127.0.0.1:1"])
async def test_without_redis_there_are_still_the_states(
    database_url: str, tmp_path: Path, redis_url_: str | None
) -> None:
    async with (
        running(database_url, redis_url_, tmp_path) as api,
        serving(api.app) as url,
        api.client(url=url) as client,
    ):
        job_id = await api.job()
        async with watching(client, job_id) as events:
            seen = [await following(events)]
            await api.menu.jobs.started([job_id])
            seen.append(await following(events))
            await api.menu.jobs.completed([completed(job_id)])
            seen += await rest(events)

    assert told(seen) == [
        ("status", "QUEUED"),
        ("status", "PROCESSING"),
        ("completed", "COMPLETED"),
    ]


async def test_a_watcher_who_leaves_is_forgotten(api: Running, client: httpx.AsyncClient) -> None:
    job_id = await api.job()
    async with watching(client, job_id) as events:
        await following(events)
        watched = len(api.menu.watch.board._watched)

    board = api.menu.watch.board
    assert watched == 1
    await until(lambda: not board._watched, "the watcher is forgotten", within=WITHIN_S)
