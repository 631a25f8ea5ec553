"""An agent whose library takes a second to load: nobody else is held up by that."""

import asyncio
from collections.abc import Callable

from crm_chatbot.application.turns.answering import Agent, Brief, Progress


class WarmedUp:
    """Honours application.turns.answering.Agent; made in a thread when it is first needed."""

    def __init__(self, make: Callable[[], Agent]) -> None:
        self._make = make
        self._agent: Agent | None = None
        self._making = asyncio.Lock()

    async def warm_up(self) -> None:
        await self._made()

    async def __call__(self, brief: Brief, /) -> Progress:
        agent = self._agent or await self._made()
        return await agent(brief)

    async def _made(self) -> Agent:
        async with self._making:
            if self._agent is None:
                self._agent = await asyncio.to_thread(self._make)
            return self._agent
