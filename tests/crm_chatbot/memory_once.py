"""A tenant's idempotency keys in memory."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from crm_chatbot.application.once import IdempotencyKeyReused, Once
from tests.crm_chatbot.memory_chats import Chats


@dataclass
class MemoryIdempotency:
    """Honours crm_chatbot.application.once.Idempotency."""

    chats: Chats
    now: datetime

    async def claim(self, once: Once, made_id: UUID, /) -> UUID:
        name = (once.scope, once.key)
        taken = (once.request_hash, made_id, self.now)
        request_hash, first, at = self.chats.once.get(name, taken)
        if at < self.now - timedelta(hours=24):
            request_hash, first, at = taken
        if request_hash != once.request_hash:
            raise IdempotencyKeyReused
        self.chats.once[name] = (request_hash, first, at)
        return first
