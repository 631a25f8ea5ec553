"""The feed within one process, and what waits there for those who are slow."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import suppress
from typing import ClassVar
from uuid import UUID

from crm_chatbot.application.feed import Change, Feed, Thing
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.infrastructure.work import Tell
from shared import metrics
from shared.availability import DatabaseUnavailable
from shared.domain import Clock
from shared.infrastructure.late import Touch


class Pile:
    """What waits to be told: each thing once. Of too many nothing is left but that they were."""

    MOST: ClassVar[int] = 500

    def __init__(self, tenant_id: TenantId, now: Clock) -> None:
        self._tenant_id = tenant_id
        self._now = now
        self._waiting: dict[tuple[Thing, UUID], Change] = {}
        self._is_lost = False

    def add(self, changes: Sequence[Change]) -> None:
        if self._is_lost:
            metrics.live_changes.labels("lost").inc(len(changes))
            return
        for change in changes:
            self._waiting[change.kind, change.id] = change
        if len(self._waiting) > self.MOST:
            self.lose()

    def lose(self) -> None:
        """Forget what waits; `lost` stands for all of it."""
        metrics.live_changes.labels("lost").inc(len(self._waiting))
        self._waiting.clear()
        self._is_lost = True

    def take(self) -> list[Change]:
        """What waits; nothing does any more."""
        taken = list(self._waiting.values())
        if self._is_lost:
            taken = [Change.lost(self._tenant_id, self._now())]
        self._waiting, self._is_lost = {}, False
        return taken


class _Reader:
    """Somebody who follows, and what is to be told to them."""

    def __init__(self, tenant_id: TenantId, now: Clock) -> None:
        self.pile = Pile(tenant_id, now)
        self.rung = asyncio.Event()


class LocalFeed:
    """Honours crm_chatbot.application.feed.Feed within this process."""

    def __init__(self, now: Clock) -> None:
        self._now = now
        self._readers = defaultdict[TenantId, set[_Reader]](set)

    def publish(self, tenant_id: TenantId, changes: Sequence[Change], /) -> None:
        for reader in self._readers.get(tenant_id, ()):
            reader.pile.add(changes)
            reader.rung.set()

    def missed(self, tenant_id: TenantId) -> None:
        """Tell everybody that something was not told."""
        for reader in self._readers.get(tenant_id, ()):
            reader.pile.lose()
            reader.rung.set()

    async def follow(
        self, tenant_id: TenantId, /, *, silence_s: float = 15.0
    ) -> AsyncGenerator[Sequence[Change]]:
        reader = _Reader(tenant_id, self._now)
        self._readers[tenant_id].add(reader)
        try:
            yield [Change.ready(tenant_id, self._now())]
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(silence_s):
                        await reader.rung.wait()
                reader.rung.clear()
                yield reader.pile.take()
        finally:
            self._readers[tenant_id].discard(reader)
            if not self._readers[tenant_id]:
                del self._readers[tenant_id]


def telling(feed: Feed, now: Clock) -> Tell:
    """What a transaction says once it has committed, on this feed."""

    def tell(tenant_id: TenantId, touches: Iterable[Touch]) -> None:
        # What has happened must not look as if it failed, only because no clock is known yet.
        with suppress(DatabaseUnavailable):
            at = now()
            changes = [Change(Thing(kind), one, at, chat) for kind, one, chat in touches]
            if changes:
                metrics.live_changes.labels("published").inc(len(changes))
                feed.publish(tenant_id, changes)

    return tell
