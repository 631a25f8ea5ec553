"""Who is let in, and what they may do."""

from collections.abc import AsyncGenerator
from ipaddress import ip_network
from uuid import UUID

import httpx
import pytest
from fastapi import Depends
from pydantic import BaseModel

from shared.infrastructure.api_keys import KeyScope
from shared.infrastructure.redis import Hints
from shared.interface.access import (
    Access,
    AnyCaller,
    PlatformCaller,
    WritingCaller,
    may_write,
)
from shared.interface.http import create_api
from shared.interface.limits import RateLimit
from shared.interface.routes import api_router
from tests.shared.keys import SECRETS, TENANT, one_of_each


class Seen(BaseModel):
    key_id: UUID | None
    tenant_id: UUID | None
    is_platform: bool
    may_write: bool


class Thing(BaseModel):
    name: str


things = api_router("/v1/things", tag="things")


@things.get("")
async def read_things(caller: AnyCaller) -> Seen:
    return Seen(
        key_id=caller.key_id,
        tenant_id=caller.tenant_id,
        is_platform=caller.is_platform,
        may_write=caller.may_write,
    )


@things.post("", status_code=201)
async def make_thing(thing: Thing, caller: WritingCaller) -> str:
    return f"{thing.name} of {caller.tenant_id}"


@things.delete("")
async def delete_things(caller: PlatformCaller) -> str:
    return f"gone, {caller.key_id}"


@things.put("", dependencies=[Depends(may_write)])
async def replace_things(thing: Thing) -> str:
    return thing.name


def client_of(
    *,
    is_development: bool = False,
    peer: str = "203.0.113.9",
    per_minute: int = 0,
    host: str = "localhost:8000",
    open_to: str = "",
) -> httpx.AsyncClient:
    app = create_api("Things", routers=[things])
    limit = RateLimit(Hints(None), per_minute, now=lambda: 60_000_015.0)
    networks = [ip_network(open_to)] if open_to else []
    app.state.access = Access(one_of_each(), limit, is_development=is_development, open_to=networks)
    transport = httpx.ASGITransport(app, client=(peer, 5_000))
    return httpx.AsyncClient(transport=transport, base_url=f"http://{host}")


def bearer(scope: KeyScope) -> dict[str, str]:
    return {"Authorization": f"Bearer {SECRETS[scope]}"}


@pytest.mark.parametrize(
    ("scope", "seen"),
    [
        (KeyScope.PLATFORM, (None, True, True)),
        (KeyScope.TENANT, (str(TENANT), False, True)),
        (KeyScope.TENANT_READ, (str(TENANT), False, False)),
    ],
)
async def test_a_key_says_who_is_calling(
    scope: KeyScope, seen: tuple[str | None, bool, bool]
) -> None:
    found = (await client_of().get("/v1/things", headers=bearer(scope))).json()

    assert (found["tenant_id"], found["is_platform"], found["may_write"]) == seen
    assert UUID(found["key_id"]).int < len(KeyScope)


@pytest.mark.parametrize(
    "given",
    [
        [],
        [b""],
        [b"Bearer"],
        [b"Bearer "],
        [b"Bearer unknown"],
        [b"Basic " + SECRETS[KeyScope.TENANT].encode()],
        [SECRETS[KeyScope.TENANT].encode()],
        [b"Bearer " + SECRETS[KeyScope.TENANT].encode() + b" "],
        [b"Bearer  " + SECRETS[KeyScope.TENANT].encode()],
        [b"Bearer " + SECRETS[KeyScope.TENANT].encode() + b"\xff"],
        [b"Bearer " + SECRETS[KeyScope.TENANT].encode()] * 2,
    ],
    ids=repr,
)
async def test_strangers_are_told_how_to_log_in(given: list[bytes]) -> None:
    headers = [(b"authorization", value) for value in given]

    answer = await client_of().get("/v1/things", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_the_scheme_may_be_spelt_in_lower_case() -> None:
    headers = {"Authorization": f"bearer {SECRETS[KeyScope.TENANT]}"}

    assert (await client_of().get("/v1/things", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    ("method", "scope", "status"),
    [
        ("POST", KeyScope.PLATFORM, 201),
        ("POST", KeyScope.TENANT, 201),
        ("POST", KeyScope.TENANT_READ, 403),
        ("PUT", KeyScope.TENANT, 200),
        ("PUT", KeyScope.TENANT_READ, 403),
        ("DELETE", KeyScope.PLATFORM, 200),
        ("DELETE", KeyScope.TENANT, 403),
        ("DELETE", KeyScope.TENANT_READ, 403),
    ],
)
async def test_a_scope_opens_only_its_own_doors(method: str, scope: KeyScope, status: int) -> None:
    body = {"name": "tea"} if method != "DELETE" else None

    answer = await client_of().request(method, "/v1/things", json=body, headers=bearer(scope))

    assert answer.status_code == status
    if status == 403:
        assert answer.json()["code"] == "forbidden"


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_strangers_bodies_are_not_even_looked_at(method: str) -> None:
    read: list[str] = []

    async def body() -> AsyncGenerator[bytes]:
        read.append("read")
        yield b"{"

    answer = await client_of().request(method, "/v1/things", content=body())

    assert answer.status_code == 401
    assert not read


@pytest.mark.parametrize(
    ("peer", "host"),
    [
        ("127.0.0.1", "localhost:8000"),
        ("127.0.0.1", "127.0.0.1:8000"),
        ("127.0.0.53", "localhost"),
        ("::1", "[::1]:8000"),
        ("127.0.0.1", "app.localhost:8000"),
    ],
)
async def test_a_developers_own_machine_needs_no_key(peer: str, host: str) -> None:
    client = client_of(is_development=True, peer=peer, host=host, per_minute=1)

    answers = [await client.get("/v1/things") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert answers[0].json() == {
        "key_id": None,
        "tenant_id": None,
        "is_platform": True,
        "may_write": True,
    }


@pytest.mark.parametrize(
    ("peer", "host", "headers"),
    [
        ("203.0.113.9", "localhost", {}),
        ("10.0.0.1", "localhost", {}),
        ("203.0.113.9", "localhost", {"X-Forwarded-For": "127.0.0.1"}),
        ("127.0.0.1", "localhost", {"X-Forwarded-For": "203.0.113.9"}),
        ("127.0.0.1", "localhost", {"Forwarded": "for=203.0.113.9"}),
        ("127.0.0.1", "localhost", {"Via": "1.1 proxy"}),
        ("127.0.0.1", "rebound.example.com", {}),
        ("127.0.0.1", "localhost.example.com", {}),
        ("127.0.0.1", "localhost", {"Origin": "https://evil.example.com"}),
        ("127.0.0.1", "localhost", {"Origin": "null"}),
        ("127.0.0.1", "localhost", {"Authorization": "Bearer unknown"}),
    ],
)
async def test_what_only_looks_like_this_machine_needs_a_key(
    peer: str, host: str, headers: dict[str, str]
) -> None:
    client = client_of(is_development=True, peer=peer, host=host)

    assert (await client.get("/v1/things", headers=headers)).status_code == 401
    with_key = headers | bearer(KeyScope.TENANT)
    assert (await client.get("/v1/things", headers=with_key)).status_code == 200


async def test_a_page_served_by_this_machine_may_call_it() -> None:
    client = client_of(is_development=True, peer="127.0.0.1")

    answer = await client.get("/v1/things", headers={"Origin": "http://localhost:3000"})

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("peer", "host", "headers", "status"),
    [
        ("172.18.0.9", "localhost:8000", {"X-Forwarded-For": "172.18.0.1"}, 200),
        ("172.18.0.9", "edge.localhost:8000", {"Via": "1.1 edge"}, 200),
        ("172.18.0.9", "shop.example.com", {}, 401),
        ("172.18.0.9", "localhost:8000", {"Origin": "https://evil.example.com"}, 401),
        ("172.18.0.9", "localhost:8000", {"Authorization": "Bearer unknown"}, 401),
        ("172.19.0.9", "localhost:8000", {}, 401),
        ("127.0.0.1", "localhost:8000", {"X-Forwarded-For": "172.18.0.9"}, 401),
        ("nonsense", "localhost:8000", {}, 401),
    ],
)
async def test_in_development_a_network_may_be_open(
    peer: str, host: str, headers: dict[str, str], status: int
) -> None:
    client = client_of(is_development=True, peer=peer, host=host, open_to="172.18.0.0/16")

    assert (await client.get("/v1/things", headers=headers)).status_code == status


async def test_in_production_no_network_is_open() -> None:
    client = client_of(peer="172.18.0.9", open_to="172.18.0.0/16")

    assert (await client.get("/v1/things")).status_code == 401


async def test_in_production_this_machine_is_a_stranger_too() -> None:
    assert (await client_of(peer="127.0.0.1").get("/v1/things")).status_code == 401


async def test_a_key_that_asks_too_often_is_told_when_to_come_back() -> None:
    client = client_of(per_minute=1_000)

    answers = [
        await client.get("/v1/things", headers=bearer(KeyScope.TENANT)) for _ in range(1_001)
    ]

    assert {answer.status_code for answer in answers[:-1]} == {200}
    assert answers[0].headers["ratelimit-remaining"] == "999"
    refused = answers[-1]
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert refused.headers["retry-after"] == "45"
    assert refused.headers["ratelimit-limit"] == "1000"
    assert refused.headers["ratelimit-remaining"] == "0"
    assert refused.headers["ratelimit-reset"] == "45"


async def test_a_request_counts_once_however_many_guards_it_passes() -> None:
    client = client_of(per_minute=10)

    answer = await client.post("/v1/things", json={"name": "tea"}, headers=bearer(KeyScope.TENANT))

    assert answer.headers["ratelimit-remaining"] == "9"
