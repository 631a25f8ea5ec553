"""Messages in PostgreSQL, in the order in which their conversation gave them their places."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from crm_chatbot.application.feed import Thing
from crm_chatbot.domain.conversations.conversation import ConversationId
from crm_chatbot.domain.conversations.message import (
    MOST_LOOKED_AT,
    MOST_REPEATS,
    TEXTS_WITHIN_S,
    TURNS_WITHIN_S,
    Author,
    Direction,
    Kind,
    Lately,
    Message,
    MessageId,
    MessageNotFound,
    MessageState,
    TurnId,
)
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.infrastructure.tables import messages, sent_stanzas
from shared.infrastructure.database import Row, insert_rows
from shared.infrastructure.late import LateSession


async def _add(session: AsyncSession, rows: Sequence[Row]) -> None:
    await insert_rows(session, "crm.messages", rows)


_LEAVING = (MessageState.QUEUED, MessageState.HANDED)

# Only the newest are looked at: more than that many in so short a time is lively enough.
_LATELY = text("""
    SELECT chat.id, lively.turns, lively.texts
      FROM unnest(CAST(:conversations AS uuid[])) AS chat (id)
     CROSS JOIN LATERAL (
           SELECT count(DISTINCT turn_id) FILTER (
                      WHERE direction = 'out' AND author = 'bot'
                        AND created_at > :turns_since) AS turns,
                  (array_agg(text ORDER BY seq DESC) FILTER (
                      WHERE direction = 'in' AND kind = 'text'
                        AND created_at > :texts_since))[1 : :most_texts] AS texts
             FROM (SELECT seq, direction, author, kind, turn_id, created_at, text
                     FROM crm.messages WHERE tenant_id = :tenant AND conversation_id = chat.id
                    ORDER BY seq DESC LIMIT :most) AS newest) AS lively""")

# What was said lies in four places, and whom it was said to in two.
_ERASE = tuple(
    text(statement)
    for statement in (
        """
        UPDATE crm.messages SET text = '', content = '{}'::jsonb, reaction = NULL
         WHERE tenant_id = :tenant AND conversation_id = :conversation""",
        """
        UPDATE crm.inbox SET chat_id = NULL
         WHERE tenant_id = :tenant AND conversation_id = :conversation""",
        *(
            f"""
        DELETE FROM crm.{table} AS words USING crm.turns AS turn
         WHERE words.tenant_id = :tenant AND turn.tenant_id = :tenant
           AND words.turn_id = turn.id AND turn.conversation_id = :conversation"""  # noqa: S608 - names are ours
            for table in ("tool_executions", "checkpoints", "checkpoint_writes")
        ),
    )
)


class SqlMessages:
    """Honours crm_chatbot.domain.conversations.message.Messages."""

    def __init__(self, session: LateSession, tenant_id: TenantId) -> None:
        self._session = session
        self._tenant_id = tenant_id
        # What was looked at ahead; it counts until its conversation is changed.
        self._foreseen: dict[ConversationId, Lately] = {}

    async def add(self, new: Sequence[Message], /) -> None:
        rows = [{"tenant_id": self._tenant_id, **row_of(message)} for message in new]
        self._session.put_off(_add, rows)
        self._touched(new)
        await self._know_as_sent(new)

    async def save(self, message: Message, /) -> None:
        row = row_of(message)
        await self._session.execute(
            update(messages).where(self._is_ours, messages.c.id == row.pop("id")).values(row)
        )
        self._touched([message])
        await self._know_as_sent([message])

    async def get(self, message_id: MessageId, /) -> Message:
        for message in await self._found(messages.c.id == message_id):
            return message
        raise MessageNotFound(message_id=message_id)

    async def by_stanza(self, session: str, stanza_id: str, /) -> Message | None:
        c, sent = messages.c, sent_stanzas.c
        came = and_(c.session == session, c.stanza_id == stanza_id)
        left = c.id == (
            select(sent.message_id)
            .where(sent.tenant_id == self._tenant_id)
            .where(sent.session == session, sent.stanza_id == stanza_id)
            .scalar_subquery()
        )
        return next(iter(await self._found(or_(came, left))), None)

    async def unanswered(self, conversation_id: ConversationId, /, *, most: int) -> list[Message]:
        is_new = messages.c.state == MessageState.NEW
        return await self._found(_of(conversation_id), is_new, most=most)

    async def leaving(self, conversation_id: ConversationId, /) -> list[Message]:
        return await self._found(_of(conversation_id), messages.c.state.in_(_LEAVING))

    async def entrusted(self, conversation_id: ConversationId, /) -> list[MessageId]:
        asked = select(messages.c.id).where(self._is_ours, _of(conversation_id))
        asked = asked.where(messages.c.direction == Direction.OUT, messages.c.asks > 0)
        return [*await self._session.scalars(asked.order_by(messages.c.seq))]

    async def newest(self, conversation_id: ConversationId, /, *, most: int) -> list[Message]:
        query = select(messages).where(self._is_ours, _of(conversation_id))
        rows = await self._session.execute(query.order_by(messages.c.seq.desc()).limit(most))
        return [message_of(dict(row)) for row in rows.mappings()][::-1]

    async def lately(self, conversation_id: ConversationId, now: datetime, /) -> Lately:
        is_changed = self._session.is_touched(conversation_id)
        if conversation_id not in self._foreseen or is_changed:
            if is_changed:
                await self._session.write_out()
            await self.look_back([conversation_id], now)
        return self._foreseen[conversation_id]

    async def look_back(
        self, conversation_ids: Collection[ConversationId], now: datetime, /
    ) -> None:
        if not conversation_ids:
            return
        found = await self._session.ahead(
            _LATELY,
            {
                "tenant": self._tenant_id,
                "conversations": list(conversation_ids),
                "turns_since": now - timedelta(seconds=TURNS_WITHIN_S),
                "texts_since": now - timedelta(seconds=TEXTS_WITHIN_S),
                "most": MOST_LOOKED_AT,
                "most_texts": MOST_REPEATS,
            },
        )
        for row in found:
            said = tuple(reversed(row.texts or ()))
            self._foreseen[row.id] = Lately(row.turns, said)

    async def leave_to_person(self, conversation_id: ConversationId, /, *, reason: str) -> int:
        left = await self._session.execute(
            update(messages)
            .where(self._is_ours, _of(conversation_id), messages.c.state == MessageState.NEW)
            .values(state=MessageState.FOR_PERSON, reason=reason)
            .returning(messages.c.id)
        )
        self._several_touched(conversation_id)
        return len(left.all())

    async def erase(self, conversation_id: ConversationId, /) -> None:
        for statement in _ERASE:
            await self._session.execute(statement, self._named(conversation_id))
        self._several_touched(conversation_id)

    async def cover(
        self, conversation_id: ConversationId, turn_id: TurnId, /, *, seqs: Sequence[int]
    ) -> None:
        await self._session.execute(
            update(messages)
            .where(self._is_ours, _of(conversation_id), messages.c.seq.in_(seqs))
            .where(messages.c.direction == Direction.IN)
            .values(state=MessageState.COVERED, turn_id=turn_id)
        )
        self._several_touched(conversation_id)

    def _touched(self, changed: Sequence[Message]) -> None:
        for message in changed:
            in_chat = message.conversation_id
            self._session.touched(Thing.MESSAGE, message.id, conversation_id=in_chat)

    def _several_touched(self, conversation_id: ConversationId) -> None:
        which = conversation_id
        self._session.touched(Thing.CONVERSATION, which, conversation_id=which)

    async def _know_as_sent(self, left: Sequence[Message]) -> None:
        rows = [
            {
                "tenant_id": self._tenant_id,
                "session": message.session,
                "stanza_id": stanza_id,
                "message_id": message.id,
            }
            for message in left
            if message.session
            for stanza_id in message.wa_ids
        ]
        await insert_rows(
            self._session, "crm.sent_stanzas", rows, on_conflict="ON CONFLICT DO NOTHING"
        )

    @property
    def _is_ours(self) -> ColumnElement[bool]:
        return messages.c.tenant_id == self._tenant_id

    def _named(self, conversation_id: ConversationId) -> dict[str, Any]:
        return {"tenant": self._tenant_id, "conversation": conversation_id}

    async def _found(self, *which: ColumnElement[bool], most: int | None = None) -> list[Message]:
        query = select(messages).where(self._is_ours, *which).order_by(messages.c.seq)
        rows = await self._session.execute(query if most is None else query.limit(most))
        return [message_of(dict(row)) for row in rows.mappings()]


def _of(conversation_id: ConversationId) -> ColumnElement[bool]:
    return messages.c.conversation_id == conversation_id


def row_of(message: Message) -> dict[str, Any]:
    """A message as its row, but for its tenant; `message_of` is the way back."""
    return {**vars(message), "wa_ids": list(message.wa_ids), "content": dict(message.content)}


def message_of(row: Mapping[str, Any]) -> Message:
    """A row as the message that it was."""
    facts = {name: value for name, value in row.items() if name != "tenant_id"}
    named: dict[str, Any] = {
        "direction": Direction(row["direction"]),
        "author": Author(row["author"]),
        "kind": Kind(row["kind"]),
        "state": MessageState(row["state"]),
        "wa_ids": tuple(row["wa_ids"]),
    }
    return Message(**{**facts, **named})
