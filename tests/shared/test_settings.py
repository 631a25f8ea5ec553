"""Settings: what is wrong is said in one line, without the value, and ends the process with 78."""

import os
import subprocess
import sys

import pytest

from shared.settings import likely_typos

LOAD_ALL = (
    "from shared.settings import *; from shared.settings import load, Shop;"
    "[load(kind) for kind in (Platform, Infrastructure, Jobs, Models, Shop)]"
)


def load_with(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", LOAD_ALL],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": ".", **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://root:s3cret@localhost/db"),
        ("DATABASE_URL", "postgresql+psycopg2://root:s3cret@localhost/db"),
        ("DATABASE_URL", "postgresql://root:s3cret@localhost:port/db"),
        ("DATABASE_URL", "postgresql://root:s3cret/with+a=slash@localhost/db"),
        ("RABBITMQ_URL", "http://guest:s3cret@localhost"),
        ("REDIS_URL", "memcached://:s3cret@localhost"),
        ("OPENAI_API_KEY", "sk-s3cret with a space"),
        ("OPENAI_API_KEY", "sk-s3cret\nX-Injected: 1"),
        ("MIDTRANS_IS_PRODUCTION", "maybe"),
        ("CONVERSATION_TTL", "abc"),
        ("CONVERSATION_TTL", "-1"),
        ("CONVERSATION_TTL", "1e9"),
        ("JOB_DEADLINE_S", "1800"),
        ("WORKER_DEAD_AFTER_S", "1"),
        ("WORKER_CONCURRENCY", "0"),
        ("RUN", "api,nothing"),
        ("PORT", "70000"),
        ("ENVIRONMENT", "staging"),
        ("RABBITMQ_TASK_QUEUE", "with space"),
        ("KEYLESS_NETWORKS", "172.16.0.0/12, s3cret"),
        ("KEYLESS_NETWORKS", "10.0.0.1/8"),
        ("DOMAIN", "s3cret.example.com"),
    ],
)
def test_a_bad_value_is_refused_in_one_line(name: str, value: str) -> None:
    refused = load_with(**{name: value})

    assert refused.returncode == 78
    assert refused.stderr.count("\n") == 1
    assert refused.stderr.startswith("bad configuration: ")
    assert "s3cret" not in refused.stderr + refused.stdout


@pytest.mark.parametrize("value", ["yes", "true", "1", "TRUE"])
def test_yes_is_understood_in_the_usual_spellings(value: str) -> None:
    assert load_with(MIDTRANS_IS_PRODUCTION=value).returncode == 0


def test_the_specifications_variables_are_all_known() -> None:
    accepted = load_with(
        DATABASE_URL="postgresql+asyncpg://u:p@localhost/db",
        REDIS_URL="redis://localhost:6379/0",
        RABBITMQ_URL="amqp://guest:guest@localhost/",
        RABBITMQ_TASK_QUEUE="ai_tasks",
        RABBITMQ_CRM_QUEUE="crm_tasks",
        RABBITMQ_WA_QUEUE="wa_messages",
        OPENAI_API_KEY="sk-1",
        ANTHROPIC_API_KEY="sk-ant-1",
        WAHA_SERVER_URL="http://localhost:3000",
        WAHA_API_KEY="k",
        MIDTRANS_SERVER_KEY="SB-1",
        MIDTRANS_IS_PRODUCTION="false",
        CONVERSATION_TTL="3600",
    )

    assert (accepted.returncode, accepted.stderr) == (0, "")


def test_a_name_that_nearly_fits_is_pointed_out() -> None:
    typos = likely_typos({"WORKER_CONCURENCY": "5", "AIP_DATABASE_URL": "x", "HOME": "/root"})

    assert typos == [
        ("AIP_DATABASE_URL", "DATABASE_URL"),
        ("WORKER_CONCURENCY", "WORKER_CONCURRENCY"),
    ]
