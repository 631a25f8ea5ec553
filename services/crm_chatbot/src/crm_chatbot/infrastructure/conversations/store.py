"""Conversations in PostgreSQL: handed out locked, so that whoever changes one is alone with it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, Select, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from crm_chatbot.application.feed import Thing
from crm_chatbot.domain.conversations.conversation import (
    Conversation,
    ConversationId,
    ConversationNotFound,
    ConversationState,
    Mode,
    TakeoverReason,
)
from crm_chatbot.domain.customers.customer import CustomerId
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.infrastructure.tables import conversations
from shared.infrastructure.database import Row, as_json, insertion
from shared.infrastructure.late import LateSession

# Built once: they are most of what a webhook costs.
_ONE = select(conversations).where(conversations.c.tenant_id == bindparam("whose"))
_BY_ID = _ONE.where(conversations.c.id == bindparam("which")).with_for_update()
_BY_CUSTOMER = _ONE.where(conversations.c.customer_id == bindparam("which")).with_for_update()
_BY_CUSTOMERS = (
    _ONE.where(conversations.c.customer_id.in_(bindparam("these", expanding=True)))
    .order_by(conversations.c.id)
    .with_for_update()
)
_CHANGES = ", ".join(
    f"{c.name} = new.{c.name}" for c in conversations.c if c.name not in {"tenant_id", "id"}
)
_SAVE = text(f"""
    UPDATE crm.conversations AS old SET {_CHANGES}
      FROM json_populate_recordset(NULL::crm.conversations, CAST(:rows AS json)) AS new
     WHERE old.tenant_id = new.tenant_id AND old.id = new.id""")  # noqa: S608 - names are ours


async def _save(session: AsyncSession, rows: Sequence[Row]) -> None:
    newest = {row["id"]: row for row in rows}
    await session.execute(_SAVE, {"rows": as_json(list(newest.values()))})


# A conversation's rows change hands. Turns first: of those that run only one may be the kept one's.
_MOVE = tuple(
    text(statement)
    for statement in (
        """
        UPDATE crm.turns SET status = 'superseded', ended_at = clock_timestamp()
         WHERE tenant_id = :tenant AND conversation_id = :gone AND status = 'running'""",
        """
        UPDATE crm.turns SET conversation_id = :kept, from_seq = from_seq + :after,
               to_seq = to_seq + :after
         WHERE tenant_id = :tenant AND conversation_id = :gone""",
        """
        UPDATE crm.messages SET conversation_id = :kept, seq = seq + :after
         WHERE tenant_id = :tenant AND conversation_id = :gone""",
        """
        UPDATE crm.timeline SET conversation_id = :kept
         WHERE tenant_id = :tenant AND conversation_id = :gone""",
        """
        UPDATE crm.inbox SET conversation_id = :kept
         WHERE tenant_id = :tenant AND conversation_id = :gone""",
        """
        INSERT INTO crm.conversation_labels
               (tenant_id, conversation_id, label_id, applied_at, applied_by)
        SELECT tenant_id, CAST(:kept AS uuid), label_id, applied_at, applied_by
          FROM crm.conversation_labels WHERE tenant_id = :tenant AND conversation_id = :gone
            ON CONFLICT DO NOTHING""",
        """
        DELETE FROM crm.conversation_labels
         WHERE tenant_id = :tenant AND conversation_id = :gone""",
        "DELETE FROM crm.conversations WHERE tenant_id = :tenant AND id = :gone",
    )
)


class SqlConversations:
    """Honours crm_chatbot.domain.conversations.conversation.Conversations."""

    def __init__(self, session: LateSession, tenant_id: TenantId) -> None:
        self._session = session
        self._tenant_id = tenant_id
        # Nobody else can change what is locked here: it is not read a second time.
        self._held: dict[UUID, Conversation] = {}

    async def lock(self, conversation_id: ConversationId, /) -> Conversation:
        found = await self._locked(_BY_ID, conversation_id)
        if found is None:
            raise ConversationNotFound(conversation_id=conversation_id)
        return found

    async def lock_of(self, customer_id: CustomerId, /) -> Conversation | None:
        return await self._locked(_BY_CUSTOMER, customer_id)

    async def lock_all_of(self, customer_ids: Sequence[CustomerId], /) -> list[Conversation]:
        facts = {"whose": self._tenant_id, "these": list(customer_ids)}
        found = await self._session.ahead(_BY_CUSTOMERS, facts)
        return [
            self._held.get(row["id"]) or self._hold(conversation_of(row))
            for row in found.mappings()
        ]

    async def add(self, *conversations: Conversation) -> None:
        rows = [row_of(one) for one in conversations]
        adding = insertion("crm.conversations", tuple(rows[0]))
        await self._session.ahead(adding, {"rows": as_json(rows)})
        for conversation in conversations:
            self._touched(conversation)
            self._hold(conversation)

    async def save(self, conversation: Conversation, /) -> None:
        self._session.put_off(_save, [row_of(conversation)])
        self._touched(conversation)

    async def absorb(self, kept: Conversation, gone: Conversation, /) -> None:
        facts = {
            "tenant": self._tenant_id,
            "kept": kept.id,
            "gone": gone.id,
            "after": kept.last_seq,
        }
        for statement in _MOVE:
            names = statement.compile().params
            await self._session.execute(statement, {name: facts[name] for name in names})
        self._held.clear()
        self._touched(gone)
        kept.last_seq += gone.last_seq
        await self.save(kept)

    def _touched(self, conversation: Conversation) -> None:
        which = conversation.id
        self._session.touched(Thing.CONVERSATION, which, conversation_id=which)

    def _named(self, which: UUID) -> dict[str, UUID]:
        return {"whose": self._tenant_id, "which": which}

    async def _locked(self, query: Select[Any], which: UUID) -> Conversation | None:
        if which in self._held:
            return self._held[which]
        found = await self._session.ahead(query, self._named(which))
        row = found.mappings().one_or_none()
        if row is None:
            return None
        return self._hold(conversation_of(row))

    def _hold(self, conversation: Conversation) -> Conversation:
        self._held[conversation.customer_id] = self._held[conversation.id] = conversation
        return conversation


def row_of(conversation: Conversation) -> dict[str, Any]:
    """A conversation as its row; `conversation_of` is the way back, and a test holds both."""
    return {name: value for name, value in vars(conversation).items() if name[0] != "_"}


def conversation_of(row: RowMapping) -> Conversation:
    """A row as the conversation that it was."""
    reason = row["mode_reason"]
    named: dict[str, Any] = {
        "state": ConversationState(row["state"]),
        "mode": Mode(row["mode"]),
        "mode_reason": reason and TakeoverReason(reason),
    }
    return Conversation(**{**row, **named})
