"""An agent whose library takes a second to load: nobody else is held up by that."""

import asyncio
from collections.abc import Callable

from crm_chatbot.application.answering import Agent, Brief, Progress


class WarmedUp:
    """Honours crm_chatbot.application.answering.Agent; made in a thread when it is first needed."""

    def __init__(self, make: Callable[[], Agent]) -> None:
        self._make = make
        self._agent: Agent | None = None

    async def warm_up(self) -> Agent:
        if self._agent is None:
            self._agent = await asyncio.to_thread(self._make)
        return self._agent

    async def __call__(self, brief: Brief, /) -> Progress:
        return await (await self.warm_up())(brief)
