"""What the gateway hears on `ai_results`, in whatever state it arrives."""

from collections.abc import Callable, Sequence

import orjson
import pytest
from uuid_utils.compat import uuid7

from gateway.application.jobs import JobService
from gateway.domain.job import JobId, JobStatus
from gateway.interface import handlers
from shared.availability import DatabaseUnavailable
from shared.contracts import Message, PromptsStarted
from shared.interface.queues import handler
from shared.messaging import Incoming, Outcome
from tests.gateway.builders import ANSWER, NOON, TENANT, a_request, completed, failed
from tests.gateway.counted import Counted
from tests.gateway.fakes import MemoryGateway
from tests.gateway.stores import SqlGateway, job_service

DONE, DEAD = Outcome.DONE, Outcome.DEAD


def incoming(message: Message, **changes: object) -> Incoming:
    body = orjson.loads(message.model_dump_json()) | changes
    return Incoming(str(uuid7()), type(message).__name__, orjson.dumps(body))


async def submitted(jobs: JobService) -> JobId:
    return (await jobs.submit(a_request(), owner=TENANT)).job_id


async def hear(jobs: JobService, *messages: Incoming) -> Sequence[Outcome]:
    return await handler(handlers.subscriptions(jobs))(messages)


async def test_a_job_is_begun_and_answered(jobs: JobService, memory: MemoryGateway) -> None:
    job_id = await submitted(jobs)

    begun = await hear(jobs, incoming(PromptsStarted(job_ids=[job_id])))
    status = memory.stored.jobs[job_id].status
    answered = await hear(jobs, incoming(completed(job_id)))

    assert [*begun, *answered] == [DONE, DONE]
    assert status is JobStatus.PROCESSING
    assert memory.stored.jobs[job_id].answer == ANSWER


async def test_a_job_fails_as_it_was_told(jobs: JobService, memory: MemoryGateway) -> None:
    job_id = await submitted(jobs)

    assert await hear(jobs, incoming(failed(job_id))) == [DONE]

    assert memory.stored.jobs[job_id].status is JobStatus.FAILED


async def test_order_and_repetition_do_not_matter(jobs: JobService, memory: MemoryGateway) -> None:
    job_id = await submitted(jobs)
    begun, answer = incoming(PromptsStarted(job_ids=[job_id])), incoming(completed(job_id))

    outcomes = await hear(jobs, answer, answer, begun, incoming(failed(job_id)), answer, begun)

    assert outcomes == [DONE] * 6
    assert memory.stored.jobs[job_id].answer == ANSWER


async def test_a_message_about_no_job_is_settled_and_counted(jobs: JobService) -> None:
    orphaned = Counted("messages_orphaned", kind="PromptCompleted")

    assert await hear(jobs, incoming(completed(uuid7()))) == [DONE]

    assert orphaned.more == 1


async def test_a_message_of_a_newer_version_is_left_to_a_newer_reader(
    jobs: JobService, memory: MemoryGateway
) -> None:
    job_id = await submitted(jobs)
    too_new = Counted("messages_too_new", kind="PromptCompleted")

    outcomes = await hear(jobs, incoming(completed(job_id), v=99, flavour="new"))

    assert (outcomes, too_new.more) == ([DONE], 1)
    assert memory.stored.jobs[job_id].status is JobStatus.QUEUED


UNREADABLE = {
    "empty": b"",
    "no JSON": b"\x1f\x8b\x08gzip",
    "a list": b"[]",
    "without an id": b'{"v":1}',
    "with no id": b'{"v":1,"job_ids":["seven"]}',
    "too deep": b"[" * 100_000,
    "endless": b" " * 10_000_000,
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
async def test_what_cannot_be_read_is_set_aside_alone(
    jobs: JobService, memory: MemoryGateway, body: bytes
) -> None:
    job_id, dead = await submitted(jobs), Counted("messages_dead", kind="unreadable")
    garbage = Incoming("1", "PromptsStarted", body)

    outcomes = await hear(jobs, garbage, incoming(completed(job_id)), garbage)

    assert (outcomes, dead.more) == ([DEAD, DONE, DEAD], 2)
    assert memory.stored.jobs[job_id].status is JobStatus.COMPLETED


@pytest.mark.parametrize("kind", ["", "ProcessPrompt", "Gossip" * 100])
async def test_a_kind_that_nobody_here_hears_is_set_aside(jobs: JobService, kind: str) -> None:
    assert await hear(jobs, Incoming("1", kind, b"{}")) == [DEAD]


async def test_strange_headers_do_not_matter(jobs: JobService, memory: MemoryGateway) -> None:
    job_id = await submitted(jobs)
    message = incoming(completed(job_id))

    told = Incoming(message.id, message.kind, message.body, {"x-death": "\0", "priority": "255"})

    assert await hear(jobs, told) == [DONE]
    assert memory.stored.jobs[job_id].status is JobStatus.COMPLETED


async def test_while_the_database_is_away_the_carrier_keeps_everything(
    jobs: JobService, memory: MemoryGateway
) -> None:
    job_id = await submitted(jobs)
    memory.is_away = True

    with pytest.raises(DatabaseUnavailable):
        await hear(jobs, incoming(completed(job_id)))

    assert memory.stored.jobs[job_id].status is JobStatus.QUEUED


@pytest.mark.parametrize("end", [completed, failed])
async def test_what_no_database_can_hold_is_left_out_of_answers(
    postgres: SqlGateway, end: Callable[..., Message]
) -> None:
    jobs = job_service(postgres.open_work, lambda: NOON)
    job_id = await submitted(jobs)

    outcomes = await hear(jobs, incoming(end(job_id), result="a\0b", detail="a\0b"))

    job = await postgres.read.find(job_id, owner=None)
    assert outcomes == [DONE]
    assert "ab" in {job.answer and job.answer.result, job.failure and job.failure.detail}
