"""Connections in memory; they pass the same tests as the real ones."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from shared.domain import Clock
from shared.whatsapp.connections import (
    OVERLAP,
    Connection,
    ConnectionChange,
    ConnectionView,
    NotConnected,
    SecretHint,
    SessionTaken,
)
from tests.clock import StandingClock

OWN_SERVER, OWN_KEY = "http://waha.internal:3000", "the-platforms-own-waha-key"


@dataclass(frozen=True)
class Kept:
    """One tenant's row."""

    session: str
    server_url: str | None
    api_key: str | None
    webhook_secret: str | None
    older_secret: str | None
    older_valid_until: datetime | None
    version: int
    updated_at: datetime


@dataclass
class MemoryConnections:
    """Fits `shared.whatsapp.connections.Connections`."""

    now: Clock = field(default_factory=StandingClock)
    rows: dict[UUID, Kept] = field(default_factory=dict[UUID, Kept])
    _made: int = 0

    async def find(self, tenant_id: UUID, /) -> Connection:
        row = self._row(tenant_id)
        if row.server_url is None:
            key = row.api_key or OWN_KEY
            return Connection(tenant_id, row.session, OWN_SERVER, key, is_own=True)
        return Connection(tenant_id, row.session, row.server_url, row.api_key)

    async def show(self, tenant_id: UUID, /) -> ConnectionView:
        row = self._row(tenant_id)
        return ConnectionView(
            session=row.session,
            server_url=row.server_url,
            api_key=_hint(row.api_key),
            webhook_secret=_hint(row.webhook_secret),
            older_valid_until=row.older_valid_until if self._is_older_valid(row) else None,
            version=row.version,
            updated_at=row.updated_at,
        )

    async def put(self, tenant_id: UUID, change: ConnectionChange, /) -> ConnectionView:
        change.check()
        others = [row for other, row in self.rows.items() if other != tenant_id]
        own = {row.session for row in others if row.server_url is None}
        if change.server_url is None and change.session in own:
            raise SessionTaken(session=change.session)
        url = change.server_url and change.server_url.rstrip("/")
        old = self.rows.get(tenant_id, Kept("", None, None, None, None, None, 0, self.now()))
        keeps_key = change.api_key is None and url == old.server_url
        self.rows[tenant_id] = replace(
            old,
            session=change.session,
            server_url=url,
            api_key=old.api_key if keeps_key else change.api_key or None,
            version=old.version + 1,
            updated_at=self.now(),
        )
        return await self.show(tenant_id)

    async def rotate_webhook_secret(self, tenant_id: UUID, /) -> str:
        row = self._row(tenant_id)
        self._made += 1
        secret = f"{self._made:043}"
        self.rows[tenant_id] = replace(
            row,
            webhook_secret=secret,
            older_secret=row.webhook_secret,
            older_valid_until=self.now() + OVERLAP,
            version=row.version + 1,
        )
        return secret

    async def webhook_secrets(self, tenant_id: UUID, /) -> Sequence[str]:
        row = self.rows.get(tenant_id)
        if row is None:
            return []
        stored = (row.webhook_secret, row.older_secret if self._is_older_valid(row) else None)
        return [secret for secret in stored if secret]

    def _row(self, tenant_id: UUID) -> Kept:
        if tenant_id not in self.rows:
            raise NotConnected
        return self.rows[tenant_id]

    def _is_older_valid(self, row: Kept) -> bool:
        return row.older_valid_until is not None and row.older_valid_until > self.now()


def _hint(secret: str | None) -> SecretHint | None:
    if secret is None:
        return None
    fingerprint = hashlib.sha256(secret.encode()).hexdigest()[:12]
    return SecretHint(secret[-4:] if len(secret) >= 12 else "", fingerprint)
