"""Delivering callbacks: what is due is sent, what fails is tried again, nobody is overrun."""

import asyncio
from collections.abc import Sequence

import pytest

from gateway.application.callbacks import MOST, PER_HOST, CallbackService
from gateway.domain.callback import Callback, CallbackState, Verdict
from gateway.domain.job import JobStatus
from tests.gateway.builders import HOOK, TENANT, a_callback, a_job
from tests.gateway.counted import Counted
from tests.gateway.fakes import MemoryGateway, ScriptedSender

FIRST_PAUSE_S = 5.0
LEASE_S = 60.0
REFUSED = Verdict("refused", 500)


@pytest.fixture
def sender() -> ScriptedSender:
    return ScriptedSender()


@pytest.fixture
def callbacks(memory: MemoryGateway, sender: ScriptedSender) -> CallbackService:
    return service(memory, sender)


def service(memory: MemoryGateway, sender: ScriptedSender) -> CallbackService:
    return CallbackService(
        open_work=memory.open_work,
        read=memory.read,
        sender=sender,
        now=memory.clock,
        jitter=lambda: 0.5,
        first_pause_s=FIRST_PAUSE_S,
        lease_s=LEASE_S,
    )


async def owed(memory: MemoryGateway, *urls: str) -> list[Callback]:
    """One callback for each URL, each for a finished job."""
    jobs = [a_job(JobStatus.COMPLETED, owner=TENANT) for _ in urls]
    due = [a_callback(url, job=job) for url, job in zip(urls, jobs, strict=True)]
    async with memory.open_work() as work:
        await work.jobs.add(jobs)
        await work.callbacks.add(due)
    return due


async def deliver(callbacks: CallbackService) -> int:
    begun = await callbacks.deliver_due()
    await callbacks.settle()
    return begun


def stored(memory: MemoryGateway) -> Sequence[Callback]:
    return list(memory.stored.callbacks.values())


async def test_what_is_due_is_sent_with_its_job(
    memory: MemoryGateway, callbacks: CallbackService, sender: ScriptedSender
) -> None:
    [due], delivered = await owed(memory, HOOK), Counted("callbacks", outcome="delivered")

    assert [await deliver(callbacks), await deliver(callbacks)] == [1, 0]

    [(callback, job)] = sender.sent
    [kept] = stored(memory)
    assert (callback.id, job.id) == (due.id, due.job_id)
    assert (kept.state, kept.attempts, delivered.more) == (CallbackState.DELIVERED, 1, 1)


async def test_what_fails_is_sent_again_after_its_pause_under_the_same_id(
    memory: MemoryGateway, callbacks: CallbackService, sender: ScriptedSender
) -> None:
    await owed(memory, HOOK)
    sender.verdicts = [REFUSED, REFUSED]

    await deliver(callbacks)
    await memory.pass_time(FIRST_PAUSE_S - 1)
    assert await deliver(callbacks) == 0
    await memory.pass_time(1)
    assert await deliver(callbacks) == 1
    await memory.pass_time(60)
    assert await deliver(callbacks) == 1

    [kept] = stored(memory)
    assert (kept.state, kept.attempts) == (CallbackState.DELIVERED, 3)
    assert len({callback.id for callback, _ in sender.sent}) == 1


async def test_what_always_fails_is_given_up_after_a_day(
    memory: MemoryGateway, callbacks: CallbackService, sender: ScriptedSender
) -> None:
    await owed(memory, HOOK)
    sender.verdicts = [REFUSED] * 20

    for _ in range(20):
        await deliver(callbacks)
        await memory.pass_time(9 * 3_600)

    [kept] = stored(memory)
    assert (kept.state, len(sender.sent)) == (CallbackState.FAILED, 9)
    assert (kept.last_status, kept.last_error) == (500, "refused")


async def test_one_receiver_is_sent_two_at_a_time_whatever_is_due(
    memory: MemoryGateway, callbacks: CallbackService, sender: ScriptedSender
) -> None:
    await owed(memory, *[f"https://slow.id/{n}" for n in range(5)], "https://quick.id/")
    sender.gate.clear()

    begun = [await callbacks.deliver_due() for _ in range(3)]
    await asyncio.sleep(0)
    on_their_way = dict(sender.on_their_way)
    sender.gate.set()
    await callbacks.settle()

    assert begun == [PER_HOST + 1, 0, 0]
    assert on_their_way == {"slow.id": PER_HOST, "quick.id": 1}
    assert [await deliver(callbacks) for _ in range(3)] == [2, 1, 0]


async def test_only_so_many_are_on_their_way_at_once(
    memory: MemoryGateway, callbacks: CallbackService, sender: ScriptedSender
) -> None:
    await owed(memory, *[f"https://{n}.id/" for n in range(MOST + 10)])
    sender.gate.clear()

    begun = [await callbacks.deliver_due() for _ in range(2)]
    sender.gate.set()
    await callbacks.settle()

    assert begun == [MOST, 0]
    assert await deliver(callbacks) == 10


async def test_a_sender_that_died_leaves_it_to_another(
    memory: MemoryGateway, callbacks: CallbackService, sender: ScriptedSender
) -> None:
    await owed(memory, HOOK)
    sender.gate.clear()
    await callbacks.deliver_due()

    successor = service(memory, ScriptedSender())
    assert await deliver(successor) == 0
    await memory.pass_time(LEASE_S)
    assert await deliver(successor) == 1

    fenced = Counted("fenced", what="callback")
    sender.verdicts = [Verdict("refused", 410)]
    sender.gate.set()
    await callbacks.settle()
    [kept] = stored(memory)
    assert (kept.state, fenced.more) == (CallbackState.DELIVERED, 1)


@pytest.mark.parametrize("is_sent", [False, True])
async def test_while_the_database_is_away_nothing_is_given_up(
    memory: MemoryGateway, callbacks: CallbackService, sender: ScriptedSender, is_sent: bool
) -> None:
    await owed(memory, HOOK)
    sender.gate.clear()
    await callbacks.deliver_due()
    if is_sent:
        await asyncio.sleep(0)

    memory.is_away = True
    sender.gate.set()
    await callbacks.settle()
    memory.is_away = False
    assert len(sender.sent) == is_sent
    await memory.pass_time(LEASE_S)

    assert await deliver(callbacks) == 1
    assert stored(memory)[0].state is CallbackState.DELIVERED


async def test_what_nobody_foresaw_is_written_down_and_tried_again(
    memory: MemoryGateway, callbacks: CallbackService, sender: ScriptedSender
) -> None:
    await owed(memory, HOOK)
    sender.verdicts = [LookupError("no key for this secret")]

    await deliver(callbacks)

    [kept] = stored(memory)
    assert (kept.state, kept.attempts) == (CallbackState.PENDING, 1)
    assert kept.last_error == "internal"
