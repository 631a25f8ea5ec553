"""The sender's storage in memory; it passes the same tests as PostgreSQL."""

import asyncio
import copy
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from shared.contracts import Message
from shared.domain import Clock
from tests.clock import StandingClock
from waha_sender.application.deliveries import Claim, Delivery, DeliveryState
from waha_sender.application.pacing import Pace
from waha_sender.application.ports import Work


@dataclass
class Row:
    """A part as it lies in the table."""

    seq: int
    delivery: Delivery
    worker: UUID | None = None


@dataclass
class Tables:
    """Everything that is stored, of every tenant."""

    rows: dict[tuple[UUID, UUID, int], Row] = field(
        default_factory=dict[tuple[UUID, UUID, int], Row]
    )
    paces: dict[tuple[UUID, str], Pace] = field(default_factory=dict[tuple[UUID, str], Pace])
    chats: dict[tuple[UUID, str, str], datetime] = field(
        default_factory=dict[tuple[UUID, str, str], datetime]
    )
    said: list[tuple[Message, Mapping[str, str]]] = field(
        default_factory=list[tuple[Message, Mapping[str, str]]]
    )


@dataclass
class MemoryStore:
    """One transaction after the other; one that raises leaves nothing behind."""

    clock: Clock = field(default_factory=StandingClock)
    tables: Tables = field(default_factory=Tables)
    workers: dict[UUID, datetime] = field(default_factory=dict[UUID, datetime])
    _alone: asyncio.Lock = field(default_factory=asyncio.Lock)

    @asynccontextmanager
    async def open_work(self, tenant_id: UUID) -> AsyncGenerator[Work]:
        async with self._alone:
            tables = copy.deepcopy(self.tables)
            yield Work(
                deliveries=MemoryDeliveries(tables, tenant_id, self.clock),
                paces=MemoryPaces(tables, tenant_id),
                outbox=MemoryOutbox(tables),
            )
            self.tables = tables

    def leases(self, worker_id: UUID) -> "MemoryLeases":
        return MemoryLeases(self, worker_id)

    async def said(self) -> list[Message]:
        return [message for message, _ in self.tables.said]

    async def now(self) -> datetime:
        return self.clock()

    async def silence(self, worker_id: UUID) -> None:
        """It has not been heard of for an hour."""
        self.workers[worker_id] -= timedelta(hours=1)

    async def age(self, tenant_id: UUID, seconds: float) -> None:
        """Everything of the tenant was asked for earlier."""
        for row in self.tables.rows.values():
            if row.delivery.tenant_id == tenant_id and row.delivery.created_at:
                row.delivery.created_at -= timedelta(seconds=seconds)


@dataclass
class MemoryDeliveries:
    """Fits `waha_sender.application.ports.Deliveries`."""

    tables: Tables
    tenant_id: UUID
    clock: Clock

    async def add(self, parts: Sequence[Delivery], /) -> bool:
        keys = [(part.tenant_id, part.message_id, part.part) for part in parts]
        if any(key in self.tables.rows for key in keys):
            return False
        for key, part in zip(keys, parts, strict=True):
            stored = replace(part, created_at=self.clock())
            self.tables.rows[key] = Row(len(self.tables.rows), stored)
        return True

    async def of(self, message_id: UUID, /) -> list[Delivery]:
        found = [row.delivery for row in self._ours() if row.delivery.message_id == message_id]
        return [replace(one) for one in sorted(found, key=lambda one: one.part)]

    async def held(self, claim: Claim, /) -> Delivery | None:
        for part in await self.of(claim.message_id):
            if part.part == claim.part and part.lease_token == claim.lease_token:
                return None if part.state.is_final else part
        return None

    async def save(self, delivery: Delivery, /) -> None:
        row = self.tables.rows[delivery.tenant_id, delivery.message_id, delivery.part]
        row.delivery = replace(delivery)
        if delivery.lease_token is None:
            row.worker = None

    async def ids_in_chat(self, session: str, chat_id: str, /) -> set[str]:
        return {
            one.wa_id
            for one in (row.delivery for row in self._ours())
            if (one.session, one.chat_id, one.state) == (session, chat_id, DeliveryState.SENT)
            and one.wa_id
        }

    def _ours(self) -> list[Row]:
        return [row for key, row in self.tables.rows.items() if key[0] == self.tenant_id]


@dataclass
class MemoryPaces:
    """Fits `waha_sender.application.ports.Paces`."""

    tables: Tables
    tenant_id: UUID

    async def of(self, session: str, /) -> Pace:
        return replace(self.tables.paces.get((self.tenant_id, session), Pace(session=session)))

    async def save(self, pace: Pace, /) -> None:
        self.tables.paces[self.tenant_id, pace.session] = replace(pace)

    async def last_in_chat(self, session: str, chat_id: str, /) -> datetime | None:
        return self.tables.chats.get((self.tenant_id, session, chat_id))

    async def note_sent(self, session: str, chat_id: str, at: datetime, /) -> None:
        self.tables.chats[self.tenant_id, session, chat_id] = at

    async def forget_chat(self, session: str, chat_id: str, /) -> None:
        self.tables.chats.pop((self.tenant_id, session, chat_id), None)


@dataclass
class MemoryOutbox:
    """Fits `waha_sender.application.ports.Outbox`."""

    tables: Tables

    async def say(self, message: Message, headers: Mapping[str, str], /) -> None:
        self.tables.said.append((message, headers))


@dataclass
class MemoryLeases:
    """Fits `waha_sender.application.ports.Leases`."""

    store: MemoryStore
    worker_id: UUID

    async def claim(
        self, most: int, /, *, share: int, in_hand: Sequence[UUID], patience_s: float
    ) -> Sequence[Claim]:
        free = [row for row in self._ripe(patience_s) if self._is_free(row, in_hand, patience_s)]
        places: list[tuple[int, datetime, int, Row]] = []
        for row in sorted(free, key=lambda row: (row.delivery.available_at, row.seq)):
            before = [place[-1] for place in places]
            place = self._held(row, before, in_hand, patience_s)
            if place < self._room(row, share):
                places.append((place, row.delivery.available_at, row.seq, row))
        chosen = [place[-1] for place in sorted(places, key=lambda one: one[:3])[:most]]
        for row in chosen:
            row.worker, row.delivery.lease_token = self.worker_id, uuid4()
        return [_claim_of(row.delivery) for row in chosen]

    async def beat(self) -> None:
        self.store.workers[self.worker_id] = self.store.clock()

    async def leave(self) -> None:
        self.store.workers.pop(self.worker_id, None)

    async def overdue(
        self, most: int, /, *, older_than_s: float, patience_s: float
    ) -> Sequence[tuple[UUID, UUID]]:
        born_before = self.store.clock() - timedelta(seconds=older_than_s)
        found = {
            (row.delivery.tenant_id, row.delivery.message_id)
            for row in self._open()
            if row.delivery.created_at
            and row.delivery.created_at < born_before
            and not self._is_alive(row.worker, patience_s)
        }
        return sorted(found)[:most]

    async def forget(self, most: int, /, *, older_than_s: float) -> int:
        since = self.store.clock() - timedelta(seconds=older_than_s)
        tables = self.store.tables
        spared = {row.delivery.message_id for row in self._open()}
        old = [
            key
            for key, row in tables.rows.items()
            if row.delivery.message_id not in spared and (row.delivery.created_at or since) < since
        ][:most]
        quiet = [key for key, at in tables.chats.items() if at < since][:most]
        for key in old:
            del tables.rows[key]
        for chat in quiet:
            del tables.chats[chat]
        return max(len(old), len(quiet))

    def _open(self) -> list[Row]:
        rows = self.store.tables.rows.values()
        return [row for row in rows if not row.delivery.state.is_final]

    def _ripe(self, patience_s: float) -> list[Row]:
        """The first of each chat, if its time has come and its session may send."""
        heads: dict[tuple[UUID, str, str], Row] = {}
        for row in sorted(self._open(), key=lambda row: row.seq):
            one = row.delivery
            heads.setdefault((one.tenant_id, one.session, one.chat_id), row)
        now = self.store.clock()
        return [
            row
            for row in heads.values()
            if row.delivery.available_at <= now and not self._pace(row).is_paused(now)
        ]

    def _is_free(self, row: Row, in_hand: Sequence[UUID], patience_s: float) -> bool:
        if row.delivery.lease_token in in_hand:
            return False
        is_ours = row.worker == self.worker_id
        return is_ours or not self._is_alive(row.worker, patience_s)

    def _held(
        self, row: Row, chosen: Sequence[Row], in_hand: Sequence[UUID], patience_s: float
    ) -> int:
        """How many parts of its session are in somebody's hand."""

        def is_same(other: Row) -> bool:
            ours, theirs = row.delivery, other.delivery
            return (ours.tenant_id, ours.session) == (theirs.tenant_id, theirs.session)

        taken = [
            other
            for other in self._open()
            if other.delivery.lease_token in in_hand
            or (other.worker != self.worker_id and self._is_alive(other.worker, patience_s))
        ]
        return sum(map(is_same, [*taken, *chosen]))

    def _room(self, row: Row, share: int) -> int:
        return 1 if self._pace(row).failures else share

    def _pace(self, row: Row) -> Pace:
        one = row.delivery
        default = Pace(session=one.session)
        return self.store.tables.paces.get((one.tenant_id, one.session), default)

    def _is_alive(self, worker: UUID | None, patience_s: float) -> bool:
        beat = worker and self.store.workers.get(worker)
        if not beat:
            return False
        return (self.store.clock() - beat).total_seconds() < patience_s


def _claim_of(delivery: Delivery) -> Claim:
    assert delivery.lease_token is not None
    return Claim(delivery.tenant_id, delivery.message_id, delivery.part, delivery.lease_token)
