"""P22 in the sender: no method of a store tells or changes what another tenant has to send.

As `tests/crm_chatbot/test_isolation.py`: with every filter in place, with all of them cut out of
the SQL, and without policies, to see that it would show.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, get_type_hints
from uuid import UUID, uuid5

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.contracts import WhatsAppText
from shared.infrastructure.database import Sessions, connect, sessions_of
from tests.clock import NOON
from tests.isolation import Target, cut_filters, findings, methods_of, stores_in
from tests.waha_sender.builders import OTHER, TENANT, a_delivery
from tests.waha_sender.stores import SqlStore
from waha_sender import infrastructure
from waha_sender.application.deliveries import Claim, Delivery, DeliveryState
from waha_sender.application.pacing import Pace
from waha_sender.application.ports import Work

#: Looks across tenants, by functions of the database that tell ids.
ACROSS = {"SqlLeases"}


@dataclass(frozen=True)
class Shop:
    """What one tenant has to send; `word` is in each of its texts."""

    tenant_id: UUID
    word: str

    @property
    def waiting(self) -> Delivery:
        return self._delivery("waiting", lease_token=uuid5(self.tenant_id, "token"))

    @property
    def sent(self) -> Delivery:
        return self._delivery("sent", state=DeliveryState.SENT, wa_id=self.word, ended_at=NOON)

    @property
    def claim(self) -> Claim:
        return Claim(
            TENANT, self.waiting.message_id, self.waiting.part, uuid5(self.tenant_id, "token")
        )

    @property
    def ids(self) -> list[object]:
        return [self.tenant_id, self.waiting.message_id, self.sent.message_id]

    def _delivery(self, name: str, **facts: Any) -> Delivery:
        return a_delivery(
            **facts,
            tenant_id=self.tenant_id,
            message_id=uuid5(self.tenant_id, name),
            session=self.word,
            chat_id=self.word,
            content=WhatsAppText(text=self.word),
        )


async def furnish(store: SqlStore, shop: Shop) -> None:
    async with store.open_work(shop.tenant_id) as work:
        await work.deliveries.add([shop.waiting])
        await work.deliveries.add([shop.sent])
        await work.paces.of(shop.word)
        await work.paces.save(Pace(session=shop.word, sent_today=3))
        await work.paces.note_sent(shop.word, shop.word, NOON)


async def _save(work: Work, shop: Shop) -> None:
    delivery = shop.waiting
    delivery.error_code = "mine"
    await work.deliveries.save(delivery)


async def _pace_saved(work: Work, shop: Shop) -> None:
    await work.paces.save(replace(Pace(session=shop.word), sent_today=99))


async def _pace_of(work: Work, shop: Shop) -> object:
    pace = await work.paces.of(shop.word)
    return replace(pace, session="")  # it is called what it was asked for


#: By a store and its method: what one tenant's code does, with whatever another has.
CASES: Mapping[str, Callable[[Work, Shop], Awaitable[object]]] = {
    "deliveries.add": lambda w, s: w.deliveries.add([s.waiting]),
    "deliveries.of": lambda w, s: w.deliveries.of(s.waiting.message_id),
    "deliveries.held": lambda w, s: w.deliveries.held(s.claim),
    "deliveries.save": _save,
    "deliveries.ids_in_chat": lambda w, s: w.deliveries.ids_in_chat(s.word, s.word),
    "paces.of": _pace_of,
    "paces.save": _pace_saved,
    "paces.last_in_chat": lambda w, s: w.paces.last_in_chat(s.word, s.word),
    "paces.note_sent": lambda w, s: w.paces.note_sent(s.word, s.word, NOON),
    "paces.forget_chat": lambda w, s: w.paces.forget_chat(s.word, s.word),
    "outbox.say": lambda _w, _s: _nothing(),
}


async def _nothing() -> None:
    """An outbox is nobody's: what is put into it names its tenant."""


@pytest.fixture
async def owner(owner_database_url: str) -> AsyncGenerator[Sessions]:
    """For whom there are no policies."""
    engine = connect(owner_database_url)
    yield sessions_of(engine)
    await engine.dispose()


async def look_for(case: str, store: SqlStore, owner: Sessions) -> list[str]:
    theirs, nobodys = Shop(OTHER, "theirs-7"), Shop(UUID(int=0xC), "nobodys-7")

    def target(shop: Shop) -> Target:
        async def act() -> object:
            async with store.open_work(TENANT) as work:
                return await CASES[case](work, shop)

        return Target(act, shop.ids)

    return await findings(
        target(theirs),
        target(nobodys),
        move_in=lambda: furnish(SqlStore(owner), theirs),
        word=theirs.word,
        whose=OTHER,
        owner=owner,
    )


async def test_every_method_of_every_store_has_a_case(sessions: Sessions) -> None:
    ports = get_type_hints(Work).items()
    async with SqlStore(sessions).open_work(TENANT) as work:
        in_work = {type(store).__name__ for store in vars(work).values()}

    assert {f"{field}.{name}" for field, port in ports for name in methods_of(port)} == set(CASES)
    assert stores_in(infrastructure).keys() - in_work == ACROSS


@pytest.mark.parametrize("case", CASES)
async def test_what_is_anothers_is_as_good_as_absent(
    case: str, sessions: Sessions, owner: Sessions
) -> None:
    assert await look_for(case, SqlStore(sessions), owner) == []


@pytest.mark.parametrize("case", CASES)
async def test_it_still_is_where_the_code_forgets_whose_it_is(
    case: str, sessions: Sessions, engine: AsyncEngine, owner: Sessions
) -> None:
    cut_filters(engine)

    assert await look_for(case, SqlStore(sessions), owner) == []


@pytest.mark.parametrize("case", CASES)
async def test_without_policies_what_was_forgotten_shows(
    case: str, owner_database_url: str, owner: Sessions
) -> None:
    engine = connect(owner_database_url)
    cut = cut_filters(engine)

    found = await look_for(case, SqlStore(sessions_of(engine)), owner)
    await engine.dispose()

    assert found or not cut
