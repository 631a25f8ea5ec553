"""Idempotency keys in PostgreSQL: the unique index decides who was first."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from crm_chatbot.application.once import IdempotencyKeyReused, Once
from crm_chatbot.domain.tenants.tenant import TenantId

# What is older than a day may be used anew; nobody else would ever clean it away.
_FORGET = text("""
    DELETE FROM crm.idempotency_keys
     WHERE tenant_id = :tenant AND created_at < clock_timestamp() - interval '24 hours'""")

_TAKE = text("""
    INSERT INTO crm.idempotency_keys (tenant_id, scope, key, request_hash, message_id)
    VALUES (:tenant, :scope, :key, :request_hash, :message_id)
    ON CONFLICT DO NOTHING RETURNING message_id""")

_FIND = text("""
    SELECT request_hash, message_id FROM crm.idempotency_keys
     WHERE tenant_id = :tenant AND scope = :scope AND key = :key""")


class SqlIdempotency:
    """Honours crm_chatbot.application.once.Idempotency."""

    def __init__(self, session: AsyncSession, tenant_id: TenantId) -> None:
        self._session = session
        self._tenant_id = tenant_id

    async def claim(self, once: Once, made_id: UUID, /) -> UUID:
        tenant = {"tenant": self._tenant_id}
        await self._session.execute(_FORGET, tenant)
        row = {**tenant, **vars(once), "message_id": made_id}
        if await self._session.scalar(_TAKE, row) is not None:
            return made_id
        named = {**tenant, "scope": once.scope, "key": once.key}
        first = (await self._session.execute(_FIND, named)).one()
        if first.request_hash != once.request_hash:
            raise IdempotencyKeyReused
        found: UUID = first.message_id
        return found
