"""Connections in PostgreSQL: keys and secrets encrypted, each tenant's row its own."""

import asyncio
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.exc import IntegrityError

from shared.infrastructure.database import Sessions
from shared.infrastructure.secrets import Vault
from shared.infrastructure.tenancy import tenant_transaction
from shared.infrastructure.url_rules import CallbackUrlForbidden, UrlRules
from shared.whatsapp.connections import (
    OVERLAP,
    Connection,
    ConnectionChange,
    ConnectionRejected,
    ConnectionView,
    NotConnected,
    SecretHint,
    SessionTaken,
)

#: Anybody can make up tenants; this bounds what remembering them costs.
_MOST_LOOKS = 10_000

_READ = text("""
    SELECT *, older_valid_until > clock_timestamp() AS is_older_valid
      FROM platform.waha_connections WHERE tenant_id = :tenant_id""")

# A key goes only to the server that it was given for: otherwise naming another would show it.
_PUT = text("""
    INSERT INTO platform.waha_connections AS c (tenant_id, session, server_url, api_key)
    VALUES (:tenant_id, :session, :server_url, :api_key)
    ON CONFLICT (tenant_id) DO UPDATE
       SET session = excluded.session, server_url = excluded.server_url,
           api_key = CASE WHEN :keeps_key AND c.server_url IS NOT DISTINCT FROM excluded.server_url
                          THEN c.api_key ELSE excluded.api_key END,
           version = c.version + 1, updated_at = clock_timestamp()""")

_ROTATE = text("""
    UPDATE platform.waha_connections
       SET older_webhook_secret = webhook_secret,
           older_valid_until = clock_timestamp() + CAST(:overlap AS interval),
           webhook_secret = :secret, version = version + 1, updated_at = clock_timestamp()
     WHERE tenant_id = :tenant_id RETURNING tenant_id""")


@dataclass(frozen=True)
class OwnServer:
    """The platform's own WAHA server, as its operator configured it."""

    url: str
    api_key: str | None


@dataclass(frozen=True)
class _Look:
    """A look into the table, perhaps still under way, and how long to believe it."""

    row: asyncio.Task[Row[Any] | None]
    until: float


class SqlConnections:
    """Honours shared.whatsapp.connections.Connections."""

    def __init__(
        self,
        sessions: Sessions,
        vault: Vault,
        *,
        rules: UrlRules,
        own: OwnServer | None,
        believed_for_s: float = 1.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sessions = sessions
        self._vault = vault
        self._rules = rules
        self._own = own
        self._believed_for_s = believed_for_s
        self._now = now
        self._looks: dict[UUID, _Look] = {}

    async def find(self, tenant_id: UUID, /) -> Connection:
        row = await self._recent(tenant_id)
        if row is None:
            raise NotConnected
        key = self._decrypted(row.api_key, _key_of(tenant_id))
        if row.server_url is not None:
            return Connection(tenant_id, row.session, str(row.server_url), key)
        if self._own is None:
            raise NotConnected
        key = key or self._own.api_key
        return Connection(tenant_id, row.session, self._own.url, key, is_own=True)

    async def show(self, tenant_id: UUID, /) -> ConnectionView:
        row = await self._read(tenant_id)
        if row is None:
            raise NotConnected
        return ConnectionView(
            session=row.session,
            server_url=row.server_url,
            api_key=self._hint(row.api_key, _key_of(tenant_id)),
            webhook_secret=self._hint(row.webhook_secret, _secret_of(tenant_id)),
            older_valid_until=row.older_valid_until if row.is_older_valid else None,
            version=row.version,
            updated_at=row.updated_at,
        )

    async def put(self, tenant_id: UUID, change: ConnectionChange, /) -> ConnectionView:
        change.check()
        facts = {
            "tenant_id": tenant_id,
            "session": change.session,
            "server_url": change.server_url and self._checked(change.server_url),
            "api_key": self._encrypted(change.api_key, _key_of(tenant_id)),
            "keeps_key": change.api_key is None,
        }
        try:
            async with tenant_transaction(self._sessions, tenant_id) as session:
                await session.execute(_PUT, facts)
        except IntegrityError:
            raise SessionTaken(session=change.session) from None
        self._looks.pop(tenant_id, None)
        return await self.show(tenant_id)

    async def rotate_webhook_secret(self, tenant_id: UUID, /) -> str:
        secret = secrets.token_urlsafe(32)
        encrypted = self._vault.encrypt(secret.encode(), _secret_of(tenant_id))
        facts = {"tenant_id": tenant_id, "secret": encrypted, "overlap": OVERLAP}
        async with tenant_transaction(self._sessions, tenant_id) as session:
            if await session.scalar(_ROTATE, facts) is None:
                raise NotConnected
        self._looks.pop(tenant_id, None)
        return secret

    async def webhook_secrets(self, tenant_id: UUID, /) -> Sequence[str]:
        row = await self._recent(tenant_id)
        if row is None:
            return []
        stored = [row.webhook_secret, row.older_webhook_secret if row.is_older_valid else None]
        plain = [self._decrypted(one, _secret_of(tenant_id)) for one in stored]
        return [secret for secret in plain if secret]

    def _checked(self, server_url: str) -> str:
        try:
            url = self._rules.check(server_url)
        except CallbackUrlForbidden as forbidden:
            raise _rejected(str(forbidden.facts["reason"])) from None
        if url.raw_query_string or url.raw_fragment:
            raise _rejected("it must have neither a query nor a fragment")
        return str(url).rstrip("/")

    def _encrypted(self, secret: str | None, context: str) -> bytes | None:
        return self._vault.encrypt(secret.encode(), context) if secret else None

    def _decrypted(self, encrypted: bytes | None, context: str) -> str | None:
        return self._vault.decrypt(encrypted, context).decode() if encrypted else None

    def _hint(self, encrypted: bytes | None, context: str) -> SecretHint | None:
        secret = self._decrypted(encrypted, context)
        if secret is None:
            return None
        # Keyed, so that a weak key cannot be guessed from its fingerprint.
        key = self._vault.key_for("fingerprints")
        fingerprint = hmac.digest(key, secret.encode(), hashlib.sha256).hex()[:12]
        return SecretHint(secret[-4:] if len(secret) >= 12 else "", fingerprint)

    async def _recent(self, tenant_id: UUID) -> Row[Any] | None:
        """Everybody who asks for a tenant at the same time waits for the same look."""
        look = self._looks.get(tenant_id)
        if look is None or look.until <= self._now():
            look = self._look(tenant_id)
        if not look.row.done():
            await asyncio.wait([look.row])
        if look.row.exception() is not None:
            self._looks.pop(tenant_id, None)
        return look.row.result()

    def _look(self, tenant_id: UUID) -> _Look:
        now = self._now()
        if len(self._looks) >= _MOST_LOOKS:
            self._looks = {name: look for name, look in self._looks.items() if look.until > now}
        look = _Look(asyncio.create_task(self._read(tenant_id)), now + self._believed_for_s)
        self._looks[tenant_id] = look
        return look

    async def _read(self, tenant_id: UUID) -> Row[Any] | None:
        async with tenant_transaction(self._sessions, tenant_id) as session:
            return (await session.execute(_READ, {"tenant_id": tenant_id})).one_or_none()


def _key_of(tenant_id: UUID) -> str:
    return f"waha_api_key:{tenant_id}"


def _secret_of(tenant_id: UUID) -> str:
    return f"waha_webhook_secret:{tenant_id}"


def _rejected(reason: str) -> ConnectionRejected:
    return ConnectionRejected(field="server_url", reason=reason)
