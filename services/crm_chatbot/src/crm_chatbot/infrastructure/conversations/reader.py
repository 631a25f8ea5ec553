"""Conversations for looking at, one query a page; and whose they are, across all tenants."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Select, TextualSelect, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from crm_chatbot.application.conversations.looking import (
    MOST_UNREAD,
    ConversationSeen,
    LabelSeen,
    LastSpoken,
    MessageSeen,
    Place,
    Said,
    Situation,
    Step,
    Wanted,
    status_of,
)
from crm_chatbot.domain.conversations.conversation import (
    ConversationId,
    ConversationState,
    Happened,
    Mode,
    TakeoverReason,
)
from crm_chatbot.domain.conversations.message import Direction, Kind
from crm_chatbot.domain.customers.customer import CustomerId
from crm_chatbot.domain.label import LabelId
from crm_chatbot.domain.orders.order import OrderId
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.infrastructure.conversations.message_store import message_of
from crm_chatbot.infrastructure.conversations.situation import look
from crm_chatbot.infrastructure.tables import acks, messages, timeline
from shared.infrastructure.database import Row, Sessions, reading
from shared.infrastructure.tenancy import tenant_transaction

# Chosen first, and only then looked at more closely.
_SEEN = f"""
    SELECT c.tenant_id, c.id, c.customer_id, c.chat_id, c.session, c.state, c.mode, c.mode_reason,
           c.mode_since, c.handback_at, c.last_message_at, c.created_at,
           (SELECT who.name FROM crm.customers who
             WHERE who.tenant_id = c.tenant_id AND who.id = c.customer_id) AS customer_name,
           (SELECT i.value FROM crm.customer_identities i
             WHERE i.tenant_id = c.tenant_id AND i.customer_id = c.customer_id
               AND i.kind = 'phone' ORDER BY i.value LIMIT 1) AS phone,
           (SELECT count(*) FROM (
                SELECT FROM crm.messages m
                 WHERE m.tenant_id = c.tenant_id AND m.conversation_id = c.id
                   AND m.seq > c.read_seq AND m.direction = 'in' LIMIT {MOST_UNREAD}) AS new
           ) AS unread,
           (SELECT json_agg(json_build_object('id', l.id, 'name', l.name, 'color', l.color)
                            ORDER BY l.name_key COLLATE "C")
              FROM crm.conversation_labels x
              JOIN crm.labels l ON l.tenant_id = x.tenant_id AND l.id = x.label_id
             WHERE x.tenant_id = c.tenant_id AND x.conversation_id = c.id AND l.is_active
           ) AS labels,
           said.direction, said.kind, said.text, said.at
      FROM ({{chosen}}) AS c
      LEFT JOIN LATERAL (
           SELECT m.direction, m.kind, m.text, m.created_at AS at FROM crm.messages m
            WHERE m.tenant_id = c.tenant_id AND m.conversation_id = c.id
              AND m.direction IN ('in', 'out') ORDER BY m.seq DESC LIMIT 1) AS said ON true
     ORDER BY c.last_message_at DESC, c.id DESC"""  # noqa: S608 - a number of ours

_OURS = "SELECT * FROM crm.conversations c WHERE c.tenant_id = :tenant"

_SAID = ("direction", "kind", "text", "at")

# With a limit, or it would be looked up for all conversations at once.
_UNREAD = """(
    SELECT m.seq FROM crm.messages m WHERE m.tenant_id = c.tenant_id AND m.conversation_id = c.id
       AND m.seq > c.read_seq AND m.direction = 'in' LIMIT 1)"""

#: What each wish adds; a mode is spelt out, for the sake of its index.
_CONDITIONS: Mapping[str, Mapping[Any, str]] = {
    "mode": {mode: f"c.mode = '{mode}'" for mode in Mode},
    "is_unread": {True: f"{_UNREAD} IS NOT NULL", False: f"{_UNREAD} IS NULL"},
}
_OTHER_CONDITIONS: Mapping[str, str] = {
    "state": "c.state = :state",
    "customer_id": "c.customer_id = :customer_id",
    "updated_since": "c.last_message_at >= :updated_since",
    "label_id": """EXISTS (
        SELECT FROM crm.conversation_labels x WHERE x.tenant_id = c.tenant_id
           AND x.conversation_id = c.id AND x.label_id = :label_id)""",
}
_AFTER = "(c.last_message_at, c.id) < (:at, :id)"
_NEWEST_FIRST = " ORDER BY c.last_message_at DESC, c.id DESC LIMIT :limit"


def _chosen(chosen: str) -> TextualSelect:
    return text(_SEEN.format(chosen=chosen)).columns(labels=JSON)


_THESE = _chosen(f"{_OURS} AND c.id = ANY(:ids)")

# Unnested first: a policy lets no index be searched by what an array function makes of a row.
_PART = func.unnest(
    func.array_append(messages.c.wa_ids, messages.c.stanza_id, type_=ARRAY(Text))
).column_valued("part")
_RANKS = (
    select(func.array_agg(acks.c.rank))
    .where(
        acks.c.tenant_id == messages.c.tenant_id,
        acks.c.session == messages.c.session,
        acks.c.stanza_id == _PART,
    )
    .correlate(messages)
    .scalar_subquery()
    .label("ranks")
)

_NEWEST = text("""
    SELECT tenant_id, conversation_id FROM crm.newest_conversations(
        CAST(:mode AS text), CAST(:state AS text), CAST(:customer_id AS uuid),
        CAST(:is_unread AS boolean), CAST(:updated_since AS timestamptz),
        CAST(:at AS timestamptz), CAST(:id AS uuid), :limit)""")


class SqlConversationReader:
    """Honours crm_chatbot.application.conversations.looking.ConversationReader."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def these(
        self, tenant_id: TenantId, ids: Sequence[ConversationId], /
    ) -> Sequence[ConversationSeen]:
        async with tenant_transaction(self._sessions, tenant_id) as session:
            rows = await session.execute(_THESE, {"tenant": tenant_id, "ids": list(ids)})
            return [_seen(dict(row)) for row in rows.mappings()]

    async def page(
        self, tenant_id: TenantId, wanted: Wanted, /, *, after: Place | None, limit: int
    ) -> Sequence[ConversationSeen]:
        conditions, facts = _asked(wanted, after)
        chosen = " AND ".join([_OURS, *conditions]) + _NEWEST_FIRST
        query = _chosen(chosen)
        facts |= {"tenant": tenant_id, "limit": limit}
        async with tenant_transaction(self._sessions, tenant_id) as session:
            rows = await session.execute(query, facts)
            return [_seen(dict(row)) for row in rows.mappings()]

    async def messages(
        self,
        tenant_id: TenantId,
        conversation_id: ConversationId,
        /,
        *,
        before: int | None,
        limit: int,
    ) -> Sequence[MessageSeen]:
        query = _messages(tenant_id, conversation_id)
        if before is not None:
            query = query.where(messages.c.seq < before)
        async with tenant_transaction(self._sessions, tenant_id) as session:
            rows = await session.execute(query.limit(limit))
            return [_message_seen(dict(row)) for row in rows.mappings()][::-1]

    async def steps(
        self,
        tenant_id: TenantId,
        conversation_id: ConversationId,
        /,
        *,
        before: int | None,
        limit: int,
    ) -> Sequence[Step]:
        c = timeline.c
        query = select(c.id, c.at, c.what, c.facts).where(
            c.tenant_id == tenant_id, c.conversation_id == conversation_id
        )
        if before is not None:
            query = query.where(c.id < before)
        async with tenant_transaction(self._sessions, tenant_id) as session:
            rows = await session.execute(query.order_by(c.id.desc()).limit(limit))
            found = [Step(r.id, Happened(what=r.what, at=r.at, facts=r.facts)) for r in rows]
            return found[::-1]

    async def situation(self, tenant_id: TenantId, conversation_id: ConversationId, /) -> Situation:
        async with tenant_transaction(self._sessions, tenant_id) as session:
            seen, heard_at = await look(session, tenant_id, conversation_id)
            newest = _messages(tenant_id, conversation_id).where(messages.c.direction == "out")
            rows = await session.execute(newest.limit(1))
            spoken = [_message_seen(dict(row)) for row in rows.mappings()]
        return seen if not spoken else replace(seen, spoken=_spoken(spoken[0], heard_at or 0))


class SqlDirectory:
    """Honours crm_chatbot.application.conversations.looking.Directory."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def tenant_of_conversation(self, conversation_id: ConversationId, /) -> TenantId | None:
        return await self._tenant_of("crm.tenant_of_conversation(:id)", conversation_id)

    async def tenant_of_customer(self, customer_id: CustomerId, /) -> TenantId | None:
        return await self._tenant_of("crm.tenant_of_customer(:id)", customer_id)

    async def tenant_of_order(self, order_id: OrderId, /) -> TenantId | None:
        return await self._tenant_of("crm.tenant_of_order(:id)", order_id)

    async def newest(
        self, wanted: Wanted, /, *, after: Place | None, limit: int
    ) -> Sequence[tuple[TenantId, ConversationId]]:
        place = {"at": after and after.at, "id": after and after.id}
        async with reading(self._sessions) as connection:
            rows = await connection.execute(_NEWEST, {**vars(wanted), **place, "limit": limit})
            return [(TenantId(row[0]), ConversationId(row[1])) for row in rows]

    async def _tenant_of(self, function: str, whose: object) -> TenantId | None:
        async with reading(self._sessions) as connection:
            found = await connection.scalar(text(f"SELECT {function}"), {"id": whose})
        return None if found is None else TenantId(found)


def _asked(wanted: Wanted, after: Place | None) -> tuple[list[str], dict[str, Any]]:
    """The conditions, and what their parameters stand for."""
    asked = {name: value for name, value in vars(wanted).items() if value is not None}
    conditions = [_CONDITIONS[name][asked[name]] for name in _CONDITIONS if name in asked]
    conditions += [_OTHER_CONDITIONS[name] for name in _OTHER_CONDITIONS if name in asked]
    facts = {name: asked[name] for name in _OTHER_CONDITIONS if name in asked}
    if after is None:
        return conditions, facts
    return [*conditions, _AFTER], {**facts, **vars(after)}


def _seen(row: Row) -> ConversationSeen:
    facts = {name: value for name, value in row.items() if name not in _SAID}
    reason = row["mode_reason"]
    named: dict[str, Any] = {
        "state": ConversationState(row["state"]),
        "mode": Mode(row["mode"]),
        "mode_reason": reason and TakeoverReason(reason),
        "last": _said(row) if row["direction"] else None,
        "labels": [_label_seen(one) for one in row["labels"] or ()],
    }
    return ConversationSeen(**{**facts, **named})


def _label_seen(told: Mapping[str, str]) -> LabelSeen:
    return LabelSeen(id=LabelId(UUID(told["id"])), name=told["name"], color=told["color"])


def _said(row: Row) -> Said:
    return Said(
        direction=Direction(row["direction"]),
        kind=Kind(row["kind"]),
        text=row["text"],
        at=row["at"],
    )


def _messages(tenant_id: TenantId, conversation_id: ConversationId) -> Select[tuple[Any, ...]]:
    """The newest first."""
    c = messages.c
    query = select(messages, _RANKS).where(
        c.tenant_id == tenant_id, c.conversation_id == conversation_id
    )
    return query.order_by(c.seq.desc())


def _spoken(seen: MessageSeen, heard_at: int) -> LastSpoken | None:
    message = seen.message
    if seen.status is None:
        return None
    return LastSpoken(
        author=message.author,
        status=seen.status,
        reason=message.reason,
        is_after_heard=message.seq > heard_at,
    )


def _message_seen(row: dict[str, Any]) -> MessageSeen:
    ranks: Sequence[int] = row.pop("ranks") or ()
    message = message_of(row)
    return MessageSeen(message, status_of(message, ranks))
