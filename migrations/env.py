"""Runs revisions on the connection that shared.infrastructure.migrations hands over."""

from alembic import context
from sqlalchemy import Connection

OURS = {"ai_engine", "crm", "gateway", "platform", "waha_sender"}

connection: Connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=context.config.attributes.get("metadata"),
    include_schemas=True,
    include_name=lambda name, kind, _: kind != "schema" or name in OURS,
    version_table_schema="public",
    transaction_per_migration=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
