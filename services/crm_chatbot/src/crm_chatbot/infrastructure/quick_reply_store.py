"""Quick replies in PostgreSQL: changed one at a time, and counted by whoever uses them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import collate, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError

from crm_chatbot.application.feed import Thing
from crm_chatbot.domain.quick_reply import (
    QuickReply,
    QuickReplyId,
    QuickReplyNotFound,
    ShortcutTaken,
    Wanted,
)
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.infrastructure.service_desk_tables import quick_replies
from shared.domain import ChangedMeanwhile
from shared.infrastructure.late import LateSession

_q = quick_replies.c
#: The same order for everybody, whatever the database's language.
_PLACE = collate(_q.shortcut, "C")
_CHANGING = ("shortcut", "content", "category", "is_active", "updated_at")


class SqlQuickReplies:
    """Honours crm_chatbot.domain.quick_reply.QuickReplies."""

    def __init__(self, session: LateSession, tenant_id: TenantId) -> None:
        self._session = session
        self._tenant_id = tenant_id
        self._used: dict[QuickReplyId, tuple[int, datetime]] = {}

    async def get(self, quick_reply_id: QuickReplyId, /) -> QuickReply:
        is_it = (_q.tenant_id == self._tenant_id, _q.id == quick_reply_id)
        found = await self._session.execute(select(quick_replies).where(*is_it))
        for row in found.mappings():
            return QuickReply(**row)
        raise QuickReplyNotFound(which=quick_reply_id)

    async def by_shortcut(self, shortcut: str, /) -> QuickReply:
        is_it = (_q.tenant_id == self._tenant_id, _q.shortcut == shortcut.lower())
        found = await self._session.execute(select(quick_replies).where(*is_it))
        for row in found.mappings():
            return QuickReply(**row)
        raise QuickReplyNotFound(which=shortcut.lower())

    async def page(
        self, wanted: Wanted, /, *, after: str | None, limit: int
    ) -> Sequence[QuickReply]:
        query = select(quick_replies).where(
            _q.tenant_id == self._tenant_id,
            _q.is_active == wanted.is_active,
            _q.shortcut.startswith(wanted.prefix, autoescape=True),
        )
        if wanted.category is not None:
            query = query.where(_q.category == wanted.category)
        if after is not None:
            query = query.where(after < _PLACE)
        rows = await self._session.execute(query.order_by(_PLACE).limit(limit))
        return [QuickReply(**row) for row in rows.mappings()]

    async def add(self, reply: QuickReply, /) -> bool:
        new = postgresql.insert(quick_replies).values(vars(reply))
        new = new.on_conflict_do_nothing(index_elements=["tenant_id", "shortcut"])
        is_new = await self._session.scalar(new.returning(_q.id)) is not None
        if is_new:
            self._session.touched(Thing.QUICK_REPLY, reply.id)
        return is_new

    async def save(self, reply: QuickReply, /) -> None:
        seen = update(quick_replies).where(
            _q.tenant_id == self._tenant_id, _q.id == reply.id, _q.version == reply.version
        )
        changed = {name: getattr(reply, name) for name in _CHANGING}
        changed["version"] = reply.version + 1
        try:
            version = await self._session.scalar(seen.values(changed).returning(_q.version))
        except IntegrityError as taken:
            if "uq_quick_replies_tenant_id_shortcut" not in str(taken.orig):
                raise
            raise ShortcutTaken(shortcut=reply.shortcut) from taken
        if version is None:
            raise ChangedMeanwhile
        reply.version = version
        self._session.touched(Thing.QUICK_REPLY, reply.id)

    async def used(self, quick_reply_id: QuickReplyId, now: datetime, /) -> None:
        times, _ = self._used.get(quick_reply_id, (0, now))
        self._used[quick_reply_id] = (times + 1, now)
        self._session.touched(Thing.QUICK_REPLY, quick_reply_id)

    async def count(self) -> None:
        """All uses, as the last thing of the transaction, in one order for everybody.

        The whole shop says the same few: who counted at once, and then waited for something else,
        to open a ticket, say, could wait in a circle.
        """
        for quick_reply_id, (times, now) in sorted(self._used.items()):
            is_it = (_q.tenant_id == self._tenant_id, _q.id == quick_reply_id)
            used = update(quick_replies).where(*is_it).values(uses=_q.uses + times, used_at=now)
            await self._session.execute(used)
