"""Ids, pages and idempotency keys, as they arrive in requests."""

from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.interface.http import create_api
from shared.interface.parameters import Cursors, Id, IdempotencyKey, Limit
from shared.interface.problems import Problem
from shared.interface.routes import api_router

ID = "01890a5d-ac96-774b-bcce-b302099a8057"

things = api_router("/v1/things", tag="things")


@things.get("/{thing_id}")
async def read_thing(thing_id: Id) -> UUID:
    return thing_id


@things.get("")
async def list_things(limit: Limit = 20) -> int:
    return limit


@things.post("")
async def make_thing(key: IdempotencyKey) -> str | None:
    return key


@pytest.fixture
def client() -> httpx.AsyncClient:
    transport = httpx.ASGITransport(create_api("Things", routers=[things]))
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


async def test_an_id_in_its_one_spelling_is_found(client: httpx.AsyncClient) -> None:
    assert (await client.get(f"/v1/things/{ID}")).json() == ID


@pytest.mark.parametrize(
    "spelling",
    [
        "not-a-uuid",
        ID.upper(),
        f"{{{ID}}}",
        f"urn:uuid:{ID}",
        ID.replace("-", ""),
        f"{ID}0",
        ID[:-1],
        f" {ID}",
        f"{ID}%0A",
        ID.replace("0", "\uff10", 1),
        f"{ID}%00",
        "1",
        "null",
        "..%2f" + ID,
        "'; drop table jobs;--",
    ],
)
async def test_an_id_in_any_other_spelling_is_not_there(
    client: httpx.AsyncClient, spelling: str
) -> None:
    answer = await client.get(f"/v1/things/{spelling}")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("limit", ["1", "100"])
async def test_a_page_has_1_to_100_entries(client: httpx.AsyncClient, limit: str) -> None:
    assert (await client.get(f"/v1/things?limit={limit}")).json() == int(limit)


@pytest.mark.parametrize("limit", ["0", "-1", "101", "100000", "abc", "", "1.5", "9" * 5_000])
async def test_another_size_of_page_is_refused(client: httpx.AsyncClient, limit: str) -> None:
    answer = await client.get(f"/v1/things?limit={limit}")

    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/query/limit"]


@pytest.mark.parametrize("key", ["k", "k" * 255, "a b~!", '"quoted"'])
async def test_a_printable_idempotency_key_is_taken(client: httpx.AsyncClient, key: str) -> None:
    answer = await client.post("/v1/things", headers={"Idempotency-Key": key})

    assert answer.json() == key


async def test_no_idempotency_key_is_fine(client: httpx.AsyncClient) -> None:
    assert (await client.post("/v1/things")).json() is None


@pytest.mark.parametrize("keys", [[b""], [b"k" * 256], [b"k\x01"], [b"caf\xe9"], [b"k", b"k"]])
async def test_an_idempotency_key_that_cannot_be_kept_is_refused(
    client: httpx.AsyncClient, keys: list[bytes]
) -> None:
    answer = await client.post("/v1/things", headers=[(b"idempotency-key", key) for key in keys])

    assert (answer.status_code, answer.json()["code"]) == (400, "validation_failed")
    assert answer.json()["errors"][0]["pointer"] == "/header/idempotency-key"


@given(st.lists(st.text() | st.integers(-(2**63), 2**63 - 1)), st.text())
def test_a_cursor_leads_back_to_its_place(place: list[str | int], context: str) -> None:
    cursors = Cursors(b"k" * 32)

    assert cursors.decode(cursors.encode(place, context=context), context=context) == place


@given(st.text())
def test_garbage_is_no_cursor(garbage: str) -> None:
    with pytest.raises(Problem) as refused:
        Cursors(b"k" * 32).decode(garbage, context="jobs")

    assert (refused.value.status_code, refused.value.code) == (400, "invalid_cursor")


def test_a_cursor_of_another_list_key_or_spelling_is_no_cursor() -> None:
    cursors = Cursors(b"k" * 32)
    cursor = cursors.encode([str(uuid4()), 7], context="jobs:a")

    with pytest.raises(Problem):
        cursors.decode(cursor, context="jobs:b")
    with pytest.raises(Problem):
        Cursors(b"x" * 32).decode(cursor, context="jobs:a")
    for place in range(len(cursor)):
        edited = cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
        with pytest.raises(Problem):
            cursors.decode(edited, context="jobs:a")
