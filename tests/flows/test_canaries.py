"""P25: what a person wrote and what a key holds stay where they belong, whatever goes wrong."""

import re
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from shared.infrastructure.api_keys import ApiKeys, KeyScope
from shared.infrastructure.database import Sessions
from simulators.model import ModelRule
from tests.chaos.receiver import Receiver
from tests.databases import connected
from tests.flows.collector import Collector
from tests.flows.platform import Platform, Start
from tests.flows.provider import Provider
from tests.waiting import until

#: Tables whose purpose is to hold what was asked and answered, or to carry it on.
WORDS_BELONG = {
    "gateway.jobs",
    "gateway.outbox",
    "ai_engine.runs",
    "ai_engine.outbox",
    "ai_engine.thread_messages",
    "platform.messages",
}
#: What must be found in these tables only, and never in a log line, a span, a number or a refusal.
BELONGS: Mapping[str, set[str]] = {
    "canary-in-the-prompt": WORDS_BELONG,
    "canary-in-the-answer": WORDS_BELONG,
    "canary-in-a-variable": WORDS_BELONG,
    "+6281234567890": WORDS_BELONG,
    "81234567890": WORDS_BELONG,
    "canary-in-metadata": {"gateway.jobs"},
    "canary-in-a-link": {"gateway.jobs", "gateway.callbacks"},
    "canary-llm-key": set(),
    "canary-waha-key": set(),
    "canary-midtrans-key": set(),
}
KEYS = {
    "LLM_CANARY_KEY": "canary-llm-key",
    "WAHA_API_KEY": "canary-waha-key",
    "MIDTRANS_SERVER_KEY": "canary-midtrans-key",
}
PROMPT = "canary-in-the-prompt, call +6281234567890"
TEMPLATE = {"name": "canary", "content": "Answer {{whom}}."}
#: Requests that are refused, and hold what a refusal may not repeat.
REFUSED: tuple[dict[str, Any], ...] = (
    {"json": {"prompt": PROMPT, "promt": PROMPT}},
    {"json": {"prompt": {PROMPT: PROMPT}}},
    {"json": {"prompt": PROMPT * 2_000}},
    {"json": {"prompt": PROMPT, "needs_moderation": PROMPT}},
    {"json": {"prompt": PROMPT, "mode": PROMPT}},
    {"json": {"prompt": PROMPT, "thread_id": PROMPT}},
    {"json": {"prompt": PROMPT, "variables": {"whom": "canary-in-a-variable"}}},
    {"json": {"prompt": PROMPT, "variables": {"whom": ["canary-in-a-variable"]}}},
    {"json": {"prompt": PROMPT, "metadata": {"a": "canary-in-metadata" * 500}}},
    {"json": {"prompt": PROMPT, "callback_url": "ftp://me:canary-in-a-link@example.com/"}},
    {"json": {"prompt": PROMPT, "callback_url": "https://10.0.0.9/?canary-in-a-link"}},
    {"json": {"prompt": f"{PROMPT}\0"}},
    {"content": f'{{"prompt": "{PROMPT}"'.encode()},
    {"content": f'{{"prompt": "{PROMPT}", "prompt": "{PROMPT}"}}'.encode()},
    {"content": f'{{"prompt": "{PROMPT}\\ud800"}}'.encode()},
    {"content": PROMPT.encode() + b"\xff"},
    {"json": {"prompt": PROMPT}, "headers": {"Idempotency-Key": PROMPT * 10}},
    {"json": {"prompt": PROMPT}, "headers": {"Authorization": "Bearer canary-llm-key"}},
)


@asynccontextmanager
async def missing(table: str, owner_url: str) -> AsyncGenerator[None]:
    """A table that is not there while the block lasts: statements fail, and quote their values."""
    schema, _, name = table.partition(".")
    async with connected(owner_url) as owner:
        await owner.execute(text(f"ALTER TABLE {table} RENAME TO {name}_away"))
        try:
            yield
        finally:
            await owner.execute(text(f"ALTER TABLE {schema}.{name}_away RENAME TO {name}"))


async def rows(owner_url: str) -> AsyncGenerator[tuple[str, str]]:
    """Every row of every table, as text; what is stored as bytes is spelled out as well."""
    async with connected(owner_url) as owner:
        tables = await owner.scalars(
            text("""
                SELECT schemaname || '.' || tablename FROM pg_tables
                 WHERE schemaname IN ('gateway', 'ai_engine', 'platform')""")
        )
        for table in tables.all():
            for row in await owner.scalars(text(f"SELECT CAST(t AS text) FROM {table} t")):  # noqa: S608 - names from the catalogue
                yield table, row
                for hexadecimal in re.findall(r"\\x((?:[0-9a-f]{2})+)", row):
                    yield table, bytes.fromhex(hexadecimal).decode(errors="replace")


def canaries_in(told: str, secrets: Mapping[str, set[str]]) -> Iterator[str]:
    return (canary for canary in secrets if canary in told)


async def all_that_may_happen(
    platform: Platform, provider: Provider, receiver: Receiver, owner_url: str
) -> list[str]:
    """Jobs that go well, jobs that fail in every way; returns what refusals and failures said."""
    said: list[str] = []
    for refused in REFUSED:
        answer = await platform.http.post("/v1/jobs", **refused)
        assert 400 <= answer.status_code < 500, refused
        said.append(answer.text)
    said.append((await platform.http.get("/v1/jobs/canary-in-the-prompt")).text)
    said.append((await platform.http.get("/v1/jobs?cursor=canary-in-the-prompt")).text)
    async with missing("gateway.outbox", owner_url):
        answer = await platform.http.post("/v1/jobs", json={"prompt": PROMPT})
        assert answer.status_code == 500
        said.append(answer.text)

    whole = {
        "prompt": PROMPT,
        "config_name": "canary",
        "template_name": "canary",
        "variables": {"whom": "canary-in-a-variable"},
        "metadata": {"note": "canary-in-metadata"},
    }
    url = receiver.script("hook", 500, 200)
    provider.told(ModelRule(text="canary-in-the-answer"))
    link = f"{url}?token=canary-in-a-link"
    well = await platform.answered(**whole, callback_url=link, mode="multi_agent", thread_id="t")
    assert (well["status"], well["result"]) == ("COMPLETED", "canary-in-the-answer")
    await until(lambda: len(receiver.received("hook")) == 2, "the callback was taken", within=10)

    quoting = f"canary-in-the-answer: {PROMPT} canary-llm-key"
    for trouble in (
        ModelRule(status=400, error_message=quoting, error_code="canary-llm-key is wrong"),
        ModelRule(status=401, error_message=quoting),
        ModelRule(status=500, error_message=quoting),
        ModelRule(break_with=529, error_message=quoting),
        ModelRule(garbage="text", text=quoting),
        ModelRule(hang="midway", text=quoting),
    ):
        provider.told(trouble)
        failed = await platform.answered(**whole)
        assert failed["status"] == "FAILED", trouble
        said.append(orjson.dumps(failed["error"]).decode())

    provider.told(ModelRule(text="canary-in-the-answer"))
    async with missing("ai_engine.thread_messages", owner_url):
        unstorable = await platform.answered(**whole, thread_id="other")
        assert unstorable["status"] == "FAILED"
        said.append(orjson.dumps(unstorable["error"]).decode())
    return said


async def test_no_canary_is_found_where_it_does_not_belong(
    start_traced: Start,
    provider: Provider,
    receiver: Receiver,
    collector: Collector,
    sessions: Sessions,
    owner_database_url: str,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    key = (await ApiKeys(sessions).create("canary", KeyScope.PLATFORM)).secret
    settings = {**KEYS, "MAX_ATTEMPTS": "1", "LLM_CANARY_KEY": "canary-llm-key"}
    async with start_traced(**settings) as platform:
        platform.http.headers["Authorization"] = f"Bearer {key}"
        await platform.configure(
            "canary", **provider.config(api_key_env="LLM_CANARY_KEY", timeout_s=0.5)
        )
        assert (await platform.http.post("/v1/prompt-templates", json=TEMPLATE)).is_success
        secret = (await platform.http.post("/v1/callback-secrets")).json()["secret"]
        said = await all_that_may_happen(platform, provider, receiver, owner_database_url)
        numbers = (await platform.http.get("/metrics")).text
        documentation = (await platform.http.get("/openapi.json")).text

    belongs = {**BELONGS, key: set[str](), secret: set[str]()}
    output = capsys.readouterr()
    written = {
        "standard output": output.out,
        "the log": output.err,
        "what libraries logged": caplog.text,
        "refusals": "\n".join(said),
        "metrics": numbers,
        "documentation": documentation,
        "spans": "\n".join(span.text for span in collector.spans),
    }
    assert all(action in output.err for action in ("request.failed", "run.unstorable"))
    assert written["spans"]
    for place, told in written.items():
        assert list(canaries_in(told, belongs)) == [], place
    seen = {
        (canary, table)
        async for table, row in rows(owner_database_url)
        for canary in canaries_in(row, belongs)
    }
    assert {(canary, table) for canary, table in seen if table not in belongs[canary]} == set()
    # The hunt itself finds what is there to be found.
    assert {canary for canary, _ in seen} == {name for name, tables in belongs.items() if tables}
