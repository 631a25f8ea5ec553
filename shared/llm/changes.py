"""Changing the catalogue: one change at a time, each with its trace in the same transaction."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Generic

from sqlalchemy import func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from shared.domain import ChangedSince
from shared.infrastructure.database import Sessions, transaction
from shared.llm.catalogue import NameTaken
from shared.llm.entries import Change, EntryT
from shared.llm.store import NOW, Kind, catalogue_changes, plain


@asynccontextmanager
async def changing(sessions: Sessions) -> AsyncGenerator[AsyncSession]:
    """A transaction in which the catalogue may be changed. Raises DatabaseUnavailable."""
    async with transaction(sessions) as session:
        await one_at_a_time(session)
        yield session


async def one_at_a_time(session: AsyncSession) -> None:
    """Wait until nobody else changes the catalogue, and keep others out until the commit.

    Rules that look at several entries then see what is, and changes are committed in the order
    of their numbers: a reader who knows number 6 has not missed number 5.
    """
    await session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended('platform.catalogue', 0))")
    )


class SqlEntries(Generic[EntryT]):
    """Fits `shared.llm.entries.Entries`; writes belong inside `changing`."""

    def __init__(self, session: AsyncSession, kind: Kind[EntryT], *, actor: str = "") -> None:
        self._session = session
        self._kind = kind
        self._actor = actor

    async def all(self) -> Sequence[EntryT]:
        return await self._kind.read_all(self._session)

    async def get(self, name: str, /) -> EntryT:
        table, key = self._kind.table, self._kind.key
        found = await self._session.execute(select(table).where(key == name))
        row = found.mappings().first()
        if row is None:
            raise self._kind.absent(name=name)
        return self._kind.from_row(plain(row))

    async def add(self, entry: EntryT, /) -> EntryT:
        row = self._kind.to_row(entry)
        version = await self._last_version(entry.name) + 1
        added = await self._session.execute(
            upsert(self._kind.table)
            .values(**row, version=version)
            .on_conflict_do_nothing(index_elements=[self._kind.key])
            .returning(self._kind.key)
        )
        if added.first() is None:
            raise NameTaken(name=entry.name)
        await self._remember(entry.name, version, before=None, after=row)
        return await self.get(entry.name)

    async def replace(self, entry: EntryT, /, *, expected: int | None = None) -> EntryT:
        stored = await self._at(entry.name, expected)
        before, after = self._kind.to_row(stored), self._kind.to_row(entry)
        if before == after:
            return stored
        version = stored.version + 1
        await self._session.execute(
            self._kind.table.update()
            .where(self._kind.key == entry.name)
            .values(**after, version=version, updated_at=NOW)
        )
        await self._remember(entry.name, version, before=before, after=after)
        return await self.get(entry.name)

    async def remove(self, name: str, /, *, expected: int | None = None) -> None:
        stored = await self._at(name, expected)
        await self._session.execute(self._kind.table.delete().where(self._kind.key == name))
        before = self._kind.to_row(stored)
        await self._remember(name, stored.version + 1, before=before, after=None)

    async def history(self, name: str, /) -> Sequence[Change]:
        rows = await self._session.execute(
            select(catalogue_changes)
            .where(catalogue_changes.c.kind == self._kind.name, catalogue_changes.c.name == name)
            .order_by(catalogue_changes.c.id.desc())
            .limit(100)
        )
        return [Change(**plain(row)) for row in rows.mappings()]

    async def _at(self, name: str, expected: int | None) -> EntryT:
        stored = await self.get(name)
        if expected is not None and stored.version != expected:
            raise ChangedSince(name=name, version=stored.version)
        return stored

    async def _last_version(self, name: str) -> int:
        """A name that comes back goes on counting, so that no old version number fits it."""
        return (
            await self._session.scalar(
                select(func.max(catalogue_changes.c.version)).where(
                    catalogue_changes.c.kind == self._kind.name, catalogue_changes.c.name == name
                )
            )
            or 0
        )

    async def _remember(
        self,
        name: str,
        version: int,
        *,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any] | None,
    ) -> None:
        await self._session.execute(
            insert(catalogue_changes).values(
                kind=self._kind.name,
                name=name,
                version=version,
                actor=self._actor,
                before=before,
                after=after,
            )
        )
        if self._kind.on_change:
            await self._kind.on_change(self._session, name)
