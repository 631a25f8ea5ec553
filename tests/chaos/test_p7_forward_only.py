"""P7. A job's status only moves forward, and what has ended stays as it is, whoever looks."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import UUID

from uuid_utils.compat import uuid7

from shared.contracts import Message, PromptFailed, PromptsStarted, Usage
from shared.infrastructure.database import connect, sessions_of
from shared.infrastructure.postgres_queue import PostgresTransport
from shared.messaging import Outgoing
from tests.chaos.client import Client
from tests.chaos.havoc import havoc, kill_an_engine
from tests.chaos.ledger import Ledger, Sight
from tests.chaos.servers import Servers
from tests.chaos.stack import SIMULATED, Plan, Stack, running
from tests.chaos.verdict import broken
from tests.waiting import until

READERS = 2
WAITING = "SELECT count(*) FROM platform.messages WHERE queue = :queue AND dead_at IS NULL"
HONEST = {"COMPLETED", "worker_crashed"}


class Counted(Ledger):
    """Knows how often it was written into."""

    looks = 0

    def see(self, now: Sight) -> None:
        self.looks += 1
        super().see(now)


async def test_no_reader_ever_sees_a_job_go_back(
    servers: Servers, tmp_path: Path, seed: int
) -> None:
    async with running(servers, tmp_path, Plan(gateways=2)) as stack, readers(stack) as books:
        await jobs_among_dying_workers(stack, seed, kills=3)
        report = await stack.settled(within=60)
        await say_it_all_again(stack)

        await until(lambda: all_have_seen_all(books), "all have seen all", within=20)
        assert report.is_clean, report
        assert report.outcomes.keys() <= HONEST
        assert [book.regressions for book in books] == [[]] * READERS
        assert sum(book.looks for book in books) > 10 * report.acknowledged
        assert await broken(stack) == {}


async def test_without_the_table_of_moves_and_the_trigger_jobs_go_back(
    servers: Servers, tmp_path: Path, seed: int
) -> None:
    plan = Plan(gateways=2, off=["forward_only"])
    async with running(servers, tmp_path, plan) as stack, readers(stack) as books:
        await jobs_among_dying_workers(stack, seed, kills=1)
        await stack.settled(within=60)
        await say_it_all_again(stack)
        assert [book.regressions for book in books] == [[]] * READERS, "the trigger alone will do"

        await stack.sql("ALTER TABLE gateway.jobs DISABLE TRIGGER jobs_status_guard")
        await say_it_all_again(stack)
        await until(lambda: all(book.regressions for book in books), "all see it", within=20)
        assert stack.struck == {"forward_only"}


async def jobs_among_dying_workers(stack: Stack, seed: int, *, kills: int) -> None:
    """Four jobs a second, for as long as it takes."""
    strikes = [kill_an_engine] * kills
    async with asyncio.TaskGroup() as everything:
        killing = everything.create_task(havoc(stack, strikes, seed=seed, every=(1.0, 2.0)))
        await stack.client.storm_during(
            killing, per_second=4, prompt="[[delay:0.3]]", config_name=SIMULATED
        )


def all_have_seen_all(books: Sequence[Ledger]) -> bool:
    return not any(book.unfinished for book in books)


async def say_it_all_again(stack: Stack) -> None:
    """A carrier may repeat what it said long ago: that work began, and that it failed."""
    ids = [UUID(job_id) for job_id in stack.ledger.job_ids]
    failed = [
        PromptFailed(job_id=job_id, usage=Usage(), attempts=1, code="internal", detail="long ago")
        for job_id in ids
    ]
    await say(stack, [PromptsStarted(job_ids=ids), *failed])

    async def all_is_heard() -> bool:
        [(waiting,)] = await stack.sql(WAITING, queue=stack.queues[1])
        return not waiting

    await until(all_is_heard, "all is heard", within=20)


async def say(stack: Stack, messages: Sequence[Message]) -> None:
    engine = connect(stack.owner_url, pool_size=1)
    transport = PostgresTransport(sessions_of(engine))
    outgoing = [
        Outgoing(uuid7(), stack.queues[1], type(one).__name__, one.model_dump_json().encode())
        for one in messages
    ]
    assert len(await transport.publish(outgoing)) == len(messages)
    await transport.close()
    await engine.dispose()


@asynccontextmanager
async def readers(stack: Stack) -> AsyncGenerator[list[Counted]]:
    """Each looks at every job as fast as it can, and keeps its own book: its time has one order."""
    urls = [stack.url(gateway) for gateway in stack.gateways]
    async with AsyncExitStack() as closing:
        books = [Counted(acknowledged=stack.ledger.acknowledged) for _ in range(READERS)]
        for book in books:
            reader = Client(urls, book)
            closing.push_async_callback(reader.close)
            await closing.enter_async_context(reader.watching())
        yield books
