"""The PostgreSQL transport: a table of messages, `SKIP LOCKED` to share, `NOTIFY` to wake."""

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
from shared.availability import DatabaseUnavailable
from shared.infrastructure.bell import CHANNEL, Bell
from shared.infrastructure.database import (
    WITHOUT_THE_DISK,
    Sessions,
    insert_rows,
    metadata,
    one_statement,
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
_HURRY = WITHOUT_THE_DISK

_RING = f"pg_notify('{CHANNEL}', queue)"

# What goes behind an INSERT; the server rings once for all rows of a transaction.
UNLESS_THERE = f"ON CONFLICT (id) DO NOTHING RETURNING {_HURRY}, {_RING}"

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
    RETURNING id, kind, body, headers, dead_at IS NOT NULL AS is_dead, {_HURRY}""")  # noqa: S608 - no stranger's word in it

GIVE_BACK = text(f"""
    UPDATE platform.messages
       SET available_at = created_at, attempts = greatest(attempts - 1, 0)
     WHERE id = ANY(:ids) AND dead_at IS NULL
    RETURNING {_HURRY}, {_RING}""")  # noqa: S608

FORGET = text(f"DELETE FROM platform.messages WHERE id = ANY(:ids) RETURNING {_HURRY}")  # noqa: S608

BURY = text("UPDATE platform.messages SET dead_at = clock_timestamp() WHERE id = ANY(:ids)")

DEAD_LETTERS = text("""
    SELECT id, kind, body, headers FROM platform.messages
     WHERE queue = :queue AND dead_at IS NOT NULL ORDER BY dead_at LIMIT :limit""")

REPLAY = text(f"""
    UPDATE platform.messages SET dead_at = NULL, attempts = 0, available_at = clock_timestamp()
     WHERE id = ANY(:ids) AND queue = :queue AND dead_at IS NOT NULL
    RETURNING {_RING}""")  # noqa: S608

DEPTHS = text("""
    SELECT queue, count(*) FILTER (WHERE dead_at IS NULL) AS waiting,
           count(*) FILTER (WHERE dead_at IS NOT NULL) AS dead
      FROM platform.messages GROUP BY queue""")


@dataclass(frozen=True)
class _Taking:
    """What a listener does to the table. Everything here may raise DatabaseUnavailable."""

    sessions: Sessions
    queue: str
    visibility_s: float

    async def claim(self, most: int) -> list[Incoming]:
        """Take some in hand; those that were in too many hands already are set aside."""
        facts = {"queue": self.queue, "most": most, "limit": ATTEMPTS}
        async with one_statement(self.sessions) as session:
            claimed = await session.execute(CLAIM, {**facts, "visibility": self.visibility_s})
            rows = claimed.all()
        for row in rows:
            if row.is_dead:
                log.error("message.handed_over_too_often", queue=self.queue, message_id=row.id)
                metrics.messages_dead.labels(row.kind).inc()
        return [
            Incoming(str(row.id), row.kind, row.body, row.headers)
            for row in rows
            if not row.is_dead
        ]

    async def settle(self, verdicts: Sequence[tuple[Incoming, Outcome]]) -> None:
        done = [UUID(one.id) for one, outcome in verdicts if outcome is Outcome.DONE]
        dead = [UUID(one.id) for one, outcome in verdicts if outcome is Outcome.DEAD]
        for statement, ids in ((FORGET, done), (BURY, dead)):
            if ids:
                async with one_statement(self.sessions) as session:
                    await session.execute(statement, {"ids": ids})

    async def give_back(self, hand: Sequence[Incoming]) -> None:
        async with one_statement(self.sessions) as session:
            await session.execute(GIVE_BACK, {"ids": [UUID(one.id) for one in hand]})


@dataclass
class _Listening:
    """One listener of one queue; what it has in hand is invisible to others for a while."""

    taking: _Taking
    rung: asyncio.Event
    handle: Handle
    room: Room
    _hand: list[Incoming] = field(default_factory=list[Incoming])
    _ours_until: float = 0.0

    async def run(self, prefetch: int) -> None:
        backoff, complaints = Backoff(), Complaints("messages.not_handled")
        try:
            while True:
                try:
                    await self._step(prefetch)
                except Exception as error:  # noqa: BLE001 - the batch stays, whatever the reason
                    complaints.about(type(error).__name__, queue=self.taking.queue, exc_info=error)
                    await asyncio.sleep(backoff.next())
                else:
                    backoff.reset()
                    complaints.over(queue=self.taking.queue)
        finally:
            await self._let_go()

    async def _step(self, prefetch: int) -> None:
        room = max(1, await self.room())
        if self._hand and time.monotonic() > self._ours_until:
            # Perhaps another's by now. It counts as handed over only if we had vanished with it.
            await self.taking.give_back(self._hand)
            self._hand = []
        if not self._hand:
            self.rung.clear()  # from here on, nothing that rings is missed
            # What remains of the time must do for handling it, and for a slow database.
            self._ours_until = time.monotonic() + self.taking.visibility_s * 0.8
            self._hand = await self.taking.claim(min(room, prefetch))
        if not self._hand:
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_EVERY_S):
                    await self.rung.wait()
            return
        batch = self._hand[:room]
        outcomes = await self.handle(batch)
        await self.taking.settle(list(zip(batch, outcomes, strict=True)))
        self._hand = self._hand[len(batch) :]

    async def _let_go(self) -> None:
        """Another listener need not wait until we would have been taken for dead."""
        if self._hand:
            with suppress(DatabaseUnavailable, TimeoutError):
                async with asyncio.timeout(2):
                    await self.taking.give_back(self._hand)


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
            async with one_statement(self._sessions) as session:
                await insert_rows(session, "platform.messages", rows, on_conflict=UNLESS_THERE)
        except DatabaseUnavailable as away:
            raise CarrierUnavailable(str(away)) from away
        return {message.id for message in outgoing}

    async def listen(self, queue: str, handle: Handle, /, *, prefetch: int, room: Room) -> None:
        self._bell.start()
        taking = _Taking(self._sessions, queue, self._visibility_s)
        with self._bell.heard_by(queue) as rung:
            await _Listening(taking, rung, handle, room).run(prefetch)

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


def _uuid(id_: str) -> UUID | None:
    try:
        return UUID(id_)
    except ValueError:
        return None
