"""A shop's quick replies in memory: one tenant's at a time."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from crm_chatbot.domain.quick_reply import (
    QuickReply,
    QuickReplyId,
    QuickReplyNotFound,
    ShortcutTaken,
    Wanted,
)
from shared.domain import ChangedMeanwhile


@dataclass
class MemoryQuickReplies:
    """Honours crm_chatbot.domain.quick_reply.QuickReplies."""

    stored: dict[QuickReplyId, QuickReply]

    async def get(self, quick_reply_id: QuickReplyId, /) -> QuickReply:
        if quick_reply_id not in self.stored:
            raise QuickReplyNotFound(which=quick_reply_id)
        return copy.deepcopy(self.stored[quick_reply_id])

    async def by_shortcut(self, shortcut: str, /) -> QuickReply:
        for one in self.stored.values():
            if one.shortcut == shortcut.lower():
                return copy.deepcopy(one)
        raise QuickReplyNotFound(which=shortcut.lower())

    async def page(
        self, wanted: Wanted, /, *, after: str | None, limit: int
    ) -> Sequence[QuickReply]:
        found = [
            one
            for one in sorted(self.stored.values(), key=lambda one: one.shortcut)
            if one.is_active == wanted.is_active
            and one.shortcut.startswith(wanted.prefix)
            and wanted.category in {None, one.category}
            and (after is None or one.shortcut > after)
        ]
        return copy.deepcopy(found[:limit])

    async def add(self, reply: QuickReply, /) -> bool:
        if any(one.shortcut == reply.shortcut for one in self.stored.values()):
            return False
        self.stored[reply.id] = copy.deepcopy(reply)
        return True

    async def save(self, reply: QuickReply, /) -> None:
        stored = self.stored.get(reply.id)
        if stored is None or stored.version != reply.version:
            raise ChangedMeanwhile
        if any(
            one.shortcut == reply.shortcut and one.id != reply.id for one in self.stored.values()
        ):
            raise ShortcutTaken(shortcut=reply.shortcut)
        reply.version += 1
        kept = copy.deepcopy(reply)
        kept.uses, kept.used_at = stored.uses, stored.used_at
        self.stored[reply.id] = kept

    async def used(self, quick_reply_id: QuickReplyId, now: datetime, /) -> None:
        if one := self.stored.get(quick_reply_id):
            one.uses, one.used_at = one.uses + 1, now
