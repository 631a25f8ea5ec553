"""The doctor: content with a healthy system, and with nothing less."""

import asyncio

import pytest
from sqlalchemy import text

from standalone.invariants import INVARIANTS
from tests.databases import connected
from tests.standalone.conftest import Command

JOB = """
    INSERT INTO gateway.jobs (
           id, status, result, failure_code, callback_url, deadline_at, prompt, config_name,
           template_name, variables, mode, needs_moderation, metadata, attempts, model_calls,
           input_tokens, output_tokens, cost_micro_usd, created_at, updated_at, ask_at, asks, trace)
    SELECT '018f0000-0000-7000-8000-000000000001', status, result, failure_code, callback_url,
           now() + deadline, 'a prompt', 'offline', 'default-assistant', '{{}}', 'single', false,
           '{{}}', 1, 1, 0, 0, 0, now(), now(), now() + interval '1 hour', 0, '{{}}'
      FROM (VALUES ({})) AS job (status, result, failure_code, callback_url, deadline)"""
RUN = """
    INSERT INTO ai_engine.runs (
           job_id, question, headers, state, worker_id, answer_kind, answer, attempt,
           error_attempts, crash_attempts, available_at, deadline_at, spent)
    VALUES ('018f0000-0000-7000-8000-000000000001', '{{}}', '{{}}', {}, 1, 0, 0, now(),
            now() + interval '1 hour', '{{}}')"""
OUTBOX = """
    INSERT INTO {} (id, queue, kind, body, headers, created_at)
    VALUES (gen_random_uuid(), 'q', 'k', '', '{{}}', now() - interval '6 minutes')"""
COMPLETED = JOB.format("'COMPLETED', 'yes', NULL, NULL, interval '1 hour'")

#: For each invariant what breaks it, and nothing else.
OFFENCES = {
    "a completed job has its result, a failed one its reason": (
        (JOB.format("'COMPLETED', NULL, NULL, NULL, interval '1 hour'"),),
        (JOB.format("'FAILED', NULL, NULL, NULL, interval '1 hour'"),),
        (JOB.format("'QUEUED', 'too early', NULL, NULL, interval '1 hour'"),),
        (JOB.format("'CANCELLED', NULL, 'llm_auth', NULL, interval '1 hour'"),),
    ),
    "no job outlives its deadline by a minute": (
        (JOB.format("'QUEUED', NULL, NULL, NULL, interval '-2 minutes'"),),
        (JOB.format("'PROCESSING', NULL, NULL, NULL, interval '-2 minutes'"),),
    ),
    "every finished job that wants a callback has one": (
        (JOB.format("'CANCELLED', NULL, NULL, 'https://example.com', interval '1 hour'"),),
    ),
    "every failure's reason is on the list that clients know": (
        (JOB.format("'FAILED', NULL, 'bad luck', NULL, interval '1 hour'"),),
    ),
    "an Idempotency-Key stands for a job that is there": (
        ("INSERT INTO gateway.idempotency_keys VALUES ('s', 'k', 'h', gen_random_uuid())",),
    ),
    "a budget holds exactly what its reservations hold": (
        ("INSERT INTO platform.budget_days VALUES ('platform', now(), 0, 7)",),
    ),
    "no announcement has waited for five minutes": (
        (OUTBOX.format("gateway.outbox"),),
        (OUTBOX.format("ai_engine.outbox"),),
        (OUTBOX.format("crm.outbox"),),
        (OUTBOX.format("waha_sender.outbox"),),
    ),
    "no run has been held by a dead worker for a minute": (
        (RUN.format("'RUNNING', gen_random_uuid(), NULL, NULL"),),
        (
            """INSERT INTO ai_engine.workers
               VALUES ('018f0000-0000-7000-8000-000000000002', now() - interval '2 minutes')""",
            RUN.format("'RUNNING', '018f0000-0000-7000-8000-000000000002', NULL, NULL"),
        ),
    ),
    "a job's answer is the one that its run gave": (
        (COMPLETED, RUN.format("""'DONE', NULL, 'PromptCompleted', '{"result": "no"}'""")),
    ),
    "no callback is overdue by five minutes": (
        (
            """INSERT INTO gateway.callbacks (id, job_id, url, state, attempts, available_at)
               VALUES (gen_random_uuid(), gen_random_uuid(), 'u', 'PENDING', 0,
                       now() - interval '6 minutes')""",
        ),
    ),
}


def test_a_healthy_system_is_told_so(ai_platform: Command) -> None:
    looked = ai_platform("doctor")

    assert looked.exit_code == 0, looked.output
    assert "BAD" not in looked.stdout
    for what in ("PostgreSQL", "durability", "Redis: answers", "invariants: all hold"):
        assert what in looked.stdout


def test_every_invariant_is_known_to_break() -> None:
    assert {invariant.name for invariant in INVARIANTS} == set(OFFENCES)


@pytest.mark.parametrize(
    ("name", "statements"),
    [
        pytest.param(name, statements, id=f"{name} ({number})")
        for name, ways in OFFENCES.items()
        for number, statements in enumerate(ways, 1)
    ],
)
def test_a_broken_invariant_is_named(
    ai_platform: Command, owner_database_url: str, name: str, statements: tuple[str, ...]
) -> None:
    asyncio.run(execute(owner_database_url, statements))

    looked = ai_platform("doctor")

    bad = [line for line in looked.stdout.splitlines() if "BAD" in line]
    assert bad == [f"BAD invariant: {name}: broken by 1"]
    assert looked.exit_code == 1


async def execute(url: str, statements: tuple[str, ...]) -> None:
    async with connected(url) as owner:
        for statement in statements:
            await owner.execute(text(statement))


@pytest.mark.parametrize(
    ("name", "url", "finding"),
    [
        ("DATABASE_URL", "postgresql://127.0.0.1:1/none", "BAD PostgreSQL: does not answer"),
        ("REDIS_URL", "redis://127.0.0.1:1", "BAD Redis: is away"),
        ("RABBITMQ_URL", "amqp://127.0.0.1:1/", "BAD RabbitMQ: does not answer"),
    ],
)
def test_a_server_that_is_away_is_named(
    ai_platform: Command, monkeypatch: pytest.MonkeyPatch, name: str, url: str, finding: str
) -> None:
    monkeypatch.setenv(name, url)

    looked = ai_platform("doctor")

    assert finding in looked.stdout
    assert looked.exit_code == 1
    assert "Traceback" not in looked.output
