"""Transactions that put writes off, and do all those of one kind in one statement."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Executable, Result
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from shared.infrastructure.database import Row, Sessions

#: Writes rows of one kind, however many.
WriteRows = Callable[[AsyncSession, Sequence[Row]], Awaitable[None]]

Facts = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None


class Touch(NamedTuple):
    """That something was changed; `conversation_id` where it is a conversation's."""

    kind: str
    id: UUID
    conversation_id: UUID | None = None


class LateSession(AsyncSession):
    """What was put off is written before anything else is asked, and by `write_out` at the end.

    Kinds are written in the order in which the first of each was put off. `touches` is what was
    changed, each thing once, for whoever tells it once the transaction has committed.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._waiting: dict[WriteRows, list[Row]] = {}
        self.touches: dict[Touch, None] = {}
        self._touched_in = set[UUID | None]()

    def touched(self, kind: str, *ids: UUID, conversation_id: UUID | None = None) -> None:
        """Say that these were changed, or will be when what was put off is written."""
        for one in ids:
            self.touches[Touch(kind, one, conversation_id)] = None
        self._touched_in.add(conversation_id)

    def is_touched(self, conversation_id: UUID) -> bool:
        """Whether anything of a conversation was changed, or will be."""
        return conversation_id in self._touched_in

    def put_off(self, write: WriteRows, rows: Sequence[Row]) -> None:
        if rows:
            self._waiting.setdefault(write, []).extend(rows)

    async def write_out(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for write, rows in waiting.items():
            await write(self, rows)

    async def ahead(self, asked: Executable, facts: Facts = None) -> Result[Any]:
        """Execute what has nothing to do with the writes that wait."""
        return await super().execute(asked, facts)

    async def execute(self, *asked: Any, **settings: Any) -> Result[Any]:
        await self.write_out()
        result: Result[Any] = await super().execute(*asked, **settings)
        return result

    async def scalar(self, *asked: Any, **settings: Any) -> Any:  # noqa: ANN401 - whatever the query gives
        await self.write_out()
        return await super().scalar(*asked, **settings)


def late(sessions: Sessions) -> async_sessionmaker[LateSession]:
    """The same database, in transactions that put writes off."""
    return async_sessionmaker(class_=LateSession, **sessions.kw)
