"""Deliveries, paces and leases: as they were put, each tenant's own, each part in one hand."""

import asyncio
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from uuid_utils.compat import uuid7

from shared.contracts import WhatsAppPlace, WhatsAppSent
from shared.infrastructure.database import Sessions
from tests.clock import NOON
from tests.waha_sender.builders import BUDI, OTHER, PICTURE, SARI, SESSION, TENANT, a_delivery
from tests.waha_sender.fakes import MemoryStore
from tests.waha_sender.stores import SqlStore, Store
from waha_sender.application.deliveries import Claim, Delivery, DeliveryState
from waha_sender.application.pacing import Pace
from waha_sender.application.ports import Deliveries, Leases, Outbox, Paces

CONTRACT_OF = (Deliveries, Leases, Outbox, Paces)

PATIENCE_S = 60.0
ME, COLLEAGUE = UUID(int=1), UUID(int=2)
S = DeliveryState


@pytest.fixture(params=["memory", "sql"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        return MemoryStore()
    sessions: Sessions = request.getfixturevalue("sessions")
    return SqlStore(sessions)


async def put(store: Store, *parts: Delivery) -> None:
    for part in parts:
        async with store.open_work(part.tenant_id) as work:
            assert await work.deliveries.add([part])


async def read(store: Store, delivery: Delivery) -> Delivery:
    async with store.open_work(delivery.tenant_id) as work:
        parts = await work.deliveries.of(delivery.message_id)
    return parts[delivery.part]


async def due(store: Store, text: str = "Halo", **changes: object) -> Delivery:
    """A part that may leave now."""
    delivery = a_delivery(text, at=await store.now() - timedelta(seconds=1), **changes)
    await put(store, delivery)
    return delivery


async def claim(
    store: Store,
    worker: UUID = ME,
    *,
    most: int = 100,
    share: int = 100,
    in_hand: Sequence[UUID] = (),
) -> list[Claim]:
    leases = store.leases(worker)
    await leases.beat()
    claims = await leases.claim(most, share=share, in_hand=in_hand, patience_s=PATIENCE_S)
    return list(claims)


async def move_on(store: Store, one: Claim, state: DeliveryState = S.SENT) -> None:
    async with store.open_work(one.tenant_id) as work:
        delivery = await work.deliveries.held(one)
        assert delivery is not None
        delivery.end(state, await store.now())
        await work.deliveries.save(delivery)


async def set_pace(store: Store, tenant_id: UUID = TENANT, **facts: object) -> None:
    async with store.open_work(tenant_id) as work:
        pace = await work.paces.of(SESSION)
        for name, value in facts.items():
            setattr(pace, name, value)
        await work.paces.save(pace)


# -- deliveries


@pytest.mark.parametrize(
    "content", [PICTURE, WhatsAppPlace(latitude=-6.2, longitude=106.8, title="Toko")]
)
async def test_a_part_comes_back_as_it_was_put(store: Store, content: object) -> None:
    put_in = a_delivery(
        content=content,
        part=0,
        parts=3,
        reply_to="3EB0B",
        is_reply=False,
        by_person=True,
        headers={"traceparent": "00-1-2-01"},
    )

    await put(store, put_in)

    found = await read(store, put_in)
    assert found.created_at is not None
    assert replace(found, created_at=None) == put_in


async def test_every_change_of_a_part_comes_back(store: Store) -> None:
    delivery = await due(store)
    [mine] = await claim(store)
    now = await store.now()
    changed = replace(
        await read(store, delivery),
        content=PICTURE,
        state=S.SENDING,
        wa_id="3EB0A",
        attempts=4,
        error_code="waha_error",
        error_detail="Internal 400",
        available_at=now + timedelta(minutes=1),
        slot_at=now + timedelta(minutes=2),
        sending_at=now + timedelta(minutes=3),
        ended_at=now + timedelta(minutes=4),
    )
    assert changed.lease_token == mine.lease_token
    unchanged = {
        one.name
        for one in fields(Delivery)
        if getattr(changed, one.name) == getattr(delivery, one.name)
    }
    assert unchanged == {
        *("tenant_id", "message_id", "session", "chat_id", "part", "parts"),
        *("reply_to", "is_reply", "by_person", "headers"),
    }

    async with store.open_work(TENANT) as work:
        await work.deliveries.save(changed)

    assert await read(store, delivery) == changed


async def test_a_message_is_taken_on_once(store: Store) -> None:
    parts = [a_delivery(part=n, parts=2, message_id=UUID(int=7)) for n in range(2)]

    async def add() -> bool:
        async with store.open_work(TENANT) as work:
            return await work.deliveries.add(parts)

    added = await asyncio.gather(*(add() for _ in range(5)))

    assert sorted(added) == [False, False, False, False, True]


async def test_parts_come_in_order(store: Store) -> None:
    message_id = uuid7()
    parts = [a_delivery(str(n), part=n, parts=3, message_id=message_id) for n in range(3)]
    async with store.open_work(TENANT) as work:
        await work.deliveries.add(parts)

    async with store.open_work(TENANT) as work:
        found = await work.deliveries.of(message_id)

    assert [part.part for part in found] == [0, 1, 2]


async def test_what_raises_leaves_nothing_behind(store: Store) -> None:
    delivery = a_delivery()

    with pytest.raises(ZeroDivisionError):
        async with store.open_work(TENANT) as work:
            await work.deliveries.add([delivery])
            await work.outbox.say(a_sentence(), {})
            raise ZeroDivisionError

    async with store.open_work(TENANT) as work:
        assert await work.deliveries.of(delivery.message_id) == []
    assert await store.said() == []


async def test_a_tenant_sees_nothing_of_anothers(store: Store) -> None:
    delivery = await due(store)
    await move_on(store, (await claim(store))[0])
    await set_pace(store, failures=3)

    async with store.open_work(OTHER) as work:
        assert await work.deliveries.of(delivery.message_id) == []
        assert await work.deliveries.ids_in_chat(SESSION, BUDI) == set()
        assert (await work.paces.of(SESSION)).failures == 0
        assert await work.paces.last_in_chat(SESSION, BUDI) is None


async def test_only_whoever_holds_the_lease_gets_a_part_by_it(store: Store) -> None:
    await due(store)
    [mine] = await claim(store)

    async with store.open_work(TENANT) as work:
        assert await work.deliveries.held(mine)
        assert await work.deliveries.held(replace(mine, lease_token=uuid4())) is None
        assert await work.deliveries.held(replace(mine, part=1)) is None
    await move_on(store, mine)
    async with store.open_work(TENANT) as work:
        assert await work.deliveries.held(mine) is None


async def test_the_ids_of_a_chat_are_those_that_left(store: Store) -> None:
    now = await store.now()
    for chat_id, state, wa_id in (
        (BUDI, S.SENT, "left"),
        (BUDI, S.SENT, None),
        (BUDI, S.SENDING, "open"),
        (SARI, S.SENT, "hers"),
    ):
        delivery = a_delivery(at=now, chat_id=chat_id, state=state, wa_id=wa_id)
        await put(store, delivery)

    async with store.open_work(TENANT) as work:
        assert await work.deliveries.ids_in_chat(SESSION, BUDI) == {"left"}
        assert await work.deliveries.ids_in_chat("elsewhere", BUDI) == set()


# -- paces


async def test_a_session_that_never_sent_is_as_new(store: Store) -> None:
    async with store.open_work(TENANT) as work:
        assert await work.paces.of(SESSION) == Pace(session=SESSION)


async def test_a_pace_comes_back_as_it_was_saved(store: Store) -> None:
    now = await store.now()
    pace = Pace(
        session=SESSION,
        status="SCAN_QR_CODE",
        failures=3,
        paused_until=now,
        restricted_until=now + timedelta(hours=1),
        tokens=-2.5,
        refilled_at=now - timedelta(hours=1),
        first_sent_at=now - timedelta(days=9),
        day=date(2026, 5, 4),
        sent_today=17,
    )
    async with store.open_work(TENANT) as work:
        await work.paces.of(SESSION)
        await work.paces.save(pace)

    async with store.open_work(TENANT) as work:
        assert await work.paces.of(SESSION) == pace


async def test_two_who_count_at_once_lose_nothing(store: Store) -> None:
    async def count() -> None:
        async with store.open_work(TENANT) as work:
            pace = await work.paces.of(SESSION)
            pace.sent_today += 1
            await work.paces.save(pace)

    await asyncio.gather(*(count() for _ in range(8)))

    async with store.open_work(TENANT) as work:
        assert (await work.paces.of(SESSION)).sent_today == 8


async def test_a_chats_last_message_is_remembered(store: Store) -> None:
    earlier, later = await store.now(), await store.now() + timedelta(seconds=5)
    async with store.open_work(TENANT) as work:
        await work.paces.note_sent(SESSION, BUDI, earlier)
        await work.paces.note_sent(SESSION, BUDI, later)

    async with store.open_work(TENANT) as work:
        assert await work.paces.last_in_chat(SESSION, BUDI) == later
        assert await work.paces.last_in_chat(SESSION, SARI) is None


# -- outbox


def a_sentence() -> WhatsAppSent:
    return WhatsAppSent(message_id=uuid4(), tenant_id=TENANT, wa_ids=["3EB0A"])


async def test_what_is_said_is_heard_once_it_is_committed(store: Store) -> None:
    said = a_sentence()
    async with store.open_work(TENANT) as work:
        await work.outbox.say(said, {"traceparent": "00-1-2-01"})

    assert await store.said() == [said]


# -- leases


async def test_only_the_first_open_part_of_a_chat_may_leave(store: Store) -> None:
    first, second = await due(store, "1"), await due(store, "2")
    hers = await due(store, "3", chat_id=SARI)

    claims = await claim(store)

    assert {one.message_id for one in claims} == {first.message_id, hers.message_id}
    tokens = [one.lease_token for one in claims]
    assert await claim(store, in_hand=tokens) == []
    await move_on(store, next(one for one in claims if one.message_id == first.message_id))
    assert [one.message_id for one in await claim(store, in_hand=tokens)] == [second.message_id]


async def test_a_part_that_is_being_sent_keeps_those_behind_it_waiting(store: Store) -> None:
    open_one = await due(store, "1", state=S.SENDING)
    await due(store, "2")

    assert [one.message_id for one in await claim(store)] == [open_one.message_id]


async def test_what_is_put_off_waits_for_its_time_and_so_do_those_behind_it(store: Store) -> None:
    soon = a_delivery(at=await store.now() + timedelta(minutes=1))
    await put(store, soon)
    await due(store)

    assert await claim(store) == []


async def test_what_is_in_anothers_hand_is_left_alone(store: Store) -> None:
    await due(store)
    await claim(store)

    assert await claim(store, COLLEAGUE) == []


async def test_what_a_dead_worker_held_is_free(store: Store) -> None:
    await due(store)
    [theirs] = await claim(store, COLLEAGUE)
    await store.silence(COLLEAGUE)

    [mine] = await claim(store)

    assert mine.message_id == theirs.message_id
    async with store.open_work(TENANT) as work:
        assert await work.deliveries.held(theirs) is None


async def test_who_leaves_sets_free_what_they_held_at_once(store: Store) -> None:
    await due(store)
    await claim(store, COLLEAGUE)
    await store.leases(COLLEAGUE).leave()

    assert len(await claim(store)) == 1


async def test_what_one_was_given_without_hearing_of_it_is_given_again(store: Store) -> None:
    await due(store)
    [unheard] = await claim(store)

    [heard] = await claim(store)

    assert heard.lease_token != unheard.lease_token
    assert await claim(store, in_hand=[heard.lease_token]) == []


async def test_what_is_let_go_is_free(store: Store) -> None:
    await due(store)
    [mine] = await claim(store)
    async with store.open_work(TENANT) as work:
        delivery = await work.deliveries.held(mine)
        assert delivery is not None
        delivery.let_go()
        await work.deliveries.save(delivery)

    assert len(await claim(store, COLLEAGUE)) == 1


async def test_many_workers_at_once_never_hold_the_same(store: Store) -> None:
    for n in range(30):
        await due(store, chat_id=f"62812000000{n:02}@c.us")

    claimed = await asyncio.gather(*(claim(store, UUID(int=100 + n), most=10) for n in range(6)))

    ids = [one.message_id for claims in claimed for one in claims]
    assert len(ids) == len(set(ids))
    for n in range(6):
        ids += [one.message_id for one in await claim(store, UUID(int=200 + n), most=30)]
    assert len(set(ids)) == 30


async def test_no_session_has_more_than_its_share_in_hand(store: Store) -> None:
    for n in range(6):
        await due(store, chat_id=f"62812000000{n:02}@c.us")
    await due(store, session="other")

    mine = await claim(store, share=2)
    theirs = await claim(store, COLLEAGUE, share=3)

    assert len(mine) == 3
    assert len(theirs) == 1


async def test_a_busy_session_does_not_take_every_place(store: Store) -> None:
    for n in range(10):
        await due(store, chat_id=f"62812000000{n:02}@c.us")
    quiet = await due(store, session="quiet", tenant_id=OTHER)

    claims = await claim(store, most=2, share=100)

    assert len(claims) == 2
    assert quiet.message_id in {one.message_id for one in claims}


async def test_a_session_in_trouble_is_tried_with_a_single_part(store: Store) -> None:
    for n in range(4):
        await due(store, chat_id=f"62812000000{n:02}@c.us")
    await set_pace(store, failures=1)

    [probe] = await claim(store)

    assert await claim(store, in_hand=[probe.lease_token]) == []
    assert await claim(store, COLLEAGUE) == []


async def test_a_paused_session_rests_and_others_do_not(store: Store) -> None:
    await due(store)
    other = await due(store, tenant_id=OTHER)
    now = await store.now()
    await set_pace(store, paused_until=now + timedelta(minutes=1))

    assert [one.message_id for one in await claim(store)] == [other.message_id]
    await set_pace(store, paused_until=now - timedelta(seconds=1))
    assert len(await claim(store)) == 2


async def test_what_could_not_leave_for_too_long_is_found(store: Store) -> None:
    old, ended = await due(store), await due(store, chat_id=SARI, state=S.FAILED)
    await store.age(TENANT, 100)
    await due(store)
    leases = store.leases(ME)

    async def overdue() -> list[tuple[UUID, UUID]]:
        found = await leases.overdue(10, older_than_s=60, patience_s=PATIENCE_S)
        return list(found)

    assert await overdue() == [(TENANT, old.message_id)]
    await claim(store, COLLEAGUE)
    assert await overdue() == []
    await store.silence(COLLEAGUE)
    assert await overdue() == [(TENANT, old.message_id)]
    assert ended.message_id != old.message_id


async def test_old_outcomes_are_forgotten_and_what_is_open_is_not(store: Store) -> None:
    open_one, ended = await due(store), await due(store, state=S.SENT)
    half = uuid7()
    await due(store, message_id=half, part=0, parts=2, state=S.SENT)
    await due(store, message_id=half, part=1, parts=2)
    await store.age(TENANT, 100)
    fresh = await due(store, state=S.SENT)

    forgotten = await store.leases(ME).forget(10, older_than_s=60)

    async with store.open_work(TENANT) as work:
        ids = (open_one.message_id, ended.message_id, fresh.message_id, half)
        found = [len(await work.deliveries.of(one)) for one in ids]
    assert (forgotten, found) == (1, [1, 0, 1, 2])


async def test_so_many_are_forgotten_at_a_time(store: Store) -> None:
    for _ in range(3):
        await due(store, state=S.SENT)
    await store.age(TENANT, 100)
    leases = store.leases(ME)

    assert [await leases.forget(2, older_than_s=60) for _ in range(3)] == [2, 1, 0]


async def test_when_a_chat_was_last_written_to_is_forgotten_with_what_was_sent(
    store: Store,
) -> None:
    now = await store.now()
    async with store.open_work(TENANT) as work:
        await work.paces.note_sent(SESSION, BUDI, now - timedelta(seconds=100))
        await work.paces.note_sent(SESSION, SARI, now)

    forgotten = await store.leases(ME).forget(10, older_than_s=60)

    async with store.open_work(TENANT) as work:
        left = [await work.paces.last_in_chat(SESSION, chat) for chat in (BUDI, SARI)]
    assert (forgotten, left) == (1, [None, now])


async def test_that_anything_left_for_a_chat_is_forgotten_when_it_is_told(store: Store) -> None:
    async with store.open_work(TENANT) as work:
        for chat in (BUDI, SARI):
            await work.paces.note_sent(SESSION, chat, NOON)

        await work.paces.forget_chat(SESSION, BUDI)

        left = [await work.paces.last_in_chat(SESSION, chat) for chat in (BUDI, SARI)]
    assert left == [None, NOON]
