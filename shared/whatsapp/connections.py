"""How each tenant's WhatsApp is reached: a WAHA server, a session on it, and the keys to both."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from shared.domain import Conflict, Invalid, NotFound

#: How long the replaced webhook secret is still believed beside its successor.
OVERLAP = timedelta(hours=24)

_SESSION = re.compile(r"[A-Za-z0-9_-]{1,54}")
_API_KEY = re.compile(r"[!-~]{0,500}")


class NotConnected(NotFound):
    message = "This tenant has no WhatsApp connection."


class ConnectionRejected(Invalid):
    message = "{field}: {reason}"
    at = "/{field}"


class SessionTaken(Conflict):
    """Two tenants in one session would read each other's chats."""

    message = "The session {session} on the platform's WAHA server is taken."


@dataclass(frozen=True)
class Connection:
    """All that is needed to ask WAHA something for a tenant."""

    tenant_id: UUID
    session: str
    #: without a slash at its end
    server_url: str
    api_key: str | None = field(default=None, repr=False)
    #: the server is the platform's own, named by nobody but its operator
    is_own: bool = False


@dataclass(frozen=True)
class SecretHint:
    """As much of a secret as may be shown: enough to recognise it by."""

    last4: str
    fingerprint: str


@dataclass(frozen=True)
class ConnectionView:
    """A connection as it may be shown to whoever may change it."""

    session: str
    #: None: the platform's own server
    server_url: str | None
    api_key: SecretHint | None
    webhook_secret: SecretHint | None
    #: until when the webhook secret before this one is believed, too
    older_valid_until: datetime | None
    version: int
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class ConnectionChange:
    """What a connection is to be from now on."""

    session: str
    #: None: the platform's own server
    server_url: str | None = None
    #: None keeps the key that is there, as long as the server stays the same; "" takes it away
    api_key: str | None = field(default=None, repr=False)

    def check(self) -> None:
        """Raises ConnectionRejected. What the URL may be, others know."""
        if not _SESSION.fullmatch(self.session):
            raise ConnectionRejected(field="session", reason="1 to 54 letters, digits, - and _")
        if not _API_KEY.fullmatch(self.api_key or ""):
            raise ConnectionRejected(
                field="api_key", reason="at most 500 visible ASCII characters, without spaces"
            )


class Connections(Protocol):
    """Every tenant's connection; each is reached only by naming its tenant."""

    async def find(self, tenant_id: UUID, /) -> Connection:
        """At most a second old. Raises NotConnected, also where there is no server to ask."""
        ...

    async def show(self, tenant_id: UUID, /) -> ConnectionView:
        """Raises NotConnected."""
        ...

    async def put(self, tenant_id: UUID, change: ConnectionChange, /) -> ConnectionView:
        """Connect, or connect otherwise. Raises ConnectionRejected or SessionTaken."""
        ...

    async def rotate_webhook_secret(self, tenant_id: UUID, /) -> str:
        """Make a new one, shown here and never again. Raises NotConnected."""
        ...

    async def webhook_secrets(self, tenant_id: UUID, /) -> Sequence[str]:
        """Those that are believed now, the newest first; at most a second old."""
        ...
