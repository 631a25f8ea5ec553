"""Watching jobs: every state, every word once, and the end, whatever happens in between."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

import pytest

from gateway.application.jobs import JobService
from gateway.application.watching import BEGINNING, Board, Place, Seen, StatusSeen, Watch
from gateway.domain.job import Job, JobId, JobNotFound, JobStatus
from tests.gateway.builders import OTHER_TENANT, TENANT, a_request, completed
from tests.gateway.fakes import MemoryGateway, MemoryJobReader, MemoryTokens
from tests.waiting import until

EVERY_S = 0.005
WITHIN_S = 5.0


@dataclass
class CountingReader(MemoryJobReader):
    """Remembers what was asked for at once."""

    asked: list[set[JobId]] = field(default_factory=list[set[JobId]])

    async def many(self, ids: Sequence[JobId], /) -> Sequence[Job]:
        self.asked.append(set(ids))
        return await super().many(ids)


@pytest.fixture
def reader(memory: MemoryGateway) -> CountingReader:
    return CountingReader(memory)


@pytest.fixture
def tokens() -> MemoryTokens:
    return MemoryTokens()


@pytest.fixture
async def watch(reader: CountingReader, tokens: MemoryTokens) -> AsyncGenerator[Watch]:
    board = Board(reader, every_s=EVERY_S)
    running = asyncio.create_task(board.run())
    yield Watch(reader, board, tokens)
    running.cancel()


@dataclass
class Watcher:
    """Somebody who watches one job; `heard` is what was told so far, as short words."""

    watch: Watch
    job_id: JobId
    after: Place = BEGINNING
    heard: list[str] = field(default_factory=list[str])
    place: Place = BEGINNING

    def start(self) -> "Watcher":
        self._task = asyncio.create_task(self._listen())
        return self

    async def hears(self, *told: str) -> None:
        """Returns once exactly this was told."""

        def has_heard() -> bool:
            return self.heard == list(told)

        await until(has_heard, f"{told} is told", within=WITHIN_S, every=0.01)

    async def ends(self) -> list[str]:
        await asyncio.wait_for(self._task, WITHIN_S)
        return self.heard

    async def leaves(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _listen(self) -> None:
        async for seen in self.watch.follow(self.job_id, owner=TENANT, after=self.after):
            self.heard += self._words(seen)

    def _words(self, seen: Seen) -> list[str]:
        if isinstance(seen, StatusSeen):
            return [str(seen.job.status)]
        self.place = seen.place
        return ["restart", seen.piece.text] if seen.is_fresh_start else [seen.piece.text]


async def submitted(jobs: JobService) -> JobId:
    return (await jobs.submit(a_request(), owner=TENANT)).job_id


async def test_a_job_is_watched_from_its_beginning_to_its_end(
    jobs: JobService, watch: Watch, tokens: MemoryTokens
) -> None:
    job_id = await submitted(jobs)
    watcher = Watcher(watch, job_id).start()

    await watcher.hears("QUEUED")
    await jobs.started([job_id])
    await watcher.hears("QUEUED", "PROCESSING")
    await tokens.emit(job_id, 1, "Code ")
    await tokens.emit(job_id, 1, "flows")
    await watcher.hears("QUEUED", "PROCESSING", "Code ", "flows")
    await jobs.completed([completed(job_id)])

    assert await watcher.ends() == ["QUEUED", "PROCESSING", "Code ", "flows", "COMPLETED"]


async def test_whoever_comes_late_still_gets_every_word_and_the_end(
    jobs: JobService, watch: Watch, tokens: MemoryTokens
) -> None:
    job_id = await submitted(jobs)
    await tokens.emit(job_id, 1, "Code")
    await jobs.completed([completed(job_id)])

    assert await Watcher(watch, job_id).start().ends() == ["Code", "COMPLETED"]


async def test_without_words_there_are_still_the_states(jobs: JobService, watch: Watch) -> None:
    job_id = await submitted(jobs)
    watcher = Watcher(watch, job_id).start()
    await watcher.hears("QUEUED")

    await jobs.cancel(job_id, owner=TENANT)

    assert await watcher.ends() == ["QUEUED", "CANCELLED"]


async def test_a_new_attempt_begins_the_answer_afresh(
    jobs: JobService, watch: Watch, tokens: MemoryTokens
) -> None:
    job_id = await submitted(jobs)
    for attempt, text in ((1, "Co"), (2, "Code "), (1, "de"), (2, "flows"), (3, "Ha")):
        await tokens.emit(job_id, attempt, text)
    await jobs.completed([completed(job_id)])

    told = await Watcher(watch, job_id).start().ends()

    # "de" is of a worker that was taken for dead.
    assert told == ["Co", "restart", "Code ", "flows", "restart", "Ha", "COMPLETED"]


@pytest.mark.parametrize(
    ("next_attempt", "told"), [(1, ["flows"]), (2, ["restart", "flows"]), (3, ["restart", "flows"])]
)
async def test_a_watcher_who_comes_back_goes_on_where_it_was(
    jobs: JobService, watch: Watch, tokens: MemoryTokens, next_attempt: int, told: list[str]
) -> None:
    job_id = await submitted(jobs)
    await tokens.emit(job_id, 1, "Code ")
    first = Watcher(watch, job_id).start()
    await first.hears("QUEUED", "Code ")
    await first.leaves()

    await tokens.emit(job_id, next_attempt, "flows")
    await jobs.completed([completed(job_id)])
    again = Watcher(watch, job_id, after=first.place).start()

    assert await again.ends() == [*told, "COMPLETED"]


async def test_another_tenants_job_cannot_be_watched(jobs: JobService, watch: Watch) -> None:
    job_id = await submitted(jobs)

    with pytest.raises(JobNotFound):
        await anext(watch.follow(job_id, owner=OTHER_TENANT))


async def test_all_that_is_watched_is_asked_for_at_once(
    jobs: JobService, watch: Watch, reader: CountingReader
) -> None:
    ids = [await submitted(jobs) for _ in range(3)]
    watchers = [Watcher(watch, job_id).start() for job_id in (*ids, *ids)]

    await until(lambda: set(ids) in reader.asked, "all are asked for", within=WITHIN_S, every=0.01)
    await jobs.completed([completed(job_id) for job_id in ids])

    assert [(await watcher.ends())[-1] for watcher in watchers] == ["COMPLETED"] * 6


async def test_what_nobody_watches_any_more_is_not_asked_for(
    jobs: JobService, watch: Watch, reader: CountingReader
) -> None:
    job_id, other = await submitted(jobs), await submitted(jobs)
    leaving, staying = Watcher(watch, job_id).start(), Watcher(watch, other).start()
    await leaving.hears("QUEUED")
    await staying.hears("QUEUED")

    await leaving.leaves()
    reader.asked.clear()

    await until(lambda: len(reader.asked) > 2, "it asks on", within=WITHIN_S, every=0.01)
    assert set().union(*reader.asked[1:]) == {other}
    await staying.leaves()


async def test_the_first_state_is_told_even_when_it_is_the_last(
    jobs: JobService, watch: Watch
) -> None:
    job_id = await submitted(jobs)
    await jobs.cancel(job_id, owner=TENANT)

    [seen] = [seen async for seen in watch.follow(job_id, owner=TENANT)]

    assert isinstance(seen, StatusSeen)
    assert seen.job.status is JobStatus.CANCELLED
