"""P25: what a person wrote and what a key holds stay where they belong, whatever goes wrong."""

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from shared.infrastructure.api_keys import ApiKeys, KeyScope
from shared.infrastructure.database import connect, sessions_of
from simulators.model import ModelRule
from tests.chaos.receiver import Receiver
from tests.databases import GROUP, connected, rows
from tests.flows.collector import Collector
from tests.flows.platform import Job, Platform, Start
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
SCHEMAS = ("gateway", "ai_engine", "platform")
KEYS = {
    "LLM_CANARY_KEY": "canary-llm-key",
    "WAHA_API_KEY": "canary-waha-key",
    "MIDTRANS_SERVER_KEY": "canary-midtrans-key",
}
PROMPT = "canary-in-the-prompt, call +6281234567890"
WHOLE: dict[str, Any] = {
    "prompt": PROMPT,
    "config_name": "canary",
    "template_name": "canary",
    "variables": {"whom": "canary-in-a-variable"},
    "metadata": {"note": "canary-in-metadata"},
}
QUOTING = f"canary-in-the-answer: {PROMPT} canary-llm-key"
TROUBLES = (
    ModelRule(status=400, error_message=QUOTING, error_code="canary-llm-key is wrong"),
    ModelRule(status=401, error_message=QUOTING),
    ModelRule(status=500, error_message=QUOTING),
    ModelRule(break_with=529, error_message=QUOTING),
    ModelRule(garbage="text", text=QUOTING),
    ModelRule(hang="midway", text=QUOTING),
)
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
async def forbidden(table: str, owner_url: str) -> AsyncGenerator[None]:
    """Nobody may insert there while the block lasts: the driver's error quotes what was tried."""
    async with connected(owner_url) as owner:
        await owner.execute(text(f"REVOKE INSERT ON {table} FROM {GROUP}"))
        try:
            yield
        finally:
            await owner.execute(text(f"GRANT INSERT ON {table} TO {GROUP}"))


def canaries_in(told: str, secrets: Mapping[str, set[str]]) -> Iterator[str]:
    return (canary for canary in secrets if canary in told)


async def made_secrets(platform: Platform, owner_url: str) -> list[str]:
    """An API key, which every request then shows, and a callback secret."""
    engine = connect(owner_url, pool_size=1)
    key = await ApiKeys(sessions_of(engine)).create("canary", KeyScope.PLATFORM)
    await engine.dispose()
    platform.http.headers["Authorization"] = f"Bearer {key.secret}"
    made = await platform.http.post("/v1/callback-secrets")
    secret: str = made.json()["secret"]
    return [key.secret, secret, secret.removeprefix("whsec_")]


async def refusals(platform: Platform, owner_url: str) -> list[str]:
    """What is said to requests that are wrong, and to one that fails for a fault of ours."""
    answers = [await platform.http.post("/v1/jobs", **refused) for refused in REFUSED]
    answers += [
        await platform.http.get(path)
        for path in ("/v1/jobs/canary-in-the-prompt", "/v1/jobs?cursor=canary-in-the-prompt")
    ]
    assert {answer.is_client_error for answer in answers} == {True}
    async with forbidden("gateway.jobs", owner_url):
        answers.append(await platform.http.post("/v1/jobs", json={"prompt": PROMPT}))
    assert answers[-1].status_code == 500
    return [answer.text for answer in answers]


async def goes_well(platform: Platform, provider: Provider, receiver: Receiver) -> None:
    provider.told(ModelRule(text="canary-in-the-answer"))
    link = f"{receiver.script('hook', 500, 200)}?token=canary-in-a-link"

    job = await platform.answered(
        **WHOLE, callback_url=link, mode="multi_agent", thread_id="canaries"
    )

    assert (job["status"], job["result"]) == ("COMPLETED", "canary-in-the-answer")
    await until(lambda: len(receiver.received("hook")) == 2, "the callback is taken", within=10)


async def failures(platform: Platform, provider: Provider, owner_url: str) -> list[str]:
    """What jobs say that fail, each in another way."""
    jobs: list[Job] = []
    for trouble in TROUBLES:
        provider.told(trouble)
        jobs.append(await platform.answered(**WHOLE))
    provider.told(ModelRule(text="canary-in-the-answer"))
    async with forbidden("ai_engine.thread_messages", owner_url):
        jobs.append(await platform.answered(**WHOLE, thread_id="unstorable"))
    assert {job["status"] for job in jobs} == {"FAILED"}
    return [orjson.dumps(job["error"]).decode() for job in jobs]


@dataclass(frozen=True)
class Witness:
    """Whoever could hear a canary, but for the database."""

    collector: Collector
    capsys: pytest.CaptureFixture[str]
    caplog: pytest.LogCaptureFixture

    def heard(self) -> dict[str, str]:
        output = self.capsys.readouterr()
        assert "request.failed" in output.err
        assert "run.unstorable" in output.err
        assert self.collector.named("chat openai-simulated")
        return {
            "standard output": output.out,
            "the log": output.err,
            "what libraries logged": self.caplog.text,
            "spans": "\n".join(span.text for span in self.collector.spans),
        }


@pytest.fixture
def witness(
    collector: Collector, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> Witness:
    return Witness(collector, capsys, caplog)


@pytest.mark.slow
async def test_no_canary_is_found_where_it_does_not_belong(
    start_traced: Start,
    provider: Provider,
    receiver: Receiver,
    witness: Witness,
    owner_database_url: str,
) -> None:
    async with start_traced(**KEYS, MAX_ATTEMPTS="1") as platform:
        secrets = await made_secrets(platform, owner_database_url)
        config = provider.config(api_key_env="LLM_CANARY_KEY", timeout_s=0.5)
        await platform.configure("canary", **config)
        await platform.http.post("/v1/prompt-templates", json=TEMPLATE)
        written = {
            "refusals": "\n".join(await refusals(platform, owner_database_url)),
            "failures": "\n".join(await failures(platform, provider, owner_database_url)),
        }
        await goes_well(platform, provider, receiver)
        written["metrics"] = (await platform.http.get("/metrics")).text
    belongs = {**BELONGS, **{secret: set[str]() for secret in secrets}}

    for place, told in {**written, **witness.heard()}.items():
        assert list(canaries_in(told, belongs)) == [], place
    seen = {
        (canary, table)
        async for table, row in rows(owner_database_url, SCHEMAS)
        for canary in canaries_in(row, belongs)
    }
    assert {(canary, table) for canary, table in seen if table not in belongs[canary]} == set()
    # The hunt finds what is there to be found.
    assert {canary for canary, _ in seen} == {name for name, tables in belongs.items() if tables}
