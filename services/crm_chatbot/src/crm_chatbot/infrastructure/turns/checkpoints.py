"""How far a turn has come, in PostgreSQL: written only by whoever may still decide it."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, cast
from uuid import UUID

import orjson
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_serializable_checkpoint_metadata,
)
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from sqlalchemy import Row, TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from crm_chatbot.domain.conversations.conversation import Claim
from crm_chatbot.domain.turns.turn import TurnLost
from shared.infrastructure.database import Sessions, as_json
from shared.infrastructure.tenancy import tenant_transaction

# The lock keeps the next claim waiting until what is written here can be seen by it. Nothing waits
# for the disk: what a tool does afterwards does, and takes all that was written before along.
_MINE = """
    WITH mine AS MATERIALIZED (
        SELECT set_config('synchronous_commit', 'off', true) FROM crm.conversations
         WHERE tenant_id = :tenant AND id = :conversation AND epoch = :epoch FOR SHARE),"""

_PUT = text(f"""{_MINE}
    stored AS (
        INSERT INTO crm.checkpoints
               (tenant_id, turn_id, namespace, checkpoint_id, parent_id, kind, checkpoint, facts)
        SELECT :tenant, :turn, :namespace, :id, :parent, :kind, :checkpoint, CAST(:facts AS jsonb)
          FROM mine
            ON CONFLICT (tenant_id, turn_id, namespace, checkpoint_id) DO UPDATE
           SET kind = excluded.kind, checkpoint = excluded.checkpoint, facts = excluded.facts)
    SELECT count(*) FROM mine""")  # noqa: S608 - all of it is ours

_PUT_WRITES = text(f"""{_MINE}
    given AS (
        SELECT * FROM json_populate_recordset(NULL::crm.checkpoint_writes, CAST(:rows AS json))),
    stored AS (
        INSERT INTO crm.checkpoint_writes
        SELECT given.* FROM given, mine
            ON CONFLICT (tenant_id, turn_id, namespace, checkpoint_id, task_id, place) DO UPDATE
           SET channel = excluded.channel, kind = excluded.kind, value = excluded.value
         -- What a task has written stays; only how it ended may be said anew.
         WHERE crm.checkpoint_writes.place < 0)
    SELECT count(*) FROM mine""")  # noqa: S608 - see above

_FIND = """
    SELECT namespace, checkpoint_id, parent_id, kind, checkpoint, facts FROM crm.checkpoints
     WHERE tenant_id = :tenant AND turn_id = :turn AND namespace = :namespace"""
_NEWEST = text(f"{_FIND} ORDER BY created_at DESC, checkpoint_id DESC LIMIT 1")
_ONE = text(f"{_FIND} AND checkpoint_id = :id")

_LIST = text("""
    SELECT namespace, checkpoint_id, parent_id, kind, checkpoint, facts FROM crm.checkpoints
     WHERE tenant_id = :tenant AND turn_id = :turn
       AND (CAST(:namespace AS text) IS NULL OR namespace = :namespace)
       AND (CAST(:id AS text) IS NULL OR checkpoint_id = :id)
       AND (CAST(:before AS text) IS NULL OR checkpoint_id < :before)
     ORDER BY checkpoint_id DESC""")

_WRITES = text("""
    SELECT task_id, channel, kind, value FROM crm.checkpoint_writes
     WHERE tenant_id = :tenant AND turn_id = :turn AND namespace = :namespace
       AND checkpoint_id = :id
     ORDER BY task_path, task_id, place""")


class SqlCheckpoints(BaseCheckpointSaver[int]):
    """The checkpoints of one claimed conversation; a thread is a turn.

    Whatever is written after the claim was lost raises TurnLost, and changes nothing. They are
    deleted by the transaction that ends their turn (see Turns.forget_progress).
    """

    def __init__(
        self, sessions: Sessions, claim: Claim, *, places: AbstractAsyncContextManager[None]
    ) -> None:
        """`places`: how many of these may hold a connection at once."""
        # Strict whatever the environment says: nothing but plain values is ever brought to life.
        super().__init__(serde=JsonPlusSerializer(allowed_msgpack_modules=None))
        self._sessions = sessions
        self._claim = claim
        self._places = places

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,  # noqa: ARG002 - a checkpoint is stored whole
    ) -> RunnableConfig:
        kind, packed = self.serde.dumps_typed(checkpoint)
        facts = get_serializable_checkpoint_metadata(config, metadata)
        where = _where(config)
        stored = {
            "id": checkpoint["id"],
            "parent": where.pop("id"),
            "kind": kind,
            "checkpoint": packed,
            "facts": orjson.dumps(facts).decode(),
        }
        async with self._transaction() as session:
            await self._write(session, _PUT, where | stored)
        return _config(where, checkpoint["id"])

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        where = _where(config)
        rows = [
            {
                "tenant_id": self._claim.tenant_id,
                "turn_id": where["turn"],
                "namespace": where["namespace"],
                "checkpoint_id": where["id"],
                "task_id": task_id,
                "place": WRITES_IDX_MAP.get(channel, place),
                "task_path": task_path,
                "channel": channel,
                "kind": kind,
                "value": packed,
            }
            for place, (channel, value) in enumerate(writes)
            for kind, packed in [self.serde.dumps_typed(value)]
        ]
        async with self._transaction() as session:
            await self._write(session, _PUT_WRITES, {"rows": as_json(rows)})

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        where = _where(config)
        async with self._transaction() as session:
            statement = _ONE if where["id"] else _NEWEST
            parameters = {**where, "tenant": self._claim.tenant_id}
            row = (await session.execute(statement, parameters)).one_or_none()
            return None if row is None else await self._tuple(session, where["turn"], row)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: Mapping[str, Any] | None = None,  # noqa: A002 - LangGraph's name for it
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Of one turn, the newest first."""
        if config is None:
            return
        given = config.get("configurable", {})
        parameters: dict[str, Any] = {
            "tenant": self._claim.tenant_id,
            "turn": UUID(given["thread_id"]),
            "namespace": given.get("checkpoint_ns"),
            "id": given.get("checkpoint_id"),
            "before": before and before.get("configurable", {}).get("checkpoint_id"),
        }
        async with self._transaction() as session:
            rows = (await session.execute(_LIST, parameters)).all()
            wanted = [row for row in rows if (filter or {}).items() <= _json(row.facts).items()]
            found = [
                await self._tuple(session, parameters["turn"], row) for row in wanted[slice(limit)]
            ]
        for one in found:
            yield one

    async def adelete_thread(self, thread_id: str) -> None:
        parameters = {"tenant": self._claim.tenant_id, "turn": UUID(thread_id)}
        async with self._transaction() as session:
            for table in ("checkpoints", "checkpoint_writes"):
                statement = f"DELETE FROM crm.{table} WHERE tenant_id = :tenant AND turn_id = :turn"  # noqa: S608
                await session.execute(text(statement), parameters)

    @asynccontextmanager
    async def _transaction(self) -> AsyncGenerator[AsyncSession]:
        async with self._places, tenant_transaction(self._sessions, self._claim.tenant_id) as one:
            yield one

    async def _write(
        self, session: AsyncSession, statement: TextClause, parameters: Mapping[str, Any]
    ) -> None:
        claim = {
            "tenant": self._claim.tenant_id,
            "conversation": self._claim.conversation_id,
            "epoch": self._claim.epoch,
        }
        if not await session.scalar(statement, {**parameters, **claim}):
            raise TurnLost

    async def _tuple(self, session: AsyncSession, turn: UUID, row: Row[Any]) -> CheckpointTuple:
        where = {"turn": turn, "namespace": row.namespace}
        parameters = {**where, "tenant": self._claim.tenant_id, "id": row.checkpoint_id}
        writes = await session.execute(_WRITES, parameters)
        return CheckpointTuple(
            config=_config(where, row.checkpoint_id),
            checkpoint=self.serde.loads_typed((row.kind, row.checkpoint)),
            metadata=cast("CheckpointMetadata", _json(row.facts)),
            parent_config=_config(where, row.parent_id) if row.parent_id else None,
            pending_writes=[
                (one.task_id, one.channel, self.serde.loads_typed((one.kind, one.value)))
                for one in writes
            ],
        )


class SparingCheckpoints(SqlCheckpoints):
    """For graphs whose steps are single tasks: stored is what a resumed run cannot do without.

    What a task wrote is in the checkpoint that follows it at once, and a run that has only been
    given its input begins again with the same input.
    """

    def __init__(
        self,
        sessions: Sessions,
        claim: Claim,
        *,
        places: AbstractAsyncContextManager[None],
        is_new: bool,
    ) -> None:
        """Of a new run nothing is there yet: nobody needs to look."""
        super().__init__(sessions, claim, places=places)
        self._is_new = is_new

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return None if self._is_new else await super().aget_tuple(config)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        if metadata.get("source") == "input" or metadata.get("step") == 0:
            return _config(_where(config), checkpoint["id"])
        return await super().aput(config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None: ...


def _where(config: RunnableConfig) -> dict[str, Any]:
    given = config.get("configurable", {})
    return {
        "turn": UUID(given["thread_id"]),
        "namespace": given.get("checkpoint_ns", ""),
        "id": given.get("checkpoint_id"),
    }


def _config(where: Mapping[str, Any], checkpoint_id: str) -> RunnableConfig:
    return {
        "configurable": {
            "thread_id": str(where["turn"]),
            "checkpoint_ns": where["namespace"],
            "checkpoint_id": checkpoint_id,
        }
    }


def _json(stored: str | dict[str, Any]) -> dict[str, Any]:
    # A textual statement does not say which columns are JSON, so the driver leaves them as text.
    value: dict[str, Any] = orjson.loads(stored) if isinstance(stored, str) else stored
    return value
