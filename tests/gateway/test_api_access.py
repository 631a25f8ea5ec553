"""Who may do what with the gateway's routes; a new route without a case here fails."""

from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text
from uuid_utils.compat import uuid7

from gateway.wiring import SERVICE
from shared.infrastructure.api_keys import ApiKeys
from shared.infrastructure.database import transaction
from tests.gateway.builders import OTHER_TENANT, TENANT
from tests.gateway.running import HAIKU, JOBS, Running, running
from tests.matrix import Route, are_alike_in_time, declared, documented, told
from tests.served import said

#: Every guarded route: what it is sent, and whether it changes something.
ROUTES: dict[tuple[str, str], tuple[dict[str, Any] | None, bool]] = {
    ("POST", JOBS): (HAIKU, True),
    ("GET", JOBS): (None, False),
    ("GET", f"{JOBS}/{{job_id}}"): (None, False),
    ("POST", f"{JOBS}/{{job_id}}/cancel"): (None, True),
    ("GET", f"{JOBS}/{{job_id}}/events"): (None, False),
    ("POST", "/v1/callback-secrets"): (None, True),
}
OF_A_JOB = [route for route in ROUTES if "{job_id}" in route[1]]
CHANGES = [route for route, (_, changes) in ROUTES.items() if changes]


async def call(
    client: httpx.AsyncClient, route: Route, job_id: UUID | None = None
) -> httpx.Response:
    method, path = route
    path = path.format(job_id=job_id or uuid7())
    return await client.request(method, path, json=ROUTES[route][0])


async def test_every_guarded_route_has_a_case_here(api: Running) -> None:
    assert documented(api.app) == declared(SERVICE) == set(ROUTES)


@pytest.mark.parametrize("route", ROUTES)
async def test_strangers_are_not_let_in(api: Running, route: Route) -> None:
    key = api.keys["tenant"]
    presented = (
        None,
        "",
        "Bearer",
        f"Basic {key}",
        key,
        f"Bearer {key} ",
        f"Bearer {key[:-1]}",
        f"Bearer {key[:-1]}{'A' if key[-1] != 'A' else 'B'}",
        "Bearer aip_00000000_" + "A" * 43,
        f"Bearer {key}, Bearer {key}",
    )

    async with api.client("stranger") as client:
        for one in presented:
            client.headers = httpx.Headers({} if one is None else {"Authorization": one})
            answer = await call(client, route)
            assert (one, said(answer)) == (one, "401 unauthenticated")
            assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_revoked_key_is_a_strangers(api: Running) -> None:
    keys = ApiKeys(api.ground.sessions)
    for key in await keys.list():
        await keys.revoke(key.id)

    async with api.client() as client:
        assert said(await client.get(JOBS)) == "401 unauthenticated"


async def test_strangers_are_turned_away_before_their_body_is_read(api: Running) -> None:
    async with api.client("stranger") as client:
        assert said(await client.post(JOBS, content=b"x" * 5_000_000)) == "401 unauthenticated"


@pytest.mark.parametrize("route", CHANGES)
async def test_a_key_for_reading_changes_nothing(api: Running, route: Route) -> None:
    job_id = await api.job()

    async with api.client("reader") as client:
        refused = await call(client, route, job_id)
        job = (await client.get(f"{JOBS}/{job_id}")).json()

    assert said(refused) == "403 forbidden"
    assert job["status"] == "QUEUED"


@pytest.mark.parametrize("route", OF_A_JOB)
@pytest.mark.parametrize("owner", [TENANT, None])
async def test_another_tenants_job_looks_like_none_at_all(
    api: Running, route: Route, owner: UUID | None
) -> None:
    theirs, nobodys = await api.job(owner=owner), uuid7()

    async with api.client("other") as client:
        answers = {job_id: await call(client, route, job_id) for job_id in (theirs, nobodys)}

    assert [said(answer) for answer in answers.values()] == ["404 not_found"] * 2
    first, second = (told(answer, [job_id]) for job_id, answer in answers.items())
    assert first == second


@pytest.mark.slow
@pytest.mark.parametrize("route", OF_A_JOB[:2], ids=" ".join)
async def test_nor_does_the_clock_tell_another_tenants_job_from_none(
    api: Running, route: Route
) -> None:
    theirs = await api.job()

    async with api.client("other") as client:
        assert await are_alike_in_time(
            lambda: call(client, route, theirs), lambda: call(client, route, uuid7())
        )


@pytest.mark.parametrize("who", ["tenant", "platform"])
async def test_owners_and_the_platform_cancel_and_see_a_tenants_job(api: Running, who: str) -> None:
    job_id = await api.job()

    async with api.client(who) as client:
        cancelled = await client.post(f"{JOBS}/{job_id}/cancel")
        seen = await client.get(f"{JOBS}/{job_id}")

    assert (cancelled.status_code, seen.json()["status"]) == (200, "CANCELLED")


async def test_a_tenants_secret_is_its_own(api: Running) -> None:
    secrets: list[str] = []
    for who in ("platform", "tenant", "other", "tenant"):
        async with api.client(who) as client:
            answer = await client.post("/v1/callback-secrets")
        assert answer.status_code == 201
        secrets.append(answer.json()["secret"])

    assert len(set(secrets)) == 4
    assert all(secret.startswith("whsec_") for secret in secrets)


# -- a developer's own machine


@pytest.mark.parametrize(
    "header",
    [
        {"X-Forwarded-For": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"Host": "gateway.example.com"},
        {"Origin": "https://evil.example"},
    ],
)
async def test_only_this_machine_itself_needs_no_key(api: Running, header: dict[str, str]) -> None:
    async with api.neighbour() as client:
        welcome = await client.get(JOBS)
        refused = await client.get(JOBS, headers=header)

    assert welcome.status_code == 200
    assert said(refused) == "401 unauthenticated"


async def test_a_forged_origin_is_no_way_in(api: Running) -> None:
    async with api.client("stranger") as client:
        answer = await client.get(JOBS, headers={"X-Forwarded-For": "127.0.0.1"})

    assert said(answer) == "401 unauthenticated"


async def test_in_production_this_machine_needs_a_key_too(
    database_url: str, redis_url: str, tmp_path: Path, api: Running
) -> None:
    production = {"ENVIRONMENT": "production", "ENCRYPTION_KEY": "a2tr" * 10 + "a2s="}

    async with (
        running(database_url, redis_url, tmp_path, environment=production) as gateway,
        gateway.neighbour() as client,
    ):
        assert said(await client.get(JOBS)) == "401 unauthenticated"


# -- limits


async def test_a_key_that_asks_too_often_is_told_to_wait(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    three_a_minute = {"RATE_LIMIT_PER_MINUTE": "3"}

    async with (
        running(database_url, redis_url, tmp_path, environment=three_a_minute) as gateway,
        gateway.client() as client,
        gateway.client("other") as other,
    ):
        # Seven, in case that a minute ends just now.
        answers = [await client.get(JOBS) for _ in range(7)]
        of_another = await other.get(JOBS)

    first, *_, beyond = answers
    assert [answer.status_code for answer in (*answers[:3], of_another)] == [200] * 4
    assert first.headers["ratelimit-remaining"] == "2"
    assert said(beyond) == "429 rate_limited"
    assert 1 <= int(beyond.headers["retry-after"]) <= 60
    assert beyond.headers["ratelimit-limit"] == "3"


@pytest.mark.parametrize("scope", ["platform", str(TENANT), str(OTHER_TENANT)])
async def test_a_spent_budget_takes_no_more_jobs(api: Running, scope: str) -> None:
    async with transaction(api.ground.sessions) as session:
        await session.execute(
            text("INSERT INTO platform.budgets (scope, cap_micro_usd) VALUES (:scope, 0)"),
            {"scope": scope},
        )

    async with api.client() as client:
        answer = await client.post(JOBS, json=HAIKU)

    if scope == str(OTHER_TENANT):
        assert answer.status_code == 202
    else:
        assert said(answer) == "429 budget_exceeded"
