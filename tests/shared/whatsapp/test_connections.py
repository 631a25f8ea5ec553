"""Each tenant's way to WhatsApp: its own, and secret."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

import pytest
from sqlalchemy import text

from shared.infrastructure.database import Sessions
from shared.infrastructure.secrets import SecretUnreadable, Vault
from shared.infrastructure.tenancy import tenant_transaction
from shared.infrastructure.url_rules import rules_from
from shared.whatsapp.connection_store import OwnServer, SqlConnections
from shared.whatsapp.connections import (
    Connection,
    ConnectionChange,
    ConnectionRejected,
    Connections,
    NotConnected,
    SessionTaken,
)
from tests.clock import StandingClock
from tests.shared.whatsapp.fakes import OWN_KEY, OWN_SERVER, MemoryConnections

CONTRACT_OF = Connections

TENANT, OTHER = UUID(int=0xA), UUID(int=0xB)
A_DAY_S = 24 * 3_600.0
HERS = "https://waha.example/base"
RULES = rules_from("10.1.0.0/16", allow_trusted_http=True)


@dataclass
class Store:
    """Connections, and a way to let time pass for them."""

    connections: Connections
    pass_time: Callable[[float], Awaitable[None]]


def sql_connections(sessions: Sessions, *, own: OwnServer | None = None) -> SqlConnections:
    """Believes nothing for longer than it takes to read it."""
    return SqlConnections(
        sessions,
        Vault(b"k" * 32),
        rules=RULES,
        own=own or OwnServer(OWN_SERVER, OWN_KEY),
        believed_for_s=0,
    )


@pytest.fixture(params=["memory", "sql"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        clock = StandingClock()

        async def advance(seconds: float) -> None:
            clock.advance(seconds)

        return Store(MemoryConnections(clock), advance)
    sessions: Sessions = request.getfixturevalue("sessions")

    async def age(seconds: float) -> None:
        async with tenant_transaction(sessions, TENANT) as session:
            await session.execute(
                text(
                    "UPDATE platform.waha_connections SET older_valid_until ="
                    " older_valid_until - make_interval(secs => :seconds)"
                ),
                {"seconds": seconds},
            )

    return Store(sql_connections(sessions), age)


def a_change(
    session: str = "toko", server_url: str | None = None, api_key: str | None = None
) -> ConnectionChange:
    return ConnectionChange(session=session, server_url=server_url, api_key=api_key)


async def test_without_a_connection_nothing_is_found(store: Store) -> None:
    for ask in (
        store.connections.find,
        store.connections.show,
        store.connections.rotate_webhook_secret,
    ):
        with pytest.raises(NotConnected):
            await ask(TENANT)
    assert list(await store.connections.webhook_secrets(TENANT)) == []


async def test_who_names_no_server_is_on_the_platforms_own(store: Store) -> None:
    await store.connections.put(TENANT, a_change())

    found = await store.connections.find(TENANT)

    assert found == Connection(TENANT, "toko", OWN_SERVER, OWN_KEY, is_own=True)


async def test_a_tenants_own_key_is_used_on_the_platforms_server_too(store: Store) -> None:
    await store.connections.put(TENANT, a_change(api_key="scoped-to-one-session"))

    assert (await store.connections.find(TENANT)).api_key == "scoped-to-one-session"


async def test_the_platforms_key_goes_to_no_other_server(store: Store) -> None:
    await store.connections.put(TENANT, a_change(server_url=f"{HERS}/"))

    found = await store.connections.find(TENANT)

    assert found == Connection(TENANT, "toko", HERS, None, is_own=False)


async def test_a_key_stays_where_it_is_until_it_is_replaced_or_taken_away(store: Store) -> None:
    await store.connections.put(TENANT, a_change(server_url=HERS, api_key="first"))
    await store.connections.put(TENANT, a_change("renamed", server_url=HERS))
    kept = await store.connections.find(TENANT)
    await store.connections.put(TENANT, a_change(server_url=HERS, api_key=""))
    taken_away = await store.connections.find(TENANT)

    assert (kept.session, kept.api_key) == ("renamed", "first")
    assert taken_away.api_key is None


@pytest.mark.parametrize("elsewhere", ["https://evil.example", None])
async def test_a_key_does_not_follow_to_another_server(store: Store, elsewhere: str | None) -> None:
    await store.connections.put(TENANT, a_change(server_url=HERS, api_key="given-to-hers"))
    await store.connections.put(TENANT, a_change(server_url=elsewhere))

    assert (await store.connections.find(TENANT)).api_key != "given-to-hers"


async def test_what_is_shown_is_enough_to_recognise_a_key_by_and_no_more(store: Store) -> None:
    shown = await store.connections.put(TENANT, a_change(api_key="abcdefghijkl-9876"))
    again = await store.connections.put(TENANT, a_change(api_key="abcdefghijkl-9876"))
    other = await store.connections.put(TENANT, a_change(api_key="short"))

    assert shown.api_key is not None
    assert shown.api_key.last4 == "9876"
    assert shown.api_key == again.api_key
    assert other.api_key is not None
    assert other.api_key.last4 == ""
    assert other.api_key.fingerprint != shown.api_key.fingerprint
    assert (shown.version, again.version, other.version) == (1, 2, 3)
    assert "9876" not in repr(await store.connections.find(TENANT)) + repr(a_change(api_key="9876"))


async def test_nobody_gets_into_anothers_session_on_the_platforms_server(store: Store) -> None:
    await store.connections.put(TENANT, a_change("toko"))

    with pytest.raises(SessionTaken):
        await store.connections.put(OTHER, a_change("toko"))
    await store.connections.put(OTHER, a_change("toko", server_url=HERS))
    await store.connections.put(TENANT, a_change("toko"))


@pytest.mark.parametrize(
    "change",
    [
        a_change(""),
        a_change("../admin"),
        a_change("x" * 55),
        a_change(api_key="with space"),
        a_change(api_key="line\nbreak"),
        a_change(api_key="é"),
        a_change(api_key="x" * 501),
    ],
)
async def test_what_would_not_work_is_refused(store: Store, change: ConnectionChange) -> None:
    with pytest.raises(ConnectionRejected):
        await store.connections.put(TENANT, change)


async def test_a_new_webhook_secret_is_believed_beside_the_old_one_for_a_day(store: Store) -> None:
    await store.connections.put(TENANT, a_change())
    old = await store.connections.rotate_webhook_secret(TENANT)
    assert list(await store.connections.webhook_secrets(TENANT)) == [old]

    new = await store.connections.rotate_webhook_secret(TENANT)

    assert list(await store.connections.webhook_secrets(TENANT)) == [new, old]
    await store.pass_time(A_DAY_S - 60)
    assert list(await store.connections.webhook_secrets(TENANT)) == [new, old]
    assert (await store.connections.show(TENANT)).older_valid_until is not None
    await store.pass_time(120)
    assert list(await store.connections.webhook_secrets(TENANT)) == [new]
    assert (await store.connections.show(TENANT)).older_valid_until is None


async def test_changing_the_connection_keeps_its_webhook_secret(store: Store) -> None:
    await store.connections.put(TENANT, a_change())
    secret = await store.connections.rotate_webhook_secret(TENANT)

    shown = await store.connections.put(TENANT, a_change("renamed"))

    assert list(await store.connections.webhook_secrets(TENANT)) == [secret]
    assert shown.webhook_secret is not None
    assert shown.webhook_secret.last4 == secret[-4:]


async def test_secrets_are_the_tenants_own(store: Store) -> None:
    for tenant, session in ((TENANT, "toko"), (OTHER, "warung")):
        await store.connections.put(tenant, a_change(session))
        await store.connections.rotate_webhook_secret(tenant)

    hers, his = [await store.connections.webhook_secrets(one) for one in (TENANT, OTHER)]

    assert not set(hers) & set(his)


# -- in PostgreSQL


@pytest.mark.parametrize(
    "url",
    [
        "http://waha.example",
        "https://127.0.0.1",
        "http://10.2.0.1:3000",
        "https://localhost",
        "https://a:b@waha.example",
        "https://waha.example/?x=1",
        "https://waha.example/#x",
        "ftp://10.1.0.1",
    ],
)
async def test_a_server_in_our_own_network_is_refused(sessions: Sessions, url: str) -> None:
    with pytest.raises(ConnectionRejected) as refused:
        await sql_connections(sessions).put(TENANT, a_change(server_url=url))

    assert refused.value.pointer == "/server_url"


async def test_an_allowed_private_server_may_be_asked_over_http(sessions: Sessions) -> None:
    connections = sql_connections(sessions)

    await connections.put(TENANT, a_change(server_url="http://10.1.2.3:3000"))

    assert (await connections.find(TENANT)).server_url == "http://10.1.2.3:3000"


async def test_without_a_server_of_the_platform_nobody_is_on_it(sessions: Sessions) -> None:
    lonely = SqlConnections(sessions, Vault(b"k" * 32), rules=RULES, own=None)
    await lonely.put(TENANT, a_change())

    with pytest.raises(NotConnected):
        await lonely.find(TENANT)


async def test_another_tenants_secret_in_ones_row_cannot_be_read(sessions: Sessions) -> None:
    vault = Vault(b"k" * 32)
    connections = sql_connections(sessions)
    await connections.put(TENANT, a_change(server_url=HERS))
    async with tenant_transaction(sessions, TENANT) as session:
        stolen = vault.encrypt(b"theirs", f"waha_api_key:{OTHER}")
        await session.execute(
            text("UPDATE platform.waha_connections SET api_key = :stolen"), {"stolen": stolen}
        )

    with pytest.raises(SecretUnreadable):
        await connections.find(TENANT)


async def test_many_who_ask_at_once_ask_the_table_once(sessions: Sessions) -> None:
    ticks = StandingClock()
    connections = SqlConnections(
        sessions,
        Vault(b"k" * 32),
        rules=RULES,
        own=OwnServer(OWN_SERVER, OWN_KEY),
        now=lambda: ticks().timestamp(),
    )
    await connections.put(TENANT, a_change())
    await asyncio.gather(*(connections.find(TENANT) for _ in range(50)))
    await sql_connections(sessions).put(TENANT, a_change("renamed"))

    believed = await connections.find(TENANT)
    ticks.advance(1.1)
    afresh = await connections.find(TENANT)

    assert (believed.session, afresh.session) == ("toko", "renamed")
