"""Headers, queries, ids and paths that `/v1/jobs` refuses: one row for each kind of mistake.

The numbers are those of the catalogue of bad inputs. All rows are sent to one gateway.
"""

from collections.abc import AsyncGenerator

import httpx
import pytest
import pytest_asyncio

from tests.gateway.running import HAIKU, JOBS, Running
from tests.served import said

pytestmark = pytest.mark.asyncio(loop_scope="module")

NO_JOB = "00000000-0000-4000-8000-000000000000"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(lasting: Running) -> AsyncGenerator[httpx.AsyncClient]:
    async with lasting.client() as client:
        yield client


UNSUPPORTED = "415 unsupported_media_type"
BAD_KEY = "400 validation_failed #/header/idempotency-key"
TOO_MANY = "431 headers_too_large"

HEADERS: dict[str, tuple[dict[str, str], str]] = {
    "3 text": ({"Content-Type": "text/plain"}, UNSUPPORTED),
    "3 a form": ({"Content-Type": "application/x-www-form-urlencoded"}, UNSUPPORTED),
    "3 latin-1": ({"Content-Type": "application/json; charset=latin-1"}, UNSUPPORTED),
    "9 compressed": ({"Content-Encoding": "gzip"}, UNSUPPORTED),
    "8 a length that lies": ({"Content-Length": "9" * 20}, "413 payload_too_large"),
    "33 no key": ({"Idempotency-Key": ""}, BAD_KEY),
    "33 a long key": ({"Idempotency-Key": "k" * 256}, BAD_KEY),
    "33 a key that cannot be printed": ({"Idempotency-Key": "a\tb"}, BAD_KEY),
    "58 500 headers": ({f"X-{n}": "y" for n in range(500)}, TOO_MANY),
    "58 a megabyte of header": ({"X-A": "y" * 1_000_000}, TOO_MANY),
}


@pytest.mark.parametrize(("headers", "refusal"), HEADERS.values(), ids=HEADERS)
async def test_headers_that_cannot_be_meant_are_refused(
    client: httpx.AsyncClient, headers: dict[str, str], refusal: str
) -> None:
    assert said(await client.post(JOBS, json=HAIKU, headers=headers)) == refusal


async def test_an_idempotency_key_given_twice_is_refused(client: httpx.AsyncClient) -> None:
    twice = [("Idempotency-Key", "a"), ("Idempotency-Key", "a")]

    assert said(await client.post(JOBS, json=HAIKU, headers=twice)) == BAD_KEY


INVALID = "422 validation_failed #/query"
NO_CURSOR = "400 invalid_cursor"

QUERIES = {
    "38 -1": ("limit=-1", f"{INVALID}/limit"),
    "38 0": ("limit=0", f"{INVALID}/limit"),
    "38 101": ("limit=101", f"{INVALID}/limit"),
    "38 100000": ("limit=100000", f"{INVALID}/limit"),
    "38 abc": ("limit=abc", f"{INVALID}/limit"),
    "39 garbage": ("cursor=garbage", NO_CURSOR),
    "39 much garbage": (f"cursor={'x' * 5_000}", NO_CURSOR),
    "39 nothing": ("cursor=", NO_CURSOR),
    "39 not ASCII": ("cursor=%E2%98%95", NO_CURSOR),
    "- status": ("status=DONE", f"{INVALID}/status"),
    "- thread": ("thread_id=a%20b", f"{INVALID}/thread_id"),
    "- no moment": ("created_after=noon", f"{INVALID}/created_after"),
    "- no time zone": ("created_after=2026-01-01T00:00:00", f"{INVALID}/created_after"),
    "- the year 1": ("created_after=0001-01-01T00:00:00%2B14:00", f"{INVALID}/created_after"),
    "- the year 9999": ("created_before=9999-12-31T23:59:59-14:00", f"{INVALID}/created_before"),
    "- something else": ("tenant_id=x", f"{INVALID}/tenant_id"),
    "10 U+0000": ("thread_id=%00", INVALID),
}


@pytest.mark.parametrize(("query", "refusal"), QUERIES.values(), ids=QUERIES)
async def test_a_query_that_cannot_be_meant_is_refused(
    client: httpx.AsyncClient, query: str, refusal: str
) -> None:
    assert said(await client.get(f"{JOBS}?{query}")) == refusal


#: rows 26 and 28
SPELLINGS = (
    *("not-a-uuid", "0", "null", "%00", "%F0%9F%98%80"),
    *("{JOB_ID}", "{{{job_id}}}", "urn:uuid:{job_id}", "{plain}", "{job_id}%20", "{job_id}%0A"),
)


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_an_id_in_any_other_spelling_is_not_there(
    lasting: Running, client: httpx.AsyncClient, spelling: str
) -> None:
    job_id = str(await lasting.job())
    spelt = spelling.format(job_id=job_id, JOB_ID=job_id.upper(), plain=job_id.replace("-", ""))

    assert said(await client.get(f"{JOBS}/{spelt}")) == "404 not_found"


#: row 57
PATHS = ("//v1/jobs", "/v1//jobs", "/v1/jobs/", "/v1/JOBS", "/v1/jobs%2F", "/v2/jobs", "/%00")


@pytest.mark.parametrize("path", PATHS)
async def test_an_odd_path_leads_nowhere(client: httpx.AsyncClient, path: str) -> None:
    assert said(await client.get(f"http://gateway{path}")) == "404 not_found"


@pytest.mark.parametrize("host", ["", "a b", "127.0.0.1:0", "x" * 300, "evil.example\\@gateway"])
async def test_an_odd_host_changes_nothing(client: httpx.AsyncClient, host: str) -> None:
    assert (await client.get(JOBS, headers={"Host": host})).status_code == 200


#: row 32
METHODS = (
    ("PATCH", JOBS, "GET, POST"),
    ("BREW", JOBS, "GET, POST"),
    ("DELETE", f"{JOBS}/{NO_JOB}", "GET"),
    ("GET", f"{JOBS}/{NO_JOB}/cancel", "POST"),
    ("POST", f"{JOBS}/{NO_JOB}/events", "GET"),
    ("GET", "/v1/callback-secrets", "POST"),
)


@pytest.mark.parametrize(("method", "path", "allowed"), METHODS)
async def test_a_method_that_is_not_offered_is_told_which_are(
    client: httpx.AsyncClient, method: str, path: str, allowed: str
) -> None:
    answer = await client.request(method, path)

    assert said(answer) == "405 method_not_allowed"
    assert answer.headers["allow"] == allowed
