"""Labelling conversations: what people and the bot do, each in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from crm_chatbot.application.automation import run_rules
from crm_chatbot.application.labels import apply_label, remove_label
from crm_chatbot.application.ports import OpenWork, Work
from crm_chatbot.domain.automation import Labelled
from crm_chatbot.domain.conversations.conversation import ConversationId
from crm_chatbot.domain.label import Applied, LabelId
from crm_chatbot.domain.tenants.tenant import TenantId
from shared.domain import Clock


async def label_conversation(
    work: Work, conversation_id: ConversationId, which: LabelId | str, *, by: str, now: datetime
) -> Applied:
    """By a label's id or its name; a second time is no mistake, and changes nothing.

    The conversation is locked by the caller. Raises LabelNotFound, LabelInactive.
    """
    labels = work.labels
    label = await (labels.named(which) if isinstance(which, str) else labels.get(which))
    if await apply_label(work, conversation_id, label, by=by, now=now):
        conversation = await work.conversations.lock(conversation_id)
        await run_rules(work, Labelled(label.id), conversation=conversation, now=now)
    [applied] = [one for one in await labels.on(conversation_id) if one.label.id == label.id]
    return applied


@dataclass(frozen=True, kw_only=True)
class Labelling:
    """What people of the shop do, by API."""

    open_work: OpenWork
    now: Clock

    async def on(self, tenant_id: TenantId, conversation_id: ConversationId) -> Sequence[Applied]:
        """The first applied first, those included that were deleted since; none: none there."""
        async with self.open_work(tenant_id) as work:
            return await work.labels.on(conversation_id)

    async def apply(
        self,
        tenant_id: TenantId,
        conversation_id: ConversationId,
        which: LabelId | str,
        *,
        by: str,
    ) -> Applied:
        """Who applied it first has applied it.

        Raises ConversationNotFound, LabelNotFound, LabelInactive.
        """
        async with self.open_work(tenant_id) as work:
            await work.conversations.lock(conversation_id)
            return await label_conversation(work, conversation_id, which, by=by, now=self.now())

    async def remove(
        self, tenant_id: TenantId, conversation_id: ConversationId, label_id: LabelId, *, by: str
    ) -> None:
        """Where it is not there, nothing happens. Raises ConversationNotFound, LabelNotFound."""
        async with self.open_work(tenant_id) as work:
            await work.conversations.lock(conversation_id)
            await remove_label(work, conversation_id, label_id, by=by)
