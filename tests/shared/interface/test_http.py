"""What every API has in common: names for requests, one shape for errors, documentation."""

import re
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Header
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from shared import logs
from shared.availability import DatabaseUnavailable
from shared.batching import Overloaded
from shared.domain import ChangedMeanwhile, Conflict, Invalid, NotFound
from shared.interface.access import AnyCaller
from shared.interface.http import create_api
from shared.interface.routes import api_router


class CupIsEmpty(Conflict):
    message = "The cup {cup} is empty."


class CupIsFull(Conflict):
    message = "The cup is full."
    retry_after_s = 3


class CupNotFound(NotFound):
    message = "There is no cup {cup}."


class TeaRejected(Invalid):
    message = "Not {tea}."
    at = "/tea"


class Milk(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: Literal["oat", "cow"]
    millilitres: int = Field(ge=0, le=100)


class Order(BaseModel):
    model_config = ConfigDict(extra="forbid")

    tea: str = Field(min_length=1, max_length=10)
    milk: list[Milk] = []


FAILURES: dict[str, Exception] = {
    "empty": CupIsEmpty(cup=7),
    "full": CupIsFull(),
    "absent": CupNotFound(cup=7),
    "coffee": TeaRejected(tea="coffee"),
    "raced": ChangedMeanwhile(),
    "crowded": Overloaded(),
    "offline": DatabaseUnavailable("secret-host"),
    "broken": LookupError("secret-password"),
}

cups = api_router("/v1/cups", tag="cups")


@cups.get("/{cup}")
async def read_cup(cup: str) -> str:
    if cup in FAILURES:
        raise FAILURES[cup]
    return logs.correlation_id() or ""


@cups.get("/{cup}/pour")
async def pour_cup(cup: str) -> StreamingResponse:
    async def pour() -> AsyncGenerator[str]:
        yield cup
        raise LookupError

    return StreamingResponse(pour())


@cups.post("", status_code=201)
async def fill_cup(order: Order, x_sugar: Annotated[int, Header(ge=0)] = 0) -> str:
    return f"{order.tea} {x_sugar}"


@cups.delete("/{cup}")
async def break_cup(cup: str, caller: AnyCaller) -> str:
    return f"{cup} {caller}"


@pytest.fixture
def client() -> httpx.AsyncClient:
    transport = httpx.ASGITransport(create_api("Tea", routers=[cups]))
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


def is_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    problem: dict[str, Any] = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(problem) == {"type", "title", "status", "detail", "code", "request_id", "errors"}
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert problem["type"] == f"urn:ai-platform:problem:{code}"
    assert problem["request_id"] == answer.headers["x-request-id"]
    return problem


@pytest.mark.parametrize(
    ("cup", "status", "code", "detail", "headers"),
    [
        ("empty", 409, "cup_is_empty", "The cup 7 is empty.", {}),
        ("full", 409, "cup_is_full", "The cup is full.", {"retry-after": "3"}),
        ("absent", 404, "cup_not_found", "There is no cup 7.", {}),
        ("coffee", 422, "tea_rejected", "Not coffee.", {}),
        ("raced", 409, "conflict", "Somebody else changed it", {}),
        ("crowded", 503, "overloaded", "Too many requests", {"retry-after": "1"}),
        ("offline", 503, "database_unavailable", "does not answer", {"retry-after": "2"}),
        ("broken", 500, "internal", "on our side", {}),
    ],
)
async def test_every_error_has_its_status_and_its_code(
    client: httpx.AsyncClient,
    cup: str,
    status: int,
    code: str,
    detail: str,
    headers: dict[str, str],
) -> None:
    answer = await client.get(f"/v1/cups/{cup}")

    problem = is_problem(answer, status, code)
    assert detail in problem["detail"]
    assert headers.items() <= answer.headers.items()
    assert "secret" not in answer.text


async def test_a_refusal_points_at_what_it_is_about(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/cups/coffee")).json()["errors"] == [
        {"pointer": "/tea", "code": "tea_rejected", "message": "Not coffee."}
    ]
    assert (await client.get("/v1/cups/empty")).json()["errors"] == []


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, [("/tea", "missing")]),
        ({"tea": None}, [("/tea", "string_type")]),
        ({"tea": 7}, [("/tea", "string_type")]),
        ({"tea": ""}, [("/tea", "too_short")]),
        ({"tea": "t" * 11}, [("/tea", "too_long")]),
        ({"tea": "green", "sugar": 1}, [("/sugar", "unknown_field")]),
        ({"tea": "green", "a/b~c": 1}, [("/a~1b~0c", "unknown_field")]),
        (
            {"tea": "green", "milk": [{"kind": "soy", "millilitres": 101}]},
            [("/milk/0/kind", "literal_error"), ("/milk/0/millilitres", "less_than_equal")],
        ),
    ],
)
async def test_a_body_that_does_not_fit_is_pointed_at(
    client: httpx.AsyncClient, body: object, errors: list[tuple[str, str]]
) -> None:
    answer = await client.post("/v1/cups", json=body)

    problem = is_problem(answer, 422, "validation_failed")
    assert [(error["pointer"], error["code"]) for error in problem["errors"]] == errors


async def test_a_header_that_does_not_fit_is_pointed_at(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/cups", json={"tea": "green"}, headers={"X-Sugar": "-1"})

    problem = is_problem(answer, 422, "validation_failed")
    assert problem["errors"][0]["pointer"] == "/header/x-sugar"


async def test_thousands_of_mistakes_make_a_short_answer(client: httpx.AsyncClient) -> None:
    wrong = {"tea": "green"} | {f"{n}{'x' * 100}": n for n in range(5_000)}

    answer = await client.post("/v1/cups", json=wrong)

    assert len(is_problem(answer, 422, "validation_failed")["errors"]) == 20


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/cups/a/b", "/v1/cups/", "//v1/cups/7", "/v1/cups/a%00b"]
)
async def test_what_is_not_there_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    is_problem(await client.get(path), 404, "not_found")


async def test_a_method_that_is_not_offered_is_told_which_are(client: httpx.AsyncClient) -> None:
    answer = await client.patch("/v1/cups/7")

    is_problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "DELETE, GET"


async def test_a_nul_in_a_query_is_refused(client: httpx.AsyncClient) -> None:
    problem = is_problem(await client.get("/v1/cups/7?a=b%00c"), 422, "validation_failed")

    assert problem["errors"][0]["code"] == "nul_character"


@pytest.mark.parametrize(
    "headers",
    [[("x", "y")] * 200, [("x", "y" * 100_000)], [("x" * 70_000, "y")]],
    ids=["many", "long", "long name"],
)
async def test_too_many_headers_are_refused(
    client: httpx.AsyncClient, headers: list[tuple[str, str]]
) -> None:
    is_problem(await client.get("/v1/cups/7", headers=headers), 431, "headers_too_large")


async def test_a_sane_request_id_is_kept_and_logged(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/cups/7", headers={"X-Request-ID": "order-7.2:x_Y"})

    assert answer.headers.get_list("x-request-id") == ["order-7.2:x_Y"]
    assert answer.json() == "order-7.2:x_Y"


@pytest.mark.parametrize("odd", ["", "x" * 129, "a b", "a\tb", "<script>", "caf\u00e9", 'a"b'])
async def test_an_odd_request_id_is_replaced(client: httpx.AsyncClient, odd: str) -> None:
    answer = await client.get("/v1/cups/7", headers=[(b"x-request-id", odd.encode("latin-1"))])

    name = answer.headers["x-request-id"]
    assert re.fullmatch(r"[0-9a-f-]{36}", name)
    assert answer.json() == name


async def test_every_request_without_a_name_gets_its_own(client: httpx.AsyncClient) -> None:
    names = {(await client.get("/v1/cups/7")).headers["x-request-id"] for _ in range(50)}

    assert len(names) == 50


async def test_an_answer_that_breaks_off_stays_broken(client: httpx.AsyncClient) -> None:
    with pytest.raises(LookupError):
        await client.get("/v1/cups/7/pour")


async def test_the_documentation_asks_no_other_host(client: httpx.AsyncClient) -> None:
    page = (await client.get("/docs")).text

    own = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert own
    assert not re.search(r"(?:src|href|url)\s*[=:]\s*[\"'](?:https?:)?//", page)
    for path in [*own, "/openapi.json"]:
        assert (await client.get(path)).status_code == 200, path
    assert (await client.get("/redoc")).status_code == 404


async def test_services_that_share_an_address_document_themselves_apart() -> None:
    api = create_api("cups", routers=[], place="/v1/cups")
    transport = httpx.ASGITransport(api)
    async with httpx.AsyncClient(transport=transport, base_url="http://cups") as shared:
        page = await shared.get("/docs", follow_redirects=True)
        schema = await shared.get("/openapi.json", follow_redirects=True)

    assert page.url.path == "/v1/cups/docs"
    assert schema.url.path == "/v1/cups/openapi.json"
    assert "'/v1/cups/openapi.json'" in page.text
    assert schema.json()["info"]["title"] == "cups"


async def test_openapi_tells_how_refusals_look_and_who_needs_a_key(
    client: httpx.AsyncClient,
) -> None:
    schema = (await client.get("/openapi.json")).json()

    fill = schema["paths"]["/v1/cups"]["post"]
    assert set(fill["responses"]) == {"201", "4XX", "5XX"}
    content = fill["responses"]["4XX"]["content"]
    assert list(content) == ["application/problem+json"]
    assert content["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}
    example = content["application/problem+json"]["example"]
    assert set(example) == set(schema["components"]["schemas"]["Problem"]["required"])
    assert "HTTPValidationError" not in schema["components"]["schemas"]
    assert schema["components"]["securitySchemes"]["ApiKey"]["scheme"] == "bearer"
    assert schema["paths"]["/v1/cups/{cup}"]["delete"]["security"] == [{"ApiKey": []}]
    assert "security" not in fill


def test_a_body_on_a_lax_route_is_a_mistake_of_ours() -> None:
    lax = APIRouter()

    @lax.post("/lax")
    async def take(order: Order) -> str:
        return order.tea

    with pytest.raises(TypeError, match="/lax takes a body"):
        create_api("Tea", routers=[lax])


def test_a_process_that_refuses_its_settings_says_one_line_and_exits_with_78() -> None:
    script = """
from contextlib import asynccontextmanager
import uvicorn
from shared.interface.http import create_api
from shared.settings import refuse

@asynccontextmanager
async def lifespan(app):
    refuse("KETTLE: must be whole")
    yield

uvicorn.run(create_api("Tea", routers=[], lifespan=lifespan), port=0, log_level="critical")
"""

    ended = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )

    assert (ended.returncode, ended.stderr) == (78, "bad configuration: KETTLE: must be whole\n")


async def test_a_lifespan_runs_around_the_requests() -> None:
    said: list[str] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        said.append(f"{app.title} begins")
        yield
        said.append("ends")

    app = create_api("Tea", routers=[cups], lifespan=lifespan)
    async with app.router.lifespan_context(app):
        said.append("serves")

    assert said == ["Tea begins", "serves", "ends"]
