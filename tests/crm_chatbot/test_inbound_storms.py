"""Webhooks come twice, at once and in any order; processes die: nothing is lost or doubled."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar

import pytest
from sqlalchemy import event

from crm_chatbot.application.ports import Work
from crm_chatbot.application.whatsapp import inbound
from crm_chatbot.application.whatsapp.hearing import Hearing, Reception
from crm_chatbot.domain.conversations.message import MessageState
from crm_chatbot.domain.customers.customer import Identity, IdentityKind
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.domain.whatsapp import MessageCame
from shared.availability import GaveWay
from shared.batching import Overloaded
from tests.crm_chatbot.chats import LID, PHONE
from tests.crm_chatbot.shop import Shop
from tests.crm_chatbot.stores import Crm, SqlCrm
from tests.crm_chatbot.waha import Envelope, a_text, an_event

LID_CHAT = "111222333444555@lid"
CLIENTS = 4


@pytest.fixture
async def shop(postgres: SqlCrm) -> Shop:
    return await Shop(postgres).open()


async def storm(shop: Shop, told: Sequence[Envelope]) -> Counter[str]:
    """Several clients tell all of it, one after the other."""
    waiting = list(told)

    async def client() -> list[Reception]:
        answers: list[Reception] = []
        while waiting:
            answers.append(await shop.hear(waiting.pop()))
        return answers

    answers = await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return Counter(one.outcome for some in answers for one in some)


async def test_a_storm_of_shuffled_repetitions_leaves_each_message_once_and_no_gap(
    shop: Shop,
) -> None:
    dice = random.Random(7)  # noqa: S311 - a storm, not a secret
    people = [f"62813000{number:05d}" for number in range(8)]
    texts = [(person, f"{person}-{nth}") for person in people for nth in range(20)]
    told = [
        {**a_text(stanza, stanza=stanza, chat=f"{person}@c.us"), "event": event}
        for person, stanza in texts
        for event in dice.choices(["message", "message.any"], k=dice.randint(1, 5))
    ]
    dice.shuffle(told)

    outcomes = await storm(shop, told)

    assert outcomes == {"taken": len(texts), "duplicate": len(told) - len(texts)}
    for person in people:
        history = await shop.history(Identity(IdentityKind.PHONE, person))
        ours = sorted(stanza for whose, stanza in texts if whose == person)
        assert sorted(message.text for message in history) == ours
        assert [message.seq for message in history] == list(range(1, 21))


async def test_one_person_under_two_names_is_one_however_the_storm_blows(shop: Shop) -> None:
    by_phone = [a_text(f"p{nth}", stanza=f"P{nth}") for nth in range(15)]
    by_lid = [a_text(f"l{nth}", stanza=f"L{nth}", chat=LID_CHAT) for nth in range(15)]
    linked = an_event("waha_message_lid_gows")
    told = [*by_phone, *by_lid, linked, *by_phone, *by_lid, linked]
    random.Random(11).shuffle(told)  # noqa: S311 - as above

    outcomes = await storm(shop, told)

    assert outcomes == {"taken": 31, "duplicate": 31}
    assert await shop.chat_id(PHONE) == await shop.chat_id(LID)
    history = await shop.history()
    assert len({message.stanza_id for message in history}) == 31
    assert [message.seq for message in history] == list(range(1, 32))
    assert {message.state for message in history} == {MessageState.NEW}


async def test_second_thoughts_find_their_message_whichever_comes_first(shop: Shop) -> None:
    original, edited = an_event("waha_message_text_noweb"), an_event("waha_message_edited")
    others = [a_text(f"{nth}", stanza=f"S{nth}") for nth in range(10)]

    await storm(shop, [original, edited, *others, edited, original, *others])

    [message] = [one for one in await shop.history() if one.stanza_id == "3EB0FIXTURE0000000002"]
    assert message.text == "pesan 3 ya kak"
    assert len(await shop.history()) == 11


async def together(shop: Shop, told: Sequence[Envelope]) -> list[Reception]:
    """All at once."""
    return list(await asyncio.gather(*map(shop.hear, told)))


async def test_what_comes_together_is_stored_in_one_transaction(
    postgres: SqlCrm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbound, "_QUEUES", 1)
    shop, opened = await Shop(postgres).open(), list[object]()
    open_work = shop.inbound.open_work

    def counted(tenant_id: TenantId) -> AbstractAsyncContextManager[Work]:
        opened.append(tenant_id)
        return open_work(tenant_id)

    shop.inbound.open_work = counted
    told = [a_text(f"{nth}", stanza=f"S{nth}", chat=f"628{nth % 3:09d}@c.us") for nth in range(9)]

    receptions = await together(shop, [*told, told[4]])

    assert [one.outcome for one in receptions] == ["taken"] * 9 + ["duplicate"]
    assert len(opened) == 1
    for nth in range(3):
        history = await shop.history(Identity(IdentityKind.PHONE, f"628{nth:09d}"))
        assert [one.text for one in history] == [f"{nth}", f"{nth + 3}", f"{nth + 6}"]
        assert [one.seq for one in history] == [1, 2, 3]


async def test_however_many_come_together_the_database_is_asked_as_often(
    postgres: SqlCrm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbound, "_QUEUES", 1)
    shop, asked = await Shop(postgres).open(), list[str]()

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    async def asked_for(people: Sequence[str], nth: int) -> int:
        asked.clear()
        told = [a_text(f"{nth}", stanza=f"{who}{nth}", chat=f"{who}@c.us") for who in people]
        await together(shop, told)
        return len(asked)

    few, many = [[f"62{some}{nth:08d}" for nth in range(some)] for some in (3, 9)]
    engine = postgres.sessions.kw["bind"].sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        counted = [(await asked_for(few, nth), await asked_for(many, nth)) for nth in range(4)]
    finally:
        event.remove(engine, "before_cursor_execute", note)

    assert all(of_few == of_many for of_few, of_many in counted), counted


async def test_two_processes_that_store_the_same_together_store_it_once(
    postgres: SqlCrm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbound, "_QUEUES", 1)
    one = await Shop(postgres).open()
    other = Shop(postgres, one.tenant, one.clock)
    told = [a_text(f"{nth}", stanza=f"S{nth}") for nth in range(12)]

    receptions = await asyncio.gather(together(one, told), together(other, told[::-1]))

    outcomes = Counter(reception.outcome for some in receptions for reception in some)
    assert outcomes == {"taken": 12, "duplicate": 12}
    assert sorted(message.seq for message in await one.history()) == list(range(1, 13))


@pytest.mark.parametrize("how_many", [1, 4])
async def test_who_gave_way_to_another_transaction_is_stored_all_the_same(
    postgres: SqlCrm, monkeypatch: pytest.MonkeyPatch, how_many: int
) -> None:
    monkeypatch.setattr(inbound, "_QUEUES", 1)
    shop, gave_way = await Shop(postgres).open(), list[None]()
    open_work = shop.inbound.open_work

    @asynccontextmanager
    async def contested(tenant_id: TenantId) -> AsyncGenerator[Work]:
        async with open_work(tenant_id) as work:
            yield work
            if len(gave_way) < 2:
                gave_way.append(None)
                raise GaveWay("a deadlock")

    shop.inbound.open_work = contested
    told = [a_text(f"{nth}", stanza=f"S{nth}") for nth in range(how_many)]

    receptions = await together(shop, told)

    assert [one.outcome for one in receptions] == ["taken"] * how_many
    assert [one.text for one in await shop.history()] == [f"{nth}" for nth in range(how_many)]


async def test_who_always_has_to_give_way_is_asked_to_come_back(
    postgres: SqlCrm,
) -> None:
    shop = await Shop(postgres).open()
    open_work = shop.inbound.open_work

    @asynccontextmanager
    async def contested(tenant_id: TenantId) -> AsyncGenerator[Work]:
        async with open_work(tenant_id) as work:
            yield work
            raise GaveWay("a deadlock")

    shop.inbound.open_work = contested
    with pytest.raises(Overloaded):
        await shop.hear(a_text("halo", stanza="S1"))

    shop.inbound.open_work = open_work
    assert (await shop.hear(a_text("halo", stanza="S1"))).outcome == "taken"


async def test_each_event_is_taken_as_part_of_its_own_request(
    postgres: SqlCrm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbound, "_QUEUES", 1)
    asked, seen = ContextVar[str]("asked"), list[tuple[str, str]]()

    async def take(hearing: Hearing, event: MessageCame) -> Reception:
        seen.append((event.text, asked.get()))
        return await hearing.record(event)

    monkeypatch.setattr(inbound, "_TAKERS", {MessageCame: take})
    shop = await Shop(postgres).open()

    async def request(number: str) -> None:
        asked.set(number)
        await shop.hear(a_text(number, stanza=number))

    await asyncio.gather(request("1"), request("2"), request("3"))

    assert sorted(seen) == [("1", "1"), ("2", "2"), ("3", "3")]


class Died(BaseException):
    """As if the process had ended here."""


@pytest.mark.parametrize("name", ["crm.before_receiving", "crm.received"])
async def test_whoever_dies_at_any_point_hears_it_again_once(
    crm: Crm, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    shop, deaths = await Shop(crm).open(), list[str]()

    def crash_point(reached: str) -> None:
        if reached == name and not deaths:
            deaths.append(reached)
            raise Died

    monkeypatch.setattr(inbound, "crash_point", crash_point)

    with pytest.raises(Died):
        await shop.wrote("Halo", "3EB0")
    await shop.wrote("Halo", "3EB0")

    assert deaths == [name]
    assert await shop.told() == [("Halo", MessageState.NEW, None)]
