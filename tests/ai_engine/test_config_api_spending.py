"""Usage and budgets over HTTP: whose they are, and which questions make sense."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI

from shared.infrastructure.database import Sessions, transaction
from shared.llm.usage import Used, llm_usage, record
from tests.ai_engine.api import OTHER, TENANT, an_api, calling
from tests.shared.llm.builders import a_call

USAGE, BUDGETS = "/v1/usage", "/v1/budgets"


@pytest.fixture
def app(sessions: Sessions) -> FastAPI:
    return an_api(sessions)


@pytest.fixture
async def http(app: FastAPI) -> AsyncGenerator[httpx.AsyncClient]:
    async with calling(app) as client:
        yield client


async def used(sessions: Sessions, day: int, tenant_id: UUID | None = None, **changes: Any) -> None:
    one = Used(
        subject_kind="job",
        subject_id=uuid4(),
        attempt=1,
        tenant_id=tenant_id,
        calls=[a_call(**changes)],
    )
    at = datetime(2026, 5, day, 10, tzinfo=UTC)
    async with transaction(sessions) as session:
        await record(session, [one])
        mine = llm_usage.c.subject_id == one.subject_id
        await session.execute(llm_usage.update().where(mine).values(at=at))


async def test_usage_is_summed_by_day_and_config(
    http: httpx.AsyncClient, sessions: Sessions
) -> None:
    await used(sessions, 3)
    await used(sessions, 4)
    await used(sessions, 4, TENANT, error="llm_unavailable", is_estimated=True)

    answer = (await http.get(USAGE)).json()

    assert (answer["since"], answer["until"]) == ("2026-04-05", "2026-05-04")
    assert [(one["day"], one["calls"]) for one in answer["usage"]] == [
        ("2026-05-03", 1),
        ("2026-05-04", 2),
    ]
    assert answer["usage"][1] == {
        "day": "2026-05-04",
        "tenant_id": None,
        "config_name": "smart",
        "provider": None,
        "model": None,
        "calls": 2,
        "failed_calls": 1,
        "estimated_calls": 1,
        "input_tokens": 200,
        "output_tokens": 40,
        "cost_usd": 0.0005,
    }


async def test_usage_is_filtered_and_grouped_as_wished(
    http: httpx.AsyncClient, sessions: Sessions
) -> None:
    await used(sessions, 3, TENANT)
    await used(sessions, 4, TENANT, config_name="b")
    await used(sessions, 4, OTHER)

    async def asked(**query: Any) -> list[dict[str, Any]]:
        answer = await http.get(USAGE, params=query)
        found: list[dict[str, Any]] = answer.json()["usage"]
        return found

    by_tenant = {one["tenant_id"]: one["calls"] for one in await asked(by="tenant_id")}
    assert by_tenant == {str(TENANT): 2, str(OTHER): 1}
    assert len(await asked(tenant_id=str(TENANT), by=["day", "config_name", "model"])) == 2
    assert [one["calls"] for one in await asked(config_name="b", by="config_name")] == [1]
    assert [one["calls"] for one in await asked(since="2026-05-04", by="provider")] == [2]
    assert await asked(since="2026-01-01", until="2026-02-01") == []


@pytest.mark.parametrize(
    "query",
    [
        {"since": "yesterday"},
        {"since": "2026-13-01"},
        {"since": "0001-01-01"},
        {"until": "9999-12-31"},
        {"since": "2026-05-05", "until": "2026-05-04"},
        {"since": "2025-01-01", "until": "2026-05-04"},
        {"tenant_id": "not-a-uuid"},
        {"config_name": "x" * 256},
        {"by": "hour"},
        {"by": ["day"] * 6},
        {"limit": "1"},
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(
    http: httpx.AsyncClient, query: dict[str, Any]
) -> None:
    refused = await http.get(USAGE, params=query)

    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"].startswith("/query/")


@pytest.mark.parametrize("who", ["tenant", "reader"])
async def test_a_tenant_sees_its_own_usage_only(app: FastAPI, sessions: Sessions, who: str) -> None:
    await used(sessions, 4, TENANT)
    await used(sessions, 4, OTHER)
    await used(sessions, 4)

    async with calling(app, who) as tenant:
        mine = await tenant.get(USAGE, params={"by": "tenant_id"})
        also_mine = await tenant.get(USAGE, params={"tenant_id": str(TENANT)})
        others = await tenant.get(USAGE, params={"tenant_id": str(OTHER)})

    assert [one["tenant_id"] for one in mine.json()["usage"]] == [str(TENANT)]
    assert also_mine.status_code == 200
    assert others.status_code == 404


async def test_a_budget_is_set_seen_changed_and_lifted(http: httpx.AsyncClient) -> None:
    place = f"{BUDGETS}/{TENANT}"

    first = await http.put(place, json={"daily_usd": 1.5})
    seen = await http.get(place)
    late = await http.put(place, json={"daily_usd": 2}, headers={"If-Match": '"9"'})
    lifted = await http.put(
        place, json={"daily_usd": None}, headers={"If-Match": seen.headers["ETag"]}
    )
    history = await http.get(f"{place}/history")

    assert first.status_code == 200
    assert seen.json() == first.json()
    assert seen.json() == {
        "scope": str(TENANT),
        "daily_usd": 1.5,
        "spent_today_usd": 0,
        "reserved_usd": 0,
        "version": 1,
    }
    assert (late.status_code, late.json()["code"]) == (412, "conflict")
    assert (lifted.json()["daily_usd"], lifted.json()["version"]) == (None, 2)
    caps = [change["after"]["cap_micro_usd"] for change in history.json()["changes"]]
    assert caps == [None, 1_500_000]


async def test_all_budgets_are_listed_also_the_one_from_the_settings(sessions: Sessions) -> None:
    async with calling(an_api(sessions, platform_daily_usd=20)) as client:
        await client.put(f"{BUDGETS}/{TENANT}", json={"daily_usd": 0})
        listed = (await client.get(BUDGETS)).json()["budgets"]
        lower = await client.put(f"{BUDGETS}/platform", json={"daily_usd": 5})
        higher = await client.put(f"{BUDGETS}/platform", json={"daily_usd": 50})

    assert {one["scope"]: (one["daily_usd"], one["version"]) for one in listed} == {
        str(TENANT): (0, 1),
        "platform": (20, 0),
    }
    assert lower.json()["daily_usd"] == 5
    assert higher.json()["daily_usd"] == 20


@pytest.mark.parametrize("amount", [-1, -0.01, 10**10, "1", True, [], 10**400])
async def test_an_amount_that_makes_no_sense_is_refused(
    http: httpx.AsyncClient, amount: object
) -> None:
    refused = await http.put(f"{BUDGETS}/platform", json={"daily_usd": amount})

    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"].startswith("/daily_usd")


@pytest.mark.parametrize("body", [{}, {"daily_usd": 1, "scope": "platform"}, {"daily": 1}])
async def test_a_budget_is_set_with_one_field(
    http: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    assert (await http.put(f"{BUDGETS}/platform", json=body)).status_code == 422


@pytest.mark.parametrize(
    "scope",
    ["nobody", "Platform", str(TENANT).upper(), f"{{{TENANT}}}", f"urn:uuid:{TENANT}", TENANT.hex],
)
async def test_only_the_platform_and_tenants_have_budgets(
    http: httpx.AsyncClient, scope: str
) -> None:
    for refused in (
        await http.put(f"{BUDGETS}/{scope}", json={"daily_usd": 1}),
        await http.get(f"{BUDGETS}/{scope}"),
        await http.get(f"{BUDGETS}/{scope}/history"),
    ):
        assert refused.status_code == 404


async def test_a_tenant_sees_its_own_budget_only_and_sets_none(
    app: FastAPI, http: httpx.AsyncClient
) -> None:
    for scope in (str(TENANT), str(OTHER), "platform"):
        await http.put(f"{BUDGETS}/{scope}", json={"daily_usd": 1})

    async with calling(app, "tenant") as tenant:
        assert (await tenant.get(f"{BUDGETS}/{TENANT}")).status_code == 200
        foreign = await tenant.get(f"{BUDGETS}/{OTHER}")
        absent = await tenant.get(f"{BUDGETS}/{uuid4()}")
        assert (await tenant.get(f"{BUDGETS}/platform")).status_code == 404
        for refused in (
            await tenant.get(BUDGETS),
            await tenant.put(f"{BUDGETS}/{TENANT}", json={"daily_usd": 9}),
            await tenant.get(f"{BUDGETS}/{TENANT}/history"),
        ):
            assert refused.status_code == 403

    assert foreign.status_code == absent.status_code == 404
    assert foreign.json()["code"] == absent.json()["code"]
