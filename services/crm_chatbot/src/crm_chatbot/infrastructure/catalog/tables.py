"""Tables of the catalog: products, variants, their stock, and the words they are found by."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
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

_EMPTY = text("'{}'::text[]")

products = Table(
    "products",
    metadata,
    tenant_key(),
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("category", Text),
    Column("image_urls", ARRAY(Text), nullable=False, server_default=_EMPTY),
    Column("status", Text, nullable=False),
    Column("version", Integer, nullable=False),
    moment("created_at", is_needed=True),
    moment("updated_at", is_needed=True),
    ForeignKeyConstraint(("tenant_id",), ("crm.tenants.id",)),
    schema=SCHEMA,
)

variants = Table(
    "variants",
    metadata,
    tenant_key(),
    Column("id", Uuid, primary_key=True),
    Column("product_id", Uuid, nullable=False),
    #: among its product's
    Column("place", SmallInteger, nullable=False),
    Column("sku", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("price", BigInteger, nullable=False),
    Column("on_hand", BigInteger, nullable=False, server_default=text("0")),
    Column("reserved", BigInteger, nullable=False, server_default=text("0")),
    Column("is_active", Boolean, nullable=False),
    UniqueConstraint("tenant_id", "sku"),
    reference("products", "product_id"),
    Index(None, "tenant_id", "product_id"),
    schema=SCHEMA,
)

stock_movements = Table(
    "stock_movements",
    metadata,
    tenant_key(),
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("variant_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("on_hand_change", BigInteger, nullable=False, server_default=text("0")),
    Column("reserved_change", BigInteger, nullable=False, server_default=text("0")),
    Column("reason", Text),
    Column("actor", Text, nullable=False),
    Column("order_id", Uuid),
    #: the how-manieth attempt of the order to buy
    Column("attempt", Integer),
    moment("at", default=True),
    reference("variants", "variant_id"),
    Index(None, "tenant_id", "variant_id", "id"),
    # What an order does to a variant it does once, however often it is asked to.
    Index(
        "uq_stock_movements_of_order",
        "tenant_id",
        "order_id",
        "attempt",
        "variant_id",
        "kind",
        unique=True,
        postgresql_where=text("order_id IS NOT NULL"),
    ),
    schema=SCHEMA,
)

#: which product is found by which word
catalog_words = Table(
    "catalog_words",
    metadata,
    tenant_key(),
    Column("word", Text(collation="C"), primary_key=True),
    Column("product_id", Uuid, primary_key=True),
    Column("weight", SmallInteger, nullable=False),
    reference("products", "product_id"),
    Index(None, "tenant_id", "product_id"),
    schema=SCHEMA,
)

#: every word of the catalog that may be misspelt, once; those that no product has any more stay
catalog_spellings = Table(
    "catalog_spellings",
    metadata,
    tenant_key(),
    Column("word", Text(collation="C"), primary_key=True),
    schema=SCHEMA,
)

synonyms = Table(
    "synonyms",
    metadata,
    tenant_key(),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("words", ARRAY(Text), nullable=False),
    schema=SCHEMA,
)

imports = Table(
    "imports",
    metadata,
    tenant_key(),
    Column("id", Uuid, primary_key=True),
    Column("status", Text, nullable=False),
    Column("on_error", Text, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("rows_done", Integer, nullable=False, server_default=text("0")),
    Column("created", Integer, nullable=False, server_default=text("0")),
    Column("updated", Integer, nullable=False, server_default=text("0")),
    Column("unchanged", Integer, nullable=False, server_default=text("0")),
    Column("mistakes", JSONB, nullable=False, server_default=text("'[]'::jsonb")),
    moment("started_at", is_needed=True),
    moment("ended_at"),
    schema=SCHEMA,
)
