"""Labels in memory, one tenant's at a time."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from crm_chatbot.domain.conversations.conversation import ConversationId
from crm_chatbot.domain.label import (
    Applied,
    Label,
    LabelId,
    LabelNameTaken,
    LabelNotFound,
    key_of,
)
from shared.domain import ChangedMeanwhile
from tests.crm_chatbot.memory_chats import Chats


@dataclass
class MemoryLabels:
    """Honours crm_chatbot.domain.label.Labels."""

    chats: Chats

    async def get(self, label_id: LabelId, /) -> Label:
        if label_id not in self.chats.labels:
            raise LabelNotFound(label=label_id)
        return copy.deepcopy(self.chats.labels[label_id])

    async def named(self, name: str, /) -> Label:
        for label in self.chats.labels.values():
            if label.name_key == key_of(name):
                return copy.deepcopy(label)
        raise LabelNotFound(label="of that name")

    async def all(self, *, is_active: bool | None = None) -> Sequence[Label]:
        every = sorted(self.chats.labels.values(), key=lambda one: one.name_key)
        return [copy.deepcopy(one) for one in every if is_active in {None, one.is_active}]

    async def add(self, label: Label, /) -> bool:
        if self._is_taken(label):
            return False
        self.chats.labels[label.id] = copy.deepcopy(label)
        return True

    async def save(self, label: Label, /) -> None:
        stored = self.chats.labels.get(label.id)
        if stored is None or stored.version != label.version:
            raise ChangedMeanwhile
        if self._is_taken(label):
            raise LabelNameTaken(name=label.name)
        label.version += 1
        self.chats.labels[label.id] = copy.deepcopy(label)

    async def apply(
        self, conversation_id: ConversationId, label_id: LabelId, /, *, by: str, at: datetime
    ) -> bool:
        if (conversation_id, label_id) in self.chats.labelled:
            return False
        self.chats.labelled[conversation_id, label_id] = (by, at)
        return True

    async def take_off(self, conversation_id: ConversationId, label_id: LabelId, /) -> bool:
        return self.chats.labelled.pop((conversation_id, label_id), None) is not None

    async def on(self, conversation_id: ConversationId, /) -> Sequence[Applied]:
        found = [
            Applied(label=await self.get(label_id), applied_at=at, applied_by=by)
            for (whose, label_id), (by, at) in self.chats.labelled.items()
            if whose == conversation_id
        ]
        return sorted(found, key=lambda one: (one.applied_at, one.label.id))

    def _is_taken(self, label: Label) -> bool:
        others = (one for one in self.chats.labels.values() if one.id != label.id)
        return any(one.name_key == label.name_key for one in others)
