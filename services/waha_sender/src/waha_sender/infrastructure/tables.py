"""waha_sender's tables: what is to be sent, and how fast each session and chat may be."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from shared.infrastructure.ages import Waits
from shared.infrastructure.database import metadata
from shared.infrastructure.outbox import outbox_table

SCHEMA = "waha_sender"
_NOW = text("clock_timestamp()")
_OPEN = text("state IN ('waiting', 'sending')")

WAITS = (
    Waits("deliveries", "waha_sender.waiting()", since="since"),
    Waits("waha_sender.outbox", "waha_sender.outbox"),
)

outbox = outbox_table(SCHEMA)

deliveries = Table(
    "deliveries",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("message_id", Uuid, primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("parts", Integer, nullable=False),
    Column("session", Text, nullable=False),
    Column("chat_id", Text, nullable=False),
    #: order of arrival, which is a chat's order
    Column("seq", BigInteger, Identity(always=True), nullable=False),
    Column("content", JSONB, nullable=False),
    Column("reply_to", Text),
    Column("is_reply", Boolean, nullable=False),
    Column("by_person", Boolean, nullable=False),
    Column("headers", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("state", Text, nullable=False),
    #: chosen before sending where the engine takes it
    Column("wa_id", Text),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("error_code", Text),
    Column("error_detail", Text),
    Column("available_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    #: its place in its session's pace; NULL: it has none yet
    Column("slot_at", DateTime(timezone=True)),
    Column("lease_worker", Uuid),
    Column("lease_token", Uuid),
    Column("sending_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Index("ix_deliveries_open", "tenant_id", "session", "chat_id", "seq", postgresql_where=_OPEN),
    Index("ix_deliveries_due", "available_at", postgresql_where=_OPEN),
    Index("ix_deliveries_created_at", "created_at", postgresql_using="brin"),
    schema=SCHEMA,
    postgresql_with={"fillfactor": "70"},
)

sessions = Table(
    "sessions",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("session", Text, primary_key=True),
    Column("status", Text, nullable=False, server_default=text("'UNKNOWN'")),
    #: in a row; as long as there are any, only one delivery at a time tries its luck
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("paused_until", DateTime(timezone=True)),
    #: WhatsApp lets this account start no new chats until then (error 463)
    Column("restricted_until", DateTime(timezone=True)),
    #: the token bucket: what is left of it, and when that was counted
    Column("tokens", Float),
    Column("refilled_at", DateTime(timezone=True)),
    #: a young number is warmed up slowly
    Column("first_sent_at", DateTime(timezone=True)),
    Column("day", Date),
    Column("sent_today", Integer, nullable=False, server_default=text("0")),
    schema=SCHEMA,
    postgresql_with={"fillfactor": "50"},
)

chats = Table(
    "chats",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("session", Text, primary_key=True),
    Column("chat_id", Text, primary_key=True),
    Column("last_sent_at", DateTime(timezone=True), nullable=False),
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
