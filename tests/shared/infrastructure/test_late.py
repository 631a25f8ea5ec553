"""Writes that are put off: together in one statement, and never later than the next question."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.infrastructure.database import Row, Sessions, transaction
from shared.infrastructure.late import late

_SEEN = text("SELECT coalesce(array_agg(n ORDER BY n), '{}') FROM kept")


class Notes:
    """Numbers in a table of the transaction's own."""

    def __init__(self) -> None:
        self.statements: list[int] = []

    async def write(self, session: AsyncSession, rows: Sequence[Row]) -> None:
        self.statements.append(len(rows))
        for row in rows:
            await session.execute(text("INSERT INTO kept (n) VALUES (:n)"), row)


async def test_what_is_put_off_is_written_together_before_the_next_question(
    sessions: Sessions,
) -> None:
    notes = Notes()
    async with transaction(late(sessions)) as session:
        await session.execute(text("CREATE TEMPORARY TABLE kept (n int) ON COMMIT DROP"))
        session.put_off(notes.write, [{"n": 1}])
        session.put_off(notes.write, [{"n": 2}, {"n": 3}])

        assert await session.scalar(_SEEN) == [1, 2, 3]
        assert (await session.scalars(_SEEN)).all() == [[1, 2, 3]]

    assert notes.statements == [3]


async def test_who_asks_ahead_does_not_see_it(sessions: Sessions) -> None:
    notes = Notes()
    async with transaction(late(sessions)) as session:
        await session.execute(text("CREATE TEMPORARY TABLE kept (n int) ON COMMIT DROP"))
        session.put_off(notes.write, [{"n": 1}])

        assert (await session.ahead(_SEEN)).scalar_one() == []

        await session.write_out()
        assert (await session.ahead(_SEEN)).scalar_one() == [1]
        await session.write_out()

    assert notes.statements == [1]


async def test_nothing_put_off_is_nothing_written(sessions: Sessions) -> None:
    notes = Notes()
    async with transaction(late(sessions)) as session:
        session.put_off(notes.write, [])
        await session.write_out()

    assert notes.statements == []
