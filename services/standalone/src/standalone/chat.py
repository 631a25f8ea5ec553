"""One customer's chat with a shop: from their phone, and as the platform sees it."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import httpx

from standalone.phones import Customer
from standalone.promises import PATIENCE_S, Answer, ask, until

_ANY_CASE = re.IGNORECASE | re.DOTALL
#: Between two looks (seconds): many chats may be looked at by one process.
_EVERY_S = 0.25
#: An outgoing message that is still on its way.
_UNDER_WAY = {"queued", "handed"}


@dataclass
class Chat:
    """Waits for what is promised: every message considered, every answer delivered."""

    http: httpx.AsyncClient
    tenant_id: str
    customer: Customer
    #: how long anything may take (seconds)
    patience_s: float = PATIENCE_S
    _path: str | None = field(default=None, init=False)

    async def exchange(self, words: str) -> Sequence[str]:
        """Write, and give all that is said until everything is answered. Raises PromiseBroken."""
        before = len(await self.customer.heard())
        await self.customer.says(words)
        await self.is_answered(words)
        return (await self.customer.heard())[before:]

    async def is_answered(self, what: str) -> None:
        """Wait until nothing of what the customer wrote waits, and nothing is left to be sent.

        Raises PromiseBroken.
        """
        written = sum(one["from"] == "customer" for one in await self.customer.chat())

        async def is_quiet() -> bool | None:
            messages = await self.messages()
            heard = [one["state"] for one in messages if one["direction"] == "in"]
            sent = [one["status"] for one in messages if one["direction"] == "out"]
            is_all = len(heard) >= written and "new" not in heard
            return (is_all and not _UNDER_WAY & {*sent}) or None

        await self._until(is_quiet, f"“{what}” is answered")

    async def hears(self, pattern: str, *, after: int = 0) -> str:
        """What the customer hears that fits, of all but the first `after`. Raises PromiseBroken."""

        async def heard() -> str | None:
            said = (await self.customer.heard())[after:]
            return next((one for one in reversed(said) if re.search(pattern, one, _ANY_CASE)), None)

        return await self._until(heard, f"the customer hears “{pattern}”")

    async def conversation(self) -> dict[str, Any] | None:
        """As the API shows it; None before the first message has come."""
        path = f"/v1/crm/conversations?tenant_id={self.tenant_id}&limit=100"
        chats = cast("list[dict[str, Any]]", (await ask(self.http, "GET", path))["conversations"])
        return next((one for one in chats if self.customer.phone in str(one["chat_id"])), None)

    async def messages(self) -> Sequence[dict[str, Any]]:
        """The newest hundred, the oldest of them first."""
        if self._path is None:
            chat = await self.conversation()
            if chat is None:
                return []
            self._path = f"/v1/crm/conversations/{chat['id']}/messages?limit=100"
        page = await ask(self.http, "GET", self._path)
        return cast("list[dict[str, Any]]", page["messages"])

    async def _until(self, find: Callable[[], Awaitable[Answer | None]], what: str) -> Answer:
        return await until(find, what, within=self.patience_s, every=_EVERY_S)
