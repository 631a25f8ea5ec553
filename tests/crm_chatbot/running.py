"""crm_chatbot's API as it would run alone, with the shops of those who call it."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from crm_chatbot.application import Application
from crm_chatbot.domain.tenants.tenant import Tenant, TenantId
from crm_chatbot.wiring import SERVICE
from tests.crm_chatbot.builders import NOON
from tests.served import NOTHING, OTHER_TENANT, TENANT, Served, served

TENANTS = "/v1/crm/tenants"
SHOP = f"{TENANTS}/{TENANT}"


class Running(Served):
    """The application, and the keys of those who may call it."""

    @property
    def menu(self) -> Application:
        menu: Application = self.app.state.crm_chatbot
        return menu

    async def open_shop(self, **said: Any) -> dict[str, Any]:
        """A shop that the platform opened."""
        async with self.client("platform") as client:
            answer = await client.post(TENANTS, json={"name": "Kopi Ani", **said})
        assert answer.status_code == 201, answer.text
        view: dict[str, Any] = answer.json()
        return view


@asynccontextmanager
async def running(
    database_url: str,
    redis_url: str | None,
    data_dir: Path,
    *,
    environment: Mapping[str, str] = NOTHING,
) -> AsyncGenerator[Running]:
    """Only its API, and a shop for each of the keys that are a shop's."""
    async with served(
        (SERVICE,), database_url, redis_url, data_dir, environment=environment
    ) as service:
        for tenant_id in map(TenantId, (TENANT, OTHER_TENANT)):
            async with Running(service.app, service.keys).menu.open_work(tenant_id) as work:
                await work.tenants.add(Tenant.open(tenant_id, NOON, name="Kopi Ani"))
        yield Running(service.app, service.keys)
