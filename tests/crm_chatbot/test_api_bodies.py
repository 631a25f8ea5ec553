"""Bodies that no route of crm_chatbot takes: each kind of mistake, at each route with a body.

The numbers are those of the catalogue of bad inputs. All rows are sent to one service.
"""

from collections import defaultdict
from uuid import UUID

import pytest

from tests.crm_chatbot.running import Running
from tests.crm_chatbot.test_api_access import CASES
from tests.matrix import Case, Route
from tests.served import TENANT, said

pytestmark = pytest.mark.asyncio(loop_scope="module")

WITH_BODIES = {route: case for route, case in CASES.items() if case.body is not None}
NOBODY = UUID(int=0)

MALFORMED = "400 malformed_json"
INVALID = "422 validation_failed"
UNSUPPORTED = "415 unsupported_media_type"
JSON = "application/json"

BODIES: dict[str, tuple[bytes, str, str]] = {
    "1 an open brace": (b"{", JSON, MALFORMED),
    "2 nothing": (b"", JSON, MALFORMED),
    "3 text": (b"{}", "text/plain", UNSUPPORTED),
    "3 a form": (b"name=x", "application/x-www-form-urlencoded", UNSUPPORTED),
    "4 a list": (b"[]", JSON, f"{INVALID} #"),
    "4 a string": (b'"x"', JSON, f"{INVALID} #"),
    "4 null": (b"null", JSON, f"{INVALID} #"),
    "4 a number": (b"1", JSON, f"{INVALID} #"),
    "8 ten megabytes": (b'{"a": "' + b"x" * 10_000_000 + b'"}', JSON, "413 payload_too_large"),
    "10 U+0000": (b'{"name": "a\\u0000b"}', JSON, f"{INVALID} #/name"),
    "11 half a character": (b'{"name": "\\ud800"}', JSON, f"{INVALID} #/name"),
    "12 not UTF-8": (b'{"name": "\xff\xfe"}', JSON, MALFORMED),
    "13 deep": (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", JSON, MALFORMED),
    "14 a key twice": (b'{"name": "a", "name": "b"}', JSON, f"{INVALID} #/name"),
    "15 NaN": (b'{"a": NaN}', JSON, MALFORMED),
    "15 1e999": (b'{"a": 1e999}', JSON, MALFORMED),
    "16 5,000 digits": (b'{"a": ' + b"9" * 5_000 + b"}", JSON, f"{INVALID} #/a"),
}


@pytest.mark.parametrize("route", WITH_BODIES)
@pytest.mark.parametrize(("body", "kind", "refusal"), BODIES.values(), ids=BODIES)
async def test_a_body_that_cannot_be_meant_is_refused(
    lasting: Running, route: Route, body: bytes, kind: str, refusal: str
) -> None:
    method, path = route

    async with lasting.client("platform") as client:
        answer = await client.request(
            method, filled(path), content=body, headers={"Content-Type": kind}
        )

    assert said(answer) == refusal


@pytest.mark.parametrize(("route", "case"), WITH_BODIES.items())
@pytest.mark.parametrize("field", ["promt", "tenant_id", "is_admin", "__proto__"])
async def test_a_field_that_nobody_knows_is_refused(
    lasting: Running, route: Route, case: Case, field: str
) -> None:
    method, path = route

    async with lasting.client("platform") as client:
        body = {**(case.body or {}), field: "x"}
        answer = await client.request(method, filled(path), json=body)

    assert said(answer) == f"{INVALID} #/{field}"
    assert answer.json()["errors"][0]["code"] == "unknown_field"


@pytest.mark.parametrize("route", CASES)
async def test_a_method_that_is_not_offered_is_refused_with_those_that_are(
    lasting: Running, route: Route
) -> None:
    _, path = route
    offered = {method for method, other in CASES if _fits(path, other)}

    async with lasting.client("platform") as client:
        answer = await client.request("PROPFIND", filled(path))

    assert said(answer) == "405 method_not_allowed"
    assert set(answer.headers["allow"].split(", ")) <= offered | {"HEAD"}


def _fits(path: str, other: str) -> bool:
    """Whether it is the other path, or what the other says by a parameter."""
    steps = [*zip(path.split("/"), other.split("/"), strict=False)]
    same_length = path.count("/") == other.count("/")
    return same_length and all(one == its or its.startswith("{") for one, its in steps)


def filled(path: str) -> str:
    """The shop's own path; whatever else it names, but for a provider, is not there."""
    named = {"tenant_id": TENANT, "provider": "midtrans"}
    return path.format_map(defaultdict(lambda: NOBODY, named))
