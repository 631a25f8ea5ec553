"""The routes of ai_engine without a server, and people with keys who call them."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID, uuid4

import httpx
from fastapi import FastAPI

from ai_engine.infrastructure.agent_store import sql_configuration
from ai_engine.interface import config_api
from ai_engine.interface.administration import Administration
from shared.infrastructure.api_keys import ApiKey, KeyScope
from shared.infrastructure.database import Sessions, transaction
from shared.infrastructure.redis import Hints
from shared.interface.access import Access
from shared.interface.http import create_api
from shared.interface.limits import RateLimit
from shared.llm.budget_store import SqlBudgets
from shared.llm.usage import Group, UsageFilter, UsageSum, sums

TENANT = UUID("018f0000-0000-7000-8000-00000000000a")
OTHER = UUID("018f0000-0000-7000-8000-00000000000b")
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def key(scope: KeyScope, tenant_id: UUID | None) -> ApiKey:
    return ApiKey(
        id=uuid4(),
        prefix="aip_test",
        name="test",
        scope=scope,
        tenant_id=tenant_id,
        created_at=NOW,
        last_used_at=None,
        revoked_at=None,
    )


class Callers:
    """Fits `shared.interface.access.Keys`; each key is spelt as what it is."""

    def __init__(self) -> None:
        self._known = {
            "platform": key(KeyScope.PLATFORM, None),
            "tenant": key(KeyScope.TENANT, TENANT),
            "reader": key(KeyScope.TENANT_READ, TENANT),
        }

    async def find(self, presented: str, /) -> ApiKey | None:
        return self._known.get(presented)


def an_api(sessions: Sessions, *, platform_daily_usd: float | None = None) -> FastAPI:
    async def usage(wanted: UsageFilter, by: Sequence[Group]) -> Sequence[UsageSum]:
        async with transaction(sessions) as session:
            return await sums(session, wanted, by=by)

    app = create_api("ai_engine", routers=config_api.routers)
    app.state.access = Access(Callers(), RateLimit(Hints(None), 0), is_development=False)
    app.state.ai_engine = Administration(
        configuration=sql_configuration(sessions),
        standings=SqlBudgets(sessions, platform_daily_usd=platform_daily_usd).standings,
        usage=usage,
        keys_present=frozenset({"OPENAI_API_KEY"}),
        now=lambda: NOW,
    )
    return app


@asynccontextmanager
async def calling(app: FastAPI, who: str = "platform") -> AsyncGenerator[httpx.AsyncClient]:
    """A client with that caller's key."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False),
        base_url="http://ai-engine",
        headers={"Authorization": f"Bearer {who}"} if who else {},
    ) as client:
        yield client
