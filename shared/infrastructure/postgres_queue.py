"""The PostgreSQL transport: one table of messages, `SKIP LOCKED` to share them, `NOTIFY` to wake."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import cast
from uuid import UUID

from sqlalchemy import Column, DateTime, Index, Integer, LargeBinary, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncEngine

from shared import logs, metrics
from shared.infrastructure.bell import CHANNEL, Bell
from shared.infrastructure.database import (
    DatabaseUnavailable,
    Sessions,
    insert_rows,
    metadata,
    transaction,
)
from shared.infrastructure.patience import Backoff, Complaints
from shared.messaging import (
    CarrierUnavailable,
    DeadLetter,
    Handle,
    Incoming,
    Outcome,
    Outgoing,
    Room,
)

log = logs.get()

messages = Table(
    "messages",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("queue", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("headers", JSONB, nullable=False),
    # Invisible until then: somebody has it in hand.
    Column(
        "available_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=text("clock_timestamp()"),
    ),
    # How often it was handed over without a word of what became of it.
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("dead_at", DateTime(timezone=True)),
    Column(
        "created_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=text("clock_timestamp()"),
    ),
    Index("ix_messages_waiting", "queue", "available_at", postgresql_where=text("dead_at IS NULL")),
    Index("ix_messages_dead", "queue", "dead_at", postgresql_where=text("dead_at IS NOT NULL")),
    schema="platform",
)

ATTEMPTS = 20
#: how long a listener that has died keeps a message from the others
VISIBILITY_S = 30.0
#: notifications may be missed; nothing lies longer than this
POLL_EVERY_S = 1.0

# Commits here need not wait for the disk: the log is written in order, so whoever forgets an outbox
# row afterwards, in the same database, forgets it only if the message is there.
_HURRY = "set_config('synchronous_commit', 'off', true)"

NOTIFY = text(f"""
    SELECT {_HURRY}, pg_notify('{CHANNEL}', queue)
      FROM unnest(CAST(:queues AS text[])) AS queue""")  # noqa: S608 - both words are ours

# now() rather than clock_timestamp(), which no index can be searched by.
CLAIM = text(f"""
    UPDATE platform.messages
       SET attempts = attempts + 1,
           available_at = clock_timestamp() + make_interval(secs => :visibility),
           dead_at = CASE WHEN attempts >= :limit THEN clock_timestamp() END
     WHERE id = ANY(ARRAY(
           SELECT id FROM platform.messages
            WHERE queue = :queue AND dead_at IS NULL AND available_at <= now()
            ORDER BY available_at LIMIT :most FOR UPDATE SKIP LOCKED))
    RETURNING id, kind, body, headers, dead_at IS NOT NULL AS is_dead, {_HURRY}""")  # noqa: S608

GIVE_BACK = text(f"""
    UPDATE platform.messages
       SET available_at = created_at, attempts = attempts - 1
     WHERE id = ANY(:ids) AND dead_at IS NULL
    RETURNING {_HURRY}, pg_notify('{CHANNEL}', queue)""")  # noqa: S608

FORGET = text(f"DELETE FROM platform.messages WHERE id = ANY(:ids) RETURNING {_HURRY}")  # noqa: S608

BURY = text("UPDATE platform.messages SET dead_at = clock_timestamp() WHERE id = ANY(:ids)")

DEAD_LETTERS = text("""
    SELECT id, kind, body, headers FROM platform.messages
     WHERE queue = :queue AND dead_at IS NOT NULL ORDER BY dead_at LIMIT :limit""")

REPLAY = text(f"""
    UPDATE platform.messages SET dead_at = NULL, attempts = 0, available_at = clock_timestamp()
     WHERE id = ANY(:ids) AND queue = :queue AND dead_at IS NOT NULL
    RETURNING pg_notify('{CHANNEL}', queue)""")  # noqa: S608

DEPTHS = text("""
    SELECT queue, count(*) FILTER (WHERE dead_at IS NULL) AS waiting,
           count(*) FILTER (WHERE dead_at IS NOT NULL) AS dead
      FROM platform.messages GROUP BY queue""")


class PostgresTransport:
    """Implements `shared.messaging.Transport` in the database that everything else is in."""

    def __init__(self, sessions: Sessions, *, visibility_s: float = VISIBILITY_S) -> None:
        self._sessions = sessions
        self._visibility_s = visibility_s
        self._bell = Bell(cast("AsyncEngine", sessions.kw["bind"]).url)

    async def publish(self, outgoing: Sequence[Outgoing], /) -> set[UUID]:
        """A message that is there already stays as it is."""
        rows = [
            {
                "id": message.id,
                "queue": message.queue,
                "kind": message.kind,
                "body": message.body,
                "headers": dict(message.headers),
            }
            for message in outgoing
        ]
        if not rows:
            return set()
        try:
            async with transaction(self._sessions) as session:
                await insert_rows(
                    session, "platform.messages", rows, on_conflict="ON CONFLICT (id) DO NOTHING"
                )
                await session.execute(NOTIFY, {"queues": list({row.queue for row in outgoing})})
        except DatabaseUnavailable as away:
            raise CarrierUnavailable(str(away)) from away
        return {message.id for message in outgoing}

    async def listen(self, queue: str, handle: Handle, /, *, prefetch: int, room: Room) -> None:
        await self._bell.start()
        await _Listening(self, queue, handle, room).run(prefetch=prefetch)

    async def dead_letters(self, queue: str, /, *, limit: int = 100) -> Sequence[DeadLetter]:
        try:
            async with transaction(self._sessions) as session:
                rows = await session.execute(DEAD_LETTERS, {"queue": queue, "limit": limit})
                return [
                    DeadLetter(str(row.id), queue, row.kind, row.body, row.headers) for row in rows
                ]
        except DatabaseUnavailable as away:
            raise CarrierUnavailable(str(away)) from away

    async def replay(self, queue: str, ids: Sequence[str], /) -> int:
        known = [known for id_ in ids if (known := _uuid(id_))]
        try:
            async with transaction(self._sessions) as session:
                moved = await session.execute(REPLAY, {"queue": queue, "ids": known})
                return len(moved.all())
        except DatabaseUnavailable as away:
            raise CarrierUnavailable(str(away)) from away

    async def depths(self) -> dict[str, tuple[int, int]]:
        """How many messages wait in each queue that has any, and among its dead letters."""
        try:
            async with transaction(self._sessions) as session:
                return {row.queue: (row.waiting, row.dead) for row in await session.execute(DEPTHS)}
        except DatabaseUnavailable as away:
            raise CarrierUnavailable(str(away)) from away

    async def is_reachable(self) -> bool:
        try:
            async with asyncio.timeout(1.8), transaction(self._sessions) as session:
                await session.execute(text("SELECT 1"))
        except (TimeoutError, DatabaseUnavailable):
            return False
        return True

    async def close(self) -> None:
        await self._bell.stop()
