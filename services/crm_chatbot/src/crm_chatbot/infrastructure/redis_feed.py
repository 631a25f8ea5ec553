"""The feed between processes: gathered for a moment, and told through Redis."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import datetime
from uuid import UUID

import orjson

from crm_chatbot.application.feed import Change, Thing
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.infrastructure.feed import LocalFeed, Pile
from shared.domain import Clock
from shared.infrastructure.redis import Hints
from shared.infrastructure.redis_channels import Channels
from shared.runtime import Loop

_CHANNEL = "changes:"


class RedisFeed:
    """Honours crm_chatbot.application.feed.Feed; `loops` must run beside it.

    Nobody ever waits for Redis. What it did not take becomes `lost`, and that is told once it can.
    """

    #: How long changes are gathered: one round trip tells those of many transactions.
    GATHER_S = 0.05
    #: How long Redis is left alone when it took nothing.
    PAUSE_S = 1.0

    def __init__(self, url: str, hints: Hints, now: Clock) -> None:
        self._hints = hints
        self._now = now
        self._here = LocalFeed(now)
        self._channels = Channels(url, heard=self._heard, missed=self._missed)
        self._unsent: dict[TenantId, Pile] = {}
        self._something = asyncio.Event()

    @property
    def loops(self) -> dict[str, Loop]:
        return {"crm_chatbot.feed.tell": self._tell, "crm_chatbot.feed.hear": self._channels.run}

    def publish(self, tenant_id: TenantId, changes: Sequence[Change], /) -> None:
        self._waiting_for(tenant_id).add(changes)
        self._something.set()

    async def follow(
        self, tenant_id: TenantId, /, *, silence_s: float = 15.0
    ) -> AsyncGenerator[Sequence[Change]]:
        async with (
            self._channels.listening(f"{_CHANNEL}{tenant_id}"),
            aclosing(self._here.follow(tenant_id, silence_s=silence_s)) as news,
        ):
            async for changes in news:
                yield changes

    async def close(self) -> None:
        """Tell what waits, once, and hang up."""
        await self._send()
        await self._channels.close()

    async def _tell(self) -> None:
        while True:
            await self._something.wait()
            await asyncio.sleep(self.GATHER_S)
            if not await self._send():
                await asyncio.sleep(self.PAUSE_S)

    async def _send(self) -> bool:
        self._something.clear()
        unsent, self._unsent = self._unsent, {}
        told = {tenant_id: pile.take() for tenant_id, pile in unsent.items()}
        notes = [(f"{_CHANNEL}{one}", _written(changes)) for one, changes in told.items()]
        if not notes or await self._hints.shout(notes):
            return True
        for tenant_id, changes in told.items():
            pile = self._waiting_for(tenant_id)
            pile.add(changes)
            pile.lose()
        self._something.set()
        return False

    def _waiting_for(self, tenant_id: TenantId) -> Pile:
        if tenant_id not in self._unsent:
            self._unsent[tenant_id] = Pile(tenant_id, self._now)
        return self._unsent[tenant_id]

    def _heard(self, channel: str, note: bytes) -> None:
        tenant_id = TenantId(UUID(channel.removeprefix(_CHANNEL)))
        try:
            changes = _read(note)
        except (ValueError, TypeError):
            # A newer version's, during a rollout.
            self._here.missed(tenant_id)
        else:
            self._here.publish(tenant_id, changes)

    def _missed(self, channel: str) -> None:
        self._here.missed(TenantId(UUID(channel.removeprefix(_CHANNEL))))


def _written(changes: Sequence[Change]) -> bytes:
    """As a note; `_read` is the way back."""
    # The database's driver has UUIDs of its own, which orjson leaves to `default`.
    told = [(one.kind, one.id, one.at, one.conversation_id) for one in changes]
    return orjson.dumps(told, default=str)


def _read(note: bytes) -> list[Change]:
    return [
        Change(Thing(kind), UUID(one), datetime.fromisoformat(at), chat and UUID(chat))
        for kind, one, at, chat in orjson.loads(note)
    ]
