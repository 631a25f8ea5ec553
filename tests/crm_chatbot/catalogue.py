"""What the database itself says of how tables are isolated."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

#: Every table of the schemas that hold tenants' rows, and any other that names a tenant.
_TABLES = text("""
    SELECT c.oid, n.nspname || '.' || c.relname AS name, relrowsecurity, relforcerowsecurity,
           CASE WHEN c.oid = to_regclass('crm.tenants') THEN 'id' ELSE 'tenant_id' END AS key,
           c.oid = to_regclass('crm.tenants') OR EXISTS (
               SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id'
                  AND NOT a.attisdropped) AS has_key,
           EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attisdropped
                      AND a.attname = 'tenant_id' AND NOT a.attnotnull) AS may_be_nobodys
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
       AND n.nspname !~ '^pg_'
     ORDER BY 2""")

#: Policies that hold for the services' role, with what they let through.
_POLICIES = text("""
    SELECT p.polrelid AS oid, p.polname AS name, p.polcmd = '*' AS is_for_all,
           pg_get_expr(p.polqual, p.polrelid) AS seen,
           pg_get_expr(p.polwithcheck, p.polrelid) AS written
      FROM pg_policy p
     WHERE p.polpermissive AND EXISTS (
           SELECT FROM unnest(p.polroles) AS role
            WHERE role = 0 OR pg_has_role('ai_platform', nullif(role, 0), 'MEMBER'))""")

#: Columns of each unique index and of each foreign key (on both of its sides), in order.
_KEYS = text("""
    SELECT i.indrelid AS oid, i.indexrelid::regclass::text AS name, ARRAY(
           SELECT a.attname::text FROM unnest(i.indkey) WITH ORDINALITY AS k(attnum, place)
             JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
            ORDER BY place) AS columns
      FROM pg_index i WHERE i.indisunique
    UNION ALL
    SELECT c.conrelid, c.conname::text, ARRAY(
           SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY AS k(attnum, place)
             JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum
            ORDER BY place)
      FROM pg_constraint c WHERE c.contype = 'f'""")


@dataclass(frozen=True)
class Table:
    """A table, and all that is wrong with how it is isolated."""

    name: str
    belongs_to_tenants: bool
    faults: tuple[str, ...]


async def tables(connection: AsyncConnection, *, shared_keys: Collection[str]) -> list[Table]:
    """Every table there is; `shared_keys` are unique on purpose, across tenants."""
    rows = (await connection.execute(_TABLES)).all()
    policies = (await connection.execute(_POLICIES)).all()
    keys = (await connection.execute(_KEYS)).all()
    found: list[Table] = []
    for row in rows:
        faults: list[str] = []
        if not (row.relrowsecurity and row.relforcerowsecurity):
            faults.append("row-level security is not enabled, or not forced")
        if row.may_be_nobodys:
            faults.append("its tenant may be NULL")
        mine = f"({row.key} = platform.current_tenant())"
        known = [(p.is_for_all, p.seen, p.written) for p in policies if p.oid == row.oid]
        if known != [(True, mine, mine)]:
            faults.append(f"its policies let through: {known}")
        faults += [
            f"{key.name} does not begin with {row.key}"
            for key in keys
            if key.oid == row.oid and key.columns[:1] != [row.key] and key.name not in shared_keys
        ]
        found.append(Table(row.name, row.has_key, tuple(faults)))
    return found
