"""Tables of the service desk: labels, quick replies, tickets, and rules that act by themselves."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from crm_chatbot.infrastructure.columns import SCHEMA, moment, reference, tenant_key
from shared.infrastructure.database import metadata

labels = Table(
    "labels",
    metadata,
    tenant_key(),
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    #: the name as it is compared: however it is written, it is one label
    Column("name_key", Text, nullable=False),
    Column("color", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    moment("created_at", is_needed=True),
    moment("updated_at", is_needed=True),
    UniqueConstraint("tenant_id", "name_key"),
    schema=SCHEMA,
)

conversation_labels = Table(
    "conversation_labels",
    metadata,
    tenant_key(),
    Column("conversation_id", Uuid, primary_key=True),
    Column("label_id", Uuid, primary_key=True),
    moment("applied_at", is_needed=True),
    Column("applied_by", Text, nullable=False),
    reference("conversations", "conversation_id"),
    reference("labels", "label_id"),
    Index(None, "tenant_id", "label_id"),
    schema=SCHEMA,
)

quick_replies = Table(
    "quick_replies",
    metadata,
    tenant_key(),
    Column("id", Uuid, primary_key=True),
    Column("shortcut", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("uses", BigInteger, nullable=False),
    moment("used_at"),
    Column("version", Integer, nullable=False),
    moment("created_at", is_needed=True),
    moment("updated_at", is_needed=True),
    UniqueConstraint("tenant_id", "shortcut"),
    schema=SCHEMA,
)

ticket_boards = Table(
    "ticket_boards",
    metadata,
    tenant_key(),
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("is_default", Boolean, nullable=False),
    #: what each status is called on the board, in the order of the board
    Column("columns", JSONB, nullable=False),
    Column("version", Integer, nullable=False),
    moment("created_at", is_needed=True),
    moment("updated_at", is_needed=True),
    UniqueConstraint("tenant_id", "name"),
    Index(
        "uq_ticket_boards_default", "tenant_id", unique=True, postgresql_where=text("is_default")
    ),
    schema=SCHEMA,
)

ticket_numbers = Table(
    "ticket_numbers",
    metadata,
    tenant_key(),
    Column("newest", BigInteger, nullable=False),
    schema=SCHEMA,
)

tickets = Table(
    "tickets",
    metadata,
    tenant_key(),
    Column("id", Uuid, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("board_id", Uuid, nullable=False),
    Column("conversation_id", Uuid),
    Column("customer_id", Uuid),
    Column("order_id", Uuid),
    Column("subject", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("priority", Text, nullable=False),
    Column("assignee_id", Text),
    Column("resolution", Text),
    Column("opened_by", Text, nullable=False),
    #: of those that code opens: one that is not over for each reason
    Column("reason", Text),
    moment("due_at"),
    #: while its clock stands
    Column("clock_left_s", Integer),
    moment("breached_at"),
    moment("resolved_at"),
    moment("closed_at"),
    Column("version", Integer, nullable=False),
    moment("created_at", is_needed=True),
    moment("updated_at", is_needed=True),
    UniqueConstraint("tenant_id", "number"),
    reference("ticket_boards", "board_id"),
    reference("conversations", "conversation_id"),
    reference("customers", "customer_id"),
    reference("orders", "order_id"),
    Index(
        "uq_tickets_reason",
        "tenant_id",
        "reason",
        unique=True,
        postgresql_where=text("reason IS NOT NULL AND status NOT IN ('resolved', 'closed')"),
    ),
    Index(None, "tenant_id", "conversation_id"),
    Index(None, "tenant_id", "order_id"),
    Index(None, "tenant_id", "customer_id"),
    Index(
        "ix_tickets_due_at",
        "due_at",
        postgresql_where=text("breached_at IS NULL AND status IN ('open', 'in_progress')"),
    ),
    schema=SCHEMA,
)

ticket_comments = Table(
    "ticket_comments",
    metadata,
    tenant_key(),
    Column("ticket_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("author", Text, nullable=False),
    Column("text", Text, nullable=False),
    moment("created_at", is_needed=True),
    reference("tickets", "ticket_id"),
    schema=SCHEMA,
)

ticket_events = Table(
    "ticket_events",
    metadata,
    tenant_key(),
    Column("ticket_id", Uuid, primary_key=True),
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("what", Text, nullable=False),
    moment("at", is_needed=True),
    Column("actor", Text, nullable=False),
    Column("facts", JSONB, nullable=False),
    reference("tickets", "ticket_id"),
    schema=SCHEMA,
)

ticket_templates = Table(
    "ticket_templates",
    metadata,
    tenant_key(),
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("subject_template", Text, nullable=False),
    Column("description_template", Text, nullable=False),
    Column("default_priority", Text, nullable=False),
    Column("version", Integer, nullable=False),
    moment("created_at", is_needed=True),
    moment("updated_at", is_needed=True),
    UniqueConstraint("tenant_id", "name"),
    schema=SCHEMA,
)

ticket_targets = Table(
    "ticket_targets",
    metadata,
    tenant_key(),
    Column("priority", Text, primary_key=True),
    #: seconds of business hours; NULL: tickets of this priority have no clock
    Column("within_s", Integer),
    schema=SCHEMA,
)

automation_rules = Table(
    "automation_rules",
    metadata,
    tenant_key(),
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    #: rules run in this order
    Column("place", Integer, nullable=False),
    Column("when", JSONB, nullable=False),
    Column("then", JSONB, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    moment("created_at", is_needed=True),
    moment("updated_at", is_needed=True),
    UniqueConstraint("tenant_id", "name"),
    schema=SCHEMA,
)
