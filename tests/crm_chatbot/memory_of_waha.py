"""A shop whose WAHA remembers what no webhook told."""

from dataclasses import dataclass, field
from typing import Any

from crm_chatbot.application.whatsapp.catch_up import CatchUp
from crm_chatbot.application.whatsapp.history import History
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.domain.whatsapp import SessionSeen
from crm_chatbot.infrastructure.whatsapp.waha_history import chat_in, events_in
from shared.whatsapp.connections import ConnectionChange
from tests.crm_chatbot.builders import TENANT
from tests.crm_chatbot.chats import CHAT, SESSION
from tests.crm_chatbot.fakes import MemoryCrm
from tests.crm_chatbot.memory_backlog import MemoryBacklog
from tests.crm_chatbot.shop import Shop
from tests.crm_chatbot.waha import a_text
from tests.shared.whatsapp.fake_waha import MemoryWaha
from tests.shared.whatsapp.fakes import MemoryConnections

EVERY_S = 300.0


@dataclass
class RememberingShop(Shop):
    """Its WAHA is in memory, and so are its connections."""

    waha: MemoryWaha = field(default_factory=MemoryWaha)
    connections: MemoryConnections = field(default_factory=MemoryConnections)

    async def open(self) -> "RememberingShop":
        """With a session, whose history begins now."""
        await super().open()
        await self.connected()
        await self.catch_up.catch_up(TENANT, SESSION)
        return self

    async def connected(self, tenant_id: TenantId = TENANT, session: str = SESSION) -> None:
        await self.connections.put(tenant_id, ConnectionChange(session=session))

    def remembers(
        self, text: str, stanza: str, *, chat: str = CHAT, seconds_ago: float = 0, **payload: Any
    ) -> None:
        """Somebody wrote, and WAHA knows of it: as it would tell in a webhook."""
        at = int(self.clock().timestamp() - seconds_ago)
        message = a_text(text, stanza=stanza, chat=chat, timestamp=at, **payload)["payload"]
        self.waha.messages.setdefault(chat, []).append(message)

    def remembers_ours(
        self, text: str, stanza: str, *, source: str = "app", chat: str = CHAT
    ) -> None:
        """The owner wrote, or we did."""
        ours: dict[str, Any] = {
            "id": f"true_{chat}_{stanza}",
            "fromMe": True,
            "source": source,
            "to": chat,
        }
        self.remembers(text, stanza, chat=chat, **ours)

    @property
    def catch_up(self) -> CatchUp:
        """Only a shop in memory has a backlog."""
        memory = self.crm if isinstance(self.crm, MemoryCrm) else MemoryCrm(self.clock())
        return CatchUp(
            backlog=MemoryBacklog(memory, self.connections),
            open_work=self.crm.open_work,
            connections=self.connections,
            waha=self.waha,
            inbound=self.inbound,
            history=History(
                waha=self.waha,
                inbound=self.inbound,
                open_work=self.crm.open_work,
                chat_in=chat_in,
                events_in=events_in,
            ),
            now=self.clock,
            every_s=EVERY_S,
        )

    async def catches_up(self, *, after_s: float = EVERY_S + 1) -> bool:
        """Some time later."""
        self.clock.advance(after_s)
        return await self.catch_up.catch_up(TENANT, SESSION)

    async def seen(self) -> SessionSeen:
        async with self.crm.open_work(TENANT) as work:
            found = await work.whatsapp_sessions.get(SESSION)
        assert found is not None
        return found
