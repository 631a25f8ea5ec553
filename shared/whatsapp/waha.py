"""What is asked of WAHA, as a port; and what it means when WAHA does not do it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from shared.contracts import WhatsAppContent
from shared.whatsapp.connections import Connection

WORKING = "WORKING"

#: A message, a chat, a person: as WAHA's engines describe them, each in its own way.
Described = Mapping[str, Any]


class Verdict(StrEnum):
    """What a failure means for whoever asked."""

    RETRY = "retry"  #: nothing was done; later it may be
    AMBIGUOUS = "ambiguous"  #: it may have been done, or not
    NEVER = "never"  #: nothing was done, and never will be
    SESSION = "session_not_working"  #: nothing was done; nothing will until the session works again
    RESTRICTED = "restricted"  #: WhatsApp lets this account start no new chats for now


class WahaFailed(Exception):
    """WAHA did not do it, or nobody can tell. `detail` is fit for a log: it quotes nobody."""

    def __init__(
        self,
        code: str,
        verdict: Verdict,
        detail: str = "",
        *,
        status: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.verdict = verdict
        self.detail = detail
        #: of the session, where WAHA told
        self.status = status
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class SessionFacts:
    """How a session is, and whose account it holds."""

    name: str
    #: STOPPED, STARTING, SCAN_QR_CODE, WORKING, FAILED, ...
    status: str
    #: id, pushName and perhaps lid; None before it is paired
    me: Described | None = None
    #: all that WAHA told
    facts: Described = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Media:
    """What a message carried."""

    content: bytes
    mimetype: str


class Waha(Protocol):
    """One WAHA server or another, as each connection says. Everything here raises WahaFailed."""

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
        """Send it; its stanza id, where WAHA tells one. `wa_id` is ours, chosen before."""
        ...

    async def new_message_id(self, connection: Connection, /) -> str | None:
        """An id to send with; None where the engine takes none."""
        ...

    async def mark_seen(self, connection: Connection, chat_id: str, /) -> None: ...

    async def start_typing(self, connection: Connection, chat_id: str, /) -> None: ...

    async def stop_typing(self, connection: Connection, chat_id: str, /) -> None: ...

    async def session(self, connection: Connection, /) -> SessionFacts: ...

    async def me(self, connection: Connection, /) -> Described | None:
        """Whose account the session holds; None before it is paired."""
        ...

    async def qr(self, connection: Connection, /) -> bytes:
        """The code to scan, as PNG; only in status SCAN_QR_CODE."""
        ...

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
        """A chat's messages, each as in a webhook's payload, the newest first; at most so many.

        The next page of them is at `offset`.
        """
        ...

    async def chats(
        self, connection: Connection, /, *, most: int = 100, offset: int = 0
    ) -> Sequence[Described]:
        """Chats with their last message, the liveliest first."""
        ...

    async def phone_of_lid(self, connection: Connection, lid: str, /) -> str | None:
        """The digits behind a hidden identity, if they are known."""
        ...

    async def media(self, connection: Connection, url: str, /) -> Media:
        """What a message's media URL leads to: on the connection's own server, whatever it says."""
        ...


def takes_id(content: WhatsAppContent) -> bool:
    """Whether an engine that takes ids takes one for this kind of message."""
    return content.kind in {"text", "location"}
