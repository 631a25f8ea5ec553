"""How each tenant's WhatsApp is reached, as a table of the kernel."""

from sqlalchemy import Column, DateTime, Index, Integer, LargeBinary, Table, Text, Uuid, text

from shared.infrastructure.database import metadata

waha_connections = Table(
    "waha_connections",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("session", Text, nullable=False),
    #: NULL: the environment's WAHA_SERVER_URL and WAHA_API_KEY
    Column("server_url", Text),
    Column("api_key", LargeBinary),
    Column("webhook_secret", LargeBinary),
    Column("older_webhook_secret", LargeBinary),
    Column("older_valid_until", DateTime(timezone=True)),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column(
        "updated_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=text("clock_timestamp()"),
    ),
    # Two tenants in one session of the platform's own server would read each other's chats.
    Index(
        "uq_waha_connections_session",
        "session",
        unique=True,
        postgresql_where=text("server_url IS NULL"),
    ),
    schema="platform",
)
