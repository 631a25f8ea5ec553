"""A worker process: begins at once, holds nobody up, and leaves in order."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from shared.availability import DatabaseUnavailable
from shared.contracts import ForgetWhatsApp, Message, WhatsAppSessionChanged, WithdrawWhatsApp
from shared.interface.queues import handler
from shared.messaging import Incoming, Outcome
from tests.waha_sender.builders import BUDI, OTHER, SARI, SESSION, TENANT, asked
from tests.waha_sender.desk import Desk
from tests.waiting import until
from waha_sender.application.deliveries import DeliveryState
from waha_sender.application.ports import Work
from waha_sender.interface.handlers import subscriptions


@asynccontextmanager
async def at_work(desk: Desk, *, every_s: float = 60) -> AsyncGenerator[None]:
    """Sends what is due; looks by itself only once in a while."""
    await desk.worker.beat()
    task = asyncio.create_task(desk.worker.send_what_is_due(every_s))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def hang_in(desk: Desk, *chats: str) -> asyncio.Event:
    let_go = asyncio.Event()

    async def hang(call: str, chat_id: str) -> None:
        if call == "send" and chat_id in chats:
            await let_go.wait()

    desk.waha.before = hang
    return let_go


async def state_of(desk: Desk, message_id: UUID) -> DeliveryState:
    async with desk.store.open_work(TENANT) as work:
        [part] = await work.deliveries.of(message_id)
        return part.state


async def test_what_is_heard_is_sent_at_once(desk: Desk) -> None:
    message = asked()
    async with at_work(desk):
        await desk.hear(message)

        await until(lambda: desk.told(message), "it was sent", within=5, every=0.005)


async def test_a_chat_goes_on_as_soon_as_it_may(desk: Desk) -> None:
    async with at_work(desk):
        await desk.hear(*(asked(str(n)) for n in range(10)))

        await until(lambda: len(desk.phone()) == 10, "all were sent", within=5, every=0.005)


async def test_one_slow_chat_holds_nobody_else_up(desk: Desk) -> None:
    await desk.connect(OTHER, "warung")
    let_go = await hang_in(desk, BUDI)
    slow = asked("slow")
    async with at_work(desk):
        await desk.hear(slow, asked("1", chat_id=SARI))
        await desk.hear(asked("2", tenant_id=OTHER, session="warung", chat_id=SARI))

        await until(lambda: sorted(desk.phone(SARI)) == ["1", "2"], "others go on", within=5)
        assert desk.told(slow) == []
        let_go.set()
        await until(lambda: desk.told(slow), "and so does the slow one", within=5)


async def test_a_session_has_no_more_than_its_share_in_hand(desk: Desk) -> None:
    desk.worker.share = 2
    let_go = await hang_in(desk, *(f"6281200000{n:03}@c.us" for n in range(5)))
    async with at_work(desk, every_s=0.01):
        await desk.hear(*(asked(chat_id=f"6281200000{n:03}@c.us") for n in range(5)))

        await until(lambda: desk.asked_waha("send") == 2, "two are being sent", within=5)
        assert len(desk.worker._in_hand) == 2
        let_go.set()
        await until(lambda: desk.asked_waha("send") == 5, "then the others", within=5)


async def test_it_takes_nothing_before_the_others_know_that_it_lives(desk: Desk) -> None:
    await desk.hear(asked())

    assert list(await desk.worker._claim()) == []
    await desk.worker.beat()
    assert len(await desk.worker._claim()) == 1


async def test_told_to_stop_it_ends_what_it_has_begun_and_begins_nothing(desk: Desk) -> None:
    let_go = await hang_in(desk, BUDI)
    first, second = asked("1"), asked("2")
    async with at_work(desk):
        await desk.hear(first, second)
        await until(lambda: desk.asked_waha("send"), "it is being sent", within=5)

        leaving = asyncio.create_task(desk.worker.drain(5))
        await asyncio.sleep(0)
        let_go.set()
        await leaving

    assert desk.phone() == ["1"]
    assert desk.outcome(first) == ("sent", "")
    assert await state_of(desk, second.message_id) is DeliveryState.WAITING
    assert desk.store.workers == {}


async def test_what_does_not_end_in_time_is_left_to_another(desk: Desk) -> None:
    await hang_in(desk, BUDI)
    message = asked()
    async with at_work(desk):
        await desk.hear(message)
        await until(lambda: desk.asked_waha("send"), "it is being sent", within=5)

        await desk.worker.drain(0.01)

    desk.waha.before = desk.waha.after
    colleague = desk.hire(UUID(int=2))
    [theirs] = await desk.claim(colleague)
    await desk.attempt(theirs, colleague)
    assert desk.phone() == ["Halo kak"]


async def test_a_result_waits_for_the_database(desk: Desk) -> None:
    away = [3]
    reached = desk.worker.book.open_work

    @asynccontextmanager
    async def open_work(tenant_id: UUID) -> AsyncGenerator[Work]:
        if desk.phone() and away[0]:
            away[0] -= 1
            raise DatabaseUnavailable("away")
        async with reached(tenant_id) as work:
            yield work

    desk.worker.book.open_work = open_work
    message = asked()
    await desk.hear(message)
    await desk.settle()

    assert desk.rests == [0.5, 0.5, 0.5]
    assert desk.outcome(message) == ("sent", "")


async def test_what_is_claimed_when_the_database_goes_is_claimed_again(desk: Desk) -> None:
    message = asked()
    await desk.hear(message)
    await desk.worker.beat()
    reached = desk.worker.book.open_work

    @asynccontextmanager
    async def open_work(tenant_id: UUID) -> AsyncGenerator[Work]:
        desk.worker.book.open_work = reached
        raise DatabaseUnavailable("away")
        yield

    desk.worker.book.open_work = open_work
    async with at_work(desk, every_s=0.01):
        await until(lambda: desk.told(message), "it was sent", within=5)


async def test_a_worker_that_is_unsteady_takes_nobody_for_dead(desk: Desk) -> None:
    await desk.hear(asked())
    colleague = desk.hire(UUID(int=2))
    assert len(await desk.claim(colleague)) == 1
    await desk.store.silence(UUID(int=2))
    desk.worker.pulse.miss()

    await desk.worker.beat()

    assert list(await desk.worker._claim()) == []


async def test_a_heartbeat_that_does_not_arrive_is_known(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def beat() -> None:
        raise DatabaseUnavailable("away")

    monkeypatch.setattr(desk.worker.leases, "beat", beat)

    with pytest.raises(DatabaseUnavailable):
        await desk.worker.beat()

    assert not desk.worker.pulse.is_steady


async def test_old_outcomes_are_forgotten(desk: Desk) -> None:
    message = asked()
    await desk.hear(message)
    await desk.settle()
    desk.clock.advance(15 * 86_400)

    await desk.worker.tidy()

    assert desk.store.tables.rows == {}


# -- what it hears


async def heard(desk: Desk, *messages: Message) -> list[Outcome]:
    handle = handler(subscriptions(desk.worker))
    batch = [
        Incoming(str(n), type(one).__name__, one.model_dump_json().encode(), {"traceparent": "t"})
        for n, one in enumerate(messages)
    ]
    return list(await handle(batch))


async def test_it_hears_what_to_send_and_what_not(desk: Desk) -> None:
    first, second = asked("1"), asked("2")

    outcomes = await heard(
        desk, first, second, WithdrawWhatsApp(tenant_id=TENANT, message_ids=[first.message_id])
    )
    await desk.settle()

    assert outcomes == [Outcome.DONE] * 3
    assert desk.phone() == ["2"]
    assert {headers["traceparent"] for _, headers in desk.store.tables.said} == {"t"}


async def test_it_hears_whom_to_forget(desk: Desk) -> None:
    message = asked("canary")

    outcomes = await heard(
        desk, message, ForgetWhatsApp(tenant_id=TENANT, message_ids=[message.message_id])
    )

    assert outcomes == [Outcome.DONE] * 2
    assert "canary" not in str(desk.store.tables.rows)


async def test_it_hears_how_a_session_is(desk: Desk) -> None:
    await heard(desk, WhatsAppSessionChanged(tenant_id=TENANT, session=SESSION, status="FAILED"))

    assert (await desk.pace()).status == "FAILED"
