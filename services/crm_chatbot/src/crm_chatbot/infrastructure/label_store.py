"""Labels in PostgreSQL, and which conversations they are on."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, Update, collate, delete, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError

from crm_chatbot.application.feed import Thing
from crm_chatbot.domain.conversations.conversation import ConversationId
from crm_chatbot.domain.label import (
    Applied,
    Label,
    LabelId,
    LabelNameTaken,
    LabelNotFound,
    key_of,
)
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.infrastructure.service_desk_tables import conversation_labels, labels
from shared.domain import ChangedMeanwhile
from shared.infrastructure.late import LateSession

_l, _on = labels.c, conversation_labels.c
_BY_NAME = collate(_l.name_key, "C"), _l.id


class SqlLabels:
    """Honours crm_chatbot.domain.label.Labels."""

    def __init__(self, session: LateSession, tenant_id: TenantId) -> None:
        self._session = session
        self._tenant_id = tenant_id

    async def get(self, label_id: LabelId, /) -> Label:
        is_it = (_l.tenant_id == self._tenant_id, _l.id == label_id)
        for row in (await self._session.execute(select(labels).where(*is_it))).mappings():
            return _label_of(row)
        raise LabelNotFound(label=label_id)

    async def named(self, name: str, /) -> Label:
        # PostgreSQL's texts have no U+0000: who asks for one would get an error instead of a no.
        key = key_of(name.replace("\0", "\ufffd"))
        is_it = (_l.tenant_id == self._tenant_id, _l.name_key == key)
        for row in (await self._session.execute(select(labels).where(*is_it))).mappings():
            return _label_of(row)
        raise LabelNotFound(label="of that name")

    async def all(self, *, is_active: bool | None = None) -> Sequence[Label]:
        query = select(labels).where(_l.tenant_id == self._tenant_id)
        if is_active is not None:
            query = query.where(_l.is_active == is_active)
        found = await self._session.execute(query.order_by(*_BY_NAME))
        return list(map(_label_of, found.mappings()))

    async def add(self, label: Label, /) -> bool:
        new = postgresql.insert(labels).values(_row_of(label))
        new = new.on_conflict_do_nothing(index_elements=["tenant_id", "name_key"])
        is_new = await self._session.scalar(new.returning(_l.id)) is not None
        if is_new:
            self._session.touched(Thing.LABEL, label.id)
        return is_new

    async def save(self, label: Label, /) -> None:
        seen: Update = update(labels).where(
            _l.tenant_id == self._tenant_id, _l.id == label.id, _l.version == label.version
        )
        changed = {**_row_of(label), "version": label.version + 1}
        try:
            version = await self._session.scalar(seen.values(changed).returning(_l.version))
        except IntegrityError as taken:
            raise LabelNameTaken(name=label.name) from taken
        if version is None:
            raise ChangedMeanwhile
        label.version = version
        self._session.touched(Thing.LABEL, label.id)

    async def apply(
        self, conversation_id: ConversationId, label_id: LabelId, /, *, by: str, at: datetime
    ) -> bool:
        new = postgresql.insert(conversation_labels).values(
            tenant_id=self._tenant_id,
            conversation_id=conversation_id,
            label_id=label_id,
            applied_at=at,
            applied_by=by,
        )
        kept = new.on_conflict_do_nothing().returning(_on.label_id)
        is_new = await self._session.scalar(kept) is not None
        if is_new:
            self._touched(conversation_id)
        return is_new

    async def take_off(self, conversation_id: ConversationId, label_id: LabelId, /) -> bool:
        is_it = (
            _on.tenant_id == self._tenant_id,
            _on.conversation_id == conversation_id,
            _on.label_id == label_id,
        )
        gone = delete(conversation_labels).where(*is_it).returning(_on.label_id)
        was_on = await self._session.scalar(gone) is not None
        if was_on:
            self._touched(conversation_id)
        return was_on

    def _touched(self, conversation_id: ConversationId) -> None:
        which = conversation_id
        self._session.touched(Thing.CONVERSATION, which, conversation_id=which)

    async def on(self, conversation_id: ConversationId, /) -> Sequence[Applied]:
        query = select(labels, _on.applied_at, _on.applied_by).join(
            conversation_labels, (_on.tenant_id == _l.tenant_id) & (_on.label_id == _l.id)
        )
        theirs = (_on.tenant_id == self._tenant_id, _on.conversation_id == conversation_id)
        found = await self._session.execute(query.where(*theirs).order_by(_on.applied_at, _l.id))
        return [
            Applied(
                label=_label_of(row), applied_at=row["applied_at"], applied_by=row["applied_by"]
            )
            for row in found.mappings()
        ]


_FIELDS = [name for name in labels.columns.keys() if name != "name_key"]  # noqa: SIM118 - its keys are names


def _row_of(label: Label) -> dict[str, Any]:
    return {**{name: getattr(label, name) for name in _FIELDS}, "name_key": label.name_key}


def _label_of(row: RowMapping) -> Label:
    return Label(**{name: row[name] for name in _FIELDS})
