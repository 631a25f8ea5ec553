"""What is due in the chats of every shop, in memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from crm_chatbot.application.sweeping import Place
from crm_chatbot.domain.message import MessageState
from tests.crm_chatbot.fakes import MemoryCrm

_LEAVING = {MessageState.QUEUED, MessageState.HANDED}
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass
class MemoryBacklog:
    """Honours crm_chatbot.application.sweeping.Backlog."""

    crm: MemoryCrm

    async def unheard_of(self, most: int, /) -> Sequence[Place]:
        late = [
            (message.ask_at or _NEVER, (tenant_id, message.conversation_id))
            for tenant_id, chats in self.crm.stored.chats.items()
            for message in chats.messages.values()
            if message.state in _LEAVING
        ]
        return self._first(late, most)

    async def left_alone(self, most: int, /) -> Sequence[Place]:
        alone = [
            (chat.handback_at or _NEVER, (tenant_id, chat.id))
            for tenant_id, chats in self.crm.stored.chats.items()
            for chat in chats.conversations.values()
        ]
        return self._first(alone, most)

    def _first(self, due: list[tuple[datetime, Place]], most: int) -> Sequence[Place]:
        past = [place for at, place in sorted(due) if at < self.crm.time]
        return list(dict.fromkeys(past[:most]))
