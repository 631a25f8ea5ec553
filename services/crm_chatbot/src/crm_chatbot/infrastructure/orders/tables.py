"""Tables of orders: what they hold, what happened to them, and the rules they are priced by."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from crm_chatbot.infrastructure.columns import SCHEMA, moment, reference, tenant_key
from shared.infrastructure.database import metadata

order_numbers = Table(
    "order_numbers",
    metadata,
    tenant_key(),
    Column("newest", BigInteger, nullable=False),
    schema=SCHEMA,
)

orders = Table(
    "orders",
    metadata,
    tenant_key(),
    Column("id", Uuid, primary_key=True),
    Column("customer_id", Uuid, nullable=False),
    Column("number", Text, nullable=False),
    #: moves only as crm_chatbot.domain.orders.order.MOVES allows: a trigger sees to it
    Column("status", Text, nullable=False),
    Column("currency", Text, nullable=False),
    #: what the lines, discounts and delivery come to; the doctor compares
    Column("total", BigInteger, nullable=False),
    Column("discounts", JSONB, nullable=False),
    Column("delivery_address", Text),
    Column("delivery_zone", Text),
    Column("delivery_fee", BigInteger),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("note", Text, nullable=False),
    Column("promo_code", Text, nullable=False),
    Column("summary_hash", Text),
    Column("summary_message_id", Uuid),
    Column("summary_seq", BigInteger),
    moment("summary_until"),
    Column("reservation", Integer, nullable=False),
    moment("confirmed_at"),
    moment("expires_at"),
    moment("paid_at"),
    Column("paid_by", Uuid),
    Column("version", Integer, nullable=False),
    moment("created_at", is_needed=True),
    moment("updated_at", is_needed=True),
    UniqueConstraint("tenant_id", "number"),
    reference("customers", "customer_id"),
    Index(None, "tenant_id", "customer_id", "id"),
    Index(None, "id"),
    Index(
        "ix_orders_expires_at",
        "expires_at",
        postgresql_where=text("status = 'AWAITING_PAYMENT'"),
    ),
    schema=SCHEMA,
)

order_lines = Table(
    "order_lines",
    metadata,
    tenant_key(),
    Column("order_id", Uuid, primary_key=True),
    Column("place", SmallInteger, primary_key=True, autoincrement=False),
    Column("variant_id", Uuid, nullable=False),
    Column("sku", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("unit_price", BigInteger, nullable=False),
    UniqueConstraint("tenant_id", "order_id", "variant_id"),
    reference("orders", "order_id"),
    schema=SCHEMA,
)

order_events = Table(
    "order_events",
    metadata,
    tenant_key(),
    Column("order_id", Uuid, primary_key=True),
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("what", Text, nullable=False),
    moment("at", is_needed=True),
    Column("actor", Text, nullable=False),
    Column("facts", JSONB, nullable=False),
    reference("orders", "order_id"),
    schema=SCHEMA,
)

reservations = Table(
    "reservations",
    metadata,
    tenant_key(),
    Column("order_id", Uuid, primary_key=True),
    #: the how-manieth time that the order was confirmed
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("variant_id", Uuid, primary_key=True),
    Column("quantity", Integer, nullable=False),
    Column("state", Text, nullable=False),
    reference("orders", "order_id"),
    reference("variants", "variant_id"),
    Index(
        "ix_reservations_held",
        "tenant_id",
        "variant_id",
        postgresql_where=text("state = 'held'"),
    ),
    schema=SCHEMA,
)

delivery_terms = Table(
    "delivery_terms",
    metadata,
    tenant_key(),
    Column("zones", JSONB, nullable=False),
    Column("default_fee", BigInteger),
    Column("pickup_address", Text, nullable=False),
    schema=SCHEMA,
)

discount_rules = Table(
    "discount_rules",
    metadata,
    tenant_key(),
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("percent", SmallInteger),
    Column("amount", BigInteger),
    Column("min_subtotal", BigInteger, nullable=False),
    Column("category", Text),
    moment("starts_at"),
    moment("ends_at"),
    Column("code", Text),
    Column("is_active", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    moment("created_at", is_needed=True),
    moment("updated_at", is_needed=True),
    UniqueConstraint("tenant_id", "code"),
    schema=SCHEMA,
)

concerns = Table(
    "concerns",
    metadata,
    tenant_key(),
    Column("id", Uuid, primary_key=True),
    Column("code", Text, nullable=False),
    Column("order_id", Uuid, nullable=False),
    Column("payment_id", Uuid),
    Column("facts", JSONB, nullable=False),
    moment("raised_at", is_needed=True),
    moment("settled_at"),
    Column("settled_by", Text),
    Column("note", Text, nullable=False),
    UniqueConstraint(
        "tenant_id", "order_id", "code", "payment_id", postgresql_nulls_not_distinct=True
    ),
    reference("orders", "order_id"),
    schema=SCHEMA,
)
