"""Everything that changes is told: every method of every store that writes says what it changed.

What writes is seen in the SQL that a method runs, so that no store can be forgotten.
"""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass

import pytest
import pytest_asyncio
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
from uuid_utils.compat import uuid7

from crm_chatbot.application.feed import Thing
from crm_chatbot.application.payments.gateways import Account
from crm_chatbot.application.ports import Means, Work
from crm_chatbot.domain.payments.payment import Provider
from crm_chatbot.domain.whatsapp import Rank
from crm_chatbot.infrastructure.conversations.timeline_store import SqlTimeline
from crm_chatbot.infrastructure.quick_reply_store import SqlQuickReplies
from crm_chatbot.infrastructure.work import Last, SqlOutbox, sql_work, work_on
from shared.infrastructure.database import Sessions, connect, sessions_of
from shared.infrastructure.late import LateSession, Touch, late
from shared.infrastructure.tenancy import tenant_transaction
from tests.crm_chatbot.builders import TENANT
from tests.crm_chatbot.furnished import Shop, furnish
from tests.crm_chatbot.stores import QUEUES, SqlCrm
from tests.crm_chatbot.test_isolation import IN_WORK
from tests.databases import WorkerDatabase

pytestmark = pytest.mark.asyncio(loop_scope="module")

OURS = Shop(TENANT, "ours-01")

#: They write, and nobody looks at it; why.
QUIET: Mapping[str, str] = {
    "inbox.record": "which webhooks came is ours alone; what they changed is told by itself",
    "inbox.forget_chats": "as above",
    "whatsapp_sessions.look": "when we looked is ours alone; what was found is told by itself",
    "whatsapp_sessions.look_soon": "as above",
    "orders.next_number": "a number is seen once an order has it",
    "tickets.next_number": "as above",
    "payments.wake": "when a provider is asked is ours alone; the answer is told by itself",
    "turns.forget_progress": "nobody is shown half a turn",
    "executions.add": "what a tool did is seen in what it did, and in the timeline",
    "idempotency.claim": "a key is its caller's alone",
}


async def _advance(work: Work, shop: Shop) -> None:
    sent = await work.messages.get(shop.leaving.id)
    sent.wa_ids = ("STANZA",)
    await work.messages.save(sent)
    await work.acks.advance(shop.word, "STANZA", Rank.DEVICE)


#: Where what another shop's code would try is refused at home, or comes to nothing.
INSTEAD: Mapping[str, Callable[[Work, Shop], Awaitable[object]]] = {
    "acks.advance": _advance,
    "stock.count": lambda w, s: w.stock.count(s.variant_id, 9, reason=None, actor="x"),
    "stock.count_all": lambda w, s: w.stock.count_all({s.variant_id: 9}, reason=None, actor="x"),
}

_WRITES = re.compile(r"\b(?:INSERT\s+INTO|DELETE\s+FROM|UPDATE\s+crm\.)", re.IGNORECASE)
_TABLES = re.compile(r"\b(crm\.\w+)")


@dataclass(frozen=True)
class Seen:
    """What a method did: the SQL that it ran, and what it said to have changed."""

    statements: list[str]
    touches: list[Touch]
    refusal: Exception | None

    @property
    def writes(self) -> list[str]:
        return [one for one in self.statements if _WRITES.search(one)]


class TakenBackError(Exception):
    """Ends a transaction so that the next case finds the shop as it was."""


class House:
    """A furnished shop, in which everything is tried and taken back."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._sessions: async_sessionmaker[LateSession] = late(sessions_of(engine))
        self._statements: list[str] = []
        event.listen(engine.sync_engine, "before_cursor_execute", self._see)

    def _see(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        self._statements.append(statement)

    async def see(self, case: str) -> Seen:
        """Where the case is refused, or adds what is there already: with room for it."""
        seen = await self._try(case)
        if seen.refusal or (seen.writes and not seen.touches):
            tables = {found for one in seen.statements for found in _TABLES.findall(one)}
            seen = await self._try(case, without=sorted(tables))
        if seen.refusal:
            raise seen.refusal
        return seen

    async def _try(self, case: str, *, without: list[str] = []) -> Seen:  # noqa: B006 - only read
        refusal: Exception | None = None
        touches: list[Touch] = []
        try:
            async with tenant_transaction(self._sessions, TENANT) as session:
                await _empty(session, without)
                self._statements.clear()
                await _act(session, case)
                touches += session.touches
                raise TakenBackError
        except TakenBackError:
            pass
        except Exception as error:  # noqa: BLE001 - whatever the refusal, it is tried with room
            refusal = error
        return Seen([*self._statements], touches, refusal)


async def _empty(session: LateSession, tables: list[str]) -> None:
    """Without asking what refers to them."""
    await session.execute(text("SET LOCAL session_replication_role = replica"))
    for table in tables:
        if await session.scalar(text("SELECT to_regclass(:it) IS NOT NULL"), {"it": table}):
            await session.execute(text(f"DELETE FROM {table}"))  # noqa: S608 - from the SQL that ran


async def _act(session: LateSession, case: str) -> None:
    last = Last(
        SqlTimeline(session, TENANT),
        SqlOutbox(session, QUEUES),
        SqlQuickReplies(session, TENANT),
    )
    own = {Provider.MANUAL: Account(provider=Provider.MANUAL, secret="")}
    means = Means(new_id=uuid7, patience_s=30.0)
    work = work_on(session, TENANT, own, means, last)
    await (INSTEAD.get(case) or IN_WORK[case])(work, OURS)
    await session.write_out()
    await last.timeline.write()
    await last.quick_replies.count()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(worker_database: WorkerDatabase) -> AsyncGenerator[House]:
    worker_database.empty()
    engine = connect(worker_database.owner_url)
    await furnish(SqlCrm(sessions_of(engine)), OURS, is_connected=False)
    yield House(engine)
    await engine.dispose()


@pytest.mark.parametrize("case", IN_WORK)
async def test_whoever_writes_says_what_was_changed(house: House, case: str) -> None:
    seen = await house.see(case)

    assert bool(seen.touches) == bool(seen.writes and case not in QUIET), seen.writes
    assert {touch.kind for touch in seen.touches} <= set(Thing)


async def test_what_is_quiet_is_still_there() -> None:
    assert set(QUIET) | set(INSTEAD) <= set(IN_WORK)


@pytest_asyncio.fixture(loop_scope="module")
async def sessions(worker_database: WorkerDatabase, house: House) -> AsyncGenerator[Sessions]:
    del house  # which must stand
    engine = connect(worker_database.url)
    yield sessions_of(engine)
    await engine.dispose()


async def test_what_was_rolled_back_is_never_told(sessions: Sessions) -> None:
    told = list[Touch]()
    open_work = sql_work(sessions, QUEUES, tell=lambda _, touches: told.extend(touches))

    with pytest.raises(TakenBackError):
        async with open_work(TENANT) as work:
            await work.tenants.save(await work.tenants.get(TENANT))
            raise TakenBackError

    assert told == []


async def test_each_thing_is_told_once_and_after_the_commit(sessions: Sessions) -> None:
    told = list[Touch]()
    open_work = sql_work(sessions, QUEUES, tell=lambda _, touches: told.extend(touches))

    async with open_work(TENANT) as work:
        await work.timeline.note(OURS.conversation.id, "message.read")
        await work.messages.leave_to_person(OURS.conversation.id, reason="x")
        assert told == []

    which = OURS.conversation.id
    assert told == [Touch(Thing.CONVERSATION, which, which)]
