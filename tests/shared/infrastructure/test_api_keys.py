"""API keys: made, found, seen and revoked."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.availability import DatabaseUnavailable
from shared.infrastructure.api_keys import (
    ApiKeyRejected,
    ApiKeys,
    KeyScope,
    NoSuchApiKey,
    api_keys,
    refusal_without_keys,
)
from shared.infrastructure.database import Sessions, connect, sessions_of, transaction

TENANT = uuid4()


class Watch:
    """Monotonic time that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def keys(sessions: Sessions, watch: Watch) -> ApiKeys:
    return ApiKeys(sessions, now=watch)


async def test_a_new_key_is_found_by_its_secret(keys: ApiKeys) -> None:
    new = await keys.create("shop backend", KeyScope.TENANT, TENANT)

    found = await keys.find(new.secret)

    assert found == new.key
    assert (new.key.name, new.key.scope, new.key.tenant_id) == ("shop backend", "tenant", TENANT)
    assert new.key.revoked_at is None
    assert abs((new.key.created_at - datetime.now(UTC)).total_seconds()) < 60  # noqa: TID251


async def test_neither_the_table_nor_the_key_holds_the_secret(
    keys: ApiKeys, sessions: Sessions
) -> None:
    new = await keys.create("shop backend", KeyScope.PLATFORM)
    secret = new.secret.removeprefix(f"aip_{new.key.prefix}_")

    async with transaction(sessions) as session:
        row = await session.scalar(text("SELECT k::text FROM platform.api_keys k"))

    assert len(secret) == 43
    assert new.key.prefix in str(row)
    assert secret not in f"{row} {new.key} {await keys.list()}"


async def test_what_is_not_exactly_the_key_finds_nothing(keys: ApiKeys) -> None:
    secret = (await keys.create("shop backend", KeyScope.PLATFORM)).secret
    other = (await keys.create("another", KeyScope.PLATFORM)).secret

    for wrong in (
        "",
        f"{secret} ",
        f" {secret}",
        secret[:-1],
        f"{secret}x",
        secret.upper(),
        secret[:-1] + ("x" if secret[-1] != "x" else "y"),
        secret[:13] + other[13:],
        "aip_nosuchky_" + "a" * 43,
        "aip_'; drop table platform.api_keys; --",
        f"{secret}\0",
    ):
        assert await keys.find(wrong) is None, wrong
    assert await keys.find(secret) is not None


async def test_a_revoked_key_is_refused_at_once_where_it_was_revoked(keys: ApiKeys) -> None:
    new = await keys.create("shop backend", KeyScope.PLATFORM)
    assert await keys.find(new.secret)

    await keys.revoke(new.key.id)
    await keys.revoke(new.key.id)

    assert await keys.find(new.secret) is None
    [shown] = await keys.list()
    assert shown.revoked_at is not None


async def test_a_revoked_key_is_refused_elsewhere_within_two_seconds(
    keys: ApiKeys, sessions: Sessions, watch: Watch
) -> None:
    elsewhere = ApiKeys(sessions, now=watch)
    new = await keys.create("shop backend", KeyScope.PLATFORM)
    assert await elsewhere.find(new.secret)
    await keys.revoke(new.key.id)

    watch.now += 1.9
    assert await elsewhere.find(new.secret)
    watch.now += 0.1
    assert await elsewhere.find(new.secret) is None


async def test_another_tenants_key_cannot_be_revoked_or_seen(keys: ApiKeys) -> None:
    new = await keys.create("shop backend", KeyScope.TENANT, TENANT)

    for key_id, tenant_id in ((new.key.id, uuid4()), (uuid4(), None)):
        with pytest.raises(NoSuchApiKey):
            await keys.revoke(key_id, tenant_id=tenant_id)

    assert await keys.list(uuid4()) == []
    assert await keys.list(TENANT) == [new.key]
    assert await keys.find(new.secret)


async def test_keys_are_listed_newest_first(keys: ApiKeys) -> None:
    first = await keys.create("first", KeyScope.PLATFORM)
    second = await keys.create("second", KeyScope.TENANT_READ, TENANT)

    assert await keys.list() == [second.key, first.key]


@pytest.mark.parametrize(
    ("name", "scope", "tenant_id", "pointer"),
    [
        ("", KeyScope.PLATFORM, None, "/name"),
        ("  ", KeyScope.PLATFORM, None, "/name"),
        ("n" * 101, KeyScope.PLATFORM, None, "/name"),
        ("line\nbreak", KeyScope.PLATFORM, None, "/name"),
        ("shop", KeyScope.PLATFORM, TENANT, "/tenant_id"),
        ("shop", KeyScope.TENANT, None, "/tenant_id"),
        ("shop", KeyScope.TENANT_READ, None, "/tenant_id"),
    ],
)
async def test_a_key_that_makes_no_sense_is_rejected(
    keys: ApiKeys, name: str, scope: KeyScope, tenant_id: object, pointer: str
) -> None:
    with pytest.raises(ApiKeyRejected) as refused:
        await keys.create(name, scope, TENANT if tenant_id else None)

    assert refused.value.pointer == pointer


async def test_use_is_noted_once_a_minute(keys: ApiKeys, sessions: Sessions, watch: Watch) -> None:
    new = await keys.create("shop backend", KeyScope.PLATFORM)
    assert (await keys.list())[0].last_used_at is None

    await keys.find(new.secret)
    [first] = await keys.list()
    watch.now += 10
    await keys.find(new.secret)
    [second] = await keys.list()
    async with transaction(sessions) as session:
        an_hour_ago = func.clock_timestamp() - text("interval '1 hour'")
        await session.execute(update(api_keys).values(last_used_at=an_hour_ago))
    watch.now += 10
    await keys.find(new.secret)
    [third] = await keys.list()

    assert first.last_used_at is not None
    assert second.last_used_at == first.last_used_at
    assert third.last_used_at is not None
    assert third.last_used_at > first.last_used_at


async def test_a_wrong_secret_does_not_count_as_use(keys: ApiKeys) -> None:
    new = await keys.create("shop backend", KeyScope.PLATFORM)

    await keys.find(f"aip_{new.key.prefix}_" + "a" * 43)

    assert (await keys.list())[0].last_used_at is None


async def test_many_who_present_a_key_at_once_share_one_look(
    sessions: Sessions, database_url: str
) -> None:
    new = await ApiKeys(sessions).create("shop backend", KeyScope.PLATFORM)
    engine = connect(database_url, pool_size=1)
    keys = ApiKeys(sessions_of(engine))

    async with asyncio.timeout(10):
        found = await asyncio.gather(*(keys.find(new.secret) for _ in range(500)))

    await engine.dispose()
    assert all(key == new.key for key in found)


async def test_a_database_that_is_away_is_no_verdict_on_the_key(
    keys: ApiKeys, engine: AsyncEngine
) -> None:
    new = await keys.create("shop backend", KeyScope.PLATFORM)
    nowhere = connect("postgresql://nobody@127.0.0.1:1/none")
    stranded_sessions = sessions_of(nowhere)
    stranded = ApiKeys(stranded_sessions)

    for _ in range(2):
        with pytest.raises(DatabaseUnavailable):
            await stranded.find(new.secret)
    stranded_sessions.configure(bind=engine)

    assert await stranded.find(new.secret) is not None
    await nowhere.dispose()


async def test_invented_keys_do_not_fill_the_memory(
    keys: ApiKeys, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.infrastructure.api_keys._MOST_LOOKS", 10)

    for number in range(40):
        watch.now += 1
        await keys.find(f"aip_{number:08}_" + "a" * 43)

    assert len(vars(keys)["_looks"]) <= 10


async def test_production_without_a_usable_key_is_refused(
    keys: ApiKeys, sessions: Sessions
) -> None:
    revoked = await keys.create("old", KeyScope.PLATFORM)
    await keys.revoke(revoked.key.id)
    assert "no API key" in (await refusal_without_keys(sessions) or "")

    await keys.create("new", KeyScope.PLATFORM)
    assert await refusal_without_keys(sessions) is None


async def test_the_table_refuses_a_key_without_its_tenant(sessions: Sessions) -> None:
    count = select(func.count()).select_from(api_keys)
    with pytest.raises(Exception, match="ck_api_keys_tenant_of_scope"):
        async with transaction(sessions) as session:
            await session.execute(
                api_keys.insert().values(
                    id=uuid4(), prefix="abcdefgh", key_hash=b"h" * 32, name="n", scope="tenant"
                )
            )

    async with transaction(sessions) as session:
        assert await session.scalar(count) == 0
