"""A limit to how many connections turns hold at once: the rest is for whoever must not wait."""

import asyncio
import heapq
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from itertools import count

from crm_chatbot.application.ports import OpenWork, Work
from crm_chatbot.application.whatsapp.courtesy import Courtesy
from crm_chatbot.domain.tenants.tenant import TenantId

#: When this turn began to want places, as a number; its own tasks inherit it.
_began: ContextVar[int] = ContextVar("turn_began")
_numbers = count()


class Places:
    """So many at once, and the turn that began first goes first.

    Turns end one after the other that way. If each got a place in its turn, all would advance
    equally slowly, and most would be overtaken by newer words before they end.
    """

    def __init__(self, free: int, courtesy: Courtesy) -> None:
        """Whoever has got one still lets pass what is urgent, before it begins."""
        self._free = free
        self._courtesy = courtesy
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    async def __aenter__(self) -> None:
        await self._take()
        try:
            await self._courtesy.after_you()
        except BaseException:
            self._give_back()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._give_back()

    async def _take(self) -> None:
        order = _order()
        if self._free:
            self._free -= 1
            return
        given = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (order, next(_numbers), given))
        try:
            await given
        except asyncio.CancelledError:
            if given.done() and not given.cancelled():
                self._give_back()
            raise

    def _give_back(self) -> None:
        while self._waiting:
            *_, given = heapq.heappop(self._waiting)
            if not given.done():
                given.set_result(None)
                return
        self._free += 1


def _order() -> int:
    began = _began.get(None)
    if began is None:
        _began.set(began := next(_numbers))
    return began


def taking_turns(open_work: OpenWork, places: AbstractAsyncContextManager[None]) -> OpenWork:
    """The same transactions; whoever finds all places taken waits here, for as long as it takes.

    A thousand turns that all want one of ten connections would otherwise run into the pool's own
    limit, which says that the database is away.
    """

    @asynccontextmanager
    async def open_one(tenant_id: TenantId) -> AsyncGenerator[Work]:
        async with places, open_work(tenant_id) as work:
            yield work

    return open_one
