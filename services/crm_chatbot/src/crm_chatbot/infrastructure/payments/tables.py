"""Tables of payments: attempts, what was told of them, what went back; tenants are isolated."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from crm_chatbot.infrastructure.columns import SCHEMA, moment, reference, tenant_key
from shared.infrastructure.ages import Waits
from shared.infrastructure.database import metadata

#: Payments that should have been looked at: the oldest that nobody has confirmed.
PAYMENT_WAITS = Waits("payments", "crm.waiting_payments()", since="since")

payments = Table(
    "payments",
    metadata,
    tenant_key(),
    Column("id", Uuid, primary_key=True),
    Column("order_id", Uuid, nullable=False),
    Column("provider", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text),
    Column("url", Text),
    Column("provider_id", Text),
    #: with which key its page was made: a fingerprint
    Column("account", Text),
    Column("transaction", Text),
    Column("paid_amount", BigInteger, nullable=False),
    Column("refunded_amount", BigInteger, nullable=False),
    Column("is_unwanted", Boolean, nullable=False),
    Column("is_asked_again", Boolean, nullable=False),
    Column("checks", Integer, nullable=False),
    #: when the provider is asked (again); NULL: nothing is expected of it any more
    moment("check_at"),
    moment("expires_at", is_needed=True),
    moment("changed_at", is_needed=True),
    moment("paid_at"),
    moment("created_at", is_needed=True),
    reference("orders", "order_id"),
    UniqueConstraint("tenant_id", "order_id", "attempt"),
    # Across tenants: a callback is heard before anybody knows whose it is.
    Index("uq_payments_reference", "provider", "reference", unique=True),
    Index(
        "uq_payments_wanted",
        "tenant_id",
        "order_id",
        unique=True,
        postgresql_where=text("NOT is_unwanted"),
    ),
    Index("ix_payments_check_at", "check_at", postgresql_where=text("check_at IS NOT NULL")),
    Index(
        "ix_payments_provider_id",
        "provider",
        "provider_id",
        postgresql_where=text("provider_id IS NOT NULL"),
    ),
    Index(None, "id"),
    schema=SCHEMA,
)

#: what providers told when they were asked: a set, of which nothing is ever taken away
payment_facts = Table(
    "payment_facts",
    metadata,
    tenant_key(),
    Column("payment_id", Uuid, primary_key=True),
    Column("transaction", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("amount", BigInteger, primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("fee", BigInteger, primary_key=True),
    Column("refunded", BigInteger, primary_key=True),
    moment("learnt_at", default=True),
    reference("payments", "payment_id"),
    schema=SCHEMA,
)

#: every callback that was genuine, once
payment_events = Table(
    "payment_events",
    metadata,
    tenant_key(),
    Column("provider", Text, primary_key=True),
    Column("event_key", Text, primary_key=True),
    Column("payment_id", Uuid, nullable=False),
    Column("status", Text, nullable=False),
    #: it claims that money came, by this payment of the provider's
    Column("money_by", Text),
    Column("body", JSONB, nullable=False),
    moment("received_at", default=True),
    #: when the provider was asked because of it
    moment("looked_at"),
    reference("payments", "payment_id"),
    Index(None, "tenant_id", "payment_id"),
    Index("ix_payment_events_unlooked", "received_at", postgresql_where=text("looked_at IS NULL")),
    schema=SCHEMA,
)

refunds = Table(
    "refunds",
    metadata,
    tenant_key(),
    Column("id", Uuid, primary_key=True),
    Column("payment_id", Uuid, nullable=False),
    Column("key", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("provider_id", Text),
    Column("detail", Text),
    Column("tries", Integer, nullable=False),
    moment("created_at", is_needed=True),
    moment("done_at"),
    reference("payments", "payment_id"),
    UniqueConstraint("tenant_id", "key"),
    Index("ix_refunds_key", "key"),
    Index(None, "tenant_id", "payment_id"),
    schema=SCHEMA,
)

#: keys are encrypted, and never shown
payment_accounts = Table(
    "payment_accounts",
    metadata,
    tenant_key(),
    Column("provider", Text, primary_key=True),
    Column("secret", LargeBinary),
    Column("callback_token", LargeBinary),
    #: what was there before: with it goes on what was begun with it
    Column("older_secret", LargeBinary),
    Column("older_callback_token", LargeBinary),
    Column("older_is_production", Boolean, nullable=False, server_default=false()),
    Column("is_production", Boolean, nullable=False),
    Column("is_enabled", Boolean, nullable=False),
    Column("is_default", Boolean, nullable=False),
    #: of a manual transfer: what customers read
    Column("details", Text, nullable=False),
    Column("version", Integer, nullable=False),
    moment("updated_at", default=True),
    ForeignKeyConstraint(("tenant_id",), ("crm.tenants.id",)),
    Index(
        "uq_payment_accounts_default",
        "tenant_id",
        unique=True,
        postgresql_where=text("is_default"),
    ),
    schema=SCHEMA,
)

#: pictures that customers sent while a manual transfer was awaited
transfer_proofs = Table(
    "transfer_proofs",
    metadata,
    tenant_key(),
    Column("message_id", Uuid, primary_key=True),
    Column("payment_id", Uuid, nullable=False),
    moment("received_at", is_needed=True),
    reference("payments", "payment_id"),
    reference("messages", "message_id"),
    Index(None, "tenant_id", "payment_id"),
    schema=SCHEMA,
)
