"""Configs, templates and agents over HTTP: what is taken, what is refused, and what is said."""

from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from ai_engine.infrastructure.agent_store import seed_agents
from shared.infrastructure.database import Sessions, transaction
from tests.ai_engine.api import an_api, calling

CONFIGS, TEMPLATES, AGENTS = "/v1/llm-configs", "/v1/prompt-templates", "/v1/agents"

CONFIG: dict[str, Any] = {
    "name": "strict",
    "provider": "openai",
    "model_name": "gpt-4-turbo",
    "api_key_env": "OPENAI_API_KEY",
}
TEMPLATE: dict[str, Any] = {"name": "letter", "content": "Dear {{name}},"}
AGENT: dict[str, Any] = {"prompt_template": "main-agent"}


@pytest.fixture
async def app(sessions: Sessions) -> FastAPI:
    async with transaction(sessions) as session:
        await seed_agents(session)
    return an_api(sessions)


@pytest.fixture
async def http(app: FastAPI) -> AsyncGenerator[httpx.AsyncClient]:
    async with calling(app) as client:
        yield client


def without_name(body: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {field: value for field, value in body.items() if field != "name"} | changes


async def test_a_config_lives_from_post_to_delete(http: httpx.AsyncClient) -> None:
    added = await http.post(CONFIGS, json=CONFIG | {"temperature": 0.7, "fallbacks": ["offline"]})
    place = added.headers["Location"]
    seen = await http.get(place)
    changed = await http.put(
        place, json=without_name(CONFIG, max_tokens=10), headers={"If-Match": seen.headers["ETag"]}
    )
    history = await http.get(f"{place}/history")
    removed = await http.delete(place, headers={"If-Match": changed.headers["ETag"]})

    assert (added.status_code, place) == (201, "/v1/llm-configs/strict")
    assert seen.json() == added.json()
    assert seen.json() == {
        "name": "strict",
        "provider": "openai",
        "model_name": "gpt-4-turbo",
        "api_key_env": "OPENAI_API_KEY",
        "key_is_set": True,
        "temperature": 0.7,
        "max_tokens": 4096,
        "is_active": True,
        "base_url": None,
        "timeout_s": 180,
        "retries": 2,
        "fallbacks": ["offline"],
        "vision": False,
        "transcription_model": None,
        "input_price": 0,
        "output_price": 0,
        "version": 1,
    }
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    assert changed.json()["fallbacks"] == [], "what is left out gets its default"
    assert [change["version"] for change in history.json()["changes"]] == [2, 1]
    assert history.json()["changes"][0]["actor"].startswith("key ")
    assert removed.status_code == 204
    assert (await http.get(place)).status_code == 404


async def test_a_template_lives_from_post_to_delete(http: httpx.AsyncClient) -> None:
    added = await http.post(TEMPLATES, json=TEMPLATE)
    place = added.headers["Location"]
    changed = await http.put(place, json={"content": "Hi {{b}} {{a}}", "description": "short"})
    listed = await http.get(TEMPLATES)
    removed = await http.delete(place)

    assert added.json()["variables"] == ["name"]
    assert changed.json() == {
        "name": "letter",
        "content": "Hi {{b}} {{a}}",
        "description": "short",
        "variables": ["a", "b"],
        "version": 2,
    }
    assert "letter" in [one["name"] for one in listed.json()["prompt_templates"]]
    assert removed.status_code == 204
    assert (await http.get(f"{place}/history")).json()["changes"][0]["after"] is None


async def test_an_agent_can_be_changed_and_not_removed(http: httpx.AsyncClient) -> None:
    listed = await http.get(AGENTS)
    changed = await http.put(
        f"{AGENTS}/main", json=AGENT | {"temperature": 0, "llm_config": "default-claude"}
    )
    seen = await http.get(f"{AGENTS}/main")

    assert [one["agent_type"] for one in listed.json()["agents"]] == [
        "fallback",
        "followup",
        "main",
        "moderation",
    ]
    assert seen.json() == changed.json()
    assert seen.json() == {
        "agent_type": "main",
        "prompt_template": "main-agent",
        "llm_config": "default-claude",
        "temperature": 0,
        "max_tokens": None,
        "retries": None,
        "is_active": True,
        "version": 2,
    }
    for method in ("DELETE", "PATCH", "POST"):
        refused = await http.request(method, f"{AGENTS}/main")
        assert refused.status_code == 405
        assert "PUT" in refused.headers["Allow"]


async def test_the_catalogue_is_listed_with_its_keys_only_named(http: httpx.AsyncClient) -> None:
    listed = {one["name"]: one for one in (await http.get(CONFIGS)).json()["llm_configs"]}

    assert listed["default-smart"]["key_is_set"]
    assert not listed["default-claude"]["key_is_set"]
    assert not listed["offline"]["key_is_set"]
    assert listed["default-claude"]["api_key_env"] == "ANTHROPIC_API_KEY"


@pytest.mark.parametrize(
    ("etag", "status"),
    [
        ('"1"', 200),
        ("*", 200),
        (None, 200),
        ('"0"', 412),
        ('"2"', 412),
        ('W/"1"', 200),
        ('W/"2"', 412),
        ("1", 412),
    ],
)
async def test_a_change_over_anothers_change_is_refused(
    http: httpx.AsyncClient, etag: str | None, status: int
) -> None:
    await http.post(CONFIGS, json=CONFIG)
    headers = {} if etag is None else {"If-Match": etag}

    changed = await http.put(
        f"{CONFIGS}/strict", json=without_name(CONFIG, max_tokens=7), headers=headers
    )

    assert changed.status_code == status
    if status == 412:
        assert changed.json()["code"] == "conflict"
        assert (await http.get(f"{CONFIGS}/strict")).json()["max_tokens"] == 4096
        removed = await http.delete(f"{CONFIGS}/strict", headers=headers)
        assert removed.status_code == 412


NO_CONFIGS: dict[str, list[object]] = {
    "temperature": [-0.1, 2.1, "hot", True, None, "0.7", {}, 10**400],
    "max_tokens": [0, -1, 10**9, 1.5, True, "10", None, 10**30],
    "retries": [-1, 11, 1.5, True],
    "timeout_s": [0, -1, 601, "1", True],
    "provider": ["google", "OpenAI", None, 1],
    "model_name": ["", "   ", "a\nb", "x" * 256, 1, None],
    "api_key_env": ["DATABASE_URL", "", "sk-live-1234567890", "PATH", "OPENAI_API_KEY\n", 1],
    "is_active": ["yes", 1, None],
    "base_url": ["ftp://x", "http://u:p@x", "nonsense", "http://", "http://x?key=1", 1],
    "fallbacks": [["nope"], "offline", [1], ["offline", "offline"], ["a b"], None],
    "vision": ["yes", 1, None],
    "transcription_model": ["", " ", "x" * 256, "a\nb", 1],
    "input_price": [-1, "1", True],
    "name": ["", "a b", "-x", "a/b", "x" * 256, "ünïcode", None, 1, "a\n"],
}


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field in NO_CONFIGS for value in NO_CONFIGS[field]]
)
async def test_a_config_that_makes_no_sense_is_refused_with_the_place(
    http: httpx.AsyncClient, field: str, value: object
) -> None:
    refused = await http.post(CONFIGS, json=CONFIG | {field: value})

    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"].startswith(f"/{field}")
    assert "sk-live" not in refused.text
    assert (await http.get(f"{CONFIGS}/strict")).status_code == 404


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
async def test_numbers_that_are_none_are_refused(http: httpx.AsyncClient, number: str) -> None:
    body = f'{{"provider": "offline", "model_name": "m", "name": "n", "temperature": {number}}}'

    refused = await http.post(CONFIGS, content=body, headers={"Content-Type": "application/json"})

    assert refused.status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {"content": ""},
        {"content": " \n\t"},
        {"content": "x" * 100_001},
        {"content": None},
        {"content": ["x"]},
        {"content": "a\0b"},
        {"content": "x", "description": "x" * 2_001},
        {"content": "x", "description": None},
        {"content": "x", "tenant_id": "mine"},
        {},
    ],
)
async def test_a_template_that_makes_no_sense_is_refused(
    http: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    refused = await http.post(TEMPLATES, json={"name": "letter"} | body)

    assert refused.status_code == 422
    assert (await http.get(f"{TEMPLATES}/letter")).status_code == 404


NO_AGENTS: dict[str, list[object]] = {
    "temperature": [-0.1, 2.1, "hot", True],
    "max_tokens": [0, -1, 10**9, 1.5, True],
    "retries": [-1, 11, 0.5],
    "prompt_template": ["nope", None, "", 1],
    "llm_config": ["nope", 1],
    "is_active": [False],
    "agent_type": ["main"],
    "is_admin": [True],
}


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field in NO_AGENTS for value in NO_AGENTS[field]]
)
async def test_an_agent_that_makes_no_sense_is_refused_with_the_place(
    http: httpx.AsyncClient, field: str, value: object
) -> None:
    refused = await http.put(f"{AGENTS}/main", json=AGENT | {field: value})

    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == f"/{field}"
    assert (await http.get(f"{AGENTS}/main")).json()["version"] == 1


async def test_an_unknown_field_is_named(http: httpx.AsyncClient) -> None:
    refused = await http.post(CONFIGS, json=CONFIG | {"api_key": "sk-secret"})

    assert refused.json()["errors"][0] == {
        "pointer": "/api_key",
        "code": "unknown_field",
        "message": "Extra inputs are not permitted",
    }
    assert "sk-secret" not in refused.text


@pytest.mark.parametrize(
    "path",
    [
        "/v1/llm-configs/nope",
        "/v1/llm-configs/'; drop table jobs;--",
        "/v1/llm-configs/nope/history",
        "/v1/prompt-templates/nope",
        "/v1/agents/nobody",
        "/v1/agents/MAIN",
        "/v1/agents/nobody/history",
    ],
)
async def test_what_is_not_there_is_404(http: httpx.AsyncClient, path: str) -> None:
    assert (await http.get(path)).status_code == 404


async def test_what_is_not_there_cannot_be_changed_or_removed(http: httpx.AsyncClient) -> None:
    for path, body in (
        (f"{CONFIGS}/nope", without_name(CONFIG)),
        (f"{TEMPLATES}/nope", without_name(TEMPLATE)),
        (f"{AGENTS}/nobody", AGENT),
    ):
        assert (await http.put(path, json=body)).status_code == 404
    assert (await http.delete(f"{CONFIGS}/nope")).status_code == 404
    assert (await http.delete(f"{TEMPLATES}/nope")).status_code == 404


async def test_a_name_is_taken_once(http: httpx.AsyncClient) -> None:
    await http.post(CONFIGS, json=CONFIG)
    await http.post(TEMPLATES, json=TEMPLATE)

    for path, body in ((CONFIGS, CONFIG), (TEMPLATES, TEMPLATE)):
        again = await http.post(path, json=body)
        assert (again.status_code, again.json()["code"]) == (409, "name_taken")


async def test_what_is_used_cannot_be_removed(http: httpx.AsyncClient) -> None:
    for path in (f"{CONFIGS}/offline", f"{TEMPLATES}/main-agent"):
        refused = await http.delete(path)
        assert (refused.status_code, refused.json()["code"]) == (409, "in_use")
    assert "default-smart" in (await http.delete(f"{CONFIGS}/offline")).json()["detail"]


WRITES = [
    ("POST", CONFIGS, CONFIG),
    ("PUT", f"{CONFIGS}/offline", without_name(CONFIG)),
    ("DELETE", f"{CONFIGS}/offline", None),
    ("POST", TEMPLATES, TEMPLATE),
    ("PUT", f"{TEMPLATES}/main-agent", without_name(TEMPLATE)),
    ("DELETE", f"{TEMPLATES}/main-agent", None),
    ("PUT", f"{AGENTS}/main", AGENT),
    ("GET", f"{CONFIGS}/offline/history", None),
    ("GET", f"{TEMPLATES}/main-agent/history", None),
    ("GET", f"{AGENTS}/main/history", None),
]


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
@pytest.mark.parametrize(
    ("who", "status"), [("tenant", 403), ("reader", 403), ("stranger", 401), ("", 401)]
)
async def test_only_who_runs_the_platform_changes_it(
    app: FastAPI, who: str, status: int, method: str, path: str, body: dict[str, Any] | None
) -> None:
    async with calling(app, who) as client:
        refused = await client.request(method, path, json=body)

    assert refused.status_code == status


@pytest.mark.parametrize(
    "path",
    [CONFIGS, f"{CONFIGS}/offline", TEMPLATES, f"{TEMPLATES}/main-agent", AGENTS, f"{AGENTS}/main"],
)
async def test_everybody_with_a_key_may_look(app: FastAPI, path: str) -> None:
    for who, status in (("tenant", 200), ("reader", 200), ("", 401)):
        async with calling(app, who) as client:
            assert (await client.get(path)).status_code == status
