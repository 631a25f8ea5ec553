"""Bodies that `POST /v1/jobs` refuses, and with which words: one row for each kind of mistake.

The numbers are those of the catalogue of bad inputs. All rows are sent to one gateway.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import httpx
import orjson
import pytest
import pytest_asyncio
from sqlalchemy import text

from gateway.domain.job import Prompt
from shared.infrastructure.database import transaction
from tests.gateway.running import HAIKU, JOBS, Running
from tests.served import said

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON = {"Content-Type": "application/json"}
LIMIT = Prompt.LIMIT
DEEP = 100_000

A_TEMPLATE = """
    INSERT INTO platform.prompt_templates (name, content) VALUES ('letter', 'Dear {{name}}')"""
AN_INACTIVE_CONFIG = """
    INSERT INTO platform.llm_configs (name, provider, model_name, api_key_env, is_active)
    VALUES ('retired', 'offline', 'offline-1', '', false)"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(lasting: Running) -> AsyncGenerator[httpx.AsyncClient]:
    async with transaction(lasting.ground.sessions) as session:
        await session.execute(text(A_TEMPLATE))
        await session.execute(text(AN_INACTIVE_CONFIG))
    async with lasting.client() as client:
        yield client


def with_(**changes: Any) -> bytes:
    return orjson.dumps(HAIKU | changes)


def a_letter(**variables: object) -> bytes:
    return with_(template_name="letter", variables=variables)


def raw(prompt: bytes) -> bytes:
    return b'{"prompt": %b}' % prompt


def counting(number: bytes) -> bytes:
    return b'{"prompt": "a", "metadata": {"n": %b}}' % number


async def trickle(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 10_000):
        yield b" " * 10_000


MALFORMED = "400 malformed_json"
INVALID = "422 validation_failed"

REFUSED: dict[str, tuple[bytes, str]] = {
    "1 an open brace": (b"{", MALFORMED),
    "2 nothing": (b"", MALFORMED),
    "4 a list": (b"[]", f"{INVALID} #"),
    "4 a string": (b'"x"', f"{INVALID} #"),
    "4 null": (b"null", f"{INVALID} #"),
    "4 a number": (b"1", f"{INVALID} #"),
    "5 no prompt": (b"{}", f"{INVALID} #/prompt"),
    "5 a null prompt": (with_(prompt=None), f"{INVALID} #/prompt"),
    "5 a number as prompt": (with_(prompt=1), f"{INVALID} #/prompt"),
    "5 a list as prompt": (with_(prompt=["a"]), f"{INVALID} #/prompt"),
    "6 an empty prompt": (with_(prompt=""), f"{INVALID} #/prompt"),
    "6 spaces": (with_(prompt="  \t"), f"{INVALID} #/prompt"),
    "6 nothing visible": (with_(prompt="\u200b\ufeff"), f"{INVALID} #/prompt"),
    "6 line breaks": (with_(prompt="\r\n\n"), f"{INVALID} #/prompt"),
    "7 one too many": (with_(prompt="☕" * (LIMIT + 1)), f"{INVALID} #/prompt"),
    "8 ten megabytes": (with_(prompt="x" * 10_000_000), "413 payload_too_large"),
    "10 U+0000": (raw(b'"a\\u0000b"'), f"{INVALID} #/prompt"),
    "11 half a character": (raw(b'"\\ud800"'), f"{INVALID} #/prompt"),
    "12 not UTF-8": (raw(b'"\xff\xfe"'), MALFORMED),
    "13 deep": (counting(b"[" * DEEP + b"]" * DEEP), MALFORMED),
    "14 a key twice": (b'{"prompt":"a","prompt":"b"}', f"{INVALID} #/prompt"),
    "15 NaN": (counting(b"NaN"), MALFORMED),
    "15 infinity": (counting(b"-Infinity"), MALFORMED),
    "15 1e999": (counting(b"1e999"), MALFORMED),
    "16 5,000 digits": (counting(b"9" * 5_000), f"{INVALID} #/metadata/n"),
    "17 a misspelt field": (with_(promt="x"), f"{INVALID} #/promt"),
    "18 an unknown config": (with_(config_name="nope"), "422 config_not_found #/config_name"),
    "18 an empty config": (with_(config_name=""), f"{INVALID} #/config_name"),
    "18 an unknown template": (
        with_(template_name="nope"),
        "422 template_not_found #/template_name",
    ),
    "19 an inactive config": (with_(config_name="retired"), "422 config_not_found #/config_name"),
    "20 SQL": (
        with_(config_name="'; drop table gateway.jobs;--"),
        "422 config_not_found #/config_name",
    ),
    "21 a variable is missing": (a_letter(), "422 template_variables #/variables"),
    "21 a variable too many": (
        a_letter(name="Ani", age="7"),
        "422 template_variables #/variables",
    ),
    "21 no name": (a_letter(**{"a b": "c"}), f"{INVALID} #/variables/a b/[key]"),
    "21 no text": (a_letter(name=7), f"{INVALID} #/variables/name"),
    "- mode": (with_(mode="choir"), f"{INVALID} #/mode"),
    "- moderation": (with_(needs_moderation="yes"), f"{INVALID} #/needs_moderation"),
    "- thread": (with_(thread_id="a b"), f"{INVALID} #/thread_id"),
    "- a long thread": (with_(thread_id="a" * 129), f"{INVALID} #/thread_id"),
    "- metadata": (with_(metadata=[1]), f"{INVALID} #/metadata"),
    "- much metadata": (with_(metadata={"a": "x" * 4_096}), f"{INVALID} #/metadata"),
    "55 somebody else's": (with_(tenant_id="x"), f"{INVALID} #/tenant_id"),
    "55 an administrator": (with_(is_admin=True), f"{INVALID} #/is_admin"),
    "55 a finished job": (with_(status="COMPLETED"), f"{INVALID} #/status"),
}


@pytest.mark.parametrize(("body", "refusal"), REFUSED.values(), ids=REFUSED)
async def test_a_body_that_cannot_be_meant_is_refused(
    client: httpx.AsyncClient, body: bytes, refusal: str
) -> None:
    assert said(await client.post(JOBS, content=body, headers=JSON)) == refusal


MISTAKES = {
    "6 empty": (with_(prompt=" "), "empty"),
    "7 too long": (with_(prompt="x" * (LIMIT + 1)), "too_long"),
    "10 U+0000": (raw(b'"\\u0000"'), "nul_character"),
    "11 half a character": (raw(b'"\\ud800"'), "invalid_unicode"),
    "14 a key twice": (b'{"prompt":"a","prompt":"b"}', "duplicate_key"),
    "16 5,000 digits": (raw(b"9" * 5_000), "number_too_large"),
    "17 a misspelt field": (with_(promt="x"), "unknown_field"),
}


@pytest.mark.parametrize(("body", "code"), MISTAKES.values(), ids=MISTAKES)
async def test_each_mistake_has_a_code_of_its_own(
    client: httpx.AsyncClient, body: bytes, code: str
) -> None:
    answer = await client.post(JOBS, content=body, headers=JSON)

    assert [error["code"] for error in answer.json()["errors"]] == [code]


async def test_a_body_that_trickles_in_is_refused_as_soon_as_it_is_too_large(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.post(JOBS, content=trickle(2_000_000), headers=JSON)

    assert said(answer) == "413 payload_too_large"


#: rows 24 and 25; every spelling of our own network is tried where the rules are
URLS = (
    *("", "https://", "example.com", "ftp://example.com/", "file:///etc/passwd"),
    *("javascript:alert(1)", "http://example.com/", f"https://example.com/{'x' * 3_000}"),
    *("https://user:pass@example.com/", "https://example.com:22/", "https://exa mple.com/"),
    *("https://127.0.0.1/", "https://[::1]/", "https://localhost/", "https://2130706433/"),
    *("https://0x7f.1/", "https://169.254.169.254/latest", "https://10.0.0.1/"),
    *("https://db.internal/", "https://[::ffff:127.0.0.1]/", "https://example.com\\@10.0.0.1/"),
)


@pytest.mark.parametrize("url", URLS)
async def test_a_callback_into_nowhere_or_into_our_network_is_refused(
    client: httpx.AsyncClient, url: str
) -> None:
    answer = await client.post(JOBS, json=HAIKU | {"callback_url": url})

    assert said(answer) == "422 callback_url_forbidden #/callback_url"


TAKEN: dict[str, dict[str, Any]] = {
    "7 exactly as long as it may be": {"prompt": "☕" * LIMIT},
    "21 a value like a hole": {"template_name": "letter", "variables": {"name": "{{name}}"}},
    "- every letter of a name": {"thread_id": "aZ9_.:@-"},
    "- odd but storable": {"metadata": {"\u202e": "\ufffe", "": [[[{}]]], "n": -(2**63)}},
}


@pytest.mark.parametrize("asked", TAKEN.values(), ids=TAKEN)
async def test_what_is_odd_but_can_be_meant_is_taken(
    client: httpx.AsyncClient, asked: dict[str, Any]
) -> None:
    answer = await client.post(JOBS, json=HAIKU | asked)

    assert answer.status_code == 202, answer.text
    job = (await client.get(answer.headers["location"])).json()
    shown = {name: value for name, value in asked.items() if name != "variables"}
    assert {name: job[name] for name in shown} == shown
