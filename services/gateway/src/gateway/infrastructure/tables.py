"""The gateway's tables."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
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

SCHEMA = "gateway"
_UNFINISHED = text("status IN ('QUEUED', 'PROCESSING')")
_NOW = text("clock_timestamp()")

WAITS = (
    Waits("jobs", "gateway.jobs", condition="status IN ('QUEUED', 'PROCESSING')"),
    Waits("gateway.outbox", "gateway.outbox"),
    Waits(
        "callbacks",
        "gateway.callbacks",
        since="available_at",
        condition="state = 'PENDING' AND available_at < statement_timestamp()",
    ),
)

outbox = outbox_table(SCHEMA)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("tenant_id", Uuid),
    Column("status", Text, nullable=False),
    Column("prompt", Text, nullable=False),
    Column("config_name", Text, nullable=False),
    Column("template_name", Text, nullable=False),
    Column("variables", JSONB, nullable=False),
    Column("mode", Text, nullable=False),
    Column("needs_moderation", Boolean, nullable=False),
    Column("thread_id", Text),
    Column("metadata", JSONB, nullable=False),
    Column("callback_url", Text),
    Column("result", Text),
    Column("agent", Text),
    Column("provider", Text),
    Column("model", Text),
    Column("moderation", Text),
    Column("failure_code", Text),
    Column("failure_detail", Text),
    Column("attempts", Integer, nullable=False),
    Column("model_calls", Integer, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cost_micro_usd", BigInteger, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("deadline_at", DateTime(timezone=True), nullable=False),
    #: when ai_engine is to be asked again, unless the job has ended by then
    Column("ask_at", DateTime(timezone=True), nullable=False),
    Column("asks", Integer, nullable=False),
    Column("trace", JSONB, nullable=False),
    # Lists, newest first: the platform's of all jobs, and each tenant's of its own.
    Index("ix_jobs_created_at", "created_at", "id"),
    Index("ix_jobs_tenant_id", "tenant_id", "created_at", "id"),
    Index("ix_jobs_thread_id", "thread_id", postgresql_where=text("thread_id IS NOT NULL")),
    Index("ix_jobs_unheard_of", "ask_at", postgresql_where=_UNFINISHED),
    Index("ix_jobs_overdue", "deadline_at", postgresql_where=_UNFINISHED),
    schema=SCHEMA,
    # Each job is written about three times: room on the page keeps later writes on it.
    postgresql_with={"fillfactor": "70"},
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_hash", Text, nullable=False),
    Column("job_id", Uuid, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Index("ix_idempotency_keys_created_at", "created_at"),
    schema=SCHEMA,
)

callbacks = Table(
    "callbacks",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("job_id", Uuid, nullable=False, unique=True),
    Column("tenant_id", Uuid),
    Column("url", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("available_at", DateTime(timezone=True), nullable=False),
    Column("lease_token", Uuid),
    Column("last_status", Integer),
    Column("last_error", Text),
    Index("ix_callbacks_due", "available_at", postgresql_where=text("state = 'PENDING'")),
    schema=SCHEMA,
)

callback_secrets = Table(
    "callback_secrets",
    metadata,
    Column("id", Uuid, primary_key=True),
    #: a tenant's id, or `platform`
    Column("scope", Text, nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    #: set when a newer secret replaced it: until then both sign
    Column("expires_at", DateTime(timezone=True)),
    Index("ix_callback_secrets_scope", "scope"),
    # One current secret per scope: two first callbacks at once agree on it.
    Index(
        "uq_callback_secrets_current",
        "scope",
        unique=True,
        postgresql_where=text("expires_at IS NULL"),
    ),
    schema=SCHEMA,
)
