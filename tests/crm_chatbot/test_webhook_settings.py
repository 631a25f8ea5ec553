"""Whom a webhook believes, by how the service and the shop are set up."""

import json
from pathlib import Path

import pytest
from sqlalchemy import text

from crm_chatbot.domain.tenants.tenant import TenantStatus
from shared.infrastructure.tenancy import tenant_transaction
from tests.crm_chatbot.builders import LATER, NOON, TENANT
from tests.crm_chatbot.chats import SESSION
from tests.crm_chatbot.fakes import MemoryCrm
from tests.crm_chatbot.running import Running, running
from tests.crm_chatbot.waha import signature_of
from tests.crm_chatbot.webhooks import HOOK, Waha, connected, fresh
from tests.served import said


async def test_70_a_suspended_shop_hears_nothing(api: Running) -> None:
    secret = await connected(api, TENANT, SESSION)
    async with api.menu.open_work(TENANT) as work:
        tenant = await work.tenants.get(TENANT)
        tenant.become(TenantStatus.SUSPENDED, LATER)
        await work.tenants.save(tenant)

    async with api.client("stranger") as client:
        answer = await Waha(client, secret).tell(fresh())
        forged = await Waha(client, "guessed").tell(fresh())

    assert answer.status_code == 202
    assert answer.json() == {"outcome": "ignored", "reason": "tenant_suspended"}
    assert said(forged) == "401 signature_invalid"
    async with tenant_transaction(api.ground.sessions, TENANT) as session:
        assert await session.scalar(text("SELECT count(*) FROM crm.inbox")) == 0


ALLOWING = {"ALLOW_UNSIGNED_WEBHOOKS": "true"}
UNSIGNED: dict[str, tuple[dict[str, str], bool, int]] = {
    "nobody allowed it": ({}, False, 401),
    "somebody allowed it": (ALLOWING, False, 200),
    "there is a secret": (ALLOWING, True, 401),
}


@pytest.mark.parametrize(("environment", "has_secret", "status"), UNSIGNED.values(), ids=UNSIGNED)
async def test_63_without_a_secret_nothing_is_believed_unless_somebody_allowed_it(
    database_url: str,
    redis_url: str,
    tmp_path: Path,
    environment: dict[str, str],
    has_secret: bool,
    status: int,
) -> None:
    async with running(database_url, redis_url, tmp_path, environment=environment) as service:
        if has_secret:
            await connected(service, TENANT, SESSION)
        async with service.client("stranger") as client:
            assert (await client.post(HOOK, json=fresh())).status_code == status


TIMES = {"now": (0.0, 200), "10 minutes ago": (-600.0, 401), "in 10 minutes": (600.0, 401)}


@pytest.mark.parametrize(("shift", "status"), TIMES.values(), ids=TIMES)
async def test_67_a_time_far_away_is_refused_where_somebody_asked_for_it(
    database_url: str, redis_url: str, tmp_path: Path, shift: float, status: int
) -> None:
    environment = {"WEBHOOK_WINDOW_S": "300"}
    async with running(database_url, redis_url, tmp_path, environment=environment) as service:
        secret = await connected(service, TENANT, SESSION)
        stamp = int((service.ground.clock().timestamp() + shift) * 1_000)
        raw = json.dumps(fresh()).encode()
        signed = ("X-Webhook-Hmac", signature_of(raw, secret))
        async with service.client("stranger") as client:
            waha = Waha(client, secret)
            timed = await waha.send(raw, [signed, ("X-Webhook-Timestamp", f"{stamp}")])
            missing = await waha.send(raw, [signed])
            seconds = await waha.send(raw, [signed, ("X-Webhook-Timestamp", f"{stamp // 1_000}")])

    assert timed.status_code == status
    assert [said(a) for a in (missing, seconds)] == ["401 timestamp_out_of_window"] * 2


async def test_while_the_database_is_away_waha_is_asked_to_try_again(api: Running) -> None:
    secret = await connected(api, TENANT, SESSION)
    async with api.client("stranger") as client:
        waha = Waha(client, secret)
        assert (await waha.tell(fresh())).status_code == 200

        api.menu.inbound.open_work = MemoryCrm(NOON, is_away=True).open_work
        answer = await waha.tell(fresh())

    assert said(answer) == "503 database_unavailable"
    assert answer.headers["Retry-After"] == "2"
