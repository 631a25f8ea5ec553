"""A database is worked with only once it was looked at: until then it is as good as away."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from sqlalchemy import event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.availability import DatabaseUnavailable
from shared.infrastructure.database import Sessions, connect, sessions_of
from shared.settings import end_at_once

#: Why this database must not be worked with, or None. May raise DatabaseUnavailable.
Check = Callable[[Sessions], Awaitable[str | None]]

LOOK_EVERY_S = 0.5
#: a server that hangs is away, too
LONGEST_LOOK_S = 5.0


class Inspection:
    """Keeps `engine` from its database until every check has passed.

    A server that is away is looked at as soon as it answers. What is found unfit then ends the
    process in the same line as at its start, and nothing was done with it before.
    """

    def __init__(self, engine: AsyncEngine, url: str, checks: Sequence[Check]) -> None:
        self._url = url
        self._checks = checks
        self._is_passed = False
        self._why_not = "not looked at yet"
        event.listen(engine.sync_engine, "do_connect", self._refuse_to_connect)

    async def run(self) -> None:
        """Look until there is somebody to look at."""
        while True:
            if await self.look():
                return
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> bool:
        """Whether the database may be worked with from now on; ends the process if it may not."""
        if self._is_passed:
            return True
        engine = connect(self._url, pool_size=1)
        try:
            async with asyncio.timeout(LONGEST_LOOK_S):
                refusal = await self._refusal(sessions_of(engine))
        except (OSError, DatabaseUnavailable) as away:
            self._why_not = str(away) or type(away).__name__
            return False
        except DBAPIError as refused:
            # It answers: waiting helps against no wrong password and no wrong name.
            refusal = f"DATABASE_URL: the database refuses us: {refused.orig}"
        finally:
            await engine.dispose()
        if refusal:
            end_at_once(refusal)
        self._is_passed = True
        return True

    async def _refusal(self, sessions: Sessions) -> str | None:
        for check in self._checks:
            if refusal := await check(sessions):
                return refusal
        return None

    def _refuse_to_connect(self, *_: object) -> None:
        if not self._is_passed:
            raise DatabaseUnavailable(self._why_not)
