"""WAHA in memory: every session works, every number exists, until a test says otherwise."""

import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.contracts import WhatsAppContent, WhatsAppFile, WhatsAppPlace
from shared.domain import Clock
from shared.whatsapp.connections import Connection
from shared.whatsapp.waha import WORKING, Described, Media, SessionFacts, Verdict, WahaFailed
from tests.clock import StandingClock

PNG = b"\x89PNG\r\n"

#: Called with what is asked (`send`, `mark_seen`, ...) and the chat, before it is done.
Meddle = Callable[[str, str], Awaitable[None]]


async def leave_alone(_call: str, _chat_id: str) -> None: ...


@dataclass
class MemoryWaha:
    """Fits `shared.whatsapp.waha.Waha`. `calls` keeps what was asked, in order."""

    now: Clock = field(default_factory=StandingClock)
    takes_ids: bool = True
    statuses: dict[str, str] = field(default_factory=dict[str, str])
    messages: dict[str, list[dict[str, Any]]] = field(
        default_factory=dict[str, list[dict[str, Any]]]
    )
    lids: dict[str, str] = field(default_factory=dict[str, str])
    files: dict[str, Media] = field(default_factory=dict[str, Media])
    calls: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    #: before, and after, something is done: may raise
    before: Meddle = leave_alone
    after: Meddle = leave_alone
    #: the engine answers sends with nothing
    is_terse: bool = False
    _ids: "itertools.count[int]" = field(default_factory=itertools.count)

    async def send(
        self,
        connection: Connection,
        chat_id: str,
        content: WhatsAppContent,
        /,
        *,
        wa_id: str | None = None,
        reply_to: str | None = None,
    ) -> str | None:
        await self._begin("send", connection, chat_id)
        chat = self.messages.setdefault(chat_id, [])
        stanza_id = wa_id if wa_id and self.takes_ids else self._new_id()
        if all(stanza_id not in message["id"] for message in chat):
            chat.append(self._message(chat_id, stanza_id, content, reply_to=reply_to))
        await self.after("send", chat_id)
        return wa_id if self.is_terse else stanza_id

    async def new_message_id(self, connection: Connection, /) -> str | None:
        await self._begin("new_message_id", connection)
        return self._new_id() if self.takes_ids else None

    async def mark_seen(self, connection: Connection, chat_id: str, /) -> None:
        await self._begin("mark_seen", connection, chat_id)

    async def start_typing(self, connection: Connection, chat_id: str, /) -> None:
        await self._begin("start_typing", connection, chat_id)

    async def stop_typing(self, connection: Connection, chat_id: str, /) -> None:
        await self._begin("stop_typing", connection, chat_id)

    async def session(self, connection: Connection, /) -> SessionFacts:
        await self._begin("session", connection, must_work=False)
        status = self._status(connection)
        me = {"id": "6281100000001@c.us"} if status == WORKING else None
        return SessionFacts(connection.session, status, me)

    async def me(self, connection: Connection, /) -> Described | None:
        return (await self.session(connection)).me

    async def qr(self, connection: Connection, /) -> bytes:
        await self._begin("qr", connection, must_work=False)
        if self._status(connection) != "SCAN_QR_CODE":
            raise self._not_working(connection)
        return PNG

    async def history(
        self,
        connection: Connection,
        chat_id: str,
        /,
        *,
        since: datetime,
        from_me: bool | None = None,
        most: int = 100,
        offset: int = 0,
    ) -> Sequence[Described]:
        await self._begin("history", connection, chat_id)
        found = [
            message
            for message in self.messages.get(chat_id, [])
            if message["timestamp"] >= int(since.timestamp())
            and from_me in {None, message["fromMe"]}
        ]
        return found[::-1][offset : offset + most]

    async def chats(
        self, connection: Connection, /, *, most: int = 100, offset: int = 0
    ) -> Sequence[Described]:
        await self._begin("chats", connection)
        # Of those that are as lively, the newest chat first.
        chats = [(one, said[-1]) for one, said in self.messages.items()][::-1]
        chats.sort(key=lambda chat: int(chat[1]["timestamp"]), reverse=True)
        found = [{"id": one, "lastMessage": last} for one, last in chats]
        return found[offset : offset + most]

    async def phone_of_lid(self, connection: Connection, lid: str, /) -> str | None:
        await self._begin("phone_of_lid", connection)
        return self.lids.get(lid)

    async def media(self, connection: Connection, url: str, /) -> Media:
        await self._begin("media", connection, must_work=False)
        if f"/api/files/{connection.session}/" not in url:
            raise WahaFailed("media_elsewhere", Verdict.NEVER)
        if url not in self.files:
            raise WahaFailed("not_found", Verdict.NEVER)
        return self.files[url]

    def sent(self, chat_id: str) -> list[str]:
        """What the customer's phone shows of ours, oldest first."""
        return [str(one["body"]) for one in self.messages.get(chat_id, []) if one["fromMe"]]

    async def _begin(
        self, call: str, connection: Connection, chat_id: str = "", *, must_work: bool = True
    ) -> None:
        self.calls.append((call, chat_id))
        await self.before(call, chat_id)
        if must_work and self._status(connection) != WORKING:
            raise self._not_working(connection)

    def _status(self, connection: Connection) -> str:
        return self.statuses.get(connection.session, WORKING)

    def _not_working(self, connection: Connection) -> WahaFailed:
        status = self._status(connection)
        return WahaFailed("session_not_working", Verdict.SESSION, status, status=status)

    def _new_id(self) -> str:
        return f"3EB0{next(self._ids):08X}"

    def _message(
        self, chat_id: str, stanza_id: str, content: WhatsAppContent, *, reply_to: str | None
    ) -> dict[str, Any]:
        body = (
            content.caption
            if isinstance(content, WhatsAppFile)
            else ""
            if isinstance(content, WhatsAppPlace)
            else content.text
        )
        return {
            "id": f"true_{chat_id}_{stanza_id}",
            "timestamp": int(self.now().timestamp()),
            "fromMe": True,
            "body": body,
            "hasMedia": isinstance(content, WhatsAppFile),
            "replyTo": {"id": reply_to} if reply_to else None,
        }
