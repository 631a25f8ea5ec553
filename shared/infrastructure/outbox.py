"""The outbox: what others must hear is a row first; a relay hands it to the carrier afterwards.

The relay may send a row twice (a crash, an unconfirmed publish) and in any order; it never
forgets one: a row leaves the table only once the carrier has confirmed it.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
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
from shared.infrastructure.database import Sessions, insert_rows, metadata, transaction
from shared.messaging import CarrierUnavailable, Outgoing

log = logs.get()


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


async def announce(session: AsyncSession, schema: str, envelopes: Sequence[Envelope]) -> None:
    """Write messages into `schema`'s outbox, as part of the caller's transaction."""
    rows: list[dict[str, Any]] = [
        {
            "id": uuid7(),
            "queue": envelope.queue,
            "kind": type(envelope.message).__name__,
            "body": envelope.message.model_dump_json().encode(),
            "headers": envelope.headers,
        }
        for envelope in envelopes
    ]
    await insert_rows(session, f"{schema}.outbox", rows)


class Publishes(Protocol):
    """As much of a Transport as a relay needs."""

    async def publish(self, messages: Sequence[Outgoing], /) -> set[UUID]: ...


@dataclass
class Relay:
    """Moves one context's outbox to the carrier; several may run at once."""

    sessions: Sessions
    schema: str
    transport: Publishes
    #: rows sent in one go
    most: int = 300
    #: without a wake-up, how long a row may lie (seconds)
    poll_every_s: float = 1.0
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Say that rows were committed: the relay looks at once instead of at its next poll."""
        self._wake.set()

    async def run(self) -> None:
        """Relay until cancelled."""
        pause = self.poll_every_s
        while True:
            self._wake.clear()
            try:
                moved = await self.relay_once()
                pause = self.poll_every_s
            except (DatabaseUnavailable, CarrierUnavailable) as away:
                log.warning("outbox.stuck", schema=self.schema, reason=type(away).__name__)
                moved, pause = 0, min(pause * 2, 5.0)
            if moved < self.most:
                await self._rest(pause)

    async def relay_once(self) -> int:
        """Send what lies there, at most one batch; returns how many rows it took on."""
        outgoing = await self._claim()
        if not outgoing:
            return 0
        crash_point("outbox.claimed")
        sent = await self.transport.publish(outgoing)
        crash_point("outbox.published")
        await self._forget(sent)
        return len(outgoing)

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _claim(self) -> list[Outgoing]:
        async with transaction(self.sessions) as session:
            rows = await session.execute(
                text(f"""
                    UPDATE {self.schema}.outbox
                       SET claimed_until = clock_timestamp() + interval '10 seconds'
                     WHERE id = ANY(ARRAY(
                           SELECT id FROM {self.schema}.outbox
                            WHERE claimed_until IS NULL OR claimed_until < clock_timestamp()
                            ORDER BY created_at LIMIT :most FOR UPDATE SKIP LOCKED))
                    RETURNING id, queue, kind, body, headers"""),  # noqa: S608 - schema is ours
                {"most": self.most},
            )
            return [
                Outgoing(row.id, row.queue, row.kind, row.body, _headers(row.headers))
                for row in rows
            ]

    async def _forget(self, sent: set[UUID]) -> None:
        async with transaction(self.sessions) as session:
            await session.execute(
                text(f"DELETE FROM {self.schema}.outbox WHERE id = ANY(:sent)"),  # noqa: S608
                {"sent": list(sent)},
            )


def _headers(stored: str | dict[str, str]) -> dict[str, str]:
    # A textual statement does not say which columns are JSON, so the driver leaves them as text.
    return orjson.loads(stored) if isinstance(stored, str) else stored
