"""What the gateway says of itself: whole, true, and readable without the rest of the internet."""

import re
from typing import Any

import pytest

from gateway.domain.job import FAILURES
from tests.gateway.builders import completed
from tests.gateway.running import JOBS, Running

FOREIGN = re.compile(r"(?:https?:)?//[\w.-]+\.[a-z]{2,}", re.IGNORECASE)


def routes(api: Running) -> dict[str, dict[str, Any]]:
    """Every documented route below /v1."""
    return {
        f"{method.upper()} {path}": route
        for path, methods in api.app.openapi()["paths"].items()
        for method, route in methods.items()
        if path.startswith("/v1/")
    }


async def test_the_documentation_needs_no_other_host(api: Running) -> None:
    async with api.client("stranger") as client:
        page = await client.get("/docs")
        parts = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        answers = [await client.get(part) for part in parts]
        schema = await client.get("/openapi.json")

    assert page.status_code == schema.status_code == 200
    assert FOREIGN.findall(page.text) == []
    assert len(parts) >= 3
    assert [answer.status_code for answer in answers] == [200] * len(parts)


async def test_the_key_to_ask_twice_and_pay_once_is_documented(api: Running) -> None:
    named = {one["name"]: one["in"] for one in routes(api)["POST /v1/jobs"]["parameters"]}

    assert named == {"Idempotency-Key": "header"}


async def test_every_route_documents_how_it_refuses(api: Running) -> None:
    for name, route in routes(api).items():
        for status in ("4XX", "5XX"):
            content = route["responses"][status]["content"]
            assert list(content) == ["application/problem+json"], name
            assert content["application/problem+json"]["schema"] == {
                "$ref": "#/components/schemas/Problem"
            }


async def test_every_route_says_what_it_does(api: Running) -> None:
    told = routes(api)

    assert len(told) == 6
    assert [name for name, route in told.items() if len(route["description"]) < 20] == []
    assert len({route["summary"] for route in told.values()}) == len(told)


async def test_every_reason_for_a_failure_is_documented(api: Running) -> None:
    schemas = api.app.openapi()["components"]["schemas"]

    named = schemas["JobError"]["properties"]["code"]["description"]

    assert [code for code in FAILURES if code not in named] == []


@pytest.mark.parametrize("name", ["JobView", "JobPage", "JobAccepted", "CallbackView"])
async def test_answers_hold_exactly_what_is_documented(api: Running, name: str) -> None:
    job_id = await api.job(callback_url="https://example.com/hook")
    async with api.client() as client:
        accepted = (await client.post(JOBS, json={"prompt": "Halo"})).json()
        await api.menu.jobs.completed([completed(job_id)])
        job = (await client.get(f"{JOBS}/{job_id}")).json()
        page = (await client.get(JOBS)).json()
    callback = job["callback"]
    told = {"JobView": job, "JobPage": page, "JobAccepted": accepted, "CallbackView": callback}

    documented = api.app.openapi()["components"]["schemas"][name]

    assert set(told[name]) == set(documented["properties"])
