"""What callbacks are signed with: encrypted at rest, two at once while one is replaced."""

import base64
import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from gateway.domain.job import Owner
from shared.infrastructure.database import Sessions, transaction
from shared.infrastructure.secrets import Vault

#: How long the replaced secret goes on signing beside its successor.
OVERLAP = timedelta(hours=24)

_PREFIX = "whsec_"

_FORGET_EXPIRED = text("DELETE FROM gateway.callback_secrets WHERE expires_at < clock_timestamp()")
_REPLACE = text("""
    UPDATE gateway.callback_secrets
       SET expires_at = clock_timestamp() + CAST(:overlap AS interval)
     WHERE scope = :scope AND expires_at IS NULL""")


@dataclass(frozen=True)
class SqlCallbackSecrets:
    """Honours gateway.application.ports.CallbackSecrets: one current secret for each owner."""

    sessions: Sessions
    vault: Vault

    async def signing(self, owner: Owner) -> list[bytes]:
        """The keys to sign with, the current one first; made when there is none yet."""
        async with transaction(self.sessions) as session:
            return await self._valid(session, owner) or [await self._first(session, owner)]

    async def rotate(self, owner: Owner) -> str:
        """Replace the current secret; the new one is shown here and never again."""
        key = secrets.token_bytes(32)
        async with transaction(self.sessions) as session:
            await _one_at_a_time(session, owner)
            await session.execute(_FORGET_EXPIRED)
            await session.execute(_REPLACE, {"scope": _scope(owner), "overlap": OVERLAP})
            await self._insert(session, owner, key)
        return _PREFIX + base64.b64encode(key).decode()

    async def _first(self, session: AsyncSession, owner: Owner) -> bytes:
        await _one_at_a_time(session, owner)
        await self._insert(session, owner, secrets.token_bytes(32))
        # Somebody else may have been first: whatever is stored is the secret.
        return (await self._valid(session, owner))[0]

    async def _insert(self, session: AsyncSession, owner: Owner, key: bytes) -> None:
        await session.execute(
            text("""
                INSERT INTO gateway.callback_secrets (id, scope, secret)
                VALUES (:id, :scope, :secret)
                ON CONFLICT (scope) WHERE expires_at IS NULL DO NOTHING"""),
            {
                "id": uuid7(),
                "scope": _scope(owner),
                "secret": self.vault.encrypt(key, _scope(owner)),
            },
        )

    async def _valid(self, session: AsyncSession, owner: Owner) -> list[bytes]:
        rows = await session.execute(
            text("""
                SELECT secret FROM gateway.callback_secrets
                 WHERE scope = :scope AND (expires_at IS NULL OR expires_at > clock_timestamp())
                 ORDER BY expires_at DESC NULLS FIRST"""),
            {"scope": _scope(owner)},
        )
        return [self.vault.decrypt(row.secret, _scope(owner)) for row in rows]


async def _one_at_a_time(session: AsyncSession, owner: Owner) -> None:
    """Until the transaction ends: who is told a new secret must find it stored."""
    await session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"),
        {"name": f"callback_secrets:{_scope(owner)}"},
    )


def _scope(owner: Owner) -> str:
    return str(owner) if owner else "platform"
