"""A limit to how many connections turns hold at once: the rest is for whoever must not wait."""

from asyncio import Semaphore
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Literal

from crm_chatbot.application.courtesy import Courtesy
from crm_chatbot.application.ports import OpenWork, Work
from crm_chatbot.domain.tenant import TenantId


class Places(Semaphore):
    """Whoever has got a place still lets pass what is urgent, before it begins."""

    def __init__(self, value: int, courtesy: Courtesy) -> None:
        super().__init__(value)
        self._courtesy = courtesy

    async def acquire(self) -> Literal[True]:
        await super().acquire()
        try:
            await self._courtesy.after_you()
        except BaseException:
            self.release()
            raise
        return True


def taking_turns(open_work: OpenWork, places: Semaphore) -> OpenWork:
    """The same transactions; whoever finds all places taken waits here, for as long as it takes.

    A thousand turns that all want one of ten connections would otherwise run into the pool's own
    limit, which says that the database is away.
    """

    @asynccontextmanager
    async def open_one(tenant_id: TenantId) -> AsyncGenerator[Work]:
        async with places, open_work(tenant_id) as work:
            yield work

    return open_one
