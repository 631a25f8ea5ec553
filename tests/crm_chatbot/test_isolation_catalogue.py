"""P22, by the database's own catalogue: every table that names a tenant is isolated, or named here.

A table that is added tomorrow is looked at tomorrow: nobody has to remember it.
"""

from collections.abc import AsyncGenerator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.crm_chatbot.catalogue import Table, tables
from tests.databases import connected

#: Tables that name a tenant and are not isolated, and why: docs/decisions/0009.
NOT_ISOLATED = {
    *("gateway.jobs", "gateway.callbacks", "ai_engine.runs"),
    *("platform.api_keys", "platform.llm_usage"),
}

#: Tables of the isolated schemas that are no tenant's: work of the process, not rows of a shop.
NOBODYS = {
    *("crm.outbox", "crm.workers"),
    *("waha_sender.outbox", "waha_sender.workers"),
}

#: Unique across tenants on purpose: two shops in one session would read each other's chats, and a
#: callback names a payment before anybody knows whose it is.
SHARED_KEYS = {"platform.uq_waha_connections_session", "crm.uq_payments_reference"}

ISOLATED_SCHEMAS = {"crm", "waha_sender"}


@pytest.fixture
async def owner(owner_database_url: str) -> AsyncGenerator[AsyncConnection]:
    """A superuser's connection; what it does is undone."""
    async with connected(owner_database_url) as connection:
        await connection.execute(text("BEGIN"))
        yield connection
        await connection.execute(text("ROLLBACK"))


async def look(owner: AsyncConnection) -> dict[str, Table]:
    return {table.name: table for table in await tables(owner, shared_keys=SHARED_KEYS)}


async def faults(owner: AsyncConnection) -> dict[str, tuple[str, ...]]:
    found = await look(owner)
    return {
        name: table.faults
        for name, table in found.items()
        if table.belongs_to_tenants and table.faults and name not in NOT_ISOLATED
    }


async def test_every_table_that_names_a_tenant_is_isolated(owner: AsyncConnection) -> None:
    assert await faults(owner) == {}


async def test_what_is_not_isolated_is_known_and_there(owner: AsyncConnection) -> None:
    found = await look(owner)
    of_tenants = {name for name, table in found.items() if table.belongs_to_tenants}
    here = {name for name in found if name.partition(".")[0] in ISOLATED_SCHEMAS}

    assert NOT_ISOLATED - of_tenants == set()
    assert here - of_tenants == NOBODYS


@pytest.mark.parametrize(
    ("mistake", "fault"),
    [
        ("CREATE TABLE crm.carts (tenant_id uuid NOT NULL)", "not enabled"),
        ("CREATE TABLE gateway.carts (tenant_id uuid NOT NULL)", "not enabled"),
        (
            "CREATE TABLE crm.carts (tenant_id uuid); CALL platform.isolate('crm.carts')",
            "may be NULL",
        ),
        (
            (
                "CREATE TABLE crm.carts (tenant_id uuid NOT NULL, id uuid PRIMARY KEY);"
                "CALL platform.isolate('crm.carts')"
            ),
            "carts_pkey does not begin with tenant_id",
        ),
        (
            (
                "CREATE TABLE crm.carts (tenant_id uuid NOT NULL, of uuid, UNIQUE (of, tenant_id));"
                "CALL platform.isolate('crm.carts')"
            ),
            "does not begin with tenant_id",
        ),
        ("ALTER TABLE crm.messages NO FORCE ROW LEVEL SECURITY", "not forced"),
        ("ALTER TABLE crm.tenants DISABLE ROW LEVEL SECURITY", "not enabled"),
        ("DROP POLICY of_tenant ON crm.messages", "let through: []"),
        ("CREATE POLICY all_of_it ON crm.messages USING (true)", "let through"),
        (
            "ALTER POLICY of_tenant ON waha_sender.deliveries WITH CHECK (true)",
            "let through: [(True",
        ),
        (
            (
                "DROP POLICY of_tenant ON crm.acks; CREATE POLICY of_tenant ON crm.acks FOR SELECT "
                "USING (tenant_id = platform.current_tenant())"
            ),
            "let through: [(False",
        ),
        ("CREATE UNIQUE INDEX ON crm.customers (email)", "customers_email_idx"),
        (
            (
                "ALTER TABLE crm.customers ADD UNIQUE (id); ALTER TABLE crm.messages "
                "ADD FOREIGN KEY (id) REFERENCES crm.customers (id) NOT VALID"
            ),
            "messages_id_fkey",
        ),
    ],
)
async def test_a_mistake_is_found(owner: AsyncConnection, mistake: str, fault: str) -> None:
    for statement in mistake.split(";"):
        await owner.execute(text(statement))

    found = [one for told in (await faults(owner)).values() for one in told]

    assert any(fault in one for one in found), found


# -- what leads around policies


async def test_no_view_shows_what_its_owner_may_see(owner: AsyncConnection) -> None:
    views = await owner.scalars(
        text("""
            SELECT c.oid::regclass::text FROM pg_class c
              JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind IN ('v', 'm') AND n.nspname !~ '^(pg_|information_schema)'
               AND NOT coalesce(c.reloptions @> '{security_invoker=true}', false)""")
    )

    assert list(views) == []


async def test_who_looks_across_tenants_has_a_fixed_search_path(owner: AsyncConnection) -> None:
    functions = (
        await owner.execute(
            text("""
            SELECT p.oid::regproc::text AS name, p.proconfig AS settings,
                   has_function_privilege('public', p.oid, 'EXECUTE') AS is_everybodys
              FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
             WHERE p.prosecdef AND n.nspname !~ '^(pg_|information_schema)'""")
        )
    ).all()

    assert functions
    assert {one.name for one in functions if one.is_everybodys} == set()
    assert {
        one.name for one in functions if one.settings != ["search_path=pg_catalog, of_all_tenants"]
    } == set()


async def test_the_services_role_can_do_no_more_than_it_must(owner: AsyncConnection) -> None:
    role = (
        await owner.execute(
            text("""
            SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles
             WHERE rolname = 'ai_platform'""")
        )
    ).one()
    too_much = await owner.scalars(
        text("""
            SELECT c.oid::regclass || ': ' || privilege FROM pg_class c
              JOIN pg_namespace n ON n.oid = c.relnamespace,
                   unnest(ARRAY['TRUNCATE', 'REFERENCES', 'TRIGGER']) AS privilege
             WHERE c.relkind = 'r' AND n.nspname IN ('crm', 'waha_sender', 'platform')
               AND has_table_privilege('ai_platform', c.oid, privilege)""")
    )

    assert tuple(role) == (False, False, False, False)
    assert list(too_much) == []
