"""Conversations to be claimed, in memory, as several workers see them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from crm_chatbot.domain.conversations.conversation import Claim, ConversationId
from crm_chatbot.domain.tenants.tenant import TenantId


@dataclass
class Slot:
    """One conversation, as a mailbox knows it."""

    tenant_id: TenantId
    ready_in: float
    epoch: int = 0
    worker: UUID | None = None


@dataclass
class MemoryTables:
    """What every worker shares; `time` is the database's."""

    time: float = 0.0
    slots: dict[ConversationId, Slot] = field(default_factory=dict[ConversationId, Slot])
    beats: dict[UUID, float] = field(default_factory=dict[UUID, float])


@dataclass
class MemoryMailboxes:
    """Honours crm_chatbot.application.turns.mailbox.Mailboxes."""

    tables: MemoryTables
    me: UUID = field(default_factory=uuid4)

    async def beat(self) -> None:
        self.tables.beats[self.me] = self.tables.time

    async def claim(self, most: int, /, *, share: int, dead_after_s: float) -> Sequence[Claim]:
        since = self.tables.time - dead_after_s
        alive = {worker for worker, beat in self.tables.beats.items() if beat > since}
        claimed: list[Claim] = []
        for chat, slot in sorted(self.tables.slots.items(), key=lambda one: one[1].ready_in):
            held = [
                one.worker
                for one in self.tables.slots.values()
                if one.worker in alive and one.tenant_id == slot.tenant_id
            ]
            is_free = slot.worker not in alive and slot.ready_in <= self.tables.time
            if is_free and len(held) < share and len(claimed) < most:
                slot.worker, slot.epoch = self.me, slot.epoch + 1
                claimed.append(_claim_of(chat, slot))
        return claimed

    async def next_ready_in(self) -> float | None:
        free = [slot.ready_in for slot in self.tables.slots.values() if slot.worker is None]
        return min(free) - self.tables.time if free else None

    async def held(self) -> Collection[Claim]:
        mine = self.tables.slots.items()
        return [_claim_of(chat, slot) for chat, slot in mine if slot.worker == self.me]

    async def release(self, only: Collection[ConversationId] | None = None, /) -> int:
        held = [
            slot
            for chat, slot in self.tables.slots.items()
            if slot.worker == self.me and (only is None or chat in only)
        ]
        for slot in held:
            slot.worker = None
        return len(held)

    async def leave(self) -> None:
        self.tables.beats.pop(self.me, None)


def _claim_of(chat: ConversationId, slot: Slot) -> Claim:
    return Claim(tenant_id=slot.tenant_id, conversation_id=chat, epoch=slot.epoch)
