"""How columns of this context look: moments, the tenant's key, references within one tenant."""

from sqlalchemy import Column, DateTime, ForeignKeyConstraint, Uuid, text

SCHEMA = "crm"
_NOW = text("clock_timestamp()")


def moment(name: str, *, is_needed: bool = False, default: bool = False) -> Column[object]:
    """A point in time; with `default`, that of the insert by the database's clock."""
    return Column(
        name,
        DateTime(timezone=True),
        nullable=not (is_needed or default),
        server_default=_NOW if default else None,
    )


def tenant_key() -> Column[object]:
    """The first part of every primary key."""
    return Column("tenant_id", Uuid, primary_key=True)


def reference(table: str, *columns: str) -> ForeignKeyConstraint:
    """A reference that cannot leave the tenant."""
    return ForeignKeyConstraint(
        ("tenant_id", *columns), (f"crm.{table}.tenant_id", *(f"crm.{table}.id" for _ in columns))
    )
