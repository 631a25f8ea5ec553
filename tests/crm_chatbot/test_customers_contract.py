"""Where customers, and what WhatsApp told of them, are kept: in memory and in PostgreSQL alike."""

import asyncio
from datetime import timedelta

import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.domain.customers.customer import CustomerId, CustomerNotFound, Customers
from crm_chatbot.domain.whatsapp import Acks, Heard, Ignored, Inbox, Rank, WhatsAppSessions
from tests.crm_chatbot.builders import LATER, NOON, OTHER_TENANT, TENANT, a_tenant
from tests.crm_chatbot.chats import LID, PHONE, SESSION, a_customer, a_full_customer
from tests.crm_chatbot.stores import Crm, SqlCrm

CONTRACT_OF = Customers, Inbox, Acks, WhatsAppSessions


async def a_shop(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        await work.tenants.add(a_tenant())


def test_a_full_customer_differs_from_a_plain_one_in_every_field() -> None:
    full, plain = vars(a_full_customer()), vars(a_customer())

    assert {name for name, value in full.items() if plain[name] == value} == {
        "tenant_id",
        "created_at",
    }


async def test_a_customer_comes_back_as_they_went_in_and_as_they_were_saved(crm: Crm) -> None:
    await a_shop(crm)
    full, plain = a_full_customer(), a_customer()

    async with crm.open_work(TENANT) as work:
        assert await work.customers.add(full)
        assert await work.customers.add(plain)
    async with crm.open_work(TENANT) as work:
        assert vars(await work.customers.lock(full.id)) == vars(full)
        assert vars(await work.customers.get(full.id)) == vars(full)
        assert vars(await work.customers.lock(plain.id)) == vars(plain)

        changed = a_full_customer()
        changed.id, changed.identities = plain.id, ()
        await work.customers.save(changed)

    assert changed.version == 8
    async with crm.open_work(TENANT) as work:
        assert vars(await work.customers.lock(plain.id)) == vars(changed)


async def test_a_customer_is_known_under_every_identity(crm: Crm) -> None:
    await a_shop(crm)
    young = a_customer(LID, created_at=LATER)
    old = a_customer(PHONE, created_at=NOON)
    async with crm.open_work(TENANT) as work:
        assert await work.customers.add(young)
        assert await work.customers.add(old)

    async with crm.open_work(TENANT) as work:
        both = await work.customers.known_as([LID, PHONE])
        one = await work.customers.known_as([LID])
        nobody = await work.customers.known_as([])

    assert [customer.id for customer in both] == [old.id, young.id]
    assert [customer.id for customer in one] == [young.id]
    assert nobody == []


async def test_whoever_is_looked_for_ahead_is_known_as_if_looked_for_then(crm: Crm) -> None:
    await a_shop(crm)
    old, young = a_customer(PHONE, created_at=NOON), a_customer(LID, created_at=LATER)
    async with crm.open_work(TENANT) as work:
        assert await work.customers.add(old)

    async with crm.open_work(TENANT) as work:
        assert [who.id for who in await work.customers.look_ahead([PHONE, LID])] == [old.id]
        assert await work.customers.known_as([LID]) == []
        assert await work.customers.add(young)
        assert [who.id for who in await work.customers.known_as([LID, PHONE])] == [old.id, young.id]

        young.name = "Budi"
        await work.customers.save(young)
        assert [who.name for who in await work.customers.known_as([LID])] == ["Budi"]
        await work.customers.remove(young)
        assert [who.id for who in await work.customers.known_as([LID, PHONE])] == [old.id]


async def test_an_identity_is_never_two_peoples(crm: Crm) -> None:
    await a_shop(crm)
    first, second = a_customer(PHONE), a_customer(LID, PHONE)

    async with crm.open_work(TENANT) as work:
        assert await work.customers.add(first)
        assert not await work.customers.add(second)

    async with crm.open_work(TENANT) as work:
        assert await work.customers.known_as([LID]) == []
        with pytest.raises(CustomerNotFound):
            await work.customers.lock(second.id)


async def test_of_several_who_come_together_all_are_added_or_none(crm: Crm) -> None:
    await a_shop(crm)
    known, stranger, twin = a_customer(PHONE), a_customer(LID), a_customer(PHONE)

    async with crm.open_work(TENANT) as work:
        assert await work.customers.add(known)
        assert not await work.customers.add(stranger, twin)

    async with crm.open_work(TENANT) as work:
        assert [who.id for who in await work.customers.known_as([PHONE, LID])] == [known.id]
        assert await work.customers.add(stranger, a_customer())
    async with crm.open_work(TENANT) as work:
        assert [who.id for who in await work.customers.known_as([LID])] == [stranger.id]


async def test_a_new_identity_is_saved_unless_it_is_another_persons(crm: Crm) -> None:
    await a_shop(crm)
    first, second = a_customer(PHONE), a_customer()
    async with crm.open_work(TENANT) as work:
        assert await work.customers.add(first)
        assert await work.customers.add(second)

    async with crm.open_work(TENANT) as work:
        second.identities = (PHONE, LID)
        await work.customers.save(second)

    async with crm.open_work(TENANT) as work:
        assert (await work.customers.lock(first.id)).identities == (PHONE,)
        assert (await work.customers.lock(second.id)).identities == (LID,)


async def test_of_two_who_come_at_once_under_one_identity_one_is_added(crm: Crm) -> None:
    await a_shop(crm)

    async def come() -> bool:
        async with crm.open_work(TENANT) as work:
            return await work.customers.add(a_customer(PHONE, LID))

    came = await asyncio.gather(*(come() for _ in range(5)))

    assert sorted(came) == [False] * 4 + [True]


async def test_who_is_removed_leaves_their_identities_to_others(crm: Crm) -> None:
    await a_shop(crm)
    gone = a_customer(PHONE)
    async with crm.open_work(TENANT) as work:
        assert await work.customers.add(gone)

    async with crm.open_work(TENANT) as work:
        await work.customers.remove(gone)
        assert await work.customers.add(a_customer(PHONE))

    async with crm.open_work(TENANT) as work:
        with pytest.raises(CustomerNotFound):
            await work.customers.lock(gone.id)


async def test_another_tenants_customers_are_not_there(crm: Crm) -> None:
    await a_shop(crm)
    customer = a_customer(PHONE)
    async with crm.open_work(TENANT) as work:
        assert await work.customers.add(customer)

    async with crm.open_work(OTHER_TENANT) as work:
        assert await work.customers.known_as([PHONE]) == []
        with pytest.raises(CustomerNotFound):
            await work.customers.lock(customer.id)
        with pytest.raises(CustomerNotFound):
            await work.customers.lock(CustomerId(uuid7()))


def heard(key: str, reason: str | None = "group") -> Heard:
    event = Ignored(key=key, name="message", session=SESSION, reason="group")
    return Heard(event=event, reason=reason, chat_id="1@g.us")


async def test_an_event_is_recorded_once(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        assert await work.inbox.record(heard("a"))
        assert not await work.inbox.record(heard("a", reason=None))
        assert await work.inbox.record(heard("b", reason=None))
    async with crm.open_work(TENANT) as work:
        assert not await work.inbox.record(heard("b"))
    async with crm.open_work(OTHER_TENANT) as work:
        assert await work.inbox.record(heard("a"))


async def test_what_became_of_an_event_is_written_down(postgres: SqlCrm) -> None:
    async with postgres.open_work(TENANT) as work:
        assert await work.inbox.record(heard("a"))
        assert await work.inbox.record(heard("b", reason=None))

    assert await postgres.inbox(TENANT) == {"a": ("ignored", "group"), "b": ("taken", None)}


ACKS = {
    "further": ((Rank.SERVER, Rank.DEVICE, Rank.READ), (True, True, True)),
    "the same again": ((Rank.DEVICE, Rank.DEVICE), (True, False)),
    "out of order": ((Rank.READ, Rank.DEVICE, Rank.SERVER), (True, False, False)),
    "an error": ((Rank.SERVER, Rank.ERROR, Rank.SERVER), (True, True, False)),
    "an error first": ((Rank.ERROR, Rank.SERVER, Rank.DEVICE), (True, False, True)),
    "an error too late": ((Rank.DEVICE, Rank.ERROR), (True, False)),
    "an error twice": ((Rank.ERROR, Rank.ERROR), (True, False)),
}


@pytest.mark.parametrize(("ranks", "news"), ACKS.values(), ids=ACKS)
async def test_acks_only_move_forward(
    crm: Crm, ranks: tuple[Rank, ...], news: tuple[bool, ...]
) -> None:
    async with crm.open_work(TENANT) as work:
        moved = [await work.acks.advance(SESSION, "3EB0", rank) for rank in ranks]

    assert tuple(moved) == news


async def test_a_sessions_status_follows_the_latest_word(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        assert await work.whatsapp_sessions.get(SESSION) is None
        assert await work.whatsapp_sessions.changed(SESSION, "STARTING", NOON)
        assert await work.whatsapp_sessions.changed(SESSION, "WORKING", LATER)
        assert not await work.whatsapp_sessions.changed(SESSION, "WORKING", LATER)
        assert not await work.whatsapp_sessions.changed(SESSION, "FAILED", NOON)
        seen = await work.whatsapp_sessions.get(SESSION)

    assert seen is not None
    assert (seen.session, seen.status, seen.since) == (SESSION, "WORKING", LATER)
    assert seen.caught_up_at is None


async def test_what_is_to_be_looked_at_soon_may_be_looked_at_now(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        sessions = work.whatsapp_sessions
        await sessions.look_soon("never-seen", NOON)
        assert await sessions.look("never-seen", NOON, older_than_s=60)
        too_early = await sessions.look("never-seen", NOON, older_than_s=60)
        await sessions.changed("never-seen", "FAILED", LATER)
        assert await sessions.look("never-seen", NOON, older_than_s=60)
        await sessions.look_soon("never-seen", NOON)

        assert not too_early
        assert await sessions.look("never-seen", NOON, older_than_s=60)
        seen = await sessions.get("never-seen")
        assert (seen and seen.status, seen and seen.since) == ("FAILED", LATER)


async def test_what_was_only_looked_at_has_no_status_yet(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        assert await work.whatsapp_sessions.look(SESSION, LATER, older_than_s=60)
        seen = await work.whatsapp_sessions.get(SESSION)
        assert seen is not None
        assert seen.status == "UNKNOWN"
        assert await work.whatsapp_sessions.changed(SESSION, "WORKING", NOON)


async def test_a_session_is_caught_up_with_by_one_at_a_time_and_anew_when_it_works_again(
    crm: Crm,
) -> None:
    async with crm.open_work(TENANT) as work:
        sessions = work.whatsapp_sessions
        assert await sessions.look(SESSION, NOON, older_than_s=60)
        assert not await sessions.look(SESSION, LATER, older_than_s=60)
        assert await sessions.look(SESSION, NOON + timedelta(seconds=61), older_than_s=60)

        assert await sessions.changed(SESSION, "WORKING", LATER)
        assert await sessions.look(SESSION, LATER + timedelta(seconds=61), older_than_s=60)


async def test_what_is_caught_up_with_stays_so(crm: Crm) -> None:
    async with crm.open_work(TENANT) as work:
        sessions = work.whatsapp_sessions
        await sessions.caught_up(SESSION, LATER)
        await sessions.caught_up(SESSION, NOON)
        await sessions.changed(SESSION, "WORKING", NOON)
        seen = await sessions.get(SESSION)

    assert seen is not None
    assert seen.caught_up_at == LATER


async def test_what_nobody_recorded_is_unheard(crm: Crm) -> None:
    await a_shop(crm)
    heard = Heard(event=Ignored(key="a", name="message", session=SESSION, reason="group"))
    async with crm.open_work(OTHER_TENANT) as work:
        await work.tenants.add(a_tenant(OTHER_TENANT))
        await work.inbox.record(heard)
    async with crm.open_work(TENANT) as work:
        before = set(await work.inbox.unheard(["a", "b", "a"]))
        await work.inbox.record(heard)

        assert before == {"a", "b"}
        assert set(await work.inbox.unheard(["a", "b"])) == {"b"}
        assert set(await work.inbox.unheard([])) == set()
