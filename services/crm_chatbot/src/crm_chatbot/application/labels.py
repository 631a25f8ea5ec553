"""A shop's labels: what there are, and putting them on conversations and taking them off."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Unpack
from uuid import UUID

from crm_chatbot.application.ports import OpenWork, Work
from crm_chatbot.domain.conversations.conversation import ConversationId
from crm_chatbot.domain.label import (
    MOST_LABELS,
    Label,
    LabelId,
    LabelInactive,
    Terms,
    TooManyLabels,
)
from crm_chatbot.domain.tenants.tenant import TenantId
from shared.domain import ChangedSince, Clock


async def apply_label(
    work: Work, conversation_id: ConversationId, label: Label, *, by: str, now: datetime
) -> bool:
    """False where it was there already. Raises LabelInactive.

    The conversation is locked by the caller. `by`: a key, `bot`, or `rule:<id>`.
    """
    if not label.is_active:
        raise LabelInactive(name=label.name)
    if not await work.labels.apply(conversation_id, label.id, by=by, at=now):
        return False
    await work.timeline.note(
        conversation_id, "conversation.labelled", label_id=label.id, label=label.name, by=by
    )
    return True


async def remove_label(
    work: Work, conversation_id: ConversationId, label_id: LabelId, *, by: str
) -> bool:
    """False where it was not there; one that was deleted is taken off like any other.

    The conversation is locked by the caller. Raises LabelNotFound.
    """
    label = await work.labels.get(label_id)
    if not await work.labels.take_off(conversation_id, label.id):
        return False
    await work.timeline.note(
        conversation_id, "conversation.unlabelled", label_id=label.id, label=label.name, by=by
    )
    return True


@dataclass(frozen=True, kw_only=True)
class LabelService:
    """What there is to choose from."""

    open_work: OpenWork
    now: Clock
    new_id: Callable[[], UUID]

    async def all(self, tenant_id: TenantId, *, is_active: bool | None) -> Sequence[Label]:
        """In the order of their names; None: deleted ones, too. Raises TenantNotFound."""
        async with self.open_work(tenant_id) as work:
            await work.tenants.get(tenant_id)
            return await work.labels.all(is_active=is_active)

    async def get(self, tenant_id: TenantId, label_id: LabelId) -> Label:
        """Also one that was deleted. Raises LabelNotFound."""
        async with self.open_work(tenant_id) as work:
            return await work.labels.get(label_id)

    async def add(self, tenant_id: TenantId, **terms: Unpack[Terms]) -> Label:
        """Where one of that name was deleted, it comes back, and is otherwise as said here.

        Raises TenantNotFound, LabelRejected, LabelNameTaken, TooManyLabels.
        """
        now = self.now()
        label = Label(
            id=LabelId(self.new_id()), tenant_id=tenant_id, name="", created_at=now, updated_at=now
        )
        label.change(now, **terms)
        async with self.open_work(tenant_id) as work:
            await work.tenants.get(tenant_id)
            if len(await work.labels.all(is_active=True)) >= MOST_LABELS:
                raise TooManyLabels(most=MOST_LABELS)
            if await work.labels.add(label):
                return label
            known = await work.labels.named(label.name)
            known.come_back(now, name=label.name, color=label.color, description=label.description)
            await work.labels.save(known)
        return known

    async def change(
        self,
        tenant_id: TenantId,
        label_id: LabelId,
        *,
        expected: int | None = None,
        **terms: Unpack[Terms],
    ) -> Label:
        """Only what is named; with `expected`, only that version.

        Raises LabelNotFound, LabelRejected, LabelNameTaken, ChangedSince, ChangedMeanwhile.
        """
        async with self.open_work(tenant_id) as work:
            label = await work.labels.get(label_id)
            if expected not in {None, label.version}:
                raise ChangedSince(name=label.name, version=label.version)
            label.change(self.now(), **terms)
            await work.labels.save(label)
        return label

    async def delete(self, tenant_id: TenantId, label_id: LabelId) -> None:
        """It stays where it is, and goes nowhere else. A second time is no mistake.

        Raises LabelNotFound, ChangedMeanwhile.
        """
        async with self.open_work(tenant_id) as work:
            label = await work.labels.get(label_id)
            if label.delete(self.now()):
                await work.labels.save(label)
