"""Transactions of one tenant: the database itself shows them no other tenant's rows.

The policies that do so are in the migrations (`platform.isolate`). The setting is made for the
transaction alone: a pool's next borrower of the connection starts with none, and sees nothing.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import async_sessionmaker

from shared.infrastructure.database import AnySession, transaction

_BE = text("SELECT set_config('app.tenant_id', :tenant, true)")


@asynccontextmanager
async def tenant_transaction(
    sessions: async_sessionmaker[AnySession], tenant_id: UUID
) -> AsyncGenerator[AnySession]:
    """Commits when its block ends, rolls back when it raises. Raises DatabaseUnavailable."""
    async with transaction(sessions) as session:
        await session.execute(_BE, {"tenant": str(tenant_id)})
        yield session
