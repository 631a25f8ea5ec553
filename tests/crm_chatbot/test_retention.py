"""What is forgotten by its age alone: old enough, needed no more, and a little at a time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from sqlalchemy import text

from crm_chatbot.application.retention import AT_ONCE, Attic, Kept, Retention
from crm_chatbot.domain.conversations.conversation import Conversation
from crm_chatbot.infrastructure.attic import SqlAttic
from shared.infrastructure.database import Sessions
from shared.infrastructure.tenancy import tenant_transaction
from tests.crm_chatbot.builders import OTHER_TENANT, TENANT, a_tenant
from tests.crm_chatbot.chats import PHONE, another_chat
from tests.crm_chatbot.stores import SqlCrm

CONTRACT_OF = Attic

_DAY_S = 86_400.0
_OLD = "clock_timestamp() - interval '100 seconds'"
#: For each place where something is kept, how a row of it comes there, and how old it is.
_ROWS: Mapping[str, tuple[Kept, str]] = {
    "inbox": (
        Kept.WEBHOOKS,
        (
            "INSERT INTO crm.inbox (tenant_id, event_key, event, outcome, received_at)"
            " VALUES (:tenant, '{number}', 'message', 'taken', {at})"
        ),
    ),
    "acks": (
        Kept.WEBHOOKS,
        (
            "INSERT INTO crm.acks (tenant_id, session, stanza_id, rank, at)"
            " VALUES (:tenant, 'toko', '{number}', 1, {at})"
        ),
    ),
    "timeline": (
        Kept.TIMELINES,
        (
            "INSERT INTO crm.timeline (tenant_id, conversation_id, what, facts, at)"
            " VALUES (:tenant, :conversation, 'message.read', '{{}}', {at})"
        ),
    ),
    "tool_executions": (
        Kept.TIMELINES,
        (
            "INSERT INTO crm.tool_executions (tenant_id, turn_id, call_key, tool, arguments_hash,"
            " occurrence, result, created_at)"
            " VALUES (:tenant, :turn, '{number}', 'tool', 'hash', {number}, '{{}}', {at})"
        ),
    ),
    "checkpoints": (
        Kept.CHECKPOINTS,
        (
            "INSERT INTO crm.checkpoints (tenant_id, turn_id, namespace, checkpoint_id, kind,"
            " checkpoint, facts, created_at)"
            " VALUES (:tenant, :turn, '', '{number}', 'k', '', '{{}}', {at})"
        ),
    ),
    "checkpoint_writes": (
        Kept.CHECKPOINTS,
        (
            "INSERT INTO crm.checkpoint_writes (tenant_id, turn_id, namespace, checkpoint_id,"
            " task_id, place, task_path, channel, kind, value)"
            " VALUES (:tenant, :turn, '', '{number}', 't', 0, '', 'c', 'k', '')"
        ),
    ),
}
#: What of it is a turn's.
_OF_TURNS = {"tool_executions", "checkpoints", "checkpoint_writes"}


@dataclass
class MemoryAttic:
    """How old what is kept is; what is needed is not there at all."""

    ages: dict[Kept, list[float]] = field(default_factory=dict[Kept, list[float]])

    async def clear(self, kept: Kept, most: int, /, *, older_than_s: float) -> int:
        ages = sorted(self.ages.get(kept, ()), reverse=True)
        old = [age for age in ages if age > older_than_s][:most]
        self.ages[kept] = ages[len(old) :]
        return len(old)


@dataclass
class House:
    """What two shops have kept in PostgreSQL."""

    sessions: Sessions
    chats: dict[UUID, Conversation] = field(default_factory=dict[UUID, Conversation])
    number: int = 0

    async def furnish(self) -> None:
        for tenant_id in (TENANT, OTHER_TENANT):
            async with SqlCrm(self.sessions).open_work(tenant_id) as work:
                await work.tenants.add(a_tenant(tenant_id))
                chat = await another_chat(work, PHONE, tenant_id=tenant_id)
                await work.conversations.save(chat)
            self.chats[tenant_id] = chat

    async def a_turn(self, status: str = "committed", tenant_id: UUID = TENANT) -> UUID:
        self.number += 1
        turn = UUID(int=self.number)
        await self._execute(
            "INSERT INTO crm.turns (tenant_id, id, conversation_id, epoch, from_seq, to_seq,"
            " status) VALUES (:tenant, :turn, :conversation, 1, 1, 1, :status)",
            tenant_id,
            turn=turn,
            status=status,
        )
        return turn

    async def put(
        self, table: str, tenant_id: UUID = TENANT, *, at: str = _OLD, turn: UUID | None = None
    ) -> None:
        self.number += 1
        if turn is None and table in _OF_TURNS:
            turn = await self.a_turn(tenant_id=tenant_id)
        statement = _ROWS[table][1].format(at=at, number=self.number)
        await self._execute(statement, tenant_id, turn=turn)

    async def change(self, statement: str, tenant_id: UUID = TENANT) -> None:
        await self._execute(statement, tenant_id)

    async def left(self, table: str) -> int:
        count = 0
        for tenant_id in (TENANT, OTHER_TENANT):
            async with tenant_transaction(self.sessions, tenant_id) as session:
                count += await session.scalar(text(f"SELECT count(*) FROM crm.{table}")) or 0  # noqa: S608 - a name of ours
        return count

    async def clear(self, table: str, most: int = 10) -> int:
        return await SqlAttic(self.sessions).clear(_ROWS[table][0], most, older_than_s=60)

    async def _execute(self, statement: str, tenant_id: UUID, **facts: object) -> None:
        given = {"tenant": tenant_id, "conversation": self.chats[tenant_id].id, **facts}
        wanted = {name: value for name, value in given.items() if f":{name}" in statement}
        async with tenant_transaction(self.sessions, tenant_id) as session:
            await session.execute(text(statement), wanted)


@pytest.fixture
async def house(sessions: Sessions) -> House:
    house = House(sessions)
    await house.furnish()
    return house


@pytest.mark.parametrize("table", _ROWS)
async def test_what_is_old_is_forgotten_of_every_shop_and_what_is_younger_is_not(
    house: House, table: str
) -> None:
    for tenant_id in (TENANT, OTHER_TENANT):
        turn = await house.a_turn(tenant_id=tenant_id)
        await house.put("checkpoints", tenant_id, turn=turn)
        await house.put(table, tenant_id, turn=turn)
    young = await house.a_turn()
    await house.put("checkpoints", turn=young, at="clock_timestamp()")
    await house.put(table, turn=young, at="clock_timestamp()")

    await house.clear(table)

    # Of a turn's checkpoints the youngest counts.
    assert await house.left(table) == (2 if table == "checkpoints" else 1)


@pytest.mark.parametrize("table", ["inbox", "acks", "timeline", "tool_executions"])
async def test_so_much_is_forgotten_at_a_time(house: House, table: str) -> None:
    for _ in range(3):
        await house.put(table)

    assert [await house.clear(table, most=2) for _ in range(3)] == [2, 1, 0]


async def test_so_many_turns_progress_is_forgotten_at_a_time(house: House) -> None:
    for _ in range(3):
        turn = await house.a_turn()
        for _ in range(4):
            await house.put("checkpoints", turn=turn)

    assert [await house.clear("checkpoints", most=2) for _ in range(3)] == [2, 1, 0]
    assert await house.left("checkpoints") == 0


@pytest.mark.parametrize("table", ["tool_executions", "checkpoints"])
async def test_a_turn_that_may_be_gone_on_with_keeps_what_it_needs(
    house: House, table: str
) -> None:
    await house.change("UPDATE crm.conversations SET ready_at = clock_timestamp()")
    await house.put(table, turn=await house.a_turn("running"))

    assert (await house.clear(table), await house.left(table)) == (0, 1)


@pytest.mark.parametrize("change", ["ready_at = NULL", "mode = 'human'"])
async def test_how_far_a_turn_came_that_nobody_will_go_on_with_is_forgotten(
    house: House, change: str
) -> None:
    await house.change("UPDATE crm.conversations SET ready_at = clock_timestamp()")
    await house.change(f"UPDATE crm.conversations SET {change}")  # noqa: S608 - one of ours
    await house.put("checkpoints", turn=await house.a_turn("running"))

    assert (await house.clear("checkpoints"), await house.left("checkpoints")) == (1, 0)


# -- a little at a time, until all is done


async def test_everything_that_is_too_old_goes_and_nothing_else() -> None:
    attic = MemoryAttic({kept: [5 * _DAY_S] * (2 * AT_ONCE + 1) + [3 * _DAY_S] for kept in Kept})
    days = {Kept.WEBHOOKS: 4.0, Kept.TIMELINES: 2.0, Kept.CHECKPOINTS: 9.0}

    await Retention(attic, days).tidy()

    left = {kept: len(ages) for kept, ages in attic.ages.items()}
    assert left == {Kept.WEBHOOKS: 1, Kept.TIMELINES: 0, Kept.CHECKPOINTS: 2 * AT_ONCE + 2}
