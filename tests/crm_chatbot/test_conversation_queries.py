"""Looking at conversations costs few queries, each along an index, however many there are."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine
from uuid_utils.compat import uuid7

from crm_chatbot.application.conversations.looking import Looking, Place, Wanted
from crm_chatbot.domain.conversations.conversation import ConversationId, ConversationState, Mode
from crm_chatbot.domain.customers.customer import CustomerId
from crm_chatbot.domain.label import LabelId
from crm_chatbot.infrastructure.conversations.reader import SqlConversationReader, SqlDirectory
from crm_chatbot.infrastructure.customer_store import row_of
from shared.infrastructure.database import Sessions, insert_rows
from shared.infrastructure.tenancy import tenant_transaction
from tests.crm_chatbot.builders import LATER, NOON, OTHER_TENANT, TENANT, a_tenant
from tests.crm_chatbot.chats import SESSION, a_conversation, a_customer, an_answer
from tests.crm_chatbot.stores import SqlCrm
from tests.databases import connected

CHATS, MESSAGES = 600, 20
LARGE = {"conversations", "messages", "acks", "timeline", "customers"}
#: PostgreSQL expects hardly any, and so has to look at each of the shop's.
MAY_SCAN = {"unread": {"conversations"}}

Look = Callable[[Looking], Awaitable[object]]


@dataclass
class Asked:
    """Every statement that an engine ran, with its parameters."""

    statements: list[tuple[str, tuple[object, ...]]] = field(
        default_factory=list[tuple[str, tuple[object, ...]]]
    )

    def listen(self, engine: AsyncEngine) -> None:
        @event.listens_for(engine.sync_engine, "before_cursor_execute")
        def note(
            _connection: object,
            _cursor: object,
            statement: str,
            parameters: tuple[object, ...],
            _context: object,
            _is_many: object,
        ) -> None:
            self.statements.append((statement, tuple(parameters)))

    def queries(self) -> list[tuple[str, tuple[object, ...]]]:
        return [one for one in self.statements if "FROM crm." in one[0]]


async def fill(crm: SqlCrm) -> list[ConversationId]:
    """A shop with many chats, each with a history; the last is the newest."""
    ids: list[ConversationId] = []
    for tenant_id, count in ((TENANT, CHATS), (OTHER_TENANT, 5)):
        async with crm.open_work(tenant_id) as work:
            await work.tenants.add(a_tenant(tenant_id))
        customers = [a_customer(tenant_id=tenant_id) for _ in range(count)]
        chats = [
            a_conversation(one, tenant_id=tenant_id, last_message_at=NOON + timedelta(seconds=n))
            for n, one in enumerate(customers)
        ]
        chats[0].mode = Mode.HUMAN
        async with tenant_transaction(crm.sessions, tenant_id) as session:
            whose: dict[str, object] = {"tenant_id": tenant_id}
            await insert_rows(session, "crm.customers", list(map(row_of, customers)))
            await insert_rows(session, "crm.conversations", [vars(one) for one in chats])
            answers = [
                an_answer(one, wa_ids=[str(uuid7())]) for one in chats for _ in range(MESSAGES)
            ]
            said = [{**whose, **vars(one)} for one in answers]
            await insert_rows(session, "crm.messages", said)
            told: dict[str, object] = {**whose, "session": SESSION, "rank": 2, "at": NOON}
            acks = [{**told, "stanza_id": one.wa_ids[0]} for one in answers]
            await insert_rows(session, "crm.acks", acks)
            stanza: dict[str, object] = {**whose, "session": SESSION}
            sent = [{**stanza, "stanza_id": one.wa_ids[0], "message_id": one.id} for one in answers]
            await insert_rows(session, "crm.sent_stanzas", sent)
            step: dict[str, object] = {**whose, "at": NOON, "what": "turn.started", "facts": {}}
            steps = [{**step, "conversation_id": one.conversation_id} for one in answers]
            await insert_rows(session, "crm.timeline", steps)
        ids += [one.id for one in chats] if tenant_id == TENANT else []
    return ids


@pytest.fixture
async def chats(sessions: Sessions, owner_database_url: str) -> list[ConversationId]:
    ids = await fill(SqlCrm(sessions))
    async with connected(owner_database_url) as owner:
        await owner.execute(text("ANALYZE"))
    return ids


async def plans(engine: AsyncEngine, asked: Asked) -> str:
    """How PostgreSQL answers what was asked, for the tenant who asked."""
    told: list[str] = []
    async with engine.begin() as connection:
        await connection.execute(
            text("SELECT set_config('app.tenant_id', :tenant, true)"), {"tenant": str(TENANT)}
        )
        for statement, parameters in asked.queries():
            rows = await connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
            told += [statement, *(str(row[0]) for row in rows)]
    return "\n".join(told)


def looks(ids: Sequence[ConversationId]) -> dict[str, Look]:
    """By a name: every way to look, at a shop with many chats."""
    place = Place(NOON + timedelta(seconds=CHATS // 2), ids[CHATS // 2])
    newest = ids[-1]

    def page(wanted: Wanted, after: Place | None = None) -> Look:
        return lambda look: look.page(TENANT, wanted, after=after, limit=21)

    return {
        "all": page(Wanted()),
        "later": page(Wanted(), place),
        "human": page(Wanted(mode=Mode.HUMAN)),
        "state": page(Wanted(state=ConversationState.GREETING)),
        "unread": page(Wanted(is_unread=False)),
        "since": page(Wanted(updated_since=LATER)),
        "customer": page(Wanted(customer_id=CustomerId(uuid7()))),
        "label": page(Wanted(label_id=LabelId(uuid7()))),
        "one": lambda look: look.find(TENANT, newest),
        "messages": lambda look: look.reader.messages(TENANT, newest, before=None, limit=21),
        "earlier": lambda look: look.reader.messages(TENANT, newest, before=10, limit=21),
        "steps": lambda look: look.reader.steps(TENANT, newest, before=None, limit=21),
        "situation": lambda look: look.reader.situation(TENANT, newest),
    }


async def test_every_look_goes_along_an_index(
    sessions: Sessions, engine: AsyncEngine, chats: list[ConversationId]
) -> None:
    look = Looking(SqlConversationReader(sessions), SqlDirectory(sessions))
    scanned: dict[str, list[str]] = {}
    for name, act in looks(chats).items():
        asked = Asked()
        asked.listen(engine)
        await act(look)
        assert asked.queries(), name
        plan = await plans(engine, asked)
        large = LARGE - MAY_SCAN.get(name, set())
        scanned[name] = [one for one in sorted(large) if f"Seq Scan on {one}" in plan]

    assert scanned == {name: [] for name in scanned}


async def test_a_message_is_known_by_its_id_along_indexes(
    sessions: Sessions, engine: AsyncEngine, chats: list[ConversationId]
) -> None:
    """Each tick and each echo asks for one."""
    crm, asked = SqlCrm(sessions), Asked()
    async with crm.open_work(TENANT) as work:
        [newest] = await work.messages.newest(chats[-1], most=1)
    asked.listen(engine)

    async with crm.open_work(TENANT) as work:
        found = await work.messages.by_stanza(SESSION, newest.wa_ids[0])

    assert found is not None
    assert found.id == newest.id
    assert "Seq Scan" not in await plans(engine, asked)


async def test_a_page_takes_as_many_queries_as_one_conversation(
    sessions: Sessions, engine: AsyncEngine, chats: list[ConversationId]
) -> None:
    look = Looking(SqlConversationReader(sessions), SqlDirectory(sessions))
    asked = Asked()
    asked.listen(engine)

    counts: list[int] = []
    for tenant_id, limit in ((TENANT, 1), (TENANT, 100), (None, 100)):
        before = len(asked.queries())
        assert len(await look.page(tenant_id, Wanted(), after=None, limit=limit)) == limit
        counts.append(len(asked.queries()) - before)

    # Everybody's: who is on the page, then each shop that is.
    assert counts == [1, 1, 2]
