"""`./keys` of a shop: made, shown once, listed without secrets, revoked for good."""

from uuid import UUID

import httpx
import pytest
from uuid_utils.compat import uuid7

from tests.crm_chatbot.running import SHOP, TENANTS, Running
from tests.served import OTHER_TENANT, TENANT, said

KEYS = f"{SHOP}/keys"


async def make(client: httpx.AsyncClient, **said: str) -> dict[str, str]:
    answer = await client.post(KEYS, json={"name": "cash register", **said})
    assert answer.status_code == 201, answer.text
    key: dict[str, str] = answer.json()
    return key


@pytest.mark.parametrize("who", ["tenant", "platform"])
async def test_a_new_key_lets_its_shop_in(api: Running, who: str) -> None:
    async with api.client(who) as client:
        key = await make(client)
        client.headers["Authorization"] = f"Bearer {key['secret']}"
        changed = await client.patch(SHOP, json={"name": "Kopi Budi"})
        elsewhere = await client.get(f"{TENANTS}/{OTHER_TENANT}")

    assert key["secret"].startswith(f"aip_{key['prefix']}_")
    assert changed.status_code == 200
    assert said(elsewhere) == "404 tenant_not_found"


async def test_a_key_for_reading_reads(api: Running) -> None:
    async with api.client() as client:
        key = await make(client, scope="tenant:read")
        client.headers["Authorization"] = f"Bearer {key['secret']}"
        seen = await client.get(SHOP)
        refused = await client.patch(SHOP, json={"name": "Kopi Budi"})

    assert seen.status_code == 200
    assert said(refused) == "403 forbidden"


async def test_a_secret_is_shown_once(api: Running) -> None:
    async with api.client() as client:
        key = await make(client)
        listed = await client.get(KEYS)

    assert key["secret"] not in listed.text
    assert "secret" not in listed.text
    assert [one["id"] for one in listed.json()["keys"]][:1] == [key["id"]]


async def test_a_shop_sees_its_own_keys_alone(api: Running) -> None:
    async with api.client() as client:
        listed = (await client.get(KEYS)).json()["keys"]

    assert {one["name"] for one in listed} == {"tenant", "reader"}


async def test_a_revoked_key_stays_listed_and_lets_nobody_in(api: Running) -> None:
    async with api.client() as client:
        key = await make(client)
        revoked = [await client.delete(f"{KEYS}/{key['id']}") for _ in range(2)]
        listed = (await client.get(KEYS)).json()["keys"]
        client.headers["Authorization"] = f"Bearer {key['secret']}"
        refused = await client.get(SHOP)

    assert [answer.status_code for answer in revoked] == [204, 204]
    assert next(one["revoked_at"] for one in listed if one["id"] == key["id"]) is not None
    assert said(refused) == "401 unauthenticated"


async def test_another_shops_key_is_not_there_to_be_revoked(api: Running) -> None:
    async with api.client() as client:
        key = await make(client)
    async with api.client("other") as client:
        path = f"{TENANTS}/{OTHER_TENANT}/keys"
        refusals = [await client.delete(f"{path}/{one}") for one in (key["id"], uuid7())]

    assert [said(refusal) for refusal in refusals] == ["404 no_such_api_key"] * 2


@pytest.mark.parametrize("path", [KEYS, f"{TENANTS}/{UUID(int=9)}/keys"])
async def test_a_shop_that_is_not_there_gets_no_key(api: Running, path: str) -> None:
    body = {"name": "cash register", "scope": "platform" if path == KEYS else "tenant"}

    async with api.client("platform") as client:
        answer = await client.post(path, json=body)

    told = "422 validation_failed #/scope" if path == KEYS else "404 tenant_not_found"
    assert said(answer) == told


@pytest.mark.parametrize("field", ["tenant_id", "secret", "prefix"])
async def test_what_a_key_is_is_not_the_callers_to_say(api: Running, field: str) -> None:
    async with api.client() as client:
        answer = await client.post(KEYS, json={"name": "x", field: str(TENANT)})

    assert said(answer) == f"422 validation_failed #/{field}"
