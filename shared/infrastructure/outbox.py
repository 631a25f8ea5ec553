"""The outbox: what others must hear is a row first; a relay hands it to the carrier afterwards.

The relay may send a row twice (a crash, an unconfirmed publish) and in any order; it never
forgets one: a row leaves the table only once the carrier has confirmed it.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

import orjson
from sqlalchemy import Column, DateTime, Index, LargeBinary, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from shared import logs
from shared.availability import DatabaseUnavailable
from shared.contracts import Message
from shared.crash_points import crash_point
from shared.infrastructure.database import (
    WITHOUT_THE_DISK,
    Sessions,
    as_json,
    metadata,
    one_statement,
)
from shared.messaging import CarrierUnavailable, Outgoing

log = logs.get()


#: Takes what was announced, once it is committed.
HandOver = Callable[[Sequence[Outgoing]], None]


@dataclass(frozen=True)
class Envelope:
    """A message, the queue it goes to, and the trace that it belongs to."""

    queue: str
    message: Message
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


def outbox_table(schema: str) -> Table:
    """The outbox of one context; `claimed_until` keeps two relays from sending the same row."""
    return Table(
        "outbox",
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("queue", Text, nullable=False),
        Column("kind", Text, nullable=False),
        Column("body", LargeBinary, nullable=False),
        Column("headers", JSONB, nullable=False),
        Column("created_at", DateTime(timezone=True), server_default=text("clock_timestamp()")),
        Column("claimed_until", DateTime(timezone=True)),
        Index(f"ix_{schema}_outbox_created_at", "created_at"),
        schema=schema,
    )


#: How long a row belongs to whoever wrote it, before any relay may send it (seconds).
HELD_S = 3.0
HELD_UNTIL = f"clock_timestamp() + make_interval(secs => {HELD_S})"


def outgoing(envelopes: Sequence[Envelope]) -> list[Outgoing]:
    """Messages as they will travel, each under an id of its own."""
    return [
        Outgoing(
            uuid7(),
            envelope.queue,
            type(envelope.message).__name__,
            envelope.message.model_dump_json().encode(),
            envelope.headers,
        )
        for envelope in envelopes
    ]


def into_outbox(schema: str) -> str:
    """SQL that writes `:told` into `schema`'s outbox; may be a part of a larger statement."""
    return f"""
        INSERT INTO {schema}.outbox (id, queue, kind, body, headers, claimed_until)
        SELECT id, queue, kind, body, headers, {HELD_UNTIL}
          FROM json_populate_recordset(NULL::{schema}.outbox, CAST(:told AS json))"""  # noqa: S608 - schema is ours


def as_told(messages: Sequence[Outgoing]) -> str:
    """What `into_outbox` takes as `:told`."""
    return as_json([vars(message) for message in messages])


async def announce(
    session: AsyncSession, schema: str, envelopes: Sequence[Envelope]
) -> list[Outgoing]:
    """Write messages into `schema`'s outbox, as part of the caller's transaction.

    Hand what comes back to a relay once that transaction has committed: then they leave at once.
    """
    told = outgoing(envelopes)
    if told:
        await session.execute(text(into_outbox(schema)), {"told": as_told(told)})
    return told


class Publishes(Protocol):
    """As much of a Transport as a relay needs."""

    async def publish(self, messages: Sequence[Outgoing], /) -> set[UUID]: ...


@dataclass
class Relay:
    """Moves one context's outbox to the carrier; several may run at once.

    What this process has just committed is handed over and leaves without a look at the table.
    What lies there longer (a process died, the carrier was away) is found by looking.
    """

    sessions: Sessions
    schema: str
    transport: Publishes
    #: rows sent in one go
    most: int = 300
    #: how often the table is looked at (seconds)
    poll_every_s: float = 1.0
    #: handed over and not sent yet; more than this are left for the table
    fresh_limit: int = 10_000
    _fresh: deque[Outgoing] = field(default_factory=deque[Outgoing])
    _sent: set[UUID] = field(default_factory=set[UUID])
    _has_fresh: asyncio.Event = field(default_factory=asyncio.Event)
    _has_sent: asyncio.Event = field(default_factory=asyncio.Event)

    def hand_over(self, committed: Sequence[Outgoing]) -> None:
        """Send these next. Never waits; whatever becomes of them, their rows are there."""
        if len(self._fresh) < self.fresh_limit:
            self._fresh.extend(committed)
            self._has_fresh.set()

    async def run(self) -> None:
        """Relay until cancelled."""
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._send_fresh())
            loops.create_task(self._forget_sent())
            loops.create_task(self._look())

    async def flush(self) -> None:
        """Before the end: send what was handed over, and forget what was sent."""
        while self._fresh:
            await self._send_batch()
        await self._forget()

    async def relay_once(self) -> int:
        """Send what lies in the table, at most one batch; returns how many rows it took on."""
        outgoing = await self._claim()
        if not outgoing:
            return 0
        crash_point("outbox.claimed")
        self._sent |= await self.transport.publish(outgoing)
        await self._forget()
        return len(outgoing)

    async def _send_fresh(self) -> None:
        while True:
            await self._has_fresh.wait()
            self._has_fresh.clear()
            while self._fresh:
                await self._send_batch()

    async def _send_batch(self) -> None:
        batch = [self._fresh.popleft() for _ in range(min(self.most, len(self._fresh)))]
        crash_point("outbox.handed_over")
        try:
            self._sent |= await self.transport.publish(batch)
        except (CarrierUnavailable, DatabaseUnavailable):
            return  # their rows are found by looking, once the carrier is back
        crash_point("outbox.published")
        self._has_sent.set()

    async def _forget_sent(self) -> None:
        while True:
            await self._has_sent.wait()
            self._has_sent.clear()
            # A row that is not forgotten is sent again, which does no harm.
            with suppress(DatabaseUnavailable):
                await self._forget()

    async def _look(self) -> None:
        pause = self.poll_every_s
        while True:
            try:
                moved = await self.relay_once()
                pause = self.poll_every_s
            except (DatabaseUnavailable, CarrierUnavailable) as away:
                log.warning("outbox.stuck", schema=self.schema, reason=type(away).__name__)
                moved, pause = 0, min(pause * 2, 5.0)
            if moved < self.most:
                await asyncio.sleep(pause)

    async def _claim(self) -> list[Outgoing]:
        async with one_statement(self.sessions) as session:
            rows = await session.execute(
                text(f"""
                    UPDATE {self.schema}.outbox
                       SET claimed_until = clock_timestamp() + interval '10 seconds'
                     WHERE id = ANY(ARRAY(
                           SELECT id FROM {self.schema}.outbox
                            WHERE claimed_until IS NULL OR claimed_until < clock_timestamp()
                            ORDER BY created_at LIMIT :most FOR UPDATE SKIP LOCKED))
                    RETURNING id, queue, kind, body, headers"""),  # noqa: S608 - see above
                {"most": self.most},
            )
            return [
                Outgoing(row.id, row.queue, row.kind, row.body, _headers(row.headers))
                for row in rows
            ]

    async def _forget(self) -> None:
        sent, self._sent = self._sent, set()
        if not sent:
            return
        async with one_statement(self.sessions) as session:
            await session.execute(
                text(f"""
                    DELETE FROM {self.schema}.outbox WHERE id = ANY(:sent)
                    RETURNING {WITHOUT_THE_DISK}"""),  # noqa: S608 - see above
                {"sent": list(sent)},
            )


def _headers(stored: str | dict[str, str]) -> dict[str, str]:
    # A textual statement does not say which columns are JSON, so the driver leaves them as text.
    return orjson.loads(stored) if isinstance(stored, str) else stored
