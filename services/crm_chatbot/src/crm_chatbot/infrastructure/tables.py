"""Tables of tenants and conversations; each isolates its tenants."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from crm_chatbot.infrastructure.columns import SCHEMA, moment, reference, tenant_key
from shared.infrastructure.ages import Waits
from shared.infrastructure.database import metadata
from shared.infrastructure.outbox import outbox_table

WAITS = (
    Waits("conversations", "crm.waiting()", since="since", condition="what = 'conversations'"),
    Waits("outbound", "crm.waiting()", since="since", condition="what = 'outbound'"),
    Waits("crm.outbox", "crm.outbox"),
)

outbox = outbox_table(SCHEMA)


tenants = Table(
    "tenants",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("prompt", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("business_hours", JSONB, nullable=False),
    Column("llm_config", Text, nullable=False),
    #: seconds without a new message before a turn begins, and the longest that it is put off
    Column("quiet_s", Float, nullable=False),
    Column("longest_s", Float, nullable=False),
    Column("turns_per_hour", Integer, nullable=False),
    Column("turns_per_day", Integer, nullable=False),
    Column("handback_after_s", Integer, nullable=False),
    Column("is_moderated", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    moment("created_at", is_needed=True),
    moment("updated_at", is_needed=True),
    # The last one, as the database has it: crm.all_tenants tells them in that order.
    Column("pay_within_s", Integer, nullable=False, server_default=text("3600")),
    schema=SCHEMA,
)

whatsapp_sessions = Table(
    "whatsapp_sessions",
    metadata,
    tenant_key(),
    Column("session", Text, primary_key=True),
    Column("status", Text, nullable=False),
    moment("since", is_needed=True),
    #: until when all that WAHA knows is known here, too
    moment("caught_up_at"),
    #: when somebody last tried to catch up
    moment("looked_at"),
    schema=SCHEMA,
)

customers = Table(
    "customers",
    metadata,
    tenant_key(),
    Column("id", Uuid, primary_key=True),
    Column("name", Text),
    Column("language", Text),
    Column("email", Text),
    Column("address", Text),
    Column("notes", Text),
    moment("opted_out_at"),
    Column("version", Integer, nullable=False),
    moment("created_at", is_needed=True),
    moment("updated_at", is_needed=True),
    ForeignKeyConstraint(("tenant_id",), ("crm.tenants.id",)),
    Index(None, "id"),
    schema=SCHEMA,
)

customer_identities = Table(
    "customer_identities",
    metadata,
    tenant_key(),
    Column("kind", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("customer_id", Uuid, nullable=False),
    moment("created_at", default=True),
    #: when WAHA was last asked whose hidden identity it is
    moment("asked_at"),
    reference("customers", "customer_id"),
    Index(None, "tenant_id", "customer_id"),
    Index(
        "ix_customer_identities_asked_at",
        text("asked_at NULLS FIRST"),
        postgresql_where=text("kind = 'lid'"),
    ),
    schema=SCHEMA,
)

conversations = Table(
    "conversations",
    metadata,
    tenant_key(),
    Column("id", Uuid, primary_key=True),
    Column("customer_id", Uuid, nullable=False),
    Column("session", Text, nullable=False),
    #: where replies go
    Column("chat_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("mode_reason", Text),
    moment("mode_since", is_needed=True),
    moment("handback_at"),
    #: of the newest message; given out under the row's lock, so that order is commit order
    Column("last_seq", BigInteger, nullable=False, server_default=text("0")),
    Column("read_seq", BigInteger, nullable=False, server_default=text("0")),
    #: when its new messages may be answered; NULL: there are none
    moment("ready_at"),
    moment("first_unanswered_at"),
    Column("lease_worker", Uuid),
    Column("epoch", BigInteger, nullable=False, server_default=text("0")),
    moment("last_message_at", is_needed=True),
    moment("last_inbound_at"),
    moment("created_at", is_needed=True),
    UniqueConstraint("tenant_id", "customer_id"),
    reference("customers", "customer_id"),
    Index(
        "ix_conversations_ready_at",
        "ready_at",
        postgresql_where=text("ready_at IS NOT NULL AND mode = 'bot'"),
    ),
    Index(
        "ix_conversations_leased",
        "lease_worker",
        postgresql_where=text("lease_worker IS NOT NULL"),
    ),
    Index(
        "ix_conversations_handback_at",
        "handback_at",
        postgresql_where=text("handback_at IS NOT NULL"),
    ),
    Index(None, "tenant_id", "last_message_at", "id"),
    Index(
        "ix_conversations_with_people",
        "tenant_id",
        "last_message_at",
        "id",
        postgresql_where=text("mode = 'human'"),
    ),
    Index(None, "id"),
    schema=SCHEMA,
    postgresql_with={"fillfactor": "70"},
)

messages = Table(
    "messages",
    metadata,
    tenant_key(),
    Column("id", Uuid, primary_key=True),
    Column("conversation_id", Uuid, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("direction", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("content", JSONB, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("session", Text),
    #: WhatsApp's own id, its last segment: the same message twice has it twice
    Column("stanza_id", Text),
    moment("provider_at"),
    Column("turn_id", Uuid),
    #: stanza ids that an outgoing message was sent under, one for each part
    Column("wa_ids", ARRAY(Text), nullable=False, server_default=text("'{}'::text[]")),
    Column("asks", Integer, nullable=False, server_default=text("0")),
    #: when the sender is asked (again) for an outgoing message
    moment("ask_at"),
    Column("reaction", Text),
    moment("edited_at"),
    moment("revoked_at"),
    moment("sent_at"),
    moment("created_at", is_needed=True),
    UniqueConstraint("tenant_id", "conversation_id", "seq"),
    reference("conversations", "conversation_id"),
    Index(
        "uq_messages_stanza",
        "tenant_id",
        "session",
        "stanza_id",
        unique=True,
        postgresql_where=text("stanza_id IS NOT NULL"),
    ),
    Index(
        "ix_messages_new",
        "tenant_id",
        "conversation_id",
        "seq",
        postgresql_where=text("state = 'new'"),
    ),
    Index(
        "ix_messages_leaving",
        "tenant_id",
        "conversation_id",
        "seq",
        postgresql_where=text("state IN ('queued', 'handed')"),
    ),
    Index(
        "ix_messages_ask_at",
        "ask_at",
        postgresql_where=text("state IN ('queued', 'handed')"),
    ),
    schema=SCHEMA,
)

#: which message left under which of the ids in its `wa_ids`
sent_stanzas = Table(
    "sent_stanzas",
    metadata,
    tenant_key(),
    Column("session", Text, primary_key=True),
    Column("stanza_id", Text, primary_key=True),
    Column("message_id", Uuid, nullable=False),
    schema=SCHEMA,
)

inbox = Table(
    "inbox",
    metadata,
    tenant_key(),
    Column("event_key", Text, primary_key=True),
    Column("event", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason", Text),
    Column("chat_id", Text),
    Column("conversation_id", Uuid),
    Column("message_id", Uuid),
    moment("received_at", default=True),
    Index("ix_inbox_received_at", "received_at", postgresql_using="brin"),
    schema=SCHEMA,
)

acks = Table(
    "acks",
    metadata,
    tenant_key(),
    Column("session", Text, primary_key=True),
    Column("stanza_id", Text, primary_key=True),
    #: WhatsApp's scale: -1 error, 0 pending, 1 server, 2 device, 3 read, 4 played
    Column("rank", SmallInteger, nullable=False),
    Column("error", Text),
    moment("at", default=True),
    Index("ix_acks_at", "at", postgresql_using="brin"),
    schema=SCHEMA,
)

turns = Table(
    "turns",
    metadata,
    tenant_key(),
    Column("id", Uuid, primary_key=True),
    Column("conversation_id", Uuid, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("from_seq", BigInteger, nullable=False),
    Column("to_seq", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("outcome", Text),
    Column("attempts", Integer, nullable=False, server_default=text("1")),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("restarts", Integer, nullable=False, server_default=text("0")),
    Column("has_effects", Boolean, nullable=False, server_default=text("false")),
    Column("model_calls", Integer, nullable=False, server_default=text("0")),
    Column("tool_calls", Integer, nullable=False, server_default=text("0")),
    moment("started_at", default=True),
    moment("ended_at"),
    reference("conversations", "conversation_id"),
    Index(
        "uq_turns_running",
        "tenant_id",
        "conversation_id",
        unique=True,
        postgresql_where=text("status = 'running'"),
    ),
    Index(None, "tenant_id", "conversation_id", "started_at"),
    schema=SCHEMA,
)

tool_executions = Table(
    "tool_executions",
    metadata,
    tenant_key(),
    Column("turn_id", Uuid, primary_key=True),
    Column("call_key", Text, primary_key=True),
    Column("tool", Text, nullable=False),
    Column("arguments_hash", Text, nullable=False),
    #: the how-manieth of these calls of its turn: a second guard against doing one twice
    Column("occurrence", Integer, nullable=False),
    Column("result", JSONB, nullable=False),
    moment("created_at", default=True),
    UniqueConstraint(
        "tenant_id",
        "turn_id",
        "tool",
        "arguments_hash",
        "occurrence",
        name="uq_tool_executions_occurrence",
    ),
    reference("turns", "turn_id"),
    schema=SCHEMA,
)

checkpoints = Table(
    "checkpoints",
    metadata,
    tenant_key(),
    Column("turn_id", Uuid, primary_key=True),
    Column("namespace", Text, primary_key=True),
    Column("checkpoint_id", Text, primary_key=True),
    Column("parent_id", Text),
    Column("kind", Text, nullable=False),
    Column("checkpoint", LargeBinary, nullable=False),
    Column("facts", JSONB, nullable=False),
    moment("created_at", default=True),
    schema=SCHEMA,
)

checkpoint_writes = Table(
    "checkpoint_writes",
    metadata,
    tenant_key(),
    Column("turn_id", Uuid, primary_key=True),
    Column("namespace", Text, primary_key=True),
    Column("checkpoint_id", Text, primary_key=True),
    Column("task_id", Text, primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("task_path", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("value", LargeBinary, nullable=False),
    schema=SCHEMA,
)

timeline = Table(
    "timeline",
    metadata,
    tenant_key(),
    Column("conversation_id", Uuid, primary_key=True),
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    moment("at", default=True),
    Column("what", Text, nullable=False),
    Column("facts", JSONB, nullable=False),
    reference("conversations", "conversation_id"),
    Index("ix_timeline_at", "at", postgresql_using="brin"),
    schema=SCHEMA,
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    tenant_key(),
    Column("scope", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_hash", Text, nullable=False),
    Column("message_id", Uuid, nullable=False),
    moment("created_at", default=True),
    Index(None, "tenant_id", "created_at"),
    schema=SCHEMA,
)

workers = Table(
    "workers",
    metadata,
    Column("id", Uuid, primary_key=True),
    moment("beat_at", is_needed=True),
    schema=SCHEMA,
)
