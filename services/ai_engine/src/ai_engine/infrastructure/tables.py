"""ai_engine's tables (those of the agents' configuration are beside their store)."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from shared.infrastructure.ages import Waits
from shared.infrastructure.database import metadata
from shared.infrastructure.outbox import outbox_table

SCHEMA = "ai_engine"
_NOW = text("clock_timestamp()")

WAITS = (
    Waits(
        "runs",
        "ai_engine.runs",
        since="available_at",
        condition="state = 'WAITING' AND available_at < statement_timestamp()",
    ),
    Waits("ai_engine.outbox", "ai_engine.outbox"),
)

outbox = outbox_table(SCHEMA)

runs = Table(
    "runs",
    metadata,
    Column("job_id", Uuid, primary_key=True),
    #: order of arrival, which is a thread's order
    Column("seq", BigInteger, Identity(always=True), nullable=False),
    Column("tenant_id", Uuid),
    #: tenant and thread in one word: two tenants may use the same thread id
    Column("thread", Text),
    Column("question", JSONB, nullable=False),
    Column("headers", JSONB, nullable=False),
    Column("state", Text, nullable=False),
    Column("worker_id", Uuid),
    Column("lease_token", Uuid),
    Column("attempt", Integer, nullable=False),
    Column("error_attempts", Integer, nullable=False),
    Column("crash_attempts", Integer, nullable=False),
    Column("available_at", DateTime(timezone=True), nullable=False),
    Column("deadline_at", DateTime(timezone=True), nullable=False),
    Column("spent", JSONB, nullable=False),
    #: the message that was announced, kept to be repeated
    Column("answer_kind", Text),
    Column("answer", LargeBinary),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Index("ix_runs_waiting", "available_at", postgresql_where=text("state = 'WAITING'")),
    Index("ix_runs_running", "worker_id", postgresql_where=text("state = 'RUNNING'")),
    Index(
        "ix_runs_thread",
        "thread",
        "seq",
        postgresql_where=text("thread IS NOT NULL AND state <> 'DONE'"),
    ),
    # The last line of defence: one run of a thread at a time.
    Index(
        "uq_runs_thread_running",
        "thread",
        unique=True,
        postgresql_where=text("thread IS NOT NULL AND state = 'RUNNING'"),
    ),
    Index("ix_runs_created_at", "created_at"),
    schema=SCHEMA,
    postgresql_with={"fillfactor": "70"},
)

workers = Table(
    "workers",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("beat_at", DateTime(timezone=True), nullable=False),
    schema=SCHEMA,
)

thread_messages = Table(
    "thread_messages",
    metadata,
    Column("thread", Text, primary_key=True),
    Column("seq", BigInteger, Identity(always=True), primary_key=True),
    Column("job_id", Uuid, nullable=False),
    Column("role", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    schema=SCHEMA,
)
