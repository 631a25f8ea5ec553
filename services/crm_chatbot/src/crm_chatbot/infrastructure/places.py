"""A limit to how many connections turns hold at once: the rest is for whoever must not wait."""

from asyncio import Semaphore
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from crm_chatbot.application.ports import OpenWork, Work
from crm_chatbot.domain.tenant import TenantId


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
